/** EPDMS "extended comfort": consecutive plans must agree on how they drive the time that both cover. */
import type { LocalPath } from "@causeway/geom";
import { tickSecs } from "../world/scene.ts";

/** Largest rms differences. */
export const agreementBounds = {
  accelMps2: 0.7,
  jerkMps3: 0.5,
  yawRateRadps: 0.1,
  yawAccelRadps2: 0.1,
} as const;

interface Profile {
  readonly tick: number;
  readonly accel: Float64Array;
  readonly jerk: Float64Array;
  readonly yawRate: Float64Array;
  readonly yawAccel: Float64Array;
}

/** Seconds of a plan that are compared; derivatives over 0.5 s, so that a model's pose noise is not all that counts. */
const rows = 40;
const span = 5;

export class PlanAgreement {
  private last: Profile | null = null;
  private total = 0;
  private within = 0;

  /** True when at least nine in ten consecutive pairs agree (or there was at most one plan). */
  get agree(): boolean {
    return this.total === 0 || this.within >= 0.9 * this.total;
  }

  watch(path: LocalPath, speedMps: number, tick: number): void {
    const now = profile(path, speedMps, tick);
    const { last } = this;
    this.last = now;
    if (last === null) return;
    const shift = tick - last.tick;
    if (shift >= rows - span) return;
    const rms = (a: Float64Array, b: Float64Array) => {
      let sum = 0;
      const n = a.length - shift;
      for (let i = 0; i < n; i++) sum += (b[i] - a[i + shift]) ** 2;
      return Math.sqrt(sum / n);
    };
    this.total++;
    if (
      rms(last.accel, now.accel) <= agreementBounds.accelMps2 &&
      rms(last.jerk, now.jerk) <= agreementBounds.jerkMps3 &&
      rms(last.yawRate, now.yawRate) <= agreementBounds.yawRateRadps &&
      rms(last.yawAccel, now.yawAccel) <= agreementBounds.yawAccelRadps2
    ) {
      this.within++;
    }
  }
}

function profile(path: LocalPath, speedMps: number, tick: number): Profile {
  const speed = new Float64Array(rows);
  const yawRate = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const px = i === 0 ? 0 : path.x[i - 1];
    const py = i === 0 ? 0 : path.y[i - 1];
    speed[i] = Math.hypot(path.x[i] - px, path.y[i] - py) / tickSecs;
    yawRate[i] = (path.yaw[i] - (i === 0 ? 0 : path.yaw[i - 1])) / tickSecs;
  }
  speed[0] = 0.5 * (speed[0] + speedMps);
  const slope = (values: Float64Array) => {
    const out = new Float64Array(values.length - span);
    for (let i = 0; i < out.length; i++)
      out[i] = (values[i + span] - values[i]) / (span * tickSecs);
    return out;
  };
  const accel = slope(speed);
  return { tick, accel, jerk: slope(accel), yawRate, yawAccel: slope(yawRate) };
}
