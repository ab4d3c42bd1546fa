import { describe, expect, it } from "vitest";
import { normalizeLevels, patchify } from "./patchify.ts";

/** A picture whose level tells row, column and channel apart. */
const picture = (
  width: number,
  height: number,
  level: (x: number, y: number, channel: number) => number,
) => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return level(pixel % width, Math.floor(pixel / width), i % 3);
  }),
});
const sizes = { patchSize: 2, spatialMergeSize: 2, temporalPatchSize: 2, inChannels: 3 };

describe("patchify", () => {
  it("orders patches in merge blocks and values as channel, time, row, column", () => {
    const { grid, patches } = patchify([picture(8, 4, (x, y, c) => c * 100 + y * 8 + x)], sizes);
    expect(grid).toEqual([1, 2, 4]);
    // First channel value of every patch is its top-left pixel: blocks of 2 x 2 patches, left block first.
    const corners = Array.from({ length: 8 }, (_, n) => patches[n * 24] as number);
    expect(corners).toEqual([0, 2, 16, 18, 4, 6, 20, 22]);
    // One patch: red, then green, then blue; each twice in time; rows of two.
    expect([...patches.subarray(0, 24)]).toEqual(
      [0, 100, 200].flatMap((c) => [0, 1, 8, 9, 0, 1, 8, 9].map((v) => v + c)),
    );
  });

  it("puts frames side by side in time and repeats the last to fill a group", () => {
    const frame = (level: number) => picture(4, 4, () => level);
    const { grid, patches } = patchify([frame(1), frame(2), frame(3)], sizes);
    expect(grid).toEqual([2, 2, 2]);
    expect([...patches.subarray(0, 8)]).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    expect([...patches.subarray(4 * 24, 4 * 24 + 8)]).toEqual([3, 3, 3, 3, 3, 3, 3, 3]);
  });

  it("refuses sizes that are not whole merge blocks and frames of other sizes", () => {
    expect(() => patchify([picture(6, 4, () => 0)], sizes)).toThrow(
      /6 x 4; both must be multiples of 4/,
    );
    expect(() => patchify([picture(4, 4, () => 0), picture(8, 4, () => 0)], sizes)).toThrow(
      /8 x 4 .* expected 4 x 4/,
    );
  });

  it("maps levels to -1 … 1", () => {
    expect([...normalizeLevels(Uint8Array.of(0, 255))]).toEqual([-1, 1]);
    expect(normalizeLevels(Uint8Array.of(128))[0]).toBe(Math.fround(0.5 / 127.5));
  });
});
