import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  contextNeed,
  fitVideo,
  frameIndices,
  pairTimes,
  planImage,
  planVideo,
  timestampText,
  totalPixelBudget,
  utilsFrameCount,
  type VideoRequest,
  VisionPlanError,
} from "../src/index.ts";
import { checkVisionBudget } from "../src/golden.ts";

const shared =
  process.env.CAUSEWAY_SHARED ?? fileURLToPath(new URL("../../../../shared", import.meta.url));
const goldenPath = join(shared, "golden/image-metrics/vision-budget.json");

test.skipIf(!existsSync(goldenPath))(
  "every reference row, to the last token (skipped without the shared folder)",
  () => {
    const check = checkVisionBudget(JSON.parse(readFileSync(goldenPath, "utf8")));
    expect(check.problems).toEqual([]);
    expect(check.numRows).toBe(202);
  },
);

const fullHd = { height: 1080, width: 1920 };
const video = (totalFrames: number, fps: number, size = fullHd) => ({ ...size, totalFrames, fps });

test.each([
  [8192, 3774873],
  [16384, 11324620],
  [32768, 26424115],
  [128000, 114189926],
  [262144, 237817036],
])("a context of %i leaves %i pixels beside 4096 tokens", (length, pixels) => {
  expect(totalPixelBudget(length, 4096)).toBe(pixels);
});

test("images: ties go to even, small ones grow", () => {
  const of = (height: number, width: number): number[] => {
    const { height: h, width: w, tokens } = planImage({ height, width });
    return [h, w, tokens];
  };
  expect(of(1080, 1920)).toEqual([1088, 1920, 2040]);
  // 2.5 rounds to 2; rounding up would give 96.
  expect(of(80, 80)).toEqual([64, 64, 4]);
  expect(of(48, 80)).toEqual([64, 64, 4]);
  expect(of(20, 20)).toEqual([64, 64, 4]);
  expect(of(112, 112)).toEqual([128, 128, 16]);
  expect(of(144, 144)).toEqual([128, 128, 16]);
  expect(of(10, 1000)).toEqual([32, 992, 31]);
});

test.each<[string, ReturnType<typeof video>, VideoRequest, number, number, number]>([
  ["8 frames", video(300, 30), { numFrames: 8 }, 640, 1152, 2880],
  ["4 frames", video(300, 30), { numFrames: 4 }, 640, 1152, 1440],
  [
    "10 frames of 1008x560",
    video(10, 4, { height: 560, width: 1008 }),
    { fps: 4 },
    576,
    1024,
    2880,
  ],
  ["1 per second of 75 s", video(2250, 30), { fps: 1, totalPixels: 8388608 }, 352, 608, 7733],
  [
    "1220x1936",
    video(120, 4, { height: 1220, width: 1936 }),
    { fps: 4, totalPixels: 11324620 },
    320,
    544,
    10200,
  ],
  [
    "16 frames, Uber",
    video(900, 30, { height: 1220, width: 1936 }),
    { numFrames: 16, minPixels: 3136, maxPixels: 360000 },
    448,
    736,
    2576,
  ],
  ["beyond the budget", video(600, 30), { fps: 4, totalPixels: 3774873 }, 256, 480, 4800],
])("qwen-vl-utils, %s", (_, info, request, height, width, tokens) => {
  expect(planVideo(info, request, "utils")).toMatchObject({ height, width, tokens });
});

test("the budget of qwen-vl-utils is not hard, and the plan says so", () => {
  const plan = planVideo(video(600, 30), { fps: 4, totalPixels: 3774873 }, "utils");
  expect(plan.budget).toEqual({ tokens: 3774873 / 1024, isOver: true });
});

test("the same limits buy half the tokens where raw frames are counted", () => {
  const request = { fps: 4, totalPixels: 3774873 };
  for (const path of ["transformers", "server"] as const)
    expect(planVideo(video(10, 4), request, path)).toMatchObject({
      height: 448,
      width: 800,
      tokens: 1750,
    });
  expect(planVideo(video(10, 4), request, "utils")).toMatchObject({
    height: 640,
    width: 1152,
    tokens: 3600,
  });
  expect(planVideo(video(80, 4), request, "transformers")).toMatchObject({
    height: 160,
    width: 288,
    tokens: 1800,
  });
  const limits = { fps: 4, minPixels: 262144, totalPixels: 8388608 };
  expect(planVideo(video(10, 4), limits, "transformers")).toMatchObject({
    height: 672,
    width: 1216,
    tokens: 3990,
  });
});

test("Reason 1 has 28 pixels to a token's side", () => {
  expect(
    planVideo(
      video(96, 4, { height: 720, width: 1280 }),
      { fps: 4, totalPixels: 6422528 },
      "utils",
      28,
    ),
  ).toMatchObject({ height: 252, width: 476, tokens: 7344 });
  expect(
    planVideo(
      video(56, 4, { height: 480, width: 640 }),
      { fps: 4, totalPixels: 6422528 },
      "utils",
      28,
    ),
  ).toMatchObject({ height: 392, width: 532, tokens: 7448 });
  expect(planImage(fullHd, { maxPixels: 112897 }, 28)).toMatchObject({ height: 252, width: 448 });
});

test("frames and times", () => {
  expect(utilsFrameCount(2250, 30, { fps: 1 })).toBe(74);
  expect(utilsFrameCount(10, 4, { fps: 4 })).toBe(10);
  expect(utilsFrameCount(301, 30, { fps: 4 })).toBe(40);
  expect(utilsFrameCount(30, 30, { fps: 2 })).toBe(4);
  expect(utilsFrameCount(100_000, 30, { fps: 30 })).toBe(768);
  expect(utilsFrameCount(100, 30, { numFrames: 5 })).toBe(4);
  expect(utilsFrameCount(100, 30, { numFrames: 7 })).toBe(8);
  const all = frameIndices(0, 9, 10);
  expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(pairTimes(all, 4).map(timestampText)).toEqual(
    ["0.1", "0.6", "1.1", "1.6", "2.1"].map((t) => `<${t} seconds>`),
  );
  const indices = frameIndices(0, 19, 8);
  expect(indices).toEqual([0, 3, 5, 8, 11, 14, 16, 19]);
  // 1.25 is an exact tie: Python prints 1.2.
  expect(pairTimes(indices, 10).map(timestampText)).toEqual([
    "<0.1 seconds>",
    "<0.7 seconds>",
    "<1.2 seconds>",
    "<1.8 seconds>",
  ]);
});

test("what does not fit the context is made smaller until it does, and says how", () => {
  const context = { maxModelLen: 8192, maxTokens: 4096, textTokens: 60 };
  const fitted = fitVideo(video(600, 30), { fps: 4 }, "utils", context);
  expect(contextNeed([fitted.plan], context)).toBeLessThanOrEqual(8192);
  expect(fitted.changes.join()).toMatch(/1152x640 became|640x1152 became|frames became/);
  expect(() =>
    fitVideo(video(600, 30), { fps: 4 }, "utils", { ...context, maxModelLen: 4200 }),
  ).toThrow(VisionPlanError);
});

test("a fitted plan always fits, on every path", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 3000 }),
      fc.integer({ min: 32, max: 4000 }),
      fc.integer({ min: 32, max: 4000 }),
      fc.constantFrom("utils", "transformers", "server" as const),
      fc.integer({ min: 2000, max: 40_000 }),
      (totalFrames, height, width, path, maxModelLen) => {
        const context = { maxModelLen, maxTokens: 1000, textTokens: 100 };
        const info = { height, width, totalFrames, fps: 10 };
        const { plan } = fitVideo(info, { fps: 2 }, path as "utils", context);
        expect(contextNeed([plan], context)).toBeLessThanOrEqual(maxModelLen);
        expect(plan.height % 32).toBe(0);
        expect(plan.width % 32).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});
