/** `causeway score distance`: FID and FVD with features from the user's network, the distance itself exact. */
import { relative, resolve } from "node:path";
import { frechetDistance, gaussianOfFeatures } from "@causeway/eval/image";
import type { ScoreSheet } from "@causeway/eval/judged";
import type { OnnxFile } from "@causeway/graph";
import type { CommandContext, Outcome } from "../command.ts";
import type { DistanceOptions } from "../commands/score/distance.ts";
import { UserError } from "../errors.ts";
import { readEntries } from "./data-file.ts";
import { framesOfFile, mediaIn } from "./pictures.ts";
import { sheetText, writeSheet } from "./run-benchmark.ts";

interface Extracted {
  readonly rows: readonly Float64Array[];
  readonly files: number;
  readonly problems: readonly string[];
}

function triple(text: string | undefined, byDefault: number, name: string): readonly number[] {
  if (text === undefined) return [byDefault, byDefault, byDefault];
  const values = text.split(",").map(Number);
  if (values.length !== 3 || values.some((v) => !Number.isFinite(v)))
    throw new UserError("OPTION", `--${name} is "${text}"; expected three numbers r,g,b`);
  return values;
}

/** Bytes to what the network takes, one channel plane after the other. */
function normaliser(options: DistanceOptions): (value: number, channel: number) => number {
  const mean = triple(options.mean, 0, "mean");
  const std = triple(options.std, 1, "std");
  const scale: Readonly<Record<string, (v: number) => number>> = {
    unit: (v) => v / 255,
    signed: (v) => v / 127.5 - 1,
    byte: (v) => v,
  };
  const of = scale[options.scale];
  if (of === undefined)
    throw new UserError("OPTION", `--scale is "${options.scale}"; expected unit, signed or byte`);
  return (value, channel) => (of(value) - (mean[channel] as number)) / (std[channel] as number);
}

async function extract(
  context: CommandContext,
  path: string,
  network: OnnxFile,
  options: DistanceOptions,
): Promise<Extracted> {
  const files = await mediaIn(resolve(path));
  const normalise = normaliser(options);
  const [input] = network.inputs;
  if (input === undefined || network.inputs.length !== 1 || input.dtype !== "float32")
    throw new UserError(
      "NETWORK",
      `the network takes ${network.inputs.map((i) => `${i.name} (${i.dtype})`).join(", ")}; expected one float32 input`,
    );
  const wanted = options.video === true ? 5 : 4;
  if (input.shape.length !== wanted)
    throw new UserError(
      "NETWORK",
      `the network's input has ${input.shape.length} axes; expected ${wanted} (${options.video === true ? "N, 3, T, H, W" : "N, 3, H, W"})`,
    );
  const outputName = options.output ?? network.outputs[0]?.name ?? "";
  const side = options.size;
  const plane = side * side;
  const rows: Float64Array[] = [];
  const problems: string[] = [];
  const feature = async (frames: readonly Float32Array[]): Promise<void> => {
    const t = frames.length;
    const data = new Float32Array(3 * t * plane);
    frames.forEach((frame, k) => {
      for (let c = 0; c < 3; c++)
        data.set(frame.subarray(c * plane, (c + 1) * plane), (c * t + k) * plane);
    });
    const shape = options.video === true ? [1, 3, t, side, side] : [1, 3, side, side];
    const output = (await network.run({ [input.name]: { dtype: "float32", shape, data } })).get(
      outputName,
    );
    if (output === undefined)
      throw new UserError(
        "NETWORK",
        `the network has no output "${outputName}"; expected one of ${network.outputs.map((o) => o.name).join(", ")}`,
      );
    rows.push(Float64Array.from(output.data as Float32Array));
  };
  for (const [i, [name, file]] of [...files].entries()) {
    context.signal.throwIfAborted();
    context.progress.update(`features of ${path}`, { done: i, total: files.size });
    try {
      const clip: Float32Array[] = [];
      for await (const frame of framesOfFile(file, {
        maxFrames: options.frames,
        isDense: false,
        size: { width: side, height: side },
      })) {
        const values = new Float32Array(3 * plane);
        for (let p = 0; p < plane; p++)
          for (let c = 0; c < 3; c++)
            values[c * plane + p] = normalise(
              frame.data[p * frame.channels + (frame.channels === 1 ? 0 : c)] as number,
              c,
            );
        if (options.video === true) clip.push(values);
        else await feature([values]);
      }
      if (options.video !== true) continue;
      if (clip.length < options.frames)
        problems.push(`${name}: ${clip.length} frames; a clip needs ${options.frames}`);
      else await feature(clip);
    } catch (error) {
      if (error instanceof UserError && error.code === "NETWORK") throw error;
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { rows, files: files.size, problems };
}

async function readFeatures(path: string): Promise<Extracted> {
  const { entries, problems } = await readEntries(resolve(path));
  const rows = entries.map((entry, i) => {
    const values = Array.isArray(entry) ? entry : (entry as { features?: unknown }).features;
    if (!Array.isArray(values) || !values.every((v) => typeof v === "number"))
      throw new UserError(
        "FORMAT",
        `entry ${i + 1} is no list of numbers and has no "features" (${path})`,
      );
    return Float64Array.from(values);
  });
  return { rows, files: rows.length, problems: problems.map((p) => `${p.where}: ${p.problem}`) };
}

export async function scoreDistance(
  context: CommandContext,
  options: DistanceOptions,
  generated: string,
  real: string,
): Promise<Outcome> {
  let sides: readonly [Extracted, Extracted];
  if (options.features === true) sides = [await readFeatures(generated), await readFeatures(real)];
  else {
    if (options.network === undefined)
      throw new UserError(
        "OPTION",
        "give --network FILE.onnx, or --features; no network comes with Causeway",
      );
    const { openOnnxFile } = await import("@causeway/graph");
    const network = await openOnnxFile(resolve(options.network));
    try {
      sides = [
        await extract(context, generated, network, options),
        await extract(context, real, network, options),
      ];
    } finally {
      await network.close();
    }
  }
  const [g, r] = sides;
  const value = frechetDistance(gaussianOfFeatures(g.rows), gaussianOfFeatures(r.rows));
  const dim = g.rows[0]?.length ?? 0;
  const name =
    options.features === true ? "Fréchet distance" : options.video === true ? "FVD" : "FID";
  const problems = [...g.problems, ...r.problems];
  const sheet: ScoreSheet = {
    schema: "causeway-score/1",
    benchmark: options.video === true ? "fvd" : "fid",
    title: options.title ?? name,
    subject: generated,
    isSynthetic: false,
    settings: {
      network: options.network?.replace(/^.*[\\/]/, "") ?? "features from files",
      input:
        options.features === true
          ? "–"
          : `${options.size} px, ${options.scale}, mean ${options.mean ?? "0"}, std ${options.std ?? "1"}, ${options.frames} frames`,
      features: `${dim} dimensions; ${g.rows.length} generated, ${r.rows.length} real`,
    },
    counts: {
      items: g.files + r.files,
      answered: g.files + r.files - problems.length,
      unread: 0,
      failed: problems.length,
      pending: 0,
      failedByKind: problems.length > 0 ? { input: problems.length } : {},
      skippedEntries: 0,
    },
    metrics: [
      {
        key: "frechet",
        label: name,
        about:
          "Fréchet distance of two Gaussians over all features; covariances with n − 1. No interval: the distance is biased by the number of samples, so a resample's is not one of the same quantity.",
        format: "number",
        isHigherBetter: false,
        estimate: {
          value,
          interval: null,
          n: g.rows.length + r.rows.length,
          clusters: g.files + r.files,
        },
      },
    ],
    tables: [],
    notes: [
      ...(Math.min(g.rows.length, r.rows.length) <= dim
        ? [
            `${Math.min(g.rows.length, r.rows.length)} samples for ${dim} dimensions: the covariance has no full rank and the distance is biased upwards. Compare only numbers with the same sample counts.`,
          ]
        : []),
      ...problems.slice(0, 10).map((p) => `left out ${p}`),
    ],
  };
  const report = await writeSheet(context, options.out, sheet, [], resolve(real));
  return {
    data: { ...sheet, report },
    text: [
      sheetText(sheet),
      ...(report === null ? [] : [`report: ${relative(process.cwd(), report)}`]),
    ].join("\n"),
  };
}
