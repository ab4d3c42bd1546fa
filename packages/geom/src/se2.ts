import { wrapAngle } from "./angle.ts";

/** Planar rigid transform `a-from-b`, or a pose: metres and radians, left positive. */
export interface Se2 {
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
}

export const identitySe2: Se2 = { x: 0, y: 0, yaw: 0 };

/** p_a of the point p_b. */
export function transformPoint2(aFromB: Se2, x: number, y: number): { x: number; y: number } {
  const c = Math.cos(aFromB.yaw);
  const s = Math.sin(aFromB.yaw);
  return { x: aFromB.x + c * x - s * y, y: aFromB.y + s * x + c * y };
}

/** `a-from-c` of `a-from-b` and `b-from-c`; yaw in [-π, π). */
export function composeSe2(aFromB: Se2, bFromC: Se2): Se2 {
  const p = transformPoint2(aFromB, bFromC.x, bFromC.y);
  return { x: p.x, y: p.y, yaw: wrapAngle(aFromB.yaw + bFromC.yaw) };
}

/** `b-from-a` of `a-from-b`; yaw in [-π, π). */
export function inverseSe2(aFromB: Se2): Se2 {
  const c = Math.cos(aFromB.yaw);
  const s = Math.sin(aFromB.yaw);
  return {
    x: -(c * aFromB.x + s * aFromB.y),
    y: s * aFromB.x - c * aFromB.y,
    yaw: wrapAngle(-aFromB.yaw),
  };
}
