/** Raw pictures and video frames to patch vectors, resized sizes, sampled frames and their timestamps. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RgbImage } from "@causeway/geom";
import { normalizeLevels } from "../qwen3vl/patchify.ts";
import { processImage, processVideo } from "../vision/processor.ts";
import { type ResizeRule, resizeBicubic } from "../vision/resize-bicubic.ts";
import {
  type FrameRequest,
  patchTimes,
  processorFrames,
  timestampText,
  utilsFrames,
} from "../vision/sample-frames.ts";
import { smartResize, smartResizeVideo } from "../vision/smart-resize.ts";
import { withTensors } from "./case-tensors.ts";
import { caseName, Comparison, type GoldenCheck, member } from "./check.ts";

interface RawPicture {
  readonly raw: string;
  readonly shape: readonly number[];
  readonly resizedTo: readonly [number, number];
  readonly resized?: Readonly<Record<string, string>>;
  readonly resize: string;
  readonly image_grid_thw?: readonly number[];
  readonly video_grid_thw?: readonly number[];
  readonly frameIndices?: readonly number[];
  readonly fps?: number;
  readonly timestamps?: readonly number[];
  readonly labels?: readonly string[];
}

const readJson = async (path: string) => JSON.parse(await readFile(path, "utf8")) as unknown;

async function readFrames(path: string, height: number, width: number): Promise<RgbImage[]> {
  const bytes = new Uint8Array(await readFile(path));
  const size = width * height * 3;
  return Array.from({ length: bytes.length / size }, (_, i) => ({
    width,
    height,
    pixels: bytes.subarray(i * size, (i + 1) * size),
  }));
}

/** Runs what may refuse; the refusal is the answer then. */
function orRefusal<T>(work: () => T): T | "refused" {
  try {
    return work();
  } catch {
    return "refused";
  }
}

export async function checkQwen3vlPreprocess(
  dir: string,
  caseJson: unknown,
): Promise<GoldenCheck[]> {
  const setting = (key: string) => Number(member(caseJson, "settings", key));
  const sizes = {
    patchSize: setting("patch_size"),
    spatialMergeSize: setting("merge_size"),
    temporalPatchSize: setting("temporal_patch_size"),
    inChannels: 3,
  };
  const limits = {
    minPixels: Number(member(caseJson, "settings", "size", "shortest_edge")),
    maxPixels: Number(member(caseJson, "settings", "size", "longest_edge")),
  };
  const settings = { image: limits, video: limits, resize: "torchvision" as const };
  const name = caseName(caseJson, "preprocess");
  const out: GoldenCheck[] = [];
  await withTensors(join(dir, "pixel_values.safetensors"), async (data) => {
    for (const kind of ["images", "videos"] as const) {
      const rows = (member(caseJson, kind) ?? {}) as Record<string, RawPicture>;
      for (const [own, picture] of Object.entries(rows)) {
        const check = new Comparison(`${name}/${own}`, "exact");
        const [height, width] = picture.shape.slice(kind === "images" ? 0 : 1) as [number, number];
        const frames = await readFrames(join(dir, picture.raw), height, width);
        const times = (picture.frameIndices ?? []).map((i) => i / (picture.fps ?? 1));
        const { grid, patches, timesSecs } =
          kind === "images"
            ? processImage(frames[0] as RgbImage, sizes, settings)
            : processVideo(frames, times, sizes, settings);
        check.exact("grid", grid, picture.image_grid_thw ?? picture.video_grid_thw);
        const suffix = kind === "images" ? "pixel_values" : "pixel_values_videos";
        check.close(
          "patches",
          normalizeLevels(patches),
          (await data.floats(`${own}.${suffix}`)).data,
          { absolute: 0 },
        );
        for (const [rule, file] of Object.entries(picture.resized ?? {})) {
          const [heightPx, widthPx] = picture.resizedTo;
          const [expected] = await readFrames(join(dir, file), heightPx, widthPx);
          const got = resizeBicubic(
            frames[0] as RgbImage,
            { heightPx, widthPx },
            rule as ResizeRule,
          );
          check.close(`levels (${rule})`, got.pixels, (expected as RgbImage).pixels, {
            absolute: 0,
          });
        }
        if (picture.timestamps !== undefined) {
          check.close("timestamps", timesSecs, picture.timestamps, { absolute: 1e-12 });
          check.exact("labels", timesSecs.map(timestampText), picture.labels);
        }
        out.push(check.result());
      }
    }
  });
  const files = (member(caseJson, "files") ?? {}) as object;
  if (Object.hasOwn(files, "smart_resize.json")) out.push(await checkSizes(dir, name));
  if (Object.hasOwn(files, "sampling.json")) out.push(await checkSampling(dir, name));
  return out;
}

async function checkSizes(dir: string, name: string): Promise<GoldenCheck> {
  const check = new Comparison(`${name}/smart_resize`, "exact");
  const rows = (await readJson(join(dir, "smart_resize.json"))) as {
    in: number[];
    out?: [number, number];
  }[];
  for (const row of rows) {
    const input = [...row.in];
    const got = orRefusal(() => {
      const [minPixels, maxPixels] = input.slice(-2) as [number, number];
      const limits = { minPixels, maxPixels };
      const [a, b, c, d, e] = input as [number, number, number, number, number];
      const size =
        input.length === 5
          ? smartResize(a, b, c, limits)
          : smartResizeVideo(a, b, c, { temporalFactor: d, factor: e }, limits);
      return [size.heightPx, size.widthPx];
    });
    check.exact(row.in.join(" "), got, row.out ?? "refused");
  }
  return check.result();
}

async function checkSampling(dir: string, name: string): Promise<GoldenCheck> {
  const check = new Comparison(`${name}/sampling`, "indices and labels exact, times 1e-12");
  const rows = (await readJson(join(dir, "sampling.json"))) as {
    totalFrames: number;
    videoFps: number;
    request: { fps?: number; num_frames?: number };
    processor: { indices: number[]; timestamps: number[]; labels: string[] };
    utils: { indices: number[]; labels: string[] } | null;
  }[];
  for (const { totalFrames, videoFps, request, processor, utils } of rows) {
    const what = `${totalFrames} frames at ${videoFps} fps, ${JSON.stringify(request)}`;
    const asked: FrameRequest = {
      ...(request.fps === undefined ? {} : { fps: request.fps }),
      ...(request.num_frames === undefined ? {} : { numFrames: request.num_frames }),
    };
    const times = (indices: readonly number[]) =>
      patchTimes(
        indices.map((i) => i / videoFps),
        2,
      );
    const own = processorFrames(totalFrames, videoFps, asked);
    check.exact(`indices of ${what}`, own, processor.indices);
    check.close(`times of ${what}`, times(own), processor.timestamps, { absolute: 1e-12 });
    check.exact(`labels of ${what}`, times(own).map(timestampText), processor.labels);
    const other = orRefusal(() => utilsFrames(totalFrames, videoFps, asked));
    check.exact(`utils indices of ${what}`, other, utils?.indices ?? "refused");
    if (other !== "refused" && utils !== null)
      check.exact(`utils labels of ${what}`, times(other).map(timestampText), utils.labels);
  }
  return check.result();
}
