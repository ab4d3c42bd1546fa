import { conjugateQuat, multiplyQuat, rotateByQuat, type Quat } from "./quaternion.ts";

/** Rigid transform `a-from-b`: p_a = R(q) p_b + (x, y, z). Metres; unit quaternion. */
export interface Se3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly qw: number;
  readonly qx: number;
  readonly qy: number;
  readonly qz: number;
}

export const identitySe3: Se3 = { x: 0, y: 0, z: 0, qw: 1, qx: 0, qy: 0, qz: 0 };

export function rotationOf(t: Se3): Quat {
  return { w: t.qw, x: t.qx, y: t.qy, z: t.qz };
}

export function se3From(x: number, y: number, z: number, q: Quat): Se3 {
  return { x, y, z, qw: q.w, qx: q.x, qy: q.y, qz: q.z };
}

/** p_a of the point p_b. */
export function transformPoint(
  aFromB: Se3,
  x: number,
  y: number,
  z: number,
): { x: number; y: number; z: number } {
  const p = rotateByQuat(rotationOf(aFromB), x, y, z);
  return { x: p.x + aFromB.x, y: p.y + aFromB.y, z: p.z + aFromB.z };
}

/** `a-from-c` of `a-from-b` and `b-from-c`. */
export function composeSe3(aFromB: Se3, bFromC: Se3): Se3 {
  const p = transformPoint(aFromB, bFromC.x, bFromC.y, bFromC.z);
  return se3From(p.x, p.y, p.z, multiplyQuat(rotationOf(aFromB), rotationOf(bFromC)));
}

/** `b-from-a` of `a-from-b`. */
export function inverseSe3(aFromB: Se3): Se3 {
  const q = conjugateQuat(rotationOf(aFromB));
  const p = rotateByQuat(q, aFromB.x, aFromB.y, aFromB.z);
  return se3From(-p.x, -p.y, -p.z, q);
}
