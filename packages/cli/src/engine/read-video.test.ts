/** Video files through the processor: the decoded frames give the patches that the frames themselves give. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RgbImage } from "@causeway/geom";
import { cosmosReason2_2b, processVideo, releasedProcessor } from "@causeway/models";
import { afterAll, expect, test } from "vitest";
import { readVideoFile } from "./read-video.ts";

const encoders =
  spawnSync("ffmpeg", ["-hide_banner", "-encoders"], { encoding: "utf8" }).stdout ?? "";
const dir = mkdtempSync(join(tmpdir(), "read-video-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const [width, height, fps, numFrames] = [192, 128, 8, 24];

/** Blocks of 16 px whose grey tells frame and place apart; grey survives the encoder's halved colours. */
function frameOf(i: number): RgbImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) {
    const [row, column] = [Math.floor(p / width / 16), Math.floor((p % width) / 16)];
    pixels.fill(40 + ((37 * i + 53 * row + 29 * column) % 160), 3 * p, 3 * p + 3);
  }
  return { width, height, pixels };
}

test.for([
  ["hevc", "libx265", ["-x265-params", "log-level=none:crf=8", "-tag:v", "hvc1"]],
  ["h264", "libx264", ["-crf", "8"]],
] as const)(
  "an mp4 in %s gives the patches, grid and times of its frames",
  async ([codec, encoder, more], testContext) => {
    if (!encoders.includes(encoder)) testContext.skip(`there is no ffmpeg with ${encoder}`);
    const frames = Array.from({ length: numFrames }, (_, i) => frameOf(i));
    const path = join(dir, `${codec}.mp4`);
    const raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", `${fps}`];
    const { status, stderr } = spawnSync(
      "ffmpeg",
      ["-y", "-loglevel", "error", ...raw, "-i", "-", "-c:v", encoder].concat(
        ["-pix_fmt", "yuv420p", ...more],
        path,
      ),
      { input: Buffer.concat(frames.map(({ pixels }) => pixels)) },
    );
    expect(stderr.toString()).toBe("");
    expect(status).toBe(0);

    const clip = await readVideoFile(path, { fps: 2, maxFrames: null, tailSecs: null });
    // 6 of 24 frames, spread from first to last: k * 4.6 to the nearest.
    const indices = [0, 5, 9, 14, 18, 23];
    expect(clip.timesSecs).toEqual(indices.map((i) => i / fps));
    const sizes = cosmosReason2_2b.vision;
    const seen = processVideo(clip.frames, clip.timesSecs, sizes, releasedProcessor);
    const wanted = processVideo(
      indices.map((i) => frames[i] as RgbImage),
      indices.map((i) => i / fps),
      sizes,
      releasedProcessor,
    );
    expect(seen.grid).toEqual([3, 8, 12]);
    expect(seen.timesSecs).toEqual([2.5 / fps, 11.5 / fps, 20.5 / fps]);
    expect(seen.patches.length).toBe(wanted.patches.length);
    // Neighbouring blocks and frames differ by 29 levels and more; the codec moves single pixels by a few.
    const gaps = seen.patches.map((v, i) => Math.abs(v - (wanted.patches[i] as number)));
    expect(gaps.reduce((a, b) => a + b, 0) / gaps.length).toBeLessThan(2);
    expect(gaps.filter((gap) => gap > 12).length).toBeLessThan(gaps.length / 1000);
  },
);
