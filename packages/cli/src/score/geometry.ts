/** `causeway score geometry`: does a video show one rigid world? Sampson distances over time and across views. */
import { relative, resolve } from "node:path";
import { createRng } from "@causeway/geom";
import {
  crossViewConsistency,
  defaultMatching,
  detectFeatures,
  type Features,
  type Matches,
  matchFeatures,
  temporalConsistency,
  type ViewConsistency,
} from "@causeway/eval/geometry";
import type { Raster } from "@causeway/eval/image";
import { bootstrap } from "@causeway/eval";
import {
  countItems,
  meanOf,
  type ScoreSheet,
  type SheetItem,
  type SheetMetric,
  withScore,
} from "@causeway/eval/judged";
import { z } from "zod";
import type { CommandContext, Outcome } from "../command.ts";
import type { GeometryOptions } from "../commands/score/geometry.ts";
import { UserError } from "../errors.ts";
import { readEntries } from "./data-file.ts";
import { framesOfFile, mediaIn } from "./pictures.ts";
import { sheetText, writeSheet } from "./run-benchmark.ts";

/** Matches of one video: per view and per pair of views, in order of time. */
interface VideoMatches {
  readonly temporal: ReadonlyMap<string, readonly Matches[]>;
  readonly cross: ReadonlyMap<string, readonly Matches[]>;
}

/** Views of one frame. A mosaic has three columns and two rows, left, front and right in the upper one. */
function viewsOf(frame: Raster, isMosaic: boolean): ReadonlyMap<string, Raster> {
  if (!isMosaic) return new Map([["front", frame]]);
  const width = Math.floor(frame.width / 3);
  const height = Math.floor(frame.height / 2);
  const cut = (column: number): Raster => {
    const { channels } = frame;
    const data = new Uint8Array(width * height * channels);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width * channels; x++)
        data[y * width * channels + x] = frame.data[
          y * frame.width * channels + column * width * channels + x
        ] as number;
    return { width, height, channels, data };
  };
  return new Map([
    ["left", cut(0)],
    ["front", cut(1)],
    ["right", cut(2)],
  ]);
}

async function matchVideo(path: string, options: GeometryOptions): Promise<VideoMatches> {
  const temporal = new Map<string, Matches[]>();
  const cross = new Map<string, Matches[]>();
  const push = (map: Map<string, Matches[]>, key: string, matches: Matches) =>
    map.set(key, [...(map.get(key) ?? []), matches]);
  let before = new Map<string, Features>();
  for await (const frame of framesOfFile(path, {
    maxFrames: options.maxFrames,
    isDense: true,
    size: null,
  })) {
    const now = new Map(
      [...viewsOf(frame, options.mosaic === true)].map(([name, view]) => [
        name,
        detectFeatures(view),
      ]),
    );
    for (const [name, features] of now) {
      const earlier = before.get(name);
      if (earlier === undefined) continue;
      push(
        temporal,
        name,
        matchFeatures(earlier, features, { ...defaultMatching, maxShiftPx: options.maxShift }),
      );
    }
    const front = now.get("front");
    for (const side of ["right", "left"]) {
      const other = now.get(side);
      if (front !== undefined && other !== undefined)
        push(cross, `front-${side}`, matchFeatures(front, other));
    }
    before = now;
  }
  return { temporal, cross };
}

const points = z.array(z.tuple([z.number(), z.number()]));
const matchShape = z
  .object({
    id: z.string().min(1),
    kind: z.enum(["temporal", "cross"]),
    view: z.string().default("front"),
    p0: points,
    p1: points,
  })
  .refine((m) => m.p0.length === m.p1.length, "p0 and p1 differ in length");

/** Rows {id, kind, view, p0, p1} in order of time. */
async function matchesOfFile(
  path: string,
): Promise<{ videos: Map<string, VideoMatches>; problems: string[] }> {
  const { entries, problems } = await readEntries(path);
  const videos = new Map<
    string,
    { temporal: Map<string, Matches[]>; cross: Map<string, Matches[]> }
  >();
  const wrong = problems.map((p) => `${p.where}: ${p.problem}`);
  entries.forEach((entry, i) => {
    const parsed = matchShape.safeParse(entry);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      wrong.push(`entry ${i + 1}: ${issue?.path.join(".")} ${issue?.message}`);
      return;
    }
    const { id, kind, view, p0, p1 } = parsed.data;
    const video = videos.get(id) ?? {
      temporal: new Map<string, Matches[]>(),
      cross: new Map<string, Matches[]>(),
    };
    video[kind].set(view, [...(video[kind].get(view) ?? []), { p0: p0.flat(), p1: p1.flat() }]);
    videos.set(id, video);
  });
  return { videos, problems: wrong };
}

const scoresOf = (name: string, c: ViewConsistency): Record<string, number> => ({
  ...(c.medianPx === null ? {} : { [name]: c.medianPx }),
  ...(c.meanPx === null ? {} : { [`${name} mean`]: c.meanPx }),
  ...(c.inlierShare === null ? {} : { [`${name} inliers`]: c.inlierShare }),
});

function itemOf(
  id: string,
  matches: VideoMatches,
  media: readonly string[],
  options: GeometryOptions,
): SheetItem {
  const ransac = { thresholdPx: options.threshold, confidence: 0.99, maxSamples: 2000 };
  const rng = createRng(options.seed);
  const scores: Record<string, number> = {};
  const details: [string, string][] = [];
  const add = (name: string, c: ViewConsistency) => {
    Object.assign(scores, scoresOf(name, c));
    details.push([
      name,
      `median ${c.medianPx?.toFixed(3) ?? "–"} px, mean ${c.meanPx?.toFixed(3) ?? "–"} px, ${c.matches} matches, ${c.inlierShare === null ? "–" : `${(100 * c.inlierShare).toFixed(0)} %`} within ${ransac.thresholdPx} px, ${c.framesWithoutFit} frames without a fit`,
    ]);
  };
  for (const [view, pairs] of matches.temporal)
    add(`temporal ${view}`, temporalConsistency(pairs, rng.fork(`t ${view}`), ransac));
  for (const [view, frames] of matches.cross)
    add(`cross ${view}`, crossViewConsistency(frames, rng.fork(`c ${view}`), ransac));
  const medians = Object.entries(scores)
    .filter(([k]) => !/(mean|inliers)$/.test(k))
    .map(([, v]) => v);
  const isEmpty = medians.length === 0;
  return {
    id,
    cluster: id,
    group: null,
    status: isEmpty ? "failed" : "answered",
    failure: isEmpty ? "no-fit" : null,
    problem: isEmpty ? "no frame had the eight matches that a fit needs" : null,
    scores,
    question: null,
    expected: "one rigid world",
    answered: isEmpty ? null : `${Math.max(...medians).toFixed(3)} px at worst`,
    reasoning: null,
    raw: null,
    media,
    details,
    // The published bands end at 5 px.
    badness: isEmpty ? 0.95 : Math.min(1, Math.max(...medians) / 5),
  };
}

const median = (values: readonly number[]): number => {
  const s = values.toSorted((a, b) => a - b);
  return s.length === 0
    ? Number.NaN
    : ((s[(s.length - 1) >> 1] as number) + (s[s.length >> 1] as number)) / 2;
};

export async function scoreGeometry(
  context: CommandContext,
  options: GeometryOptions,
  inputs: readonly string[],
): Promise<Outcome> {
  const items: SheetItem[] = [];
  let skipped: readonly string[] = [];
  if (options.matches !== undefined) {
    const { videos, problems } = await matchesOfFile(resolve(options.matches));
    skipped = problems;
    for (const [id, matches] of videos) items.push(itemOf(id, matches, [], options));
  }
  const files = new Map<string, string>();
  for (const input of inputs)
    for (const [name, path] of await mediaIn(resolve(input))) files.set(name, path);
  for (const [i, [id, path]] of [...files].entries()) {
    context.signal.throwIfAborted();
    context.progress.update("geometry", { done: i, total: files.size });
    try {
      items.push(itemOf(id, await matchVideo(path, options), [path], options));
    } catch (error) {
      items.push({
        id,
        cluster: id,
        group: null,
        status: "failed",
        failure: "input",
        problem: error instanceof Error ? error.message : String(error),
        scores: {},
        question: null,
        expected: "one rigid world",
        answered: null,
        reasoning: null,
        raw: null,
        media: [path],
        details: [],
        badness: 0.95,
      });
    }
  }
  if (items.length === 0)
    throw new UserError("INPUT", "name videos or folders of videos, or --matches FILE");
  const keys = [...new Set(items.flatMap((i) => Object.keys(i.scores)))];
  const metrics = keys.flatMap((key): SheetMetric[] => {
    if (key.endsWith(" mean")) return [];
    if (key.endsWith(" inliers"))
      return [
        {
          key,
          label: key,
          about: "Share of matches within the threshold of the fit, mean over videos.",
          format: "percent",
          isHigherBetter: true,
          estimate: meanOf(items, key, true),
        },
      ];
    const own = withScore(items, key);
    return [
      {
        key,
        label: key,
        about:
          "Median over videos of the median over frames of the median Sampson distance of all matches.",
        format: "px",
        isHigherBetter: false,
        estimate: bootstrap(
          own.map((i) => i.cluster),
          (w) =>
            median(
              own.flatMap((item, i) =>
                Array.from({ length: w[i] as number }, () => item.scores[key] as number),
              ),
            ),
        ),
      },
    ];
  });
  const sheet: ScoreSheet = {
    schema: "causeway-score/1",
    benchmark: "geometry",
    title: options.title ?? "Geometric consistency",
    subject: options.matches ?? inputs.join(", "),
    isSynthetic: false,
    settings: {
      matches:
        options.matches === undefined
          ? "Harris corners, BRIEF, mutual nearest neighbours"
          : "from a file",
      fit: `RANSAC, 7 points, ${options.threshold} px, refitted; seed ${options.seed}`,
      frames: `the first ${options.maxFrames}, neighbours`,
      views: options.mosaic === true ? "mosaic: left, front, right" : "one",
    },
    counts: countItems(items, skipped.length),
    metrics,
    tables: [],
    notes: [
      "Bands in use: below 1 px good, 1 to 3 fair, 3 to 5 poor, above 5 broken. Pictures must be rectified (pinhole); wide lenses bend straight epipolar lines.",
    ],
  };
  const report = await writeSheet(context, options.out, sheet, items, process.cwd());
  return {
    data: { ...sheet, items, skipped, report },
    text: [
      sheetText(sheet),
      ...items.slice(0, 20).map((i) => `  ${i.id}: ${i.problem ?? i.answered}`),
      ...skipped.slice(0, 5).map((s) => `skipped ${s}`),
      ...(report === null ? [] : [`report: ${relative(process.cwd(), report)}`]),
    ].join("\n"),
  };
}
