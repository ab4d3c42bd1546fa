/**
 * The unicycle action space against outputs of the public Alpamayo code: a case with a `config` of action-space constants
 * and safetensors files of histories, futures, actions and reconstructions. One result per file.
 * Double-precision files must agree to 1e-9. Single-precision ones were computed by another solver in float32, so they are
 * held to a few times the float32-double gap that the case itself states.
 */
import { join } from "node:path";
import type { ActionSpace, ActionSpaceConfig, LocalPath } from "@causeway/geom";
import type { SafetensorsFile } from "@causeway/models";
import type { GoldenResult, GoldenTopic } from "../topic.ts";

const name = "alpamayo-action-space";

export type Json = Readonly<Record<string, unknown>>;
export const isJson = (v: unknown): v is Json =>
  typeof v === "object" && v !== null && !Array.isArray(v);

/** Safetensors files of a case with the tensor names that it lists for each. */
export function tensorFiles(caseJson: unknown): Map<string, ReadonlySet<string>> {
  const files = isJson(caseJson) ? caseJson["files"] : null;
  const out = new Map<string, ReadonlySet<string>>();
  if (!isJson(files)) return out;
  for (const [file, tensors] of Object.entries(files)) {
    if (file.endsWith(".safetensors") && !file.includes("/") && isJson(tensors)) {
      out.set(file, new Set(Object.keys(tensors)));
    }
  }
  return out;
}

/** One tensor in double precision; row i of the first axis is `row(i)`. */
export interface Tensor64 {
  readonly rows: number;
  readonly data: Float64Array;
  row(i: number): Float64Array;
}

export async function tensor64(file: SafetensorsFile, tensor: string): Promise<Tensor64> {
  const { dtype, shape } = file.entry(tensor);
  let data: Float64Array;
  if (dtype === "F64") {
    const bytes = await file.bytes(tensor);
    data = new Float64Array(Uint8Array.from(bytes).buffer);
  } else if (dtype === "F32") data = Float64Array.from((await file.floats(tensor)).data);
  else data = Float64Array.from((await file.integers(tensor)).data);
  const rows = shape[0] ?? 1;
  const size = data.length / rows;
  return { rows, data, row: (i) => data.subarray(i * size, (i + 1) * size) };
}

/** A path from rows of xyz and 3x3 rotations (or none: heading 0). */
export function pathOf(xyz: Float64Array, rot: Float64Array | null): LocalPath {
  const n = xyz.length / 3;
  const column = (k: number) => Float64Array.from({ length: n }, (_, j) => xyz[3 * j + k]);
  const yaw = Float64Array.from({ length: n }, (_, j) =>
    rot === null ? 0 : Math.atan2(rot[9 * j + 3], rot[9 * j]),
  );
  return { x: column(0), y: column(1), z: column(2), yaw };
}

/** Largest gaps per output, against a limit each. */
export class Gaps {
  readonly #worst = new Map<string, { gap: number; limit: number; ratio: number }>();
  readonly failures: string[] = [];

  add(
    what: string,
    where: string,
    got: ArrayLike<number>,
    want: ArrayLike<number>,
    limit: number,
  ): void {
    if (got.length !== want.length) {
      this.failures.push(`${what} ${where}: ${got.length} values, expected ${want.length}`);
      return;
    }
    let gap = 0;
    for (let i = 0; i < got.length; i++) {
      const g = Math.abs(got[i] - want[i]);
      if (!(g <= gap)) gap = g;
    }
    const ratio = gap / limit;
    if (!(gap <= limit)) this.failures.push(`${what} ${where}: off by ${gap}, limit ${limit}`);
    const old = this.#worst.get(what);
    if (old === undefined || !(ratio <= old.ratio)) this.#worst.set(what, { gap, limit, ratio });
  }

  /** Largest gap as it is, and in words per output. */
  get worst(): number {
    return Math.max(0, ...[...this.#worst.values()].map((w) => w.gap));
  }
  get count(): number {
    return this.#worst.size;
  }
  note(extra: readonly string[] = []): string {
    const shown = this.failures.slice(0, 3);
    if (this.failures.length > 3) shown.push(`and ${this.failures.length - 3} more`);
    return [...shown, ...extra].join("; ");
  }
}

/** `config` of the case -> ours; null when it is not a unicycle action space. */
export function actionSpaceConfig(
  value: unknown,
  base: ActionSpaceConfig,
): ActionSpaceConfig | null {
  if (!isJson(value)) return null;
  const num = (key: string): number => {
    const v = value[key];
    if (typeof v !== "number")
      throw new Error(`case config: ${key} is ${String(v)}; expected a number`);
    return v;
  };
  const pair = (key: string): [number, number] => {
    const v = value[key];
    if (!Array.isArray(v) || v.length !== 2) throw new Error(`case config: ${key} is no pair`);
    return [Number(v[0]), Number(v[1])];
  };
  if (typeof value["accel_std"] !== "number" || typeof value["n_waypoints"] !== "number")
    return null;
  return {
    ...base,
    accelMean: num("accel_mean"),
    accelStd: num("accel_std"),
    curvatureMean: num("curvature_mean"),
    curvatureStd: num("curvature_std"),
    accelBounds: pair("accel_bounds"),
    curvatureBounds: pair("curvature_bounds"),
    dtSecs: num("dt"),
    waypointCount: num("n_waypoints"),
    thetaLambda: num("theta_lambda"),
    thetaRidge: num("theta_ridge"),
    speedLambda: num("v_lambda"),
    speedRidge: num("v_ridge"),
    accelLambda: num("a_lambda"),
    accelRidge: num("a_ridge"),
    curvatureLambda: num("kappa_lambda"),
    curvatureRidge: num("kappa_ridge"),
  };
}

function flat(path: LocalPath, z: number): Float64Array {
  const out = new Float64Array(3 * path.x.length);
  for (let i = 0; i < path.x.length; i++) out.set([path.x[i], path.y[i], z], 3 * i);
  return out;
}

function flatRotation(path: LocalPath): Float64Array {
  const out = new Float64Array(9 * path.x.length);
  for (let i = 0; i < path.x.length; i++) {
    const [c, s] = [Math.cos(path.yaw[i]), Math.sin(path.yaw[i])];
    out.set([c, -s, 0, s, c, 0, 0, 0, 1], 9 * i);
  }
  return out;
}

/** Limit per output and example. */
type Limits = (output: string, i: number) => number;

function limitsFor(caseJson: Json, isDouble: boolean): { limits: Limits; tolerance: string } {
  if (isDouble) return { limits: () => 1e-9, tolerance: "abs 1e-9" };
  const observed = isJson(caseJson["tolerance"])
    ? (caseJson["tolerance"] as Json)["observed_max_abs_fp32_minus_fp64"]
    : null;
  const spread = isJson(caseJson["tolerance"])
    ? (caseJson["tolerance"] as Json)["observed_action_spread_per_trajectory"]
    : null;
  const names = Array.isArray(caseJson["trajectories"]) ? caseJson["trajectories"] : [];
  const fallback: Record<string, number> = {
    v0: 1e-5,
    action: 2e-2,
    theta: 3e-5,
    v: 2e-4,
    accel: 2e-3,
    kappa: 1e-3,
    recon_xyz: 3e-4,
    rand_xyz: 3e-5,
  };
  const limits: Limits = (output, i) => {
    const key = output.startsWith("action") ? "action" : output.replace(/_rot$/, "_xyz");
    const perDrive = isJson(spread) && key === "action" ? spread[String(names[i])] : undefined;
    const stated = perDrive ?? (isJson(observed) ? observed[key] : undefined);
    return 4 * (typeof stated === "number" ? stated : (fallback[key] ?? 1e-3)) + 1e-6;
  };
  return { limits, tolerance: "abs 4 x the float32-double gap of the case + 1e-6" };
}

/** Outputs of one file; `inputs` holds the drives (another file where this one has constants only). */
async function compareFile(
  file: SafetensorsFile,
  inputs: SafetensorsFile,
  space: ActionSpace,
  limits: Limits,
  gaps: Gaps,
): Promise<readonly string[]> {
  const history = await drives(inputs, "hist_xyz", "hist_rot");
  const future = await drives(inputs, "fut_xyz", "fut_rot");
  const want = async (tensor: string) => (file.has(tensor) ? tensor64(file, tensor) : null);
  const outputs = {
    v0: await want("v0"),
    theta: await want("theta"),
    v: await want("v"),
    accel: await want("accel"),
    kappa: await want("kappa"),
    action: await want("action"),
    within: await want("within_bounds"),
    reconXyz: await want("recon_xyz"),
    reconRot: await want("recon_rot"),
    given: await want("action_given_v0"),
  };
  const givenV0 = file.has("given_v0") ? await tensor64(file, "given_v0") : null;
  future.forEach((path, i) => {
    const at = `example ${i}`;
    const start = { history: history[i] };
    const e = space.encode(path, start);
    const check = (output: string, got: ArrayLike<number>, tensor: Tensor64 | null) => {
      if (tensor !== null) gaps.add(output, at, got, tensor.row(i), limits(output, i));
    };
    check("v0", [e.v0Mps], outputs.v0);
    check("theta", e.thetaRad, outputs.theta);
    check("v", e.speedMps, outputs.v);
    check("accel", e.accelMps2, outputs.accel);
    check("kappa", e.curvaturePerM, outputs.kappa);
    check("action", e.action, outputs.action);
    if (outputs.within !== null) {
      gaps.add("within_bounds", at, [e.isWithinBounds ? 1 : 0], outputs.within.row(i), 0.5);
    }
    if (outputs.reconXyz !== null && outputs.action !== null) {
      const back = space.decode(outputs.action.row(i), start);
      check("recon_xyz", flat(back, history[i].z[history[i].z.length - 1]), outputs.reconXyz);
      check("recon_rot", flatRotation(back), outputs.reconRot);
    }
    if (outputs.given !== null && givenV0 !== null) {
      const v0Mps = givenV0.row(i)[0];
      check("action_given_v0", space.encode(path, { v0Mps }).action, outputs.given);
    }
  });
  if (file.has("rand_xyz")) {
    const actions = await tensor64(file.has("rand_action") ? file : inputs, "rand_action");
    const v0 = await tensor64(file.has("rand_v0") ? file : inputs, "rand_v0");
    const xyz = await tensor64(file, "rand_xyz");
    const rot = await want("rand_rot");
    for (let i = 0; i < actions.rows; i++) {
      const path = space.decode(actions.row(i), { v0Mps: v0.row(i)[0] });
      const z = history[0].z[history[0].z.length - 1];
      gaps.add("rand_xyz", `example ${i}`, flat(path, z), xyz.row(i), limits("rand_xyz", i));
      if (rot !== null) {
        gaps.add("rand_rot", `example ${i}`, flatRotation(path), rot.row(i), limits("rand_rot", i));
      }
    }
  }
  const known = new Set([
    "hist_xyz",
    "hist_rot",
    "fut_xyz",
    "fut_rot",
    "v0",
    "theta",
    "v",
    "accel",
    "kappa",
    "action",
    "within_bounds",
    "recon_xyz",
    "recon_rot",
    "given_v0",
    "action_given_v0",
    "rand_action",
    "rand_v0",
    "rand_xyz",
    "rand_rot",
    "accel_mean",
    "accel_std",
    "curvature_mean",
    "curvature_std",
  ]);
  return file.names.filter((n) => !known.has(n));
}

export async function drives(
  file: SafetensorsFile,
  xyzName: string,
  rotName: string | null,
): Promise<LocalPath[]> {
  const xyz = await tensor64(file, xyzName);
  const rot = rotName === null ? null : await tensor64(file, rotName);
  return Array.from({ length: xyz.rows }, (_, i) => pathOf(xyz.row(i), rot?.row(i) ?? null));
}

export const topic: GoldenTopic = {
  name,
  matches: (caseJson) =>
    isJson(caseJson) &&
    isJson(caseJson["config"]) &&
    typeof caseJson["config"]["curvature_std"] === "number" &&
    [...tensorFiles(caseJson).values()].some(
      (t) => t.has("hist_xyz") && t.has("fut_xyz") && t.has("action"),
    ),
  run: async (dir, caseJson) => {
    const { createActionSpace, referenceActionSpace } = await import("@causeway/geom");
    const { SafetensorsFile } = await import("@causeway/models");
    if (!isJson(caseJson)) return [];
    const base = actionSpaceConfig(caseJson["config"], referenceActionSpace);
    if (base === null) throw new Error("case config is no unicycle action space");
    const files = [...tensorFiles(caseJson)];
    const withDrives = files.filter(([, t]) => t.has("hist_xyz")).map(([f]) => f);
    const results: GoldenResult[] = [];
    for (const [fileName, tensors] of files) {
      if (!tensors.has("action") && !tensors.has("rand_xyz")) continue;
      const file = await SafetensorsFile.open(join(dir, fileName));
      // A file of constants and actions only belongs to the drives of the same precision.
      const candidates = tensors.has("hist_xyz") ? [fileName] : withDrives;
      const opened = await Promise.all(candidates.map((f) => SafetensorsFile.open(join(dir, f))));
      try {
        const dtype = file.entry(tensors.has("action") ? "action" : "rand_xyz").dtype;
        const inputs = opened.find((f) => f.entry("hist_xyz").dtype === dtype) ?? opened[0];
        let config = base;
        if (tensors.has("accel_std")) {
          const scalar = async (n: string) => (await tensor64(file, n)).data[0];
          config = {
            ...base,
            accelMean: await scalar("accel_mean"),
            accelStd: await scalar("accel_std"),
            curvatureMean: await scalar("curvature_mean"),
            curvatureStd: await scalar("curvature_std"),
          };
        }
        const { limits, tolerance } = limitsFor(caseJson, dtype === "F64");
        const gaps = new Gaps();
        const unknown = await compareFile(file, inputs, createActionSpace(config), limits, gaps);
        results.push({
          topic: name,
          case: fileName.replace(/\.safetensors$/, ""),
          passed: gaps.failures.length === 0 && unknown.length === 0 && gaps.count > 0,
          worst: gaps.worst,
          tolerance,
          note: gaps.note(unknown.length > 0 ? [`not compared: ${unknown.join(", ")}`] : []),
        });
      } finally {
        await file.close();
        await Promise.all(opened.map((f) => f.close()));
      }
    }
    return results;
  },
};
