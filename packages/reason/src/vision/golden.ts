/** Compares the planner with the reference rows of the topic `image-metrics`, case `vision-budget`. */
import { z } from "zod";
import {
  frameIndices,
  frameRange,
  pairTimes,
  processorFrameCount,
  timestampText,
  utilsFrameCount,
} from "./frames.ts";
import { planImage, planVideo, totalPixelBudget, trainerPixelBudget } from "./plan.ts";
import { smartResize, VisionPlanError } from "./resize.ts";

const sizeShape = { height: z.number(), width: z.number() };
const elementShape = z.strictObject({
  fps: z.number().optional(),
  nframes: z.number().optional(),
  min_frames: z.number().optional(),
  max_frames: z.number().optional(),
  min_pixels: z.number().optional(),
  max_pixels: z.number().optional(),
  total_pixels: z.number().optional(),
  resized_height: z.number().optional(),
  resized_width: z.number().optional(),
  video_start: z.number().optional(),
  video_end: z.number().optional(),
});
const raises = z.string().optional();
const pair = z.array(z.number()).length(2).optional();

const fileShape = z.object({
  budget: z.array(
    z.union([
      z.object({ model_max_length: z.number(), trainer_total_pixels: z.number() }),
      z.object({
        max_model_len: z.number(),
        max_tokens: z.number(),
        total_pixels: z.number().nullable(),
        error: z.boolean(),
      }),
    ]),
  ),
  smart_resize: z.array(
    z.object({
      ...sizeShape,
      factor: z.number(),
      min_pixels: z.number(),
      max_pixels: z.number(),
      out: pair,
      raises,
    }),
  ),
  nframes: z.array(
    elementShape.extend({ total_frames: z.number(), video_fps: z.number(), raises }),
  ),
  frame_range: z.array(
    z.object({
      total_frames: z.number(),
      video_fps: z.number(),
      video_start: z.number().nullable(),
      video_end: z.number().nullable(),
      start_frame: z.number().optional(),
      end_frame: z.number().optional(),
      raises,
    }),
  ),
  frame_indices: z.array(
    z.object({ start: z.number(), end: z.number(), n: z.number(), float32: z.array(z.number()) }),
  ),
  image_plan: z.array(elementShape.extend({ ...sizeShape, out: pair, tokens: z.number() })),
  video_plan: z.array(
    z.object({
      ...sizeShape,
      total_frames: z.number(),
      video_fps: z.number(),
      factor: z.number(),
      ele: elementShape,
      nframes: z.number().optional(),
      per_frame_limit: z.number().nullish(),
      out: pair,
      tokens: z.number().optional(),
      first_last_index: pair,
      sample_fps: z.number().optional(),
      token_budget: z.number().optional(),
      over_budget: z.boolean().optional(),
      raises,
    }),
  ),
  video_plan_transformers: z.array(
    z.object({
      ...sizeShape,
      total_frames: z.number(),
      video_fps: z.number().nullable(),
      fps: z.number().optional(),
      num_frames: z.number().optional(),
      shortest_edge: z.number(),
      longest_edge: z.number(),
      nframes: z.number().optional(),
      out: pair,
      tokens: z.number().optional(),
      out_with_cap_pixels_per_frame: pair,
      tokens_with_cap: z.number().optional(),
      raises,
    }),
  ),
  timestamps: z.array(
    z.object({
      indices: z.array(z.number()),
      video_fps: z.number(),
      seconds: z.array(z.number()),
      text: z.array(z.string()),
    }),
  ),
});

export interface VisionBudgetCheck {
  readonly numRows: number;
  /** One line per row that differs. */
  readonly problems: readonly string[];
}

/** The value, or "raises" when the planner refuses the input. */
function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof VisionPlanError) return "raises";
    throw error;
  }
}

const defined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

const requestOf = (e: z.infer<typeof elementShape>) =>
  defined({
    fps: e.fps,
    numFrames: e.nframes,
    minFrames: e.min_frames,
    maxFrames: e.max_frames,
    minPixels: e.min_pixels,
    maxPixels: e.max_pixels,
    totalPixels: e.total_pixels,
    resizedHeight: e.resized_height,
    resizedWidth: e.resized_width,
    startSecs: e.video_start,
    endSecs: e.video_end,
  });

export function checkVisionBudget(json: unknown): VisionBudgetCheck {
  const file = fileShape.parse(json);
  const problems: string[] = [];
  let numRows = 0;
  const compare = (
    table: string,
    row: { raises?: string | undefined },
    got: unknown,
    wanted: unknown,
  ): void => {
    numRows++;
    const expected = row.raises === undefined ? wanted : "raises";
    const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
    if (a !== b)
      problems.push(`${table} ${JSON.stringify(row).slice(0, 160)}: ${a}, expected ${b}`);
  };
  for (const row of file.budget)
    if ("trainer_total_pixels" in row)
      compare("budget", {}, trainerPixelBudget(row.model_max_length), row.trainer_total_pixels);
    else
      compare(
        "budget",
        row.error ? { raises: "error" } : {},
        outcome(() => totalPixelBudget(row.max_model_len, row.max_tokens)),
        row.total_pixels,
      );
  for (const row of file.smart_resize)
    compare(
      "smart_resize",
      row,
      outcome(() => {
        const { height, width } = smartResize(row, row.factor, row.min_pixels, row.max_pixels);
        return [height, width];
      }),
      row.out,
    );
  for (const row of file.nframes) {
    // Where frames per second are given, `nframes` is the result; otherwise it is the request, which is its own result.
    const isResult = row.fps !== undefined && row.raises === undefined;
    const { nframes, ...limits } = row;
    compare(
      "nframes",
      row,
      outcome(() =>
        utilsFrameCount(
          row.total_frames,
          row.video_fps,
          requestOf(isResult || nframes === undefined ? limits : row),
        ),
      ),
      nframes,
    );
  }
  for (const row of file.frame_range)
    compare(
      "frame_range",
      row,
      outcome(() => {
        const { first, last } = frameRange(
          row.total_frames,
          row.video_fps,
          row.video_start,
          row.video_end,
        );
        return [first, last];
      }),
      [row.start_frame, row.end_frame],
    );
  for (const row of file.frame_indices)
    compare("frame_indices", {}, frameIndices(row.start, row.end, row.n), row.float32);
  for (const row of file.image_plan) {
    const plan = planImage(row, requestOf(row));
    compare(
      "image_plan",
      {},
      [plan.height, plan.width, plan.tokens],
      [...(row.out ?? []), row.tokens],
    );
  }
  for (const row of file.video_plan)
    compare(
      "video_plan",
      row,
      outcome(() => {
        const video = {
          height: row.height,
          width: row.width,
          totalFrames: row.total_frames,
          fps: row.video_fps,
        };
        const plan = planVideo(video, requestOf(row.ele), "utils", row.factor);
        return [
          plan.indices.length,
          plan.framePixelLimit,
          [plan.height, plan.width],
          plan.tokens,
          [plan.indices[0], plan.indices.at(-1)],
          plan.sampleFps.toFixed(12),
          plan.budget?.tokens,
          plan.budget?.isOver,
        ];
      }),
      [
        row.nframes,
        row.per_frame_limit,
        row.out,
        row.tokens,
        row.first_last_index,
        row.sample_fps?.toFixed(12),
        row.token_budget,
        row.over_budget,
      ],
    );
  for (const row of file.video_plan_transformers)
    compare(
      "video_plan_transformers",
      row,
      outcome(() => {
        const video = {
          height: row.height,
          width: row.width,
          totalFrames: row.total_frames,
          fps: row.video_fps,
        };
        const request = {
          ...defined({ fps: row.fps, numFrames: row.num_frames }),
          minPixels: row.shortest_edge,
          totalPixels: row.longest_edge,
        };
        const plan = planVideo(video, request, "transformers");
        const capped = planVideo(video, { ...request, isFrameCapped: true }, "transformers");
        return [
          processorFrameCount(row.total_frames, row.video_fps, request),
          [plan.height, plan.width],
          plan.tokens,
          [capped.height, capped.width],
          capped.tokens,
        ];
      }),
      [row.nframes, row.out, row.tokens, row.out_with_cap_pixels_per_frame, row.tokens_with_cap],
    );
  for (const row of file.timestamps) {
    const seconds = pairTimes(row.indices, row.video_fps);
    const worst = Math.max(...seconds.map((s, i) => Math.abs(s - (row.seconds[i] as number))));
    compare(
      "timestamps",
      {},
      [seconds.length, worst <= 1e-12, seconds.map(timestampText)],
      [row.seconds.length, true, row.text],
    );
  }
  return { numRows, problems };
}
