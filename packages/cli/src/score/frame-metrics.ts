/** `causeway score frames`: generated pictures or videos against real ones, frame by frame. */
import { relative, resolve } from "node:path";
import {
  blurSsim,
  canny,
  depthErrors,
  edgeF1,
  instanceIou,
  instanceRecall,
  psnr,
  type Raster,
  semanticIou,
  ssim,
  toGray,
} from "@causeway/eval/image";
import {
  countItems,
  meanOf,
  type NumberFormat,
  type ScoreSheet,
  type SheetItem,
  type SheetMetric,
} from "@causeway/eval/judged";
import type { CommandContext, Outcome } from "../command.ts";
import type { FramesOptions } from "../commands/score/frames.ts";
import { UserError } from "../errors.ts";
import { framesOfFile, mediaIn } from "./pictures.ts";
import { sheetText, writeSheet } from "./run-benchmark.ts";

type Scores = Readonly<Record<string, number | null>>;
type Compare = (predicted: Raster, truth: Raster, mask: Uint8Array | null) => Scores;

interface Kind {
  readonly metrics: readonly {
    readonly key: string;
    readonly label: string;
    readonly about: string;
    readonly format: NumberFormat;
    readonly isHigherBetter: boolean;
  }[];
  readonly compare: Compare;
  /** 0 best to 1 worst. */
  readonly badness: (scores: Readonly<Record<string, number>>) => number;
}

const gray = (r: Raster): Raster => toGray(r);
const outside = (labels: ArrayLike<number>, mask: Uint8Array | null): ArrayLike<number> =>
  mask === null ? labels : Array.from(labels, (v, i) => (mask[i] === 0 ? 255 : v));

function kindOf(options: FramesOptions): Kind {
  if (options.kind === "depth")
    return {
      metrics: [
        {
          key: "rmse",
          label: "RMSE",
          about:
            "After scaling the prediction by the ratio of medians; zeros and what lies outside of the mask do not count.",
          format: "number",
          isHigherBetter: false,
        },
        {
          key: "logRmse",
          label: "Log RMSE",
          about: "The same of natural logarithms.",
          format: "number",
          isHigherBetter: false,
        },
        {
          key: "absRel",
          label: "Relative error",
          about: "Mean of |truth − prediction| / truth.",
          format: "percent",
          isHigherBetter: false,
        },
        {
          key: "siLogStd",
          label: "Scale-invariant log error",
          about: "Standard deviation of ln(prediction) − ln(truth).",
          format: "number",
          isHigherBetter: false,
        },
        {
          key: "delta125",
          label: "Within 1.25",
          about: "Share of pixels within a factor of 1.25.",
          format: "percent",
          isHigherBetter: true,
        },
      ],
      compare: (p, t, mask) => {
        const { rmse, logRmse, absRel, siLogStd, delta125 } = depthErrors(
          t.data,
          p.data,
          mask === null ? {} : { mask },
        );
        return { rmse, logRmse, absRel, siLogStd, delta125 };
      },
      badness: (s) => Math.min(1, s.absRel ?? 1),
    };
  if (options.kind === "instances")
    return {
      metrics: [
        {
          key: "miou",
          label: "Instance IoU",
          about:
            "Mean over true instances of the IoU of the optimal assignment; an unmatched one counts 0.",
          format: "number",
          isHigherBetter: true,
        },
        {
          key: "best",
          label: "Best IoU",
          about: "Mean over true instances of the best IoU; a prediction may serve twice.",
          format: "number",
          isHigherBetter: true,
        },
        {
          key: "recall50",
          label: "Recall at 0.5",
          about: "True instances matched with an IoU of at least 0.5.",
          format: "percent",
          isHigherBetter: true,
        },
      ],
      compare: (p, t, mask) => {
        const got = instanceIou(t.data, p.data, mask);
        return { miou: got.meanMatched, best: got.meanBest, recall50: instanceRecall(got, 0.5) };
      },
      badness: (s) => 1 - (s.miou ?? 0),
    };
  if (options.kind === "classes")
    return {
      metrics: [
        {
          key: "miou",
          label: "Class IoU",
          about:
            "Mean over the classes that occur; label 255 and what lies outside of the mask do not count.",
          format: "number",
          isHigherBetter: true,
        },
        {
          key: "accuracy",
          label: "Pixel accuracy",
          about: "Share of pixels with the right class.",
          format: "percent",
          isHigherBetter: true,
        },
      ],
      compare: (p, t, mask) => {
        const got = semanticIou(outside(t.data, mask), p.data, 255, 255);
        return { miou: got.meanIou, accuracy: got.pixelAccuracy };
      },
      badness: (s) => 1 - (s.miou ?? 0),
    };
  const blur = { kernel: options.blurKernel, sigma: options.blurSigma };
  const thresholds = { low: options.cannyLow, high: options.cannyHigh, l2Gradient: false };
  return {
    metrics: [
      {
        key: "blurSsim",
        label: "Blur-SSIM",
        about: `SSIM after a Gaussian blur of ${blur.kernel} px, sigma ${blur.sigma}, mean over frames.`,
        format: "number",
        isHigherBetter: true,
      },
      {
        key: "ssim",
        label: "SSIM",
        about: "7x7 box, mean over frames.",
        format: "number",
        isHigherBetter: true,
      },
      {
        key: "psnr",
        label: "PSNR, dB",
        about: "Mean over frames that differ.",
        format: "number",
        isHigherBetter: true,
      },
      {
        key: "edges",
        label: "Canny F1",
        about: `F1 of Canny edges (${thresholds.low}, ${thresholds.high}), pixel by pixel, mean over frames with edges.`,
        format: "number",
        isHigherBetter: true,
      },
    ],
    compare: (p, t, mask) => {
      const noise = psnr(p, t, 255, mask);
      return {
        blurSsim: blurSsim(p, t, blur, undefined, mask).value,
        ssim: ssim(p, t, undefined, mask).value,
        psnr: noise === null || !Number.isFinite(noise) ? null : noise,
        edges: edgeF1(canny(gray(p), thresholds), canny(gray(t), thresholds), mask).f1,
      };
    },
    badness: (s) => Math.max(0, Math.min(1, 1 - (s.blurSsim ?? 0))),
  };
}

/** Frames of several files in step; ends with the shortest and says by how much the others were longer. */
async function* inStep(
  files: readonly string[],
  options: Parameters<typeof framesOfFile>[1],
): AsyncGenerator<Raster[], number, void> {
  const readers = files.map((file) => framesOfFile(file, options));
  try {
    for (let count = 0; ; count++) {
      const next = await Promise.all(readers.map((r) => r.next()));
      const ended = next.filter((n) => n.done === true).length;
      if (ended > 0) return ended === next.length ? 0 : count;
      yield next.map((n) => n.value as Raster);
    }
  } finally {
    await Promise.all(readers.map((r) => r.return()));
  }
}

async function compareFiles(
  predicted: string,
  truth: string,
  mask: string | null,
  kind: Kind,
  options: FramesOptions,
): Promise<{ scores: Record<string, number>; frames: number; isUneven: boolean }> {
  const sums = new Map<string, { sum: number; n: number }>();
  let frames = 0;
  let size: { width: number; height: number } | null = null;
  for await (const first of framesOfFile(truth, { maxFrames: 1, isDense: true, size: null }))
    size = { width: first.width, height: first.height };
  // The truth fixes the size. Labels are never resampled.
  const canResize = options.kind === "pictures" && options.resize === true;
  const settings = { maxFrames: options.maxFrames, isDense: false, size: canResize ? size : null };
  const steps = inStep([predicted, truth, ...(mask === null ? [] : [mask])], settings);
  let isUneven = false;
  for (;;) {
    const step = await steps.next();
    if (step.done === true) {
      isUneven = step.value > 0;
      break;
    }
    const [p, t, m] = step.value as [Raster, Raster, Raster | undefined];
    const region =
      m === undefined
        ? null
        : Uint8Array.from(gray(m).data, (v) => Number(v > 0) ^ Number(options.invertMask === true));
    frames += 1;
    for (const [key, value] of Object.entries(kind.compare(p, t, region))) {
      if (value === null) continue;
      const known = sums.get(key) ?? { sum: 0, n: 0 };
      sums.set(key, { sum: known.sum + value, n: known.n + 1 });
    }
  }
  return {
    frames,
    isUneven,
    scores: Object.fromEntries([...sums].map(([key, { sum, n }]) => [key, sum / n])),
  };
}

export async function scoreFrames(
  context: CommandContext,
  options: FramesOptions,
  predicted: string,
  truth: string,
): Promise<Outcome> {
  const kind = kindOf(options);
  const given = await mediaIn(resolve(predicted));
  const real = await mediaIn(resolve(truth));
  const isSingle = given.size === 1 && real.size === 1;
  const masks = options.mask === undefined ? null : await mediaIn(resolve(options.mask));
  const items: SheetItem[] = [];
  const names = isSingle
    ? [...real.keys()]
    : [...new Set([...real.keys(), ...given.keys()])].sort();
  for (const [i, name] of names.entries()) {
    context.signal.throwIfAborted();
    context.progress.update("frames", { done: i, total: names.length });
    const p = isSingle ? [...given.values()][0] : given.get(name);
    const t = real.get(name);
    const m =
      masks === null
        ? null
        : masks.size === 1 && isSingle
          ? [...masks.values()][0]
          : masks.get(name);
    const common = {
      id: name,
      cluster: name,
      group: null,
      question: null,
      reasoning: null,
      raw: null,
      media: [p, t].filter((f) => f !== undefined),
    };
    const lost = (failure: string, problem: string): SheetItem => ({
      ...common,
      status: "failed",
      failure,
      problem,
      scores: {},
      expected: "",
      answered: null,
      details: [],
      badness: 0.95,
    });
    if (p === undefined || t === undefined) {
      items.push(
        lost(
          "no-pair",
          p === undefined
            ? "nothing of this name was generated"
            : "there is no real one of this name",
        ),
      );
      continue;
    }
    if (m === undefined) {
      items.push(lost("no-mask", "there is no mask of this name"));
      continue;
    }
    try {
      const { scores, frames, isUneven } = await compareFiles(p, t, m ?? null, kind, options);
      if (Object.keys(scores).length === 0)
        items.push(lost("empty", `none of ${frames} frames has a pixel that counts`));
      else
        items.push({
          ...common,
          status: "answered",
          failure: null,
          problem: isUneven
            ? `the files have different numbers of frames; the first ${frames} were compared`
            : null,
          scores,
          expected: "",
          answered: `${frames} frames`,
          details: kind.metrics.flatMap(({ key, label }) =>
            scores[key] === undefined ? [] : [[label, scores[key].toFixed(4)] as const],
          ),
          badness: kind.badness(scores),
        });
    } catch (error) {
      items.push(lost("input", error instanceof Error ? error.message : String(error)));
    }
  }
  if (items.length === 0) throw new UserError("INPUT", `no picture or video here (${truth})`);
  const sheet: ScoreSheet = {
    schema: "causeway-score/1",
    benchmark: `frames-${options.kind}`,
    title: options.title ?? "Frames against truth",
    subject: predicted,
    isSynthetic: false,
    settings: {
      kind: options.kind,
      mask:
        options.mask === undefined
          ? "none"
          : `${options.mask}${options.invertMask === true ? ", inverted" : ""}`,
      frames: `at most ${options.maxFrames} per file, evenly spaced`,
    },
    counts: countItems(items, 0),
    metrics: kind.metrics.map(
      (m): SheetMetric => ({
        ...m,
        estimate: meanOf(items, m.key, m.key !== "psnr" && m.isHigherBetter),
      }),
    ),
    tables: [],
    notes: [],
  };
  const report = await writeSheet(context, options.out, sheet, items, resolve(truth));
  return {
    data: { ...sheet, items, report },
    text: [
      sheetText(sheet),
      ...items
        .filter((i) => i.problem !== null)
        .slice(0, 10)
        .map((i) => `${i.id}: ${i.problem}`),
      ...(report === null ? [] : [`report: ${relative(process.cwd(), report)}`]),
    ].join("\n"),
  };
}
