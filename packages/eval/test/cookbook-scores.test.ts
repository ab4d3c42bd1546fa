/** Exact vectors of published recipes and closed forms that every reimplementation should reproduce. */
import {
  eightPoint,
  averagePrecision,
  axisAlignedIou,
  cameraFromRigAxes,
  sampsonDistances,
} from "@causeway/eval/geometry";
import {
  depthErrors,
  f1OfCounts,
  frechetDistance,
  gaussianOfMoments,
  ssim,
} from "@causeway/eval/image";
import { ordinalAccuracy, pearson, spearman } from "@causeway/eval/statistics";
import { type BleuOptions, corpusBleu, pinnedBleu, tokenBleu } from "@causeway/eval/text";
import { describe, expect, it } from "vitest";

const plain: BleuOptions = { ...pinnedBleu, tokeniser: "whitespace", smoothing: { kind: "none" } };
const bleu = (hypothesis: string, reference: string) =>
  corpusBleu([{ hypothesis, references: [reference] }], plain);

describe("text", () => {
  it("BLEU-4 without smoothing on white-space tokens", () => {
    const got = bleu(
      "the ego vehicle slows and stops at the red light",
      "the ego vehicle slows down and stops at the red light",
    );
    expect(got.precisions).toEqual([10 / 10, 8 / 9, 6 / 8, 4 / 7]);
    expect(got.brevityPenalty).toBeCloseTo(0.904837, 6);
    expect(got.score).toBeCloseTo(0.7108668, 7);
  });
  it("identical texts score 1, a repeated word 0", () => {
    expect(bleu("the ego stops at the light", "the ego stops at the light").score).toBe(1);
    const repeated = bleu("the the the the the the the", "the cat is on the mat");
    expect(repeated.precisions[0]).toBe(2 / 7);
    expect(repeated.score).toBe(0);
  });
  it("a short answer is 0 unsmoothed and .3280443 with add-one from order 2", () => {
    const [hypothesis, reference] = ["ego stops here", "ego vehicle stops here now"];
    expect(bleu(hypothesis, reference).score).toBe(0);
    const words = (text: string) => text.split(" ");
    const pair = { hypothesis: words(hypothesis), references: [words(reference)] };
    expect(tokenBleu([pair], 2)).toBeCloseTo(0.3280443, 7);
  });
});

describe("ordinal scores", () => {
  const truth = [1, 2, 3, 4, 5, 4, 2, 3];
  const predicted = [2, 2, 3, 5, 4, 4, 1, 3];
  it("accuracy, within one, Pearson and Spearman", () => {
    const accuracy = ordinalAccuracy(truth, predicted);
    expect(accuracy.accuracyOfAll).toBe(0.5);
    expect(accuracy.withinOneOfAll).toBe(1);
    expect(pearson(truth, predicted).value).toBeCloseTo(0.8333333, 7);
    expect(spearman(truth, predicted).value).toBeCloseTo(0.8888889, 7);
  });
  it("a constant prediction has no correlation", () => {
    expect(
      pearson(
        truth,
        truth.map(() => 4),
      ),
    ).toEqual({ value: null, p: null });
  });
});

describe("geometry", () => {
  const alongX = [0, 0, 0, 0, 0, -1, 0, 1, 0];
  const alongZ = [0, -1, 0, 1, 0, 0, 0, 0, 0];
  it("Sampson distances of pure translations", () => {
    const px = (F: number[], p0: number[], p1: number[]) => sampsonDistances(F, { p0, p1 })[0];
    expect(px(alongX, [10, 20], [30, 20])).toBe(0);
    expect(px(alongX, [10, 20], [30, 22])).toBeCloseTo(1.4142136, 7);
    expect(px(alongX, [10, 20], [30, 23])).toBeCloseTo(2.1213203, 7);
    expect(px(alongZ, [3, 4], [6, 9])).toBeCloseTo(0.2517544, 7);
    expect(px(alongZ, [3, 4], [6, 8])).toBe(0);
  });
  it("fewer than eight matches are refused", () => {
    expect(() => eightPoint({ p0: [1, 2], p1: [1, 2] })).toThrow("1 matches; expected at least 8");
  });
  it("3D IoU of shifted boxes", () => {
    expect(axisAlignedIou([0, 0, 0, 4, 2, 2], [1, 0, 0, 4, 2, 2])).toBeCloseTo(0.6, 12);
    expect(axisAlignedIou([0, 0, 0, 4, 2, 2], [0, 0, 2, 4, 2, 2])).toBe(0);
  });
  it("rig axes to camera axes", () => {
    expect(cameraFromRigAxes([1, 2, 3])).toEqual([-2, -3, 1]);
  });
  it("one perfect box of two is AP 0.5, not 1", () => {
    const car = (x: number) => ({ label: "car", box: [x, 0, 10, 2, 2, 4] });
    const got = averagePrecision(
      [{ id: "a", truth: [car(0), car(9)], predicted: [car(0)] }],
      axisAlignedIou,
    );
    expect(got.map).toBe(0.5);
  });
  it("an unread answer misses its objects, a label that never occurs is named", () => {
    const box = (label: string) => ({ label, box: [0, 0, 10, 2, 2, 4] });
    const got = averagePrecision(
      [
        { id: "a", truth: [box("car")], predicted: null },
        { id: "b", truth: [box("Car_1")], predicted: [box("car"), box("dragon")] },
      ],
      axisAlignedIou,
    );
    expect(got.ap50).toBe(0.5);
    expect(got.labelsWithoutTruth).toEqual({ dragon: 1 });
  });
});

describe("pictures", () => {
  const gaussian = (mean: number[], covariance: number[][]) => gaussianOfMoments(mean, covariance);
  it("Fréchet distances in closed form", () => {
    const d = frechetDistance;
    const unit = gaussian(
      [0, 0],
      [
        [1, 0],
        [0, 1],
      ],
    );
    expect(
      d(
        unit,
        gaussian(
          [3, 4],
          [
            [4, 0],
            [0, 4],
          ],
        ),
      ),
    ).toBeCloseTo(27, 12);
    expect(
      d(
        gaussian(
          [1, 0],
          [
            [1, 0],
            [0, 9],
          ],
        ),
        gaussian(
          [0, 0],
          [
            [4, 0],
            [0, 1],
          ],
        ),
      ),
    ).toBeCloseTo(6, 12);
    expect(
      d(
        gaussian(
          [0, 0],
          [
            [2, 1],
            [1, 2],
          ],
        ),
        gaussian(
          [0, 0],
          [
            [2, -1],
            [-1, 2],
          ],
        ),
      ),
    ).toBeCloseTo(1.0717968, 7);
  });
  it("depth up to scale, zeros masked", () => {
    const got = depthErrors([1, 2, 3, 4, 0], [2, 4, 6, 9, 1]);
    expect(got.ratio).toBe(0.5);
    expect(got.rmse).toBe(0.25);
    expect(got.logRmse).toBeCloseTo(0.0588915, 7);
  });
  it("F1 of counts", () => {
    const got = f1OfCounts(8, 2, 4);
    expect(got.precision).toBe(0.8);
    expect(got.recall).toBeCloseTo(0.6667, 4);
    expect(got.f1).toBeCloseTo(0.7272727, 7);
  });
  it("SSIM of two constants is the luminance term", () => {
    const flat = (v: number) => ({
      width: 9,
      height: 9,
      channels: 1,
      data: new Uint8Array(81).fill(v),
    });
    expect(ssim(flat(100), flat(110)).value).toBeCloseTo(0.9954765, 6);
  });
});
