/**
 * Unicycle action space: a path as 64 pairs (acceleration, curvature), and back.
 *
 * Path from actions, from the origin at speed v_0, heading 0, for i = 0 … N-1:
 *   v_{i+1} = v_i + a_i dt
 *   θ_{i+1} = θ_i + κ_i (v_i dt + a_i dt²/2)
 *   p_{i+1} = p_i + dt/2 (v_i u(θ_i) + v_{i+1} u(θ_{i+1})),   u(θ) = (cos θ, sin θ)
 * Actions from a path are a chain of regularised least-squares fits (heading, speed, acceleration, curvature), each with a
 * difference penalty λ/dt^{2k} ‖D_k x‖² and a ridge; the second direction is therefore not an exact inverse (millimetres on
 * smooth motion). Formulas and constants are those of the public Alpamayo action space (NVlabs/alpamayo 1cba38c,
 * `UnicycleAccelCurvatureActionSpace`); the solvers are ours: banded, O(N), where the original is dense.
 * Not kept: the endless retry on NaN (here an error).
 */
import { addRow, bandedSystem, solveBanded, solveWithGrowingRidge } from "./banded.ts";
import { GeomError, requireFinite, requireLength } from "./errors.ts";
import type { LocalPath } from "./motion.ts";
import { unwrapAngles } from "./angle.ts";

/** What happens to curvature where the car hardly moves and the fit divides by almost nothing. */
export type LowSpeedRule =
  /** Nothing: exactly the released code. Yaw drift at 0.15 m/s gives 17 standard deviations. */
  | { readonly version: "upstream-1" }
  /** Clamp curvature to ±maxCurvaturePerM, then 0 where |v| at either end of the step is below minSpeedMps. */
  | {
      readonly version: "kappa-clamp-1";
      readonly maxCurvaturePerM: number;
      readonly minSpeedMps: number;
    };

export const upstreamLowSpeed: LowSpeedRule = { version: "upstream-1" };
export const kappaClamp: LowSpeedRule = {
  version: "kappa-clamp-1",
  maxCurvaturePerM: 0.33,
  minSpeedMps: 0.6,
};

export interface ActionSpaceConfig {
  /** physical = normalised · std + mean. Acceleration m/s², curvature 1/m, left positive. */
  readonly accelMean: number;
  readonly accelStd: number;
  readonly curvatureMean: number;
  readonly curvatureStd: number;
  /** Checked (`isWithinBounds`), never clamped to. */
  readonly accelBounds: readonly [number, number];
  readonly curvatureBounds: readonly [number, number];
  readonly dtSecs: number;
  readonly waypointCount: number;
  readonly thetaLambda: number;
  readonly thetaRidge: number;
  readonly speedLambda: number;
  readonly speedRidge: number;
  readonly accelLambda: number;
  readonly accelRidge: number;
  readonly curvatureLambda: number;
  readonly curvatureRidge: number;
  readonly lowSpeed: LowSpeedRule;
}

/** Constants of the Alpamayo releases (R1, 1.5). */
export const referenceActionSpace: ActionSpaceConfig = {
  accelMean: 0.02902694707164455,
  accelStd: 0.6810426736454882,
  curvatureMean: 0.0002692167976330542,
  curvatureStd: 0.026148280660833106,
  accelBounds: [-9.8, 9.8],
  curvatureBounds: [-0.33, 0.33],
  dtSecs: 0.1,
  waypointCount: 64,
  thetaLambda: 1e-6,
  thetaRidge: 1e-8,
  speedLambda: 1e-6,
  speedRidge: 1e-4,
  accelLambda: 1e-4,
  accelRidge: 1e-4,
  curvatureLambda: 1e-4,
  curvatureRidge: 1e-4,
  lowSpeed: upstreamLowSpeed,
};

/** The same after the normalisation went through bfloat16, as it does when the released model is built in that type. */
export const bf16AsLoadedActionSpace: ActionSpaceConfig = {
  ...referenceActionSpace,
  accelMean: 0.029052734375,
  accelStd: 0.6796875,
  curvatureMean: 0.0002689361572265625,
  curvatureStd: 0.026123046875,
};

export const actionSpaceConstants = {
  reference: referenceActionSpace,
  "bf16-as-loaded": bf16AsLoadedActionSpace,
} as const;

/** Where a path starts: its speed, or the history that the speed is estimated from. */
export type PathStart = { readonly v0Mps: number } | { readonly history: LocalPath };

/** Physical and normalised actions of one path; N steps. */
export interface EncodedActions {
  /** Normalised, interleaved a_0, κ_0, a_1, κ_1, …; length 2N. */
  readonly action: Float64Array;
  readonly v0Mps: number;
  /** Smoothed heading and speed, N + 1 values, the first is t0. */
  readonly thetaRad: Float64Array;
  readonly speedMps: Float64Array;
  readonly accelMps2: Float64Array;
  readonly curvaturePerM: Float64Array;
  readonly isWithinBounds: boolean;
}

export interface ActionSpace {
  readonly config: ActionSpaceConfig;
  /** Speed at the last history pose (rig frame at t0), m/s; the ridge pulls it slightly to 0 (10 gives 9.99941). */
  estimateV0(history: LocalPath): number;
  /** Actions of a future path (row i at t0 + (i + 1) dt, rig frame at t0). */
  encode(future: LocalPath, start: PathStart): EncodedActions;
  /** Path of normalised, interleaved actions (length 2N). z stays at the last history row's, or 0. */
  decode(action: ArrayLike<number>, start: PathStart): LocalPath;
  /** Path of physical actions. */
  drive(accelMps2: ArrayLike<number>, curvaturePerM: ArrayLike<number>, v0Mps: number): LocalPath;
}

const thirdDifference = [-1, 3, -3, 1] as const;
const secondDifference = [-1, 2, -1] as const;

export function createActionSpace(config: ActionSpaceConfig = referenceActionSpace): ActionSpace {
  checkConfig(config);
  const { dtSecs: dt, waypointCount: n } = config;
  const rough3 = (lambda: number) => lambda / dt ** 6;
  const rough2 = (lambda: number) => lambda / dt ** 4;

  /** θ_0 … θ_N: close to the given headings and smooth; θ_0 = 0 holds exactly. */
  const fitHeading = (yaw: Float64Array): Float64Array => {
    const system = bandedSystem(n, 3);
    for (let i = 0; i < n; i++) addRow(system, i, [1], yaw[i + 1]);
    for (let i = 0; i + 3 <= n; i++) {
      addRow(system, i - 1, thirdDifference, 0, rough3(config.thetaLambda), 0);
    }
    return withFirst(0, requireSolved("heading fit", solveBanded(system, config.thetaRidge)));
  };

  /** Speeds that explain the steps along the headings; `v0` fixed, or null for all free. */
  const fitSpeed = (
    x: Float64Array,
    y: Float64Array,
    theta: Float64Array,
    v0: number | null,
  ): Float64Array => {
    const count = theta.length;
    const shift = v0 === null ? 0 : 1;
    const known = v0 ?? 0;
    const system = bandedSystem(count - shift, 3);
    for (let i = 0; i + 1 < count; i++) {
      const c = [Math.cos(theta[i]), Math.cos(theta[i + 1])];
      const s = [Math.sin(theta[i]), Math.sin(theta[i + 1])];
      addRow(system, i - shift, c, (2 * (x[i + 1] - x[i])) / dt, 1, known);
      addRow(system, i - shift, s, (2 * (y[i + 1] - y[i])) / dt, 1, known);
    }
    for (let i = 0; i + 3 < count; i++) {
      addRow(system, i - shift, thirdDifference, 0, rough3(config.speedLambda), known);
    }
    const v = requireSolved("speed fit", solveBanded(system, config.speedRidge));
    return v0 === null ? v : withFirst(v0, v);
  };

  /** u with s_i u_i ≈ targets[i], smooth. */
  const fitControl = (
    where: string,
    scales: Float64Array | null,
    targets: Float64Array,
    lambda: number,
    ridge: number,
  ): Float64Array => {
    const system = bandedSystem(n, 2);
    for (let i = 0; i < n; i++) addRow(system, i, [scales === null ? 1 : scales[i]], targets[i]);
    for (let i = 0; i + 2 < n; i++) addRow(system, i, secondDifference, 0, rough2(lambda));
    return solveWithGrowingRidge(where, system, ridge);
  };

  const startSpeed = (start: PathStart): number => {
    if ("history" in start) return estimateV0(start.history);
    requireFinite("action space v0", [start.v0Mps]);
    return start.v0Mps;
  };

  const estimateV0 = (history: LocalPath): number => {
    if (history.x.length < 2) {
      throw new GeomError(
        "length",
        `estimateV0: the history has ${history.x.length} poses; expected at least 2 (the models use 16).`,
      );
    }
    checkPath("action space history", history, history.x.length);
    const v = fitSpeed(history.x, history.y, history.yaw, null);
    return v[v.length - 1];
  };

  const encode = (future: LocalPath, start: PathStart): EncodedActions => {
    checkPath("action space future", future, n);
    const v0 = startSpeed(start);
    const theta = fitHeading(unwrapAngles(withFirst(0, future.yaw)));
    const v = fitSpeed(withFirst(0, future.x), withFirst(0, future.y), theta, v0);
    const accel = fitControl(
      "acceleration fit",
      null,
      steps(v).map((dv) => dv / dt),
      config.accelLambda,
      config.accelRidge,
    );
    const lengths = accel.map((a, i) => dt * v[i] + 0.5 * dt * dt * a);
    const curvature = fitControl(
      "curvature fit",
      lengths,
      steps(theta),
      config.curvatureLambda,
      config.curvatureRidge,
    );
    applyLowSpeed(config.lowSpeed, curvature, v);
    const action = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) {
      action[2 * i] = (accel[i] - config.accelMean) / config.accelStd;
      action[2 * i + 1] = (curvature[i] - config.curvatureMean) / config.curvatureStd;
    }
    return {
      action,
      v0Mps: v0,
      thetaRad: theta,
      speedMps: v,
      accelMps2: accel,
      curvaturePerM: curvature,
      isWithinBounds:
        isInside(accel, config.accelBounds) && isInside(curvature, config.curvatureBounds),
    };
  };

  const drive = (accel: ArrayLike<number>, curvature: ArrayLike<number>, v0: number): LocalPath => {
    requireLength("action space accelerations", accel.length, n);
    requireLength("action space curvatures", curvature.length, n);
    requireFinite("action space accelerations", accel);
    requireFinite("action space curvatures", curvature);
    const path = {
      x: new Float64Array(n),
      y: new Float64Array(n),
      z: new Float64Array(n),
      yaw: new Float64Array(n),
    };
    let [v, theta, x, y] = [v0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const vNext = v + accel[i] * dt;
      const thetaNext = theta + curvature[i] * (v * dt + 0.5 * accel[i] * dt * dt);
      x += (dt / 2) * (v * Math.cos(theta) + vNext * Math.cos(thetaNext));
      y += (dt / 2) * (v * Math.sin(theta) + vNext * Math.sin(thetaNext));
      v = vNext;
      theta = thetaNext;
      path.x[i] = x;
      path.y[i] = y;
      path.yaw[i] = theta;
    }
    return path;
  };

  const decode = (action: ArrayLike<number>, start: PathStart): LocalPath => {
    requireLength("action space actions", action.length, 2 * n);
    requireFinite("action space actions", action);
    const accel = new Float64Array(n);
    const curvature = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      accel[i] = action[2 * i] * config.accelStd + config.accelMean;
      curvature[i] = action[2 * i + 1] * config.curvatureStd + config.curvatureMean;
    }
    const path = drive(accel, curvature, startSpeed(start));
    if ("history" in start) path.z.fill(start.history.z[start.history.z.length - 1]);
    return path;
  };

  return { config, estimateV0, encode, decode, drive };
}

function checkConfig(config: ActionSpaceConfig): void {
  const bad = (what: string, value: number, expected: string): never => {
    throw new GeomError("config", `action space: ${what} is ${value}; expected ${expected}.`);
  };
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === "number" && !Number.isFinite(value)) bad(name, value, "a finite number");
  }
  if (!(config.dtSecs > 0)) bad("dtSecs", config.dtSecs, "a positive number of seconds");
  if (!Number.isInteger(config.waypointCount) || config.waypointCount < 3) {
    bad("waypointCount", config.waypointCount, "an integer of at least 3");
  }
  if (!(config.accelStd > 0)) bad("accelStd", config.accelStd, "a positive number");
  if (!(config.curvatureStd > 0)) bad("curvatureStd", config.curvatureStd, "a positive number");
}

function checkPath(where: string, path: LocalPath, n: number): void {
  for (const name of ["x", "y", "z", "yaw"] as const) {
    requireLength(`${where} ${name}`, path[name].length, n);
    requireFinite(`${where} ${name}`, path[name]);
  }
}

function requireSolved(where: string, x: Float64Array | null): Float64Array {
  if (x === null) {
    throw new GeomError(
      "not-finite",
      `action space ${where}: not positive definite; expected finite, moderate positions and headings. Check the trajectory.`,
    );
  }
  return x;
}

function withFirst(first: number, rest: Float64Array): Float64Array {
  const out = new Float64Array(rest.length + 1);
  out[0] = first;
  out.set(rest, 1);
  return out;
}

function steps(values: Float64Array): Float64Array {
  const out = new Float64Array(values.length - 1);
  for (let i = 0; i < out.length; i++) out[i] = values[i + 1] - values[i];
  return out;
}

function isInside(values: Float64Array, [low, high]: readonly [number, number]): boolean {
  return values.every((v) => v >= low && v <= high);
}

function applyLowSpeed(rule: LowSpeedRule, curvature: Float64Array, v: Float64Array): void {
  if (rule.version === "upstream-1") return;
  const { maxCurvaturePerM: limit, minSpeedMps: slow } = rule;
  for (let i = 0; i < curvature.length; i++) {
    const isSlow = Math.abs(v[i]) < slow || Math.abs(v[i + 1]) < slow;
    curvature[i] = isSlow ? 0 : Math.min(limit, Math.max(-limit, curvature[i]));
  }
}
