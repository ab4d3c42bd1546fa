import { describe, expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { resizeBicubic } from "./resize-bicubic.ts";
import {
  cutFrames,
  patchTimes,
  processorFrames,
  pythonTenths,
  timestampText,
  utilsFrameIndices,
  utilsFrames,
  utilsNumFrames,
} from "./sample-frames.ts";
import {
  smartResize,
  smartResizeVideo,
  utilsSmartResize,
  utilsVideoSize,
  visualTokens,
} from "./smart-resize.ts";

const of = ({ heightPx, widthPx }: { heightPx: number; widthPx: number }) => [heightPx, widthPx];

describe("sizes (vectors of qwen-vl-utils 0.0.14)", () => {
  const limits = { minPixels: 4096, maxPixels: 16_777_216 };
  it.each([
    [1080, 1920, 1088, 1920],
    [80, 80, 64, 64],
    [48, 80, 64, 64],
    [112, 112, 128, 128],
    [144, 144, 128, 128],
    [20, 20, 64, 64],
    [10, 1000, 32, 992],
  ])("%i x %i becomes %i x %i", (h, w, outH, outW) => {
    expect(of(utilsSmartResize(h, w, 32, limits))).toEqual([outH, outW]);
  });

  it.each([
    // frames, height, width, options, size, tokens
    [8, 1080, 1920, {}, [640, 1152], 2880],
    [74, 1080, 1920, { totalPixels: 8_388_608 }, [352, 608], 7733],
    [10, 1008, 560, {}, [1024, 576], 2880],
    [120, 1220, 1936, { totalPixels: 11_324_620 }, [320, 544], 10_200],
    [80, 1080, 1920, { totalPixels: 3_774_873 }, [256, 480], 4800],
    [16, 1220, 1936, { maxPixels: 360_000 }, [448, 736], 2576],
    [4, 1080, 1920, {}, [640, 1152], 1440],
  ] as const)("%i frames of %i x %i (utils)", (frames, h, w, options, size, tokens) => {
    const planned = utilsVideoSize(frames, h, w, options);
    expect(of(planned)).toEqual(size);
    expect(visualTokens(frames, planned)).toBe(tokens);
  });

  it.each([
    [10, 1080, 1920, { minPixels: 131_072, maxPixels: 3_774_873 }, [448, 800], 1750],
    [80, 1080, 1920, { minPixels: 131_072, maxPixels: 3_774_873 }, [160, 288], 1800],
    [10, 1080, 1920, { minPixels: 262_144, maxPixels: 8_388_608 }, [672, 1216], 3990],
  ] as const)("%i frames of %i x %i (processor)", (frames, h, w, own, size, tokens) => {
    const planned = smartResizeVideo(frames, h, w, { temporalFactor: 2, factor: 32 }, own);
    expect(of(planned)).toEqual(size);
    expect(visualTokens(frames, planned)).toBe(tokens);
  });

  it("differ between the two rules only where a side rounds to nothing", () => {
    expect(of(smartResize(1, 200, 32, { ...limits, maxPixels: 65_536 }))).toEqual([32, 928]);
    expect(of(utilsSmartResize(1, 200, 32, { ...limits, maxPixels: 65_536 }))).toEqual([32, 192]);
  });

  it("are refused with the numbers", () => {
    expect(() => smartResize(1, 201, 32, limits)).toThrow(/201 x 1, an aspect ratio of 201.0/);
    expect(() => smartResize(0, 5, 32, limits)).toThrow(/5 x 0/);
  });
});

describe("frames", () => {
  it.each([
    [75 * 30, 30, { fps: 1 }, 74],
    [10, 4, { fps: 4 }, 10],
    [301, 30, { fps: 4 }, 40],
    [30, 30, { fps: 2 }, 4],
    [30, 30, { numFrames: 5 }, 4],
    [30, 30, { numFrames: 7 }, 8],
    [100_000, 30, { fps: 30 }, 768],
  ])("%i frames at %d fps, asked %o: %i (utils)", (total, fps, request, count) => {
    expect(utilsNumFrames(total, fps, request)).toBe(count);
  });

  it("are spread evenly, rounded half to even", () => {
    expect(utilsFrameIndices(0, 9, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(utilsFrameIndices(0, 19, 8)).toEqual([0, 3, 5, 8, 11, 14, 16, 19]);
    expect(processorFrames(6, 2, { numFrames: 3 })).toEqual([0, 2, 5]);
  });

  it("carry times as Python prints them", () => {
    const times = (indices: readonly number[], fps: number) =>
      patchTimes(
        indices.map((i) => i / fps),
        2,
      ).map(pythonTenths);
    expect(times([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4)).toEqual(["0.1", "0.6", "1.1", "1.6", "2.1"]);
    expect(times([0, 3, 5, 8, 11, 14, 16, 19], 10)).toEqual(["0.1", "0.7", "1.2", "1.8"]);
    expect(timestampText(0.25)).toBe("<0.2 seconds>");
    expect(timestampText(0.75)).toBe("<0.8 seconds>");
    expect(patchTimes([0, 0.5, 1], 2)).toEqual([0.25, 1]);
  });

  it("refuse what cannot be sampled", () => {
    expect(() => utilsFrames(1, 1)).toThrow(/0 frames would be sampled; expected 2 to 1/);
    expect(() => processorFrames(10, 5, { fps: 1, numFrames: 2 })).toThrow(/not both/);
    expect(() => processorFrames(3, 5, { numFrames: 4 })).toThrow(/the video has 3/);
    expect(cutFrames(300, 30, 1.01, 2)).toEqual({ first: 31, last: 60 });
    expect(() => cutFrames(300, 30, 5, 5)).toThrow(/holds no two frames/);
  });
});

describe("pictures", () => {
  it("of one level stay so at any size", () => {
    const flat = { width: 50, height: 30, pixels: new Uint8Array(50 * 30 * 3).fill(77) };
    for (const size of [
      { heightPx: 64, widthPx: 96 },
      { heightPx: 7, widthPx: 11 },
    ]) {
      const out = resizeBicubic(flat, size);
      expect(out.pixels.length).toBe(size.heightPx * size.widthPx * 3);
      expect(out.pixels.every((level) => level === 77)).toBe(true);
    }
    expect(resizeBicubic(flat, { heightPx: 30, widthPx: 50 }).pixels).toBe(flat.pixels);
  });

  it("decode from PNG exactly, and garbage is refused", async () => {
    const { default: sharp } = await import("sharp");
    const pixels = Uint8Array.from({ length: 4 * 3 * 3 }, (_, i) => (i * 37) % 256);
    const png = await sharp(pixels, { raw: { width: 4, height: 3, channels: 3 } })
      .png()
      .toBuffer();
    expect(await decodeImage(png)).toEqual({ width: 4, height: 3, pixels });
    await expect(decodeImage(new Uint8Array(100), "label 3")).rejects.toThrow(
      /label 3: cannot be decoded/,
    );
    await expect(decodeImage(png.subarray(0, 50))).rejects.toThrow(/cannot be decoded/);
  });
});
