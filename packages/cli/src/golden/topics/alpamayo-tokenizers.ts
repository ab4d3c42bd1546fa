/**
 * Trajectory tokens against the public Alpamayo tokenizers: ids of futures (bins over the action space) and of histories
 * (position deltas), their decodes, and the bins alone. One result per group of outputs that a case has.
 */
import { join } from "node:path";
import type { LocalPath } from "@causeway/geom";
import type { SafetensorsFile } from "@causeway/models";
import type { GoldenResult, GoldenTopic } from "../topic.ts";
import {
  actionSpaceConfig,
  drives,
  Gaps,
  isJson,
  type Json,
  tensor64,
  tensorFiles,
} from "./alpamayo-action-space.ts";

const name = "alpamayo-tokenizers";

interface Group {
  readonly case: string;
  readonly gaps: Gaps;
  readonly tolerance: string;
}

const flat = (p: LocalPath) =>
  Float64Array.from(
    { length: 3 * p.x.length },
    (_, i) => [p.x, p.y, p.z][i % 3][Math.floor(i / 3)],
  );
const list = (v: unknown): number[] => (Array.isArray(v) ? v.map(Number) : []);

async function futureGroups(file: SafetensorsFile, config: Json): Promise<Group[]> {
  const geom = await import("@causeway/geom");
  const space = actionSpaceConfig(config["action_space"], geom.referenceActionSpace);
  const [min, max] = [list(config["dims_min"]), list(config["dims_max"])];
  if (space === null || typeof config["num_bins"] !== "number") {
    throw new Error("future_config lacks num_bins or an action_space");
  }
  if (new Set(min).size !== 1 || new Set(max).size !== 1) {
    throw new Error(
      `future_config: ranges ${min.join(", ")} … ${max.join(", ")}; one range for both dimensions is supported`,
    );
  }
  const options = {
    bins: config["num_bins"],
    min: min[0],
    max: max[0],
    actionSpace: geom.createActionSpace(space),
  };
  const tokens = geom.createFutureTokenizer(options);
  const groups: Group[] = [];
  const group = (label: string, tolerance: string): Gaps => {
    const gaps = new Gaps();
    groups.push({ case: label, gaps, tolerance });
    return gaps;
  };
  const has = (...names: string[]) => names.every((n) => file.has(n));
  const history = has("hist_xyz", "hist_rot") ? await drives(file, "hist_xyz", "hist_rot") : [];

  if (has("quantiser_values", "quantiser_ids")) {
    const gaps = group("quantiser", "ids exact, centres 1e-6");
    const values = await tensor64(file, "quantiser_values");
    const ids = await tensor64(file, "quantiser_ids");
    gaps.add("ids", "", tokens.encodeActions(values.data), ids.data, 0.5);
    if (has("quantiser_decoded")) {
      const decoded = await tensor64(file, "quantiser_decoded");
      gaps.add("decoded", "", tokens.decodeActions(ids.data), decoded.data, 1e-6);
    }
  }
  if (has("future_ids", "fut_xyz", "fut_rot") && history.length > 0) {
    const gaps = group(
      "future",
      "ids exact, at most 2 off where the case calls them fragile; decoded 1e-4 m, rad",
    );
    const ids = await tensor64(file, "future_ids");
    const fragile = has("future_fragile") ? await tensor64(file, "future_fragile") : null;
    const future = await drives(file, "fut_xyz", "fut_rot");
    const xyz = has("future_decoded_xyz") ? await tensor64(file, "future_decoded_xyz") : null;
    const rot = has("future_decoded_rot") ? await tensor64(file, "future_decoded_rot") : null;
    future.forEach((path, i) => {
      const at = `example ${i}`;
      const got = tokens.encode(path, { history: history[i] });
      const loose = fragile?.row(i);
      const exact = Array.from(got, (id, j) => (loose?.[j] === 1 ? ids.row(i)[j] : id));
      gaps.add("ids", at, exact, ids.row(i), 0.5);
      gaps.add("fragile ids", at, got, ids.row(i), 2);
      const back = tokens.decode(ids.row(i), { history: history[i] });
      if (xyz !== null) gaps.add("decoded_xyz", at, flat(back), xyz.row(i), 1e-4);
      if (rot !== null) gaps.add("decoded_rot", at, cosines(back), cosinesOf(rot.row(i)), 1e-4);
    });
  }
  if (has("given_ids", "given_decoded_xyz") && history.length > 0) {
    const gaps = group("given ids", "decoded 2e-3 m");
    const ids = await tensor64(file, "given_ids");
    const xyz = await tensor64(file, "given_decoded_xyz");
    for (let i = 0; i < ids.rows; i++) {
      const back = tokens.decode(ids.row(i), { history: history[i] });
      gaps.add("decoded_xyz", `example ${i}`, flat(back), xyz.row(i), 2e-3);
    }
  }
  if (has("future_pre_round_fp64", "future_ids_fp64")) {
    // The double drives are not in this file; the stated values before rounding are quantised as they are.
    const gaps = group("rounding in double", "exact");
    const before = await tensor64(file, "future_pre_round_fp64");
    const ids = await tensor64(file, "future_ids_fp64");
    const got = Array.from(before.data, (v) =>
      Math.min(options.bins - 1, Math.max(0, geom.roundHalfEven(v))),
    );
    gaps.add("ids", "", got, ids.data, 0.5);
  }
  return groups;
}

/** cos and sin of the headings, from a path or from rotation matrices: no jump at ±π. */
const cosines = (p: LocalPath) =>
  Float64Array.from({ length: 2 * p.yaw.length }, (_, i) =>
    i % 2 === 0 ? Math.cos(p.yaw[i >> 1]) : Math.sin(p.yaw[i >> 1]),
  );
const cosinesOf = (rot: Float64Array) =>
  Float64Array.from(
    { length: (2 * rot.length) / 9 },
    (_, i) => rot[9 * (i >> 1) + (i % 2 === 0 ? 0 : 3)],
  );

async function historyGroups(
  file: SafetensorsFile,
  inputs: SafetensorsFile | null,
  config: Json,
): Promise<Group[]> {
  const geom = await import("@causeway/geom");
  const [min, max] = [list(config["ego_xyz_min"]), list(config["ego_xyz_max"])];
  if (typeof config["num_bins"] !== "number" || min.length !== 3 || max.length !== 3) {
    throw new Error("history_config lacks num_bins or ranges");
  }
  if (config["predict_yaw"] === true)
    throw new Error("history_config: predict_yaw is not supported");
  const tokens = geom.createHistoryTokenizer({
    bins: config["num_bins"],
    min: [min[0], min[1], min[2]],
    max: [max[0], max[1], max[2]],
  });
  const groups: Group[] = [];
  for (const kind of ["history", "walk"]) {
    if (!file.has(`${kind}_ids`)) continue;
    const source = kind === "walk" ? file : inputs;
    const xyzName = kind === "walk" ? "walk_xyz" : "hist_xyz";
    const gaps = new Gaps();
    groups.push({ case: kind, gaps, tolerance: "ids exact, decoded 1e-4 m, rad" });
    const ids = await tensor64(file, `${kind}_ids`);
    const paths = source?.has(xyzName) ? await drives(source, xyzName, null) : [];
    if (paths.length !== ids.rows)
      throw new Error(`${kind}_ids: no drives (${xyzName}) beside them`);
    const decoded = async (suffix: string) =>
      file.has(`${kind}_decoded_${suffix}`) ? tensor64(file, `${kind}_decoded_${suffix}`) : null;
    const [xyz, rot] = [await decoded("xyz"), await decoded("rot")];
    paths.forEach((path, i) => {
      const at = `example ${i}`;
      gaps.add("ids", at, tokens.encode(path), ids.row(i), 0.5);
      const back = tokens.decode(ids.row(i));
      if (xyz !== null) gaps.add("decoded_xyz", at, flat(back), xyz.row(i), 1e-4);
      if (rot !== null) gaps.add("decoded_rot", at, cosines(back), cosinesOf(rot.row(i)), 1e-4);
    });
  }
  return groups;
}

export const topic: GoldenTopic = {
  name,
  matches: (caseJson) =>
    isJson(caseJson) &&
    (isJson(caseJson["future_config"]) || isJson(caseJson["history_config"])) &&
    [...tensorFiles(caseJson).values()].some(
      (t) => t.has("future_ids") || t.has("history_ids") || t.has("quantiser_ids"),
    ),
  run: async (dir, caseJson) => {
    const { SafetensorsFile } = await import("@causeway/models");
    if (!isJson(caseJson)) return [];
    const groups: Group[] = [];
    const files = [...tensorFiles(caseJson)];
    const opened = new Map<string, SafetensorsFile>();
    try {
      for (const [f] of files) opened.set(f, await SafetensorsFile.open(join(dir, f)));
      const withDrives = files.find(([, t]) => t.has("hist_xyz"))?.[0] ?? "";
      for (const [fileName, tensors] of files) {
        const file = opened.get(fileName) as SafetensorsFile;
        const future = caseJson["future_config"];
        if (isJson(future) && (tensors.has("future_ids") || tensors.has("quantiser_ids"))) {
          groups.push(...(await futureGroups(file, future)));
        }
        const history = caseJson["history_config"];
        if (isJson(history) && (tensors.has("history_ids") || tensors.has("walk_ids"))) {
          groups.push(...(await historyGroups(file, opened.get(withDrives) ?? null, history)));
        }
      }
    } finally {
      await Promise.all([...opened.values()].map((f) => f.close()));
    }
    return groups.map(
      (g): GoldenResult => ({
        topic: name,
        case: g.case,
        passed: g.gaps.failures.length === 0 && g.gaps.count > 0,
        worst: g.gaps.worst,
        tolerance: g.tolerance,
        note: g.gaps.note(),
      }),
    );
  },
};
