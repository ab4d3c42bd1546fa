/** Ego states at 10 Hz and the per-tick features that the rules cut and measure. */
import {
  GeomError,
  motionSeries,
  requireFinite,
  type EgoMotion,
  type MotionSeries,
} from "@causeway/geom";
import type { LateralFeature, LongitudinalFeature } from "./rules.ts";

/** World frame, right-handed; yaw counter-clockwise, wrapped or not; velocity in the world frame. One row per 0.1 s. */
export interface EgoColumns {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly yaw: Float64Array;
  readonly vx: Float64Array;
  readonly vy: Float64Array;
}

/** Columns on the 10 Hz grid inside the recording, with their stamps (microseconds). */
export function egoColumns(motion: EgoMotion): EgoColumns & { readonly stampUs: Float64Array } {
  return columnsOf(motionSeries(motion));
}

export function columnsOf(series: MotionSeries): EgoColumns & { readonly stampUs: Float64Array } {
  const { stampUs, x, y, yaw, vxMps: vx, vyMps: vy } = series;
  return { stampUs, x, y, yaw, vx, vy };
}

export function checkColumns(columns: EgoColumns): number {
  const n = columns.x.length;
  for (const name of ["x", "y", "yaw", "vx", "vy"] as const) {
    if (columns[name].length !== n) {
      throw new GeomError(
        "length",
        `meta-actions: column ${name} has ${columns[name].length} rows, x has ${n}; expected as many.`,
      );
    }
    requireFinite(`meta-actions column ${name}`, columns[name]);
  }
  if (n < 2) {
    throw new GeomError(
      "length",
      `meta-actions: ${n} ticks; expected at least 2 at 10 Hz. Give a longer recording.`,
    );
  }
  return n;
}

/** All features have one value per tick, except those of a step to the next tick, which have one less. */
export interface Features {
  readonly longitudinal: Readonly<Record<LongitudinalFeature, Float64Array>>;
  readonly lateral: Readonly<Record<LateralFeature, Float64Array>>;
}

/** @param columns checked columns of n ticks */
export function featuresOf(columns: EgoColumns, dtSecs: number, smoothingTicks: number): Features {
  const { x, y, yaw, vx, vy } = columns;
  const n = x.length;
  const speed = new Float64Array(n);
  const along = new Float64Array(n);
  const accel = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    speed[i] = Math.sqrt(vx[i] * vx[i] + vy[i] * vy[i]);
    along[i] = vx[i] * Math.cos(yaw[i]) + vy[i] * Math.sin(yaw[i]);
    if (i > 0) accel[i] = (speed[i] - speed[i - 1]) / dtSecs;
  }
  accel[0] = accel[1];

  const turn = new Float64Array(n - 1);
  const distance = new Float64Array(n - 1);
  const fullTurn = 2 * Math.PI;
  for (let i = 0; i + 1 < n; i++) {
    const dx = x[i + 1] - x[i];
    const dy = y[i + 1] - y[i];
    distance[i] = Math.sqrt(dx * dx + dy * dy);
    const raw = yaw[i + 1] - yaw[i] + Math.PI;
    turn[i] = raw - fullTurn * Math.floor(raw / fullTurn) - Math.PI;
  }
  const headingChange = reflectedMean(turn, smoothingTicks);
  const rate = new Float64Array(n - 1);
  for (let i = 0; i + 1 < n; i++) {
    if (distance[i] > 1e-6) rate[i] = headingChange[i] / distance[i];
  }
  return {
    longitudinal: {
      speed,
      speedAlongHeading: along,
      smoothedAccel: shrinkingMean(accel, smoothingTicks),
    },
    lateral: {
      speedAlongHeading: along.subarray(0, n - 1),
      headingRatePerMetre: rate,
      headingChange,
      distance,
    },
  };
}

/** Centred mean over `window` values; at the ends over those that exist. */
function shrinkingMean(values: Float64Array, window: number): Float64Array {
  const half = window >> 1;
  const n = values.length;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const from = Math.max(0, i - half);
    const to = Math.min(n - 1, i + half);
    let sum = 0;
    for (let j = from; j <= to; j++) sum += values[j];
    out[i] = sum / (to - from + 1);
  }
  return out;
}

/** Centred mean over `window` values; the ends are continued by reflection about the first and last value. */
function reflectedMean(values: Float64Array, window: number): Float64Array {
  const half = window >> 1;
  const n = values.length;
  const out = new Float64Array(n);
  const period = Math.max(1, 2 * (n - 1));
  for (let i = 0; i < n; i++) {
    let sum = 0;
    if (i >= half && i + half < n) {
      for (let j = i - half; j <= i + half; j++) sum += values[j];
    } else {
      for (let j = i - half; j <= i + half; j++) {
        const k = ((j % period) + period) % period;
        sum += values[k < n ? k : period - k];
      }
    }
    out[i] = sum / window;
  }
  return out;
}
