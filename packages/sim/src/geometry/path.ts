/**
 * Planar paths sampled at (nearly) equal arc length: the shape of lanes, routes and what cars follow.
 * Left is positive for offsets, headings and curvature.
 */
export interface Path {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Heading, rad, unwrapped. */
  readonly yaw: Float64Array;
  /** Curvature, 1/m. */
  readonly kappa: Float64Array;
  /** Arc length between neighbouring samples, m. */
  readonly stepM: number;
  readonly lengthM: number;
}

export interface Pose {
  x: number;
  y: number;
  yaw: number;
}

/** Where a point lies beside a path: arc length, signed lateral offset (left positive) and the sample below it. */
export interface Projection {
  s: number;
  d: number;
  index: number;
}

/** Curvature runs linearly from `kappaStart` to `kappaEnd` over `lengthM` (a line, an arc or a clothoid). */
export interface PathPiece {
  readonly lengthM: number;
  readonly kappaStart: number;
  readonly kappaEnd: number;
}

const targetStepM = 0.5;

/** A straight piece. */
export const straight = (lengthM: number): PathPiece => ({ lengthM, kappaStart: 0, kappaEnd: 0 });

/** An arc with clothoid ramps on both sides; `angleRad` is the total change of heading, left positive. */
export function curve(radiusM: number, angleRad: number): PathPiece[] {
  const kappa = Math.sign(angleRad) / radiusM;
  const total = Math.abs(angleRad) * radiusM;
  // The two ramps turn together by one ramp length of full curvature.
  const ramp = Math.min(0.45 * total, Math.max(6, 0.25 * radiusM));
  const hold = total - ramp;
  return [
    { lengthM: ramp, kappaStart: 0, kappaEnd: kappa },
    { lengthM: hold, kappaStart: kappa, kappaEnd: kappa },
    { lengthM: ramp, kappaStart: kappa, kappaEnd: 0 },
  ];
}

/** Integrates curvature pieces from a start pose (midpoint rule at 0.5 m, error below a millimetre on our roads). */
export function buildPath(start: Pose, pieces: readonly PathPiece[]): Path {
  let lengthM = 0;
  for (const piece of pieces) lengthM += piece.lengthM;
  const count = Math.max(2, Math.round(lengthM / targetStepM) + 1);
  const stepM = lengthM / (count - 1);
  const out = emptyPath(count, stepM);
  // Heading is the exact integral of the piecewise linear curvature; position is integrated from it.
  let piece = 0;
  let pieceStart = 0;
  let pieceYaw = start.yaw;
  const state = { kappa: 0, yaw: start.yaw };
  const at = (s: number) => {
    while (piece < pieces.length - 1 && s > pieceStart + pieces[piece].lengthM + 1e-9) {
      const done = pieces[piece];
      pieceStart += done.lengthM;
      pieceYaw += 0.5 * (done.kappaStart + done.kappaEnd) * done.lengthM;
      piece++;
    }
    const p = pieces[piece];
    const along = Math.min(p.lengthM, Math.max(0, s - pieceStart));
    const u = p.lengthM > 0 ? along / p.lengthM : 1;
    state.kappa = p.kappaStart + (p.kappaEnd - p.kappaStart) * u;
    state.yaw = pieceYaw + 0.5 * (p.kappaStart + state.kappa) * along;
  };
  let { x, y } = start;
  const sub = 4;
  const h = stepM / sub;
  for (let i = 0; i < count; i++) {
    at(i * stepM);
    out.x[i] = x;
    out.y[i] = y;
    out.yaw[i] = state.yaw;
    out.kappa[i] = state.kappa;
    if (i === count - 1) break;
    for (let j = 0; j < sub; j++) {
      at(i * stepM + (j + 0.5) * h);
      x += h * Math.cos(state.yaw);
      y += h * Math.sin(state.yaw);
    }
  }
  return out;
}

function emptyPath(count: number, stepM: number): Path {
  return {
    x: new Float64Array(count),
    y: new Float64Array(count),
    yaw: new Float64Array(count),
    kappa: new Float64Array(count),
    stepM,
    lengthM: stepM * (count - 1),
  };
}

/** Resamples raw points (with headings and curvatures) to equal arc length. */
export function pathFromSamples(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  yaw: ArrayLike<number>,
  kappa: ArrayLike<number>,
): Path {
  const n = x.length;
  const along = new Float64Array(n);
  for (let i = 1; i < n; i++) {
    along[i] = along[i - 1] + Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]);
  }
  const lengthM = along[n - 1];
  const count = Math.max(2, Math.round(lengthM / targetStepM) + 1);
  const out = emptyPath(count, lengthM / (count - 1));
  let k = 0;
  for (let i = 0; i < count; i++) {
    const s = Math.min(lengthM, i * out.stepM);
    while (k < n - 2 && along[k + 1] < s) k++;
    const span = along[k + 1] - along[k];
    const u = span > 1e-12 ? (s - along[k]) / span : 0;
    out.x[i] = x[k] + (x[k + 1] - x[k]) * u;
    out.y[i] = y[k] + (y[k + 1] - y[k]) * u;
    out.yaw[i] = yaw[k] + (yaw[k + 1] - yaw[k]) * u;
    out.kappa[i] = kappa[k] + (kappa[k + 1] - kappa[k]) * u;
  }
  return out;
}

/** The parallel path `d` metres to the left (negative: right). */
export function offsetPath(path: Path, d: number): Path {
  const n = path.x.length;
  const x = new Float64Array(n);
  const y = new Float64Array(n);
  const kappa = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    x[i] = path.x[i] - Math.sin(path.yaw[i]) * d;
    y[i] = path.y[i] + Math.cos(path.yaw[i]) * d;
    kappa[i] = path.kappa[i] / (1 - path.kappa[i] * d);
  }
  return pathFromSamples(x, y, path.yaw, kappa);
}

/** The same line driven the other way. */
export function reversePath(path: Path): Path {
  const n = path.x.length;
  const out = emptyPath(n, path.stepM);
  for (let i = 0; i < n; i++) {
    const j = n - 1 - i;
    out.x[i] = path.x[j];
    out.y[i] = path.y[j];
    out.yaw[i] = path.yaw[j] + Math.PI;
    out.kappa[i] = -path.kappa[j];
  }
  return out;
}

/** Paths end to end; headings are unwrapped across the joints. */
export function joinPaths(paths: readonly Path[]): Path {
  const x: number[] = [];
  const y: number[] = [];
  const yaw: number[] = [];
  const kappa: number[] = [];
  for (const path of paths) {
    for (let i = x.length === 0 ? 0 : 1; i < path.x.length; i++) {
      x.push(path.x[i]);
      y.push(path.y[i]);
      kappa.push(path.kappa[i]);
      const last = yaw.length > 0 ? yaw[yaw.length - 1] : path.yaw[i];
      yaw.push(last + wrapAngle(path.yaw[i] - last));
    }
  }
  return pathFromSamples(x, y, yaw, kappa);
}

/** Angle to (-pi, pi]. */
export function wrapAngle(rad: number): number {
  let a = rad % (2 * Math.PI);
  if (a > Math.PI) a -= 2 * Math.PI;
  else if (a <= -Math.PI) a += 2 * Math.PI;
  return a;
}

/** Pose at arc length `s` (held beyond the ends, along the end tangent), shifted `d` to the left. Writes `out`. */
export function poseAt(path: Path, s: number, d: number, out: Pose): void {
  const n = path.x.length;
  let u = s / path.stepM;
  let i = Math.floor(u);
  if (i < 0) i = 0;
  else if (i > n - 2) i = n - 2;
  u -= i;
  // u outside [0, 1] extends the end segments, so nothing jumps at a path's end.
  const held = u < 0 ? 0 : u > 1 ? 1 : u;
  const yaw = path.yaw[i] + (path.yaw[i + 1] - path.yaw[i]) * held;
  out.x = path.x[i] + (path.x[i + 1] - path.x[i]) * u - Math.sin(yaw) * d;
  out.y = path.y[i] + (path.y[i + 1] - path.y[i]) * u + Math.cos(yaw) * d;
  out.yaw = yaw;
}

/** Curvature at arc length `s`. */
export function kappaAt(path: Path, s: number): number {
  const n = path.x.length;
  const u = Math.min(n - 1.000001, Math.max(0, s / path.stepM));
  const i = Math.floor(u);
  return path.kappa[i] + (path.kappa[i + 1] - path.kappa[i]) * (u - i);
}

/**
 * Nearest place on the path. `hint` is a sample index to walk from (from the last call); negative searches all.
 * Offsets beyond the ends are measured against the end segments' lines. Writes and returns `out`.
 */
export function project(
  path: Path,
  x: number,
  y: number,
  hint: number,
  out: Projection,
): Projection {
  const n = path.x.length;
  const px = path.x;
  const py = path.y;
  let best = hint;
  if (hint < 0) {
    best = 0;
    let low = Number.POSITIVE_INFINITY;
    for (let i = 0; i < n; i += 4) {
      const d2 = (px[i] - x) ** 2 + (py[i] - y) ** 2;
      if (d2 < low) {
        low = d2;
        best = i;
      }
    }
  } else if (best > n - 1) best = n - 1;
  // No inner closures here: this is the hottest function of the simulator.
  let here = (px[best] - x) ** 2 + (py[best] - y) ** 2;
  while (best < n - 1) {
    const next = (px[best + 1] - x) ** 2 + (py[best + 1] - y) ** 2;
    if (next >= here) break;
    best++;
    here = next;
  }
  while (best > 0) {
    const next = (px[best - 1] - x) ** 2 + (py[best - 1] - y) ** 2;
    if (next >= here) break;
    best--;
    here = next;
  }
  // The nearer of the two neighbouring segments, by the sign of the along-track part.
  let i = best > n - 2 ? n - 2 : best;
  const yawBest = path.yaw[best];
  const ahead = (x - px[best]) * Math.cos(yawBest) + (y - py[best]) * Math.sin(yawBest);
  if (ahead < 0 && i > 0 && i === best) i--;
  const ex = px[i + 1] - px[i];
  const ey = py[i + 1] - py[i];
  const len = Math.hypot(ex, ey);
  const u = ((x - px[i]) * ex + (y - py[i]) * ey) / (len * len);
  const held = i > 0 && u < 0 ? 0 : i < n - 2 && u > 1 ? 1 : u;
  out.s = (i + held) * path.stepM;
  out.d = (ex * (y - py[i]) - ey * (x - px[i])) / len;
  out.index = best;
  return out;
}
