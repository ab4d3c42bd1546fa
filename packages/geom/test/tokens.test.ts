import { describe, expect, test } from "vitest";
import {
  angleBetween,
  createActionSpace,
  createFutureTokenizer,
  createHistoryTokenizer,
  createQuantiser,
  headingsFromPositions,
  releasedFutureTokens,
  roundHalfEven,
} from "@causeway/geom";
import { arcHistory, flat, goldenPath, maxGap, meanDistance } from "./paths.ts";
import { example, goldenFolder, readTensors, type Tensor } from "./safetensors.ts";

const space = createActionSpace();
const future = createFutureTokenizer({ ...releasedFutureTokens, actionSpace: space });
const history = createHistoryTokenizer();

describe("rounding", () => {
  test("ties go to the even integer", () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map(roundHalfEven).map((v) => v + 0)).toEqual([
      0, 2, 2, 0, -2, 2, 3,
    ]);
  });
});

describe("quantiser", () => {
  test("every centre keeps its id and the ends hold what is outside", () => {
    const q = createQuantiser(3000, -10, 10);
    for (let id = 0; id < 3000; id++) expect(q.encode(q.decode(id))).toBe(id);
    expect([-99, -10, 10, 99].map(q.encode)).toEqual([0, 0, 2999, 2999]);
    expect(q.encode(0)).toBe(1500);
  });

  test("NaN and ids outside the vocabulary are errors", () => {
    const q = createQuantiser(10, 0, 1);
    expect(() => q.encode(Number.NaN)).toThrow(/NaN/);
    expect(() => q.decode(10)).toThrow(/id 10; expected an integer in \[0, 10\)/);
    expect(() => q.decode(1.5)).toThrow();
    expect(() => createQuantiser(1, 0, 1)).toThrow();
  });
});

describe("history tokens", () => {
  const repeat = (first: number[], step: number[]) => [
    ...first,
    ...Array.from({ length: 15 }, () => step).flat(),
  ];
  test.each([
    [10, repeat([0, 500, 500], [624, 500, 500])],
    [2, repeat([125, 500, 500], [524, 500, 500])],
    [0, repeat([500, 500, 500], [500, 500, 500])],
    [45, repeat([0, 500, 500], [999, 500, 500])],
  ])("%d m/s", (v, expected) => {
    expect([...history.encode(arcHistory(v, 0))]).toEqual(expected);
  });

  test("decoding 10 m/s ends 11 m ahead of now: the clipped first triple, kept", () => {
    const p = history.decode(history.encode(arcHistory(10, 0)));
    expect(p.x[15]).toBeCloseTo(10.95495, 4);
    expect(p.y[15]).toBeCloseTo(0.06406, 4);
    expect(p.z[15]).toBeCloseTo(0.16016, 4);
  });
});

describe("headings from positions", () => {
  test("a cubic path has exact headings in its middle and at its ends", () => {
    const t = Float64Array.from({ length: 16 }, (_, i) => i);
    const path = {
      x: t.map((v) => 2 * v + 0.01 * v * v),
      y: t.map((v) => 0.3 * v - 0.02 * v * v + 0.001 * v ** 3),
      z: t,
    };
    const yaw = headingsFromPositions(path);
    t.forEach((v, i) => {
      expect(yaw[i]).toBeCloseTo(Math.atan2(0.3 - 0.04 * v + 0.003 * v * v, 2 + 0.02 * v), 12);
    });
  });
});

describe("future tokens", () => {
  test("straight at 10 m/s", () => {
    const p = space.drive(new Float64Array(64), new Float64Array(64), 10);
    const start = { history: arcHistory(10, 0) };
    const ids = future.encode(p, start);
    expect(Array.from(ids.slice(0, 6))).toEqual([1494, 1498, 1493, 1498, 1493, 1498]);
    const back = future.decode(ids, start);
    expect(back.x[63]).toBeCloseTo(63.98896, 4);
    expect(back.y[63]).toBeCloseTo(0.01567, 4);
    expect(meanDistance(p, back)).toBeCloseTo(0.00664, 4);
  });

  test("all ids zero from 10 m/s: hardest brake, sharpest right", () => {
    const p = future.decode(new Int32Array(128), { history: arcHistory(10, 0) });
    expect([p.x[0], p.y[0], p.x[9], p.y[9], p.x[63], p.y[63]]).toEqual(
      [0.95127, -0.11636, 3.78644, -4.39342, -2.33917, -1.09827].map((v) => expect.closeTo(v, 3)),
    );
  });

  test("bins and ranges are free", () => {
    const small = createFutureTokenizer({ bins: 256, min: -6, max: 6, actionSpace: space });
    const p = space.drive(new Float64Array(64).fill(1), new Float64Array(64).fill(0.05), 10);
    const ids = small.encode(p, { v0Mps: 10 });
    expect(Math.max(...ids)).toBeLessThan(256);
    expect(meanDistance(p, small.decode(ids, { v0Mps: 10 }))).toBeLessThan(0.6);
  });
});

const folder = goldenFolder("alpamayo/02_tokenizers");
describe.skipIf(folder === null)(
  "golden/alpamayo/02_tokenizers (skipped without ../shared)",
  () => {
    const load = (name: string): Map<string, Tensor> =>
      folder === null ? new Map() : readTensors(`${folder}/${name}.safetensors`);
    const f = load("future");
    const h = load("history");
    const rows = Array.from({ length: 24 }, (_, i) => i);
    const start = (i: number) => ({ history: goldenPath(f, "hist_xyz", "hist_rot", i) });

    test("the bins alone are exact", () => {
      expect([...future.encodeActions(example(f, "quantiser_values", 0))]).toEqual([
        ...example(f, "quantiser_ids", 0),
      ]);
      expect(
        maxGap(
          future.decodeActions(example(f, "quantiser_ids", 0)),
          example(f, "quantiser_decoded", 0),
        ),
      ).toBeLessThan(1e-6);
    });

    test("future ids are exact where float32 noise cannot move them, elsewhere at most one off", () => {
      let differing = 0;
      for (const i of rows) {
        const path = goldenPath(f, "fut_xyz", "fut_rot", i);
        const ids = future.encode(path, start(i));
        const want = example(f, "future_ids", i);
        const fragile = example(f, "future_fragile", i);
        for (let j = 0; j < 128; j++) {
          if (fragile[j] === 0) expect(ids[j], `row ${i} id ${j}`).toBe(want[j]);
          else expect(Math.abs(ids[j] - want[j])).toBeLessThanOrEqual(1);
          if (ids[j] !== want[j]) differing++;
        }
      }
      expect(differing).toBeLessThanOrEqual(6);
    });

    test("in double all the way, with the double drives of 01_action_space, ids are exact", () => {
      const d = readTensors(`${folder}/../01_action_space/fp64.safetensors`);
      const plain = createFutureTokenizer({
        ...releasedFutureTokens,
        actionSpace: space,
        precision: "float64",
      });
      for (const i of rows) {
        const ids = plain.encode(goldenPath(d, "fut_xyz", "fut_rot", i), {
          history: goldenPath(d, "hist_xyz", "hist_rot", i),
        });
        expect([...ids]).toEqual([...example(f, "future_ids_fp64", i)]);
      }
    });

    test("decoded paths", () => {
      for (const i of rows) {
        const back = future.decode(example(f, "future_ids", i), start(i));
        expect(maxGap(flat(back, true), example(f, "future_decoded_xyz", i))).toBeLessThan(1e-4);
        const given = future.decode(example(f, "given_ids", i), start(i));
        expect(maxGap(flat(given, true), example(f, "given_decoded_xyz", i))).toBeLessThan(2e-3);
      }
    });

    test("history ids and walks are exact, their decodes within 1e-4 m", () => {
      for (const i of rows) {
        const ids = history.encode(goldenPath(f, "hist_xyz", null, i));
        expect([...ids]).toEqual([...example(h, "history_ids", i)]);
        const walk = goldenPath(h, "walk_xyz", null, i);
        expect([...history.encode(walk)]).toEqual([...example(h, "walk_ids", i)]);
        for (const kind of ["history", "walk"]) {
          const p = history.decode(example(h, `${kind}_ids`, i));
          expect(maxGap(flat(p, true), example(h, `${kind}_decoded_xyz`, i))).toBeLessThan(1e-4);
          const rot = example(h, `${kind}_decoded_rot`, i);
          for (let j = 0; j < 16; j++) {
            const want = Math.atan2(rot[9 * j + 3], rot[9 * j]);
            expect(Math.abs(angleBetween(p.yaw[j], want)), `${kind} ${i} row ${j}`).toBeLessThan(
              1e-4,
            );
          }
        }
      }
    });
  },
);
