/**
 * Open-loop metrics against the numbers of the public Alpamayo evaluation code: a folder whose tensors come in
 * variants `V.gt_xyz`, `V.pred_xyz` [B, N sets, K samples, T, 3] and `V.metric/NAME`. One result per variant.
 */
import { join } from "node:path";
import type { GoldenResult, GoldenTopic } from "../topic.ts";

const name = "alpamayo-metrics";
const tolerance = "rel 1e-5 + abs 1e-7 (std across sets: 1e-3); best_sample exact";

/** Tensor names per file, as `files` of the case lists them. */
function tensorFiles(caseJson: unknown): Map<string, string[]> {
  const out = new Map<string, string[]>();
  if (typeof caseJson !== "object" || caseJson === null) return out;
  const files = (caseJson as Record<string, unknown>).files;
  if (typeof files !== "object" || files === null) return out;
  for (const [file, tensors] of Object.entries(files)) {
    if (!file.endsWith(".safetensors") || typeof tensors !== "object" || tensors === null) continue;
    out.set(file, Object.keys(tensors));
  }
  return out;
}

/** Variants of a file: prefixes that have a log, predictions and at least one metric. */
function variantsOf(names: readonly string[]): string[] {
  const have = new Set(names);
  const prefixes = names
    .filter((n) => n.endsWith(".gt_xyz"))
    .map((n) => n.slice(0, -".gt_xyz".length));
  return prefixes.filter(
    (v) => have.has(`${v}.pred_xyz`) && names.some((n) => n.startsWith(`${v}.metric/`)),
  );
}

/** Largest error so far, in units of the tolerance and as it is. */
class Worst {
  error = 0;
  readonly failures: string[] = [];
  add(what: string, got: number, expected: number, relative: number): void {
    const error = Math.abs(got - expected) / Math.max(Math.abs(expected), 1e-2);
    if (!(error <= this.error)) this.error = error;
    if (!(Math.abs(got - expected) <= relative * Math.abs(expected) + 1e-7)) {
      this.failures.push(`${what}: expected ${expected}, got ${got}`);
    }
  }
}

async function runVariant(
  file: import("@causeway/models").SafetensorsFile,
  variant: string,
): Promise<Omit<GoldenResult, "topic" | "case">> {
  const metrics = await import("@causeway/eval");
  const pred = await file.floats(`${variant}.pred_xyz`);
  const [numBatch, numSets, numSamples, steps] = pred.shape;
  const gt = (await file.floats(`${variant}.gt_xyz`)).data;
  const rotationOr = async (key: string, poses: number) =>
    file.has(`${variant}.${key}`)
      ? (await file.floats(`${variant}.${key}`)).data
      : Float32Array.from({ length: poses * 9 }, (_, i) => ((i % 9) % 4 === 0 ? 1 : 0));
  const gtRotation = await rotationOr("gt_rot", numBatch * steps);
  const predRotation = await rotationOr("pred_rot", numBatch * numSets * numSamples * steps);

  const path = (xyz: Float32Array) => {
    const column = (a: number) => Float64Array.from({ length: steps }, (_, t) => xyz[t * 3 + a]);
    return { x: column(0), y: column(1), z: column(2), yaw: new Float64Array(steps) };
  };
  const window = (data: Float32Array, index: number, width: number) =>
    data.subarray(index * width, (index + 1) * width);

  /** [batch][set] → distances of every sample. */
  const sets = Array.from({ length: numBatch }, (_, b) => {
    const logged = path(window(gt, b, steps * 3));
    const loggedCorners = metrics.cornersOfPoses(
      window(gt, b, steps * 3),
      window(gtRotation, b, steps * 9),
    );
    return Array.from({ length: numSets }, (_, n) => {
      const samples = Array.from(
        { length: numSamples },
        (_, k) => (b * numSets + n) * numSamples + k,
      );
      return {
        displacements: samples.map((i) =>
          metrics.displacementsM(path(window(pred.data, i, steps * 3)), logged),
        ),
        corners: samples.map((i) =>
          metrics.cornerDistancesM(
            metrics.cornersOfPoses(
              window(pred.data, i, steps * 3),
              window(predRotation, i, steps * 9),
            ),
            loggedCorners,
          ),
        ),
      };
    });
  });
  type SetOfSamples = (typeof sets)[number][number];

  /** The metric as a function of one set, or null for a name that is not known here. */
  const metricOf = (metric: string): ((set: SetOfSamples) => number) | null => {
    const match = /^(min_ade|ade|corner_distance)(?:\/by_t=([0-9.]+))?$/.exec(metric);
    if (match === null) return null;
    const [, kind, horizon] = match;
    const count = horizon === undefined ? steps : metrics.stepsWithin(Number(horizon));
    if (kind === "min_ade") {
      return ({ displacements }) =>
        metrics.prefixMean(displacements[metrics.bestSample(displacements)], count);
    }
    if (kind === "ade") return ({ displacements }) => metrics.prefixMean(displacements[0], count);
    return ({ corners }) => metrics.cornerDistanceMixture(corners, count);
  };

  const worst = new Worst();
  const unknown: string[] = [];
  let compared = 0;
  const compare = async (tensor: string, of: (set: SetOfSamples) => number, std: boolean) => {
    const { data } = await file.floats(tensor);
    sets.forEach((batch, b) => {
      const { mean, std: spread } = metrics.acrossSets(batch.map(of));
      worst.add(`${tensor}[${b}]`, std ? spread : mean, data[b], std ? 1e-3 : 1e-5);
    });
    compared += 1;
  };
  const prefix = `${variant}.metric/`;
  for (const tensor of file.names.filter((n) => n.startsWith(prefix)).toSorted()) {
    const std = tensor.endsWith("_std");
    const of = metricOf(tensor.slice(prefix.length, std ? -"_std".length : undefined));
    if (of === null) unknown.push(tensor);
    else await compare(tensor, of, std);
  }
  const own = `${variant}.own_corner_distance_best_trajectory`;
  if (file.has(own))
    await compare(own, ({ corners }) => metrics.cornerDistancePerTrajectory(corners), false);
  if (file.has(`${variant}.sample_ade`)) {
    const { data } = await file.floats(`${variant}.sample_ade`);
    sets.flat().forEach((set, s) => {
      set.displacements.forEach((d, k) => {
        const i = s * numSamples + k;
        worst.add(`${variant}.sample_ade[${i}]`, metrics.prefixMean(d), data[i], 1e-5);
      });
    });
  }
  if (file.has(`${variant}.best_sample`)) {
    const { data } = await file.integers(`${variant}.best_sample`);
    sets.flat().forEach((set, s) => {
      worst.add(`${variant}.best_sample[${s}]`, metrics.bestSample(set.displacements), data[s], 0);
    });
  }
  const notes = [
    ...worst.failures.slice(0, 3),
    ...(worst.failures.length > 3 ? [`and ${worst.failures.length - 3} more`] : []),
    ...(unknown.length > 0 ? [`metrics not known here: ${unknown.join(", ")}`] : []),
  ];
  return {
    passed: worst.failures.length === 0 && unknown.length === 0 && compared > 0,
    worst: worst.error,
    tolerance,
    note: notes.join("; "),
  };
}

export const topic: GoldenTopic = {
  name,
  matches: (caseJson) =>
    [...tensorFiles(caseJson).values()].some((names) => variantsOf(names).length > 0),
  run: async (dir, caseJson) => {
    const { SafetensorsFile } = await import("@causeway/models");
    const results: GoldenResult[] = [];
    for (const [fileName, names] of tensorFiles(caseJson)) {
      const variants = variantsOf(names);
      if (variants.length === 0) continue;
      const file = await SafetensorsFile.open(join(dir, fileName));
      try {
        for (const variant of variants) {
          results.push({ topic: name, case: variant, ...(await runVariant(file, variant)) });
        }
      } finally {
        await file.close();
      }
    }
    return results;
  },
};
