/** Oriented boxes on the ground: overlap, gap, and which side of the ego was touched. */
export interface Box {
  x: number;
  y: number;
  yaw: number;
  halfLengthM: number;
  halfWidthM: number;
}

/** Separating-axis test; touching edges do not count. */
export function boxesOverlap(a: Box, b: Box): boolean {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const reach = a.halfLengthM + a.halfWidthM + b.halfLengthM + b.halfWidthM;
  if (dx * dx + dy * dy > reach * reach) return false;
  const ca = Math.cos(a.yaw);
  const sa = Math.sin(a.yaw);
  const cb = Math.cos(b.yaw);
  const sb = Math.sin(b.yaw);
  const c = Math.abs(ca * cb + sa * sb);
  const s = Math.abs(sa * cb - ca * sb);
  if (Math.abs(dx * ca + dy * sa) >= a.halfLengthM + b.halfLengthM * c + b.halfWidthM * s)
    return false;
  if (Math.abs(-dx * sa + dy * ca) >= a.halfWidthM + b.halfLengthM * s + b.halfWidthM * c)
    return false;
  if (Math.abs(dx * cb + dy * sb) >= b.halfLengthM + a.halfLengthM * c + a.halfWidthM * s)
    return false;
  if (Math.abs(-dx * sb + dy * cb) >= b.halfWidthM + a.halfLengthM * s + a.halfWidthM * c)
    return false;
  return true;
}

/** Smallest distance between two boxes, m; 0 when they overlap. */
export function boxGap(a: Box, b: Box): number {
  if (boxesOverlap(a, b)) return 0;
  // The nearest pair of two convex shapes has a corner of one of them.
  return Math.min(cornersToBox(a, b), cornersToBox(b, a));
}

function cornersToBox(a: Box, b: Box): number {
  const ca = Math.cos(a.yaw);
  const sa = Math.sin(a.yaw);
  const cb = Math.cos(b.yaw);
  const sb = Math.sin(b.yaw);
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < 4; k++) {
    const l = k < 2 ? a.halfLengthM : -a.halfLengthM;
    const w = k % 2 === 0 ? a.halfWidthM : -a.halfWidthM;
    const px = a.x + l * ca - w * sa - b.x;
    const py = a.y + l * sa + w * ca - b.y;
    const u = Math.max(0, Math.abs(px * cb + py * sb) - b.halfLengthM);
    const v = Math.max(0, Math.abs(-px * sb + py * cb) - b.halfWidthM);
    best = Math.min(best, u * u + v * v);
  }
  return Math.sqrt(best);
}

/** Which part of the ego the other box touches: its front edge, its rear edge, or neither. */
export function contactSide(ego: Box, other: Box): "front" | "rear" | "lateral" {
  const c = Math.cos(ego.yaw);
  const s = Math.sin(ego.yaw);
  const strip: Box = { ...ego, halfLengthM: 0.05 };
  const at = (along: number): Box => ({ ...strip, x: ego.x + along * c, y: ego.y + along * s });
  if (boxesOverlap(at(ego.halfLengthM), other)) return "front";
  if (boxesOverlap(at(-ego.halfLengthM), other)) return "rear";
  return "lateral";
}
