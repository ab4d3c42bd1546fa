/** The released reward, defects and all, from completion texts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createActionSpace, type LocalPath, referenceActionSpace } from "@causeway/geom";
import { alpamayoR1 } from "../alpamayo/presets.ts";
import {
  type ComfortKind,
  comfortKinds,
  upstreamComfort,
  upstreamComfortBounds,
  upstreamDynamics,
  upstreamPath,
  upstreamReasoning,
  upstreamReward,
  upstreamRewardWithReasoning,
} from "../alpamayo/upstream-reward.ts";
import { withTensors } from "./case-tensors.ts";
import { caseName, Comparison, type GoldenCheck } from "./check.ts";
import { pathsOf } from "./tiny-model.ts";

interface RewardEntry {
  readonly name: string;
  readonly row: number;
  readonly index: number;
  readonly completion: string;
  readonly comfort_flags: Readonly<Record<ComfortKind, number>>;
  readonly aggregated: { traj_L2: number; comfort_reward: number; reward: number };
  readonly with_reasoning?: { reasoning_score: number; reward: number };
  readonly grader_raw?: number;
  readonly reference_cot?: string;
}

interface Rewards {
  readonly weights: { traj_l2_weight: number; comfort_weight: number };
  readonly weights_with_reasoning: {
    traj_l2_weight: number;
    comfort_weight: number;
    reasoning_weight: number;
  };
  readonly entries: readonly RewardEntry[];
  readonly comfort_grid: readonly {
    motion: string;
    accel: number;
    curvature: number;
    v0: number;
    flags: Readonly<Record<ComfortKind, number>>;
    score: number;
  }[];
  readonly thresholds: Readonly<Record<ComfortKind, readonly [number, number]>>;
}

/** Upstream's names of the series. */
const seriesNames: Readonly<Record<ComfortKind, string>> = {
  lon_accel: "ego_dv_lon",
  lat_accel: "ego_dv_lat",
  jerk: "ego_jerk",
  lon_jerk: "ego_jerk_lon",
  yaw_accel: "ego_yaw_accel",
  yaw_rate: "ego_yaw_rate",
};
/** Differences of float32 positions, thousandfold for a second one. */
const allowedOf = (kind: ComfortKind): number => (kind.endsWith("jerk") ? 5e-2 : 5e-3);

export async function checkUpstreamReward(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const name = caseName(caseJson, "rewards");
  const rewards = JSON.parse(await readFile(join(dir, "rewards.json"), "utf8")) as Rewards;
  const space = createActionSpace(referenceActionSpace);
  const { dtSecs } = referenceActionSpace;
  const tolerance =
    "paths 1e-3; distance and reward 1e-4; series 5e-3, jerks 5e-2; flags exact unless a series touches its bound within that";
  const entries = new Comparison(`${name}/entries`, tolerance);
  const grid = new Comparison(`${name}/comfort_grid`, tolerance);
  entries.exact("thresholds", upstreamComfortBounds, rewards.thresholds);

  const compareFlags = (
    check: Comparison,
    what: string,
    dynamics: ReturnType<typeof upstreamDynamics>,
    expected: Readonly<Record<ComfortKind, number>>,
  ): boolean => {
    const { flags } = upstreamComfort(dynamics);
    let isClear = true;
    for (const kind of comfortKinds) {
      const touches = upstreamComfortBounds[kind].some((bound) =>
        dynamics[kind].some((v) => Math.abs(v - bound) <= allowedOf(kind)),
      );
      if (touches && flags[kind] !== expected[kind]) isClear = false;
      else check.exact(`${what}: ${kind}`, flags[kind], expected[kind]);
    }
    return isClear;
  };

  await withTensors(join(dir, "data.safetensors"), async (data) => {
    const read = async (key: string, rotations: string) => {
      // [rows, N, 3] as [rows, 1, N, 3].
      const [xyz, rot] = [await data.floats(key), await data.floats(rotations)];
      return pathsOf(
        { data: xyz.data, shape: [xyz.shape[0] as number, 1, xyz.shape[1] as number, 3] },
        { data: rot.data, shape: rot.shape },
      );
    };
    const histories = await read("hist_xyz", "hist_rot");
    const futures = await read("fut_xyz", "fut_rot");
    const decoded = await data.floats("decoded_xyz");
    const steps = decoded.shape[1] as number;
    for (const entry of rewards.entries) {
      const what = `${entry.index} ${entry.name}`;
      const history = histories[entry.row] as LocalPath;
      const future = futures[entry.row] as LocalPath;
      const path = upstreamPath(entry.completion, alpamayoR1, space, history);
      const flat = Array.from({ length: steps }, (_, i) => [
        path.x[i],
        path.y[i],
      ]).flat() as number[];
      const at = entry.index * steps;
      entries.close(
        `${what}: path`,
        flat,
        Array.from({ length: steps }, (_, i) => [
          decoded.data[(at + i) * 3],
          decoded.data[(at + i) * 3 + 1],
        ]).flat() as number[],
        { absolute: 1e-3 },
      );
      const dynamics = upstreamDynamics(path, dtSecs);
      for (const kind of comfortKinds) {
        const series = `dynamics.${entry.index}.${seriesNames[kind]}`;
        if (data.has(series))
          entries.close(`${what}: ${kind}`, dynamics[kind], (await data.floats(series)).data, {
            absolute: allowedOf(kind),
          });
      }
      if (!compareFlags(entries, what, dynamics, entry.comfort_flags)) continue;
      const { score } = upstreamComfort(dynamics);
      let sum = 0;
      for (let i = 0; i < steps; i++)
        sum += Math.hypot(
          (path.x[i] as number) - (future.x[i] as number),
          (path.y[i] as number) - (future.y[i] as number),
        );
      const ade = sum / steps;
      const { aggregated, with_reasoning: graded } = entry;
      const near = { absolute: 1e-4, ofLargest: 1e-5 };
      entries.close(`${what}: traj_L2`, [ade], [aggregated.traj_L2], near);
      entries.close(`${what}: comfort`, [score], [aggregated.comfort_reward], { absolute: 1e-6 });
      const { traj_l2_weight: trajectory, comfort_weight: comfort } = rewards.weights;
      entries.close(
        `${what}: reward`,
        [upstreamReward(ade, score, { trajectory, comfort })],
        [aggregated.reward],
        near,
      );
      if (graded === undefined) continue;
      const own = rewards.weights_with_reasoning;
      const result = upstreamRewardWithReasoning(
        ade,
        score,
        {
          text: upstreamReasoning(entry.completion),
          reference: entry.reference_cot ?? "",
          grade: entry.grader_raw ?? 0,
        },
        {
          trajectory: own.traj_l2_weight,
          comfort: own.comfort_weight,
          reasoning: own.reasoning_weight,
        },
      );
      entries.close(
        `${what}: with reasoning`,
        [result.reasoningScore, result.reward],
        [graded.reasoning_score, graded.reward],
        near,
      );
    }
  });
  for (const row of rewards.comfort_grid) {
    const what = `${row.motion} ${row.accel} ${row.curvature} from ${row.v0} m/s`;
    const n = referenceActionSpace.waypointCount;
    const path = space.drive(
      new Float64Array(n).fill(row.accel),
      new Float64Array(n).fill(row.curvature),
      row.v0,
    );
    const dynamics = upstreamDynamics(path, dtSecs);
    if (compareFlags(grid, what, dynamics, row.flags))
      grid.close(`${what}: score`, [upstreamComfort(dynamics).score], [row.score], {
        absolute: 1e-6,
      });
  }
  entries.remark("upstream's reward with its known defects; used for comparison only");
  return [entries.result(), grid.result()];
}
