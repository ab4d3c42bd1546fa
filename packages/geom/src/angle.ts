const twoPi = 2 * Math.PI;

/** Same angle in [-π, π). */
export function wrapAngle(angleRad: number): number {
  const turns = Math.floor((angleRad + Math.PI) / twoPi);
  const wrapped = angleRad - turns * twoPi;
  // A tiny negative input may round up to exactly π.
  return wrapped >= Math.PI ? wrapped - twoPi : wrapped;
}

/** Signed smallest turn that leads from `fromRad` to `toRad`, in [-π, π); left positive. */
export function angleBetween(fromRad: number, toRad: number): number {
  return wrapAngle(toRad - fromRad);
}

/**
 * Removes jumps larger than π (numpy's rule: a step of exactly +π stays, -π becomes +π when the raw step was positive).
 * The first value is kept. Returns a new array.
 */
export function unwrapAngles(anglesRad: ArrayLike<number>): Float64Array {
  const out = new Float64Array(anglesRad.length);
  let correction = 0;
  for (let i = 0; i < out.length; i++) {
    const raw = anglesRad[i] as number;
    if (i > 0) {
      const step = raw - (anglesRad[i - 1] as number);
      if (Math.abs(step) >= Math.PI) {
        let wrapped = wrapAngle(step);
        if (wrapped === -Math.PI && step > 0) wrapped = Math.PI;
        correction += wrapped - step;
      }
    }
    out[i] = raw + correction;
  }
  return out;
}
