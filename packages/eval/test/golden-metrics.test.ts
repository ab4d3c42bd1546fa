/** The numbers of the public evaluation code on random and hand-made candidates (golden/alpamayo-metrics/case.json). */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  bestSample,
  type ByHorizon,
  cornerDistanceMixture,
  cornerDistancePerTrajectory,
  cornerDistancesM,
  cornersOfPoses,
  displacementsM,
  horizonKeys,
  minAde,
  prefixMean,
} from "@causeway/eval";
import { readTensors, type Tensor } from "./safetensors.ts";

const tensors = readTensors(
  fileURLToPath(new URL("./golden/alpamayo-metrics/data.safetensors", import.meta.url)),
);
const get = (name: string): Tensor => {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`golden has no ${name}`);
  return tensor;
};
const upstreamName: Record<string, string> = {
  "0.5s": "0.5",
  "1s": "1.0",
  "3s": "3.0",
  "5s": "5.0",
};

/** xy path from [T, 3] values. */
const path = (xyz: Float64Array) => {
  const column = (a: number) =>
    Float64Array.from({ length: xyz.length / 3 }, (_, i) => xyz[i * 3 + a]);
  return { x: column(0), y: column(1), z: column(2), yaw: new Float64Array(xyz.length / 3) };
};
const identity = (steps: number) =>
  Float64Array.from({ length: steps * 9 }, (_, i) => ((i % 9) % 4 === 0 ? 1 : 0));

for (const variant of ["one_set", "two_sets", "short", "hand"]) {
  const [numBatch, numSets, numSamples, steps] = get(`${variant}.pred_xyz`).shape;
  const row = (name: string, index: number, width: number) =>
    get(`${variant}.${name}`).data.subarray(index * width, (index + 1) * width);
  const rotation = (name: string, index: number) =>
    tensors.has(`${variant}.${name}`) ? row(name, index, steps * 9) : identity(steps);

  describe(`golden metrics, ${variant}`, () => {
    const results = Array.from({ length: numBatch }, (_, b) => {
      const gt = row("gt_xyz", b, steps * 3);
      const gtCorners = cornersOfPoses(gt, rotation("gt_rot", b));
      const sets = Array.from({ length: numSets }, (_, n) => {
        const at = (k: number) => (b * numSets + n) * numSamples + k;
        const ks = Array.from({ length: numSamples }, (_, k) => k);
        const displacements = ks.map((k) =>
          displacementsM(path(row("pred_xyz", at(k), steps * 3)), path(gt)),
        );
        const corners = ks.map((k) =>
          cornerDistancesM(
            cornersOfPoses(row("pred_xyz", at(k), steps * 3), rotation("pred_rot", at(k))),
            gtCorners,
          ),
        );
        return { displacements, corners };
      });
      return { gtCorners, sets };
    });
    const meanOverSets = (
      b: number,
      of: (set: (typeof results)[number]["sets"][number]) => number,
    ) => results[b].sets.reduce((sum, set) => sum + of(set) / numSets, 0);
    const expectAll = (name: string, of: (b: number) => number) => {
      const golden = get(`${variant}.${name}`).data;
      for (let b = 0; b < numBatch; b++) {
        expect(Math.abs(of(b) - golden[b]), `${name}[${b}]`).toBeLessThanOrEqual(
          1e-5 * Math.abs(golden[b]) + 1e-7,
        );
      }
    };

    it("minADE and its horizons", () => {
      expectAll("metric/min_ade", (b) => meanOverSets(b, (set) => minAde(set.displacements).full));
      let seen = 0;
      for (const key of horizonKeys) {
        const name = `metric/min_ade/by_t=${upstreamName[key]}`;
        if (!tensors.has(`${variant}.${name}`)) continue;
        seen += 1;
        expectAll(name, (b) =>
          meanOverSets(
            b,
            (set) => minAde(set.displacements).byHorizon[key as keyof ByHorizon] as number,
          ),
        );
      }
      expect(seen).toBe(variant === "short" ? 2 : 4);
    });

    it("ADE of the first sample", () => {
      expectAll("metric/ade", (b) => meanOverSets(b, (set) => prefixMean(set.displacements[0])));
    });

    it("corner distance, upstream mixture", () => {
      expectAll("metric/corner_distance", (b) =>
        meanOverSets(b, (set) => cornerDistanceMixture(set.corners)),
      );
    });

    if (tensors.has(`${variant}.best_sample`)) {
      it("best sample and corner distance of whole trajectories", () => {
        expect(results.flatMap((r) => r.sets.map((set) => bestSample(set.displacements)))).toEqual([
          ...get(`${variant}.best_sample`).data,
        ]);
        expectAll("own_corner_distance_best_trajectory", (b) =>
          meanOverSets(b, (set) => cornerDistancePerTrajectory(set.corners)),
        );
      });

      it("box corners, in any order of the eight", () => {
        const sorted = (values: ArrayLike<number>) =>
          Array.from({ length: 8 }, (_, c) => [
            values[c * 3],
            values[c * 3 + 1],
            values[c * 3 + 2],
          ]).sort((p, q) => p[2] - q[2] || p[0] - q[0] || p[1] - q[1]);
        const golden = row("gt_corners", 0, steps * 24);
        const mine = sorted(results[0].gtCorners.subarray(0, 24));
        sorted(golden.subarray(0, 24)).forEach((corner, c) => {
          corner.forEach((v, a) => expect(mine[c][a]).toBeCloseTo(v, 4));
        });
      });
    }
  });
}
