/** Video against itself: pictures that carry their number go in, and come out under that number. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DataConfigError,
  findVideoBackend,
  FormatError,
  indexVideo,
  openVideo,
  type VideoBackend,
  writeVideo,
} from "../src/index.ts";
import { numberedFrame, readFrameNumber } from "./numbered-frames.ts";

const backend = await findVideoBackend();
const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
if (backend === null) console.warn("video.test.ts: skipped, no video decoder on this machine");

const numFrames = 70;
let dir = "";

function ffmpeg(...args: string[]): void {
  const { status, stderr } = spawnSync("ffmpeg", ["-nostdin", "-y", "-loglevel", "error", ...args]);
  if (status !== 0) throw new Error(stderr.toString());
}

describe.skipIf(backend === null)("video files", () => {
  let clip = "";
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "causeway-video-"));
    clip = join(dir, "clip.mp4");
    const frames = Array.from({ length: numFrames }, (_, i) => numberedFrame(i));
    await writeVideo(frames, clip, { width: 160, height: 96, fps: 20, gop: 10 });
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test("a clip has the frames and times that were written", async () => {
    const index = await indexVideo(clip);
    expect(index.ptsUs.length).toBe(numFrames);
    expect([...index.ptsUs]).toEqual(Array.from({ length: numFrames }, (_, i) => i * 50_000));
    expect([index.width, index.height, index.codec]).toEqual([160, 96, "avc"]);
    // The encoder may add key frames at cuts, and leaves none out.
    const keys = [...index.isKey.keys()].filter((i) => index.isKey[i] === 1);
    expect(keys[0]).toBe(0);
    expect(Math.max(...keys.slice(1).map((k, i) => k - keys[i]))).toBeLessThanOrEqual(10);
  });

  test("frames come back by number, near and far, whole and resized", async () => {
    const video = await openVideo(clip);
    const rows = [0, 1, 9, 13, 14, 15, 42, 69];
    for (const size of [{}, { width: 80 }]) {
      const got: [number, number, number][] = [];
      for await (const { index, ptsUs, image } of video.frames(rows, size)) {
        got.push([index, ptsUs, readFrameNumber(image)]);
      }
      expect(got).toEqual(rows.map((r) => [r, r * 50_000, r]));
    }
    for (const row of [7, 33, 69]) {
      for await (const { image } of video.frames([row])) expect(readFrameNumber(image)).toBe(row);
    }
  });

  test("a time names the last frame at or before it", async () => {
    const video = await openVideo(clip);
    const got = await video.framesAt([149_999, 150_000, 0, 1e9]);
    expect(got.map((f) => readFrameNumber(f.image))).toEqual([2, 3, 0, 69]);
    await expect(video.framesAt([-1])).rejects.toThrow("nothing is shown at -1 us");
  });

  test.skipIf(!hasFfmpeg)(
    "B-frames, HEVC, variable rates and a late start keep numbers and times",
    async () => {
      const odd = join(dir, "odd.mp4");
      // Every frame from 30 on comes 0.1 s later, as when a recorder drops frames.
      ffmpeg(
        "-i",
        clip,
        "-vf",
        "setpts='(N+2*gte(N,30))/20/TB'",
        "-fps_mode",
        "passthrough",
        "-c:v",
        "libx264",
        "-bf",
        "3",
        "-g",
        "40",
        "-crf",
        "12",
        odd,
      );
      const hevc = join(dir, "clip.hevc");
      ffmpeg(
        "-i",
        clip,
        "-c:v",
        "libx265",
        "-x265-params",
        "bframes=0:keyint=20:log-level=none",
        hevc,
      );
      const late = join(dir, "late.mkv");
      ffmpeg("-itsoffset", "1.5", "-i", clip, "-c", "copy", late);
      const check = async (path: string, timeUs: (i: number) => number, rows: number[]) => {
        const video = await openVideo(path, { rawFps: 20 });
        expect(video.index.ptsUs.length).toBe(numFrames);
        const got: number[][] = [];
        for await (const f of video.frames(rows)) {
          got.push([f.ptsUs, readFrameNumber(f.image)]);
        }
        expect(got).toEqual(rows.map((r) => [timeUs(r), r]));
      };
      await check(odd, (i) => i * 50_000 + (i >= 30 ? 100_000 : 0), [0, 5, 29, 30, 31, 64, 69]);
      await check(odd, (i) => i * 50_000 + (i >= 30 ? 100_000 : 0), [31, 64]);
      await check(hevc, (i) => i * 50_000, [3, 19, 20, 69]);
      await check(late, (i) => i * 50_000 + 1_500_000, [0, 12, 69]);
      await check(late, (i) => i * 50_000 + 1_500_000, [12]);
    },
  );

  test("what is no video, or cut, is one error that names the file", async () => {
    const text = join(dir, "text.mp4");
    await writeFile(text, "not a video at all");
    await expect(indexVideo(text)).rejects.toThrow(FormatError);
    await expect(indexVideo(text)).rejects.toThrow("text.mp4: cannot be read as video");
    await expect(indexVideo(join(dir, "none.mp4"))).rejects.toThrow("is not there");
    await writeFile(join(dir, "empty.mp4"), "");
    await expect(indexVideo(join(dir, "empty.mp4"))).rejects.toThrow("is empty");
    await expect(indexVideo(join(dir, "clip.hevc"))).rejects.toThrow(FormatError);
    const cut = join(dir, "cut.mp4");
    const whole = Array.from({ length: 30 }, (_, i) => numberedFrame(i));
    await writeVideo(whole, cut, { width: 160, height: 96, fps: 20, crf: 1 });
    const index = await indexVideo(cut);
    await truncate(cut, 20_000);
    const decode = async (b: VideoBackend) => {
      const request = { indices: [28, 29], width: 160, height: 96 };
      for await (const _ of b.decode(index, request)) continue;
    };
    await expect(decode(backend as VideoBackend)).rejects.toThrow(/of 2 frames from frame 28/);
  });

  test("an encoder that fails leaves nothing behind", async () => {
    const folder = await mkdtemp(join(dir, "fail-"));
    const path = join(folder, "a.mp4");
    const mixed = [numberedFrame(0), numberedFrame(1, 80, 48)];
    await expect(writeVideo(mixed, path, { width: 160, height: 96, fps: 20 })).rejects.toThrow(
      "frame 1 is 80x48; expected 160x96",
    );
    await expect(writeVideo([], path, { width: 161, height: 96, fps: 20 })).rejects.toThrow(
      DataConfigError,
    );
    expect(await readdir(folder)).toEqual([]);
  });
});
