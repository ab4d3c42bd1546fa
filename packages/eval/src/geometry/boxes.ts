/**
 * Overlap of 3D boxes: axis-aligned, turned about the vertical, and turned freely; and their outline in a picture.
 * Rotated volumes are exact: the solid of one box is clipped by the six planes of the other.
 */

/** Centre and full sizes in metres, then roll, pitch, yaw in radians; angles may be left out. */
export type Box3d = readonly number[];
type Point3 = readonly [number, number, number];

const overlapLength = (a: number, sizeA: number, b: number, sizeB: number): number =>
  Math.max(0, Math.min(a + sizeA / 2, b + sizeB / 2) - Math.max(a - sizeA / 2, b - sizeB / 2));

const iouOf = (both: number, volumeA: number, volumeB: number): number => {
  const union = volumeA + volumeB - both;
  return union > 0 ? both / union : 0;
};

/** IoU with rotations ignored. */
export function axisAlignedIou(a: Box3d, b: Box3d): number {
  let both = 1;
  for (let i = 0; i < 3; i++) both *= overlapLength(a[i], a[i + 3], b[i], b[i + 3]);
  return iouOf(both, a[3] * a[4] * a[5], b[3] * b[4] * b[5]);
}

type Point2 = readonly [number, number];

/** Corners of a rectangle of `length` along `yaw`, counter-clockwise. */
function rectangle(box: Box3d): Point2[] {
  const [x, y, , length, width, , yaw] = box;
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  return [
    [1, 1],
    [-1, 1],
    [-1, -1],
    [1, -1],
  ].map(([u, v]) => {
    const [p, q] = [(u * length) / 2, (v * width) / 2];
    return [x + c * p - s * q, y + s * p + c * q] as const;
  });
}

/** Keeps what lies left of each edge of the convex counter-clockwise `clip`. */
function clipPolygon(subject: readonly Point2[], clip: readonly Point2[]): Point2[] {
  let out = [...subject];
  clip.forEach(([ax, ay], i) => {
    const [bx, by] = clip[(i + 1) % clip.length];
    const side = ([x, y]: Point2) => (bx - ax) * (y - ay) - (by - ay) * (x - ax);
    const points = out;
    out = [];
    points.forEach((p, j) => {
      const q = points[(j + 1) % points.length];
      const [sp, sq] = [side(p), side(q)];
      if (sp >= 0) out.push(p);
      if (sp > 0 !== sq > 0 && sp !== 0 && sq !== 0) {
        const t = sp / (sp - sq);
        out.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
      }
    });
  });
  return out;
}

const areaOf = (polygon: readonly Point2[]): number =>
  Math.abs(
    polygon.reduce((sum, [x, y], i) => {
      const [u, v] = polygon[(i + 1) % polygon.length];
      return sum + x * v - u * y;
    }, 0),
  ) / 2;

export interface BevOverlap {
  readonly area: number;
  readonly bevIou: number;
  readonly volume: number;
  readonly iou: number;
}

/** Boxes [x, y, z, length, width, height, yaw], z up. */
export function yawOverlap(a: Box3d, b: Box3d): BevOverlap {
  const area = areaOf(clipPolygon(rectangle(a), rectangle(b)));
  const volume = area * overlapLength(a[2], a[5], b[2], b[5]);
  return {
    area,
    bevIou: iouOf(area, a[3] * a[4], b[3] * b[4]),
    volume,
    iou: iouOf(volume, a[3] * a[4] * a[5], b[3] * b[4] * b[5]),
  };
}

/** Rotation in the camera frame: pitch about x, then yaw about y, then roll about z. Rows. */
function rotationOf([, , , , , , roll = 0, pitch = 0, yaw = 0]: Box3d): readonly Point3[] {
  const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
  const [cp, sp] = [Math.cos(pitch), Math.sin(pitch)];
  const [cy, sy] = [Math.cos(yaw), Math.sin(yaw)];
  return [
    [cr * cy, cr * sy * sp - sr * cp, cr * sy * cp + sr * sp],
    [sr * cy, sr * sy * sp + cr * cp, sr * sy * cp - cr * sp],
    [-sy, cy * sp, cy * cp],
  ];
}

/** The eight corners; corner i has signs by its bits (x, y, z). */
export function boxCorners(box: Box3d): Point3[] {
  const r = rotationOf(box);
  return Array.from({ length: 8 }, (_, i) => {
    const p = [0, 1, 2].map((axis) => ((i >> axis) & 1 ? 0.5 : -0.5) * box[axis + 3]);
    return [0, 1, 2].map(
      (axis) => box[axis] + r[axis][0] * p[0] + r[axis][1] * p[1] + r[axis][2] * p[2],
    ) as unknown as Point3;
  });
}

/** Corner indices around each face. */
const faceCorners = [
  [0, 2, 6, 4],
  [1, 3, 7, 5],
  [0, 1, 5, 4],
  [2, 3, 7, 6],
  [0, 1, 3, 2],
  [4, 5, 7, 6],
];

const minus = (a: Point3, b: Point3): Point3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot3 = (a: Point3, b: Point3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Point3, b: Point3): Point3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const between = (a: Point3, b: Point3, t: number): Point3 => [
  a[0] + t * (b[0] - a[0]),
  a[1] + t * (b[1] - a[1]),
  a[2] + t * (b[2] - a[2]),
];

/** Convex faces of what is left of the solid on the inner side of a plane, normal·x ≤ limit. */
function clipSolid(faces: readonly Point3[][], normal: Point3, limit: number): Point3[][] {
  const slack = 1e-12 * (1 + Math.abs(limit));
  const height = (p: Point3) => dot3(normal, p) - limit;
  if (!faces.some((face) => face.some((p) => height(p) > slack))) return [...faces];
  const cap: Point3[] = [];
  const out: Point3[][] = [];
  for (const face of faces) {
    const kept: Point3[] = [];
    face.forEach((p, i) => {
      const q = face[(i + 1) % face.length];
      const [hp, hq] = [height(p), height(q)];
      if (hp <= slack) kept.push(p);
      if (Math.abs(hp) <= slack) cap.push(p);
      if ((hp > slack && hq < -slack) || (hp < -slack && hq > slack)) {
        const point = between(p, q, hp / (hp - hq));
        kept.push(point);
        cap.push(point);
      }
    });
    if (kept.length >= 3) out.push(kept);
  }
  if (cap.length >= 3) out.push(aroundCentre(cap, normal));
  return out;
}

/** Points of a convex polygon in order around its centre. */
function aroundCentre(points: readonly Point3[], normal: Point3): Point3[] {
  const centre = centreOf(points);
  const arms = points.map((p) => minus(p, centre));
  const longest = arms.reduce((a, b) => (dot3(b, b) > dot3(a, a) ? b : a));
  const side = cross(normal, longest);
  const angle = (i: number) => Math.atan2(dot3(arms[i], side), dot3(arms[i], longest));
  return points
    .map((_, i) => i)
    .sort((i, j) => angle(i) - angle(j))
    .map((i) => points[i]);
}

const centreOf = (points: readonly Point3[]): Point3 => {
  const sum = [0, 0, 0];
  for (const p of points) for (let i = 0; i < 3; i++) sum[i] += p[i] / points.length;
  return sum as unknown as Point3;
};

/** Sum of the tetrahedra between an inner point and the triangles of the faces. */
function volumeOf(faces: readonly Point3[][]): number {
  if (faces.length < 4) return 0;
  const inside = centreOf(faces.flat());
  let six = 0;
  for (const face of faces)
    for (let i = 2; i < face.length; i++)
      six += Math.abs(
        dot3(minus(face[0], inside), cross(minus(face[i - 1], inside), minus(face[i], inside))),
      );
  return six / 6;
}

/** Volume that two freely turned boxes share, and their IoU. */
export function orientedOverlap(
  a: Box3d,
  b: Box3d,
): { readonly volume: number; readonly iou: number } {
  const corners = boxCorners(a);
  let faces = faceCorners.map((indices) => indices.map((i) => corners[i]));
  const r = rotationOf(b);
  const centre: Point3 = [b[0], b[1], b[2]];
  for (let axis = 0; axis < 3; axis++) {
    const normal: Point3 = [r[0][axis], r[1][axis], r[2][axis]];
    const opposite: Point3 = [-normal[0], -normal[1], -normal[2]];
    const at = dot3(normal, centre);
    faces = clipSolid(faces, normal, at + b[axis + 3] / 2);
    faces = clipSolid(faces, opposite, -at + b[axis + 3] / 2);
  }
  const volume = volumeOf(faces);
  return { volume, iou: iouOf(volume, a[3] * a[4] * a[5], b[3] * b[4] * b[5]) };
}

/** Rig axes (x forward, y left, z up) to a forward camera's (x right, y down, z forward): (1, 2, 3) is (-2, -3, 1). */
export const cameraFromRigAxes = ([x, y, z]: Point3): Point3 => [-y, -z, x];

export interface Pinhole {
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
}

/** [x0, y0, x1, y1] in pixels around the corners in front of the camera, not clipped; null when none is. */
export function projectBox(
  box: Box3d,
  camera: Pinhole,
): readonly [number, number, number, number] | null {
  const front = boxCorners(box).filter((p) => p[2] > 0);
  if (front.length === 0) return null;
  const u = front.map((p) => (camera.fx * p[0]) / p[2] + camera.cx);
  const v = front.map((p) => (camera.fy * p[1]) / p[2] + camera.cy);
  return [Math.min(...u), Math.min(...v), Math.max(...u), Math.max(...v)];
}

/** IoU of [x0, y0, x1, y1] rectangles; corners in any order. */
export function rectangleIou(a: readonly number[], b: readonly number[]): number {
  const side = (r: readonly number[], axis: number) =>
    [Math.min(r[axis], r[axis + 2]), Math.max(r[axis], r[axis + 2])] as const;
  let both = 1;
  const areas = [1, 1];
  for (let axis = 0; axis < 2; axis++) {
    const [p, q] = [side(a, axis), side(b, axis)];
    both *= Math.max(0, Math.min(p[1], q[1]) - Math.max(p[0], q[0]));
    areas[0] *= p[1] - p[0];
    areas[1] *= q[1] - q[0];
  }
  return iouOf(both, areas[0], areas[1]);
}
