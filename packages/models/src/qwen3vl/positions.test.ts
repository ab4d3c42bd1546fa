import { describe, expect, it } from "vitest";
import { mropeAxes, ropePositions, RotaryTable } from "./positions.ts";

const ids = { imageTokenId: 9, videoTokenId: 8, spatialMergeSize: 2 };

describe("rope positions", () => {
  it("advance by the longer side of the merged grid, not by the number of tokens", () => {
    // text, 2 x 3 merged image, text
    const row = [1, 9, 9, 9, 9, 9, 9, 2, 3];
    const { axes, next, deltas } = ropePositions([row], null, { images: [[1, 4, 6]] }, ids);
    expect([...axes[0]]).toEqual([0, 1, 1, 1, 1, 1, 1, 4, 5]);
    expect([...axes[1]]).toEqual([0, 1, 1, 1, 2, 2, 2, 4, 5]);
    expect([...axes[2]]).toEqual([0, 1, 2, 3, 1, 2, 3, 4, 5]);
    expect(next).toEqual([6]);
    expect(deltas).toEqual([-3]);
  });

  it("do not see padding, left or right", () => {
    const left = ropePositions(
      [[0, 0, 5, 9, 6]],
      [[false, false, true, true, true]],
      { images: [[1, 2, 2]] },
      ids,
    );
    const right = ropePositions(
      [[5, 9, 6, 0, 0]],
      [[true, true, true, false, false]],
      { images: [[1, 2, 2]] },
      ids,
    );
    expect([...left.axes[0].subarray(2)]).toEqual([...right.axes[0].subarray(0, 3)]);
    expect(left.next).toEqual(right.next);
    expect(left.paddedDeltas).toEqual([-2]);
  });

  it("take one frame pair of a video per run of video tokens", () => {
    const { axes } = ropePositions([[8, 1, 8, 2]], null, { images: [], videos: [[2, 2, 2]] }, ids);
    expect([...axes[0]]).toEqual([0, 1, 2, 3]);
  });

  it("name the row and token when a grid and its placeholders do not fit", () => {
    expect(() => ropePositions([[1, 9, 9, 2]], null, { images: [[1, 4, 4]] }, ids)).toThrow(
      /row 0 has too few .* token 3/,
    );
    expect(() => ropePositions([[1, 9]], null, { images: [] }, ids)).toThrow(
      /image at token 1 but no grid/,
    );
    expect(() => ropePositions([[1]], null, { images: [[1, 2, 2]] }, ids)).toThrow(
      /1 image grids have no placeholder/,
    );
  });
});

describe("interleaved rotary", () => {
  it("gives rows, columns and time their channels as the released section says", () => {
    const axes = mropeAxes({ headDim: 128, mropeSection: [24, 20, 20] });
    const of = (axis: number) => [...axes.keys()].filter((i) => axes[i] === axis);
    expect(of(1)).toEqual(Array.from({ length: 20 }, (_, k) => 1 + 3 * k));
    expect(of(2)).toEqual(Array.from({ length: 20 }, (_, k) => 2 + 3 * k));
    expect(of(0).slice(-5)).toEqual([57, 60, 61, 62, 63]);
  });

  it("turns each channel by position times its frequency", () => {
    const table = new RotaryTable({ headDim: 8, mropeSection: [2, 1, 1], ropeTheta: 10000 });
    const { cos, sin } = table.lookup([Int32Array.of(3), Int32Array.of(5), Int32Array.of(7)]);
    const angles = [3 * 1, 5 * 10000 ** -0.25, 7 * 10000 ** -0.5, 3 * 10000 ** -0.75];
    angles.forEach((angle, i) => {
      expect(cos[i]).toBeCloseTo(Math.cos(angle), 6);
      expect(sin[i]).toBeCloseTo(Math.sin(angle), 6);
    });
    // Rows made later do not change earlier ones.
    table.lookupPlain([5000]);
    expect(table.lookup([Int32Array.of(3), Int32Array.of(5), Int32Array.of(7)]).cos).toEqual(cos);
  });
});
