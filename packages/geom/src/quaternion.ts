/** Unit quaternion w + xi + yj + zk: a rotation `a-from-b`. q and -q are the same rotation. */
export interface Quat {
  readonly w: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export const identityQuat: Quat = { w: 1, x: 0, y: 0, z: 0 };

/** Turn by `yawRad` about z, left positive. */
export function quatFromYaw(yawRad: number): Quat {
  return { w: Math.cos(yawRad / 2), x: 0, y: 0, z: Math.sin(yawRad / 2) };
}

/** Rz(yaw) · Ry(pitch) · Rx(roll). With x forward and z up, positive pitch points the nose down. */
export function quatFromYawPitchRoll(yawRad: number, pitchRad: number, rollRad: number): Quat {
  const cy = Math.cos(yawRad / 2);
  const sy = Math.sin(yawRad / 2);
  const cp = Math.cos(pitchRad / 2);
  const sp = Math.sin(pitchRad / 2);
  const cr = Math.cos(rollRad / 2);
  const sr = Math.sin(rollRad / 2);
  return {
    w: cr * cp * cy + sr * sp * sy,
    x: sr * cp * cy - cr * sp * sy,
    y: cr * sp * cy + sr * cp * sy,
    z: cr * cp * sy - sr * sp * cy,
  };
}

/** `a-from-c` = multiply(`a-from-b`, `b-from-c`). */
export function multiplyQuat(p: Quat, q: Quat): Quat {
  return {
    w: p.w * q.w - p.x * q.x - p.y * q.y - p.z * q.z,
    x: p.w * q.x + p.x * q.w + p.y * q.z - p.z * q.y,
    y: p.w * q.y - p.x * q.z + p.y * q.w + p.z * q.x,
    z: p.w * q.z + p.x * q.y - p.y * q.x + p.z * q.w,
  };
}

/** Inverse of a unit quaternion. */
export function conjugateQuat(q: Quat): Quat {
  return { w: q.w, x: -q.x, y: -q.y, z: -q.z };
}

/** Scales to length 1; a zero or non-finite quaternion has no direction and gives NaN, which the motion checks refuse. */
export function normalizeQuat(q: Quat): Quat {
  const length = Math.hypot(q.w, q.x, q.y, q.z);
  return { w: q.w / length, x: q.x / length, y: q.y / length, z: q.z / length };
}

export function rotateByQuat(
  q: Quat,
  x: number,
  y: number,
  z: number,
): { x: number; y: number; z: number } {
  // p + 2w(u×p) + 2u×(u×p)
  const tx = 2 * (q.y * z - q.z * y);
  const ty = 2 * (q.z * x - q.x * z);
  const tz = 2 * (q.x * y - q.y * x);
  return {
    x: x + q.w * tx + (q.y * tz - q.z * ty),
    y: y + q.w * ty + (q.z * tx - q.x * tz),
    z: z + q.w * tz + (q.x * ty - q.y * tx),
  };
}

/** Heading of the rotated x axis in the xy plane, atan2(R10, R00), in [-π, π]. */
export function yawOfQuat(q: Quat): number {
  return Math.atan2(2 * (q.x * q.y + q.w * q.z), 1 - 2 * (q.y * q.y + q.z * q.z));
}

/** Row-major 3x3 rotation matrix. */
export function matrixFromQuat(q: Quat): Float64Array {
  const { w, x, y, z } = q;
  return Float64Array.of(
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  );
}

/** From a row-major 3x3 rotation matrix (9 numbers from `offset`); w is never negative. Shepperd's method. */
export function quatFromMatrix(m: ArrayLike<number>, offset = 0): Quat {
  const at = (i: number) => m[offset + i] as number;
  const [m00, m01, m02, m10, m11, m12] = [at(0), at(1), at(2), at(3), at(4), at(5)];
  const [m20, m21, m22] = [at(6), at(7), at(8)];
  const trace = m00 + m11 + m22;
  let q: Quat;
  if (trace >= m00 && trace >= m11 && trace >= m22) {
    q = { w: 1 + trace, x: m21 - m12, y: m02 - m20, z: m10 - m01 };
  } else if (m00 >= m11 && m00 >= m22) {
    q = { w: m21 - m12, x: 1 + m00 - m11 - m22, y: m01 + m10, z: m02 + m20 };
  } else if (m11 >= m22) {
    q = { w: m02 - m20, x: m01 + m10, y: 1 - m00 + m11 - m22, z: m12 + m21 };
  } else {
    q = { w: m10 - m01, x: m02 + m20, y: m12 + m21, z: 1 - m00 - m11 + m22 };
  }
  const n = normalizeQuat(q);
  return n.w < 0 ? { w: -n.w, x: -n.x, y: -n.y, z: -n.z } : n;
}

/** Constant-rate rotation from `p` (share 0) to `q` (share 1) the short way round. */
export function slerp(p: Quat, q: Quat, share: number): Quat {
  let dot = p.w * q.w + p.x * q.x + p.y * q.y + p.z * q.z;
  const sign = dot < 0 ? -1 : 1;
  dot *= sign;
  let a: number;
  let b: number;
  if (dot > 1 - 1e-12) {
    // The arc is below about 1e-6 rad, where the chord and the arc agree to double precision.
    a = 1 - share;
    b = share;
  } else {
    // atan2 keeps small angles exact, where acos(dot) loses half of its digits.
    const angle = Math.atan2(
      Math.hypot(
        q.w * sign - dot * p.w,
        q.x * sign - dot * p.x,
        q.y * sign - dot * p.y,
        q.z * sign - dot * p.z,
      ),
      dot,
    );
    const s = Math.sin(angle);
    a = Math.sin((1 - share) * angle) / s;
    b = Math.sin(share * angle) / s;
  }
  b *= sign;
  return normalizeQuat({
    w: a * p.w + b * q.w,
    x: a * p.x + b * q.x,
    y: a * p.y + b * q.y,
    z: a * p.z + b * q.z,
  });
}
