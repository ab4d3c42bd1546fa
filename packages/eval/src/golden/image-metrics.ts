/**
 * Golden topic "image-metrics": pictures, masks, boxes, distributions and two-view geometry. Files are recognised by
 * their keys; token budgets, which live in the same folder, belong to another package.
 */
import { createRng } from "@causeway/geom";
import { assign } from "../geometry/assignment.ts";
import {
  axisAlignedIou,
  orientedOverlap,
  type Pinhole,
  projectBox,
  yawOverlap,
} from "../geometry/boxes.ts";
import { averagePrecision, type LabelledBox, matchBoxes } from "../geometry/detection.ts";
import {
  eightPoint,
  fundamentalOfPose,
  type Matches,
  robustFundamental,
  sampsonDistances,
  summariseSampson,
} from "../geometry/epipolar.ts";
import { canny, edgeF1 } from "../image/canny.ts";
import { depthErrors } from "../image/depth.ts";
import { frechetDistance, gaussianOfFeatures, gaussianOfMoments } from "../image/frechet.ts";
import { instanceIou, instanceRecall, semanticIou } from "../image/masks.ts";
import { type Raster, toGray } from "../image/raster.ts";
import { blurred, blurSsim, meanSquaredError, psnr, ssim } from "../image/ssim.ts";
import {
  checkFiles,
  type GoldenCheck,
  type GoldenFolder,
  isObject,
  type Json,
  Meter,
  numberOf,
  numbersOf,
  rowsOf,
} from "./check.ts";

/** A tensor of the folder's safetensors files. */
export interface GoldenArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}
export type GoldenArrays = ReadonlyMap<string, GoldenArray>;

const close = 1e-9;

function arrayOf(arrays: GoldenArrays, name: unknown): GoldenArray {
  const found = arrays.get(String(name));
  if (found === undefined) throw new TypeError(`golden case: tensor ${String(name)} is missing`);
  return found;
}

function rasterOf(arrays: GoldenArrays, name: unknown): Raster {
  const { shape, data } = arrayOf(arrays, name);
  return { height: shape[0], width: shape[1], channels: shape[2] ?? 1, data };
}

function checkSsim(content: Json, arrays: GoldenArrays): GoldenCheck[] {
  const values = new Meter();
  const maps = new Meter();
  const settings = content.settings as Readonly<Record<string, Json>>;
  for (const row of rowsOf(content.ssim)) {
    const { a, b, setting } = row;
    const s = settings[String(setting)];
    const range = Number(row.data_range);
    // Rows with range 1 are over pixels in 0 … 1.
    const picture = (name: unknown): Raster => {
      const raster = rasterOf(arrays, name);
      return range === 1
        ? { ...raster, data: Float64Array.from(raster.data, (v) => v / 255) }
        : raster;
    };
    const got = ssim(picture(a), picture(b), {
      window: Number(s.win_size),
      isGaussian: s.gaussian_weights === true,
      sampleCovariance: s.use_sample_covariance === true,
      k1: Number(s.K1),
      k2: Number(s.K2),
      range,
    });
    const where = `${String(a)}/${String(b)} ${String(setting)}`;
    values.add(where, got.value, row.ssim, close, close);
    values.addAll(
      where,
      got.perChannel.map((v) => v ?? Number.NaN),
      row.per_channel,
      close,
      close,
    );
    const map = arrays.get(`ssim_map.${String(a)}.${String(b)}.${String(setting)}`);
    if (map === undefined || range === 1) continue;
    const interleaved = Float64Array.from(map.data, (_, i) => {
      const numChannels = got.maps.length;
      return got.maps[i % numChannels][Math.floor(i / numChannels)];
    });
    maps.addAll(`map ${where}`, interleaved, Array.from(map.data), close);
  }
  const blur = new Meter();
  for (const row of rowsOf(content.blur_ssim)) {
    const [a, b] = [rasterOf(arrays, row.a), rasterOf(arrays, row.b)];
    const options = { kernel: Number(row.kernel), sigma: Number(row.sigma) };
    const where = `${String(row.a)}/${String(row.b)} ${options.kernel}`;
    blur.add(where, blurSsim(a, b, options).value, row.ssim, close, close);
    const channels = Array.from({ length: a.channels }, (_, c) => blurred(a, c, options));
    const first = numbersOf(row.blurred_a_first_row_5).map(
      (_, i) => channels[i % channels.length][Math.floor(i / channels.length)],
    );
    blur.addAll(`${where} blurred`, first, row.blurred_a_first_row_5, close, close);
  }
  const noise = new Meter();
  for (const row of rowsOf(content.psnr)) {
    const [a, b] = [rasterOf(arrays, row.a), rasterOf(arrays, row.b)];
    noise.add(
      `${String(row.a)}/${String(row.b)} mse`,
      meanSquaredError(a, b),
      row.mse,
      close,
      close,
    );
    noise.add(`${String(row.a)}/${String(row.b)} psnr`, psnr(a, b), row.psnr_255, close, close);
  }
  return [
    values.result("ssim", "abs 1e-9 + rel 1e-9"),
    maps.result("ssim-maps", "abs 1e-9"),
    blur.result("blur-ssim", "abs 1e-9 + rel 1e-9"),
    noise.result("psnr", "abs 1e-9 + rel 1e-9"),
  ];
}

function checkCanny(content: Json, arrays: GoldenArrays): GoldenCheck[] {
  const masks = new Meter();
  for (const row of rowsOf(content.edges)) {
    const got = canny(rasterOf(arrays, row.image), {
      low: Number(row.low),
      high: Number(row.high),
      l2Gradient: row.l2_gradient === true,
    });
    masks.addAll(String(row.mask), got, Array.from(arrayOf(arrays, row.mask).data));
    masks.add(
      `${String(row.mask)} pixels`,
      got.reduce((a, b) => a + b, 0),
      row.edge_pixels,
    );
  }
  // The gray conversion is stored beside the masks.
  if (arrays.has("rgb_to_gray") && arrays.has("rgb"))
    masks.addAll(
      "gray",
      toGray(rasterOf(arrays, "rgb")).data,
      Array.from(arrayOf(arrays, "rgb_to_gray").data),
    );
  const f1 = new Meter();
  for (const row of rowsOf(content.f1)) {
    // "empty mask" stands for no edge at all.
    const isEmpty = (name: unknown) => name === "empty mask";
    const known = [row.prediction, row.truth].find((name) => !isEmpty(name));
    const size = known === undefined ? 1 : arrayOf(arrays, known).data.length;
    const mask = (name: unknown) =>
      isEmpty(name) ? new Uint8Array(size) : arrayOf(arrays, name).data;
    const got = edgeF1(mask(row.prediction), mask(row.truth));
    const compare = (key: string, value: number | null) =>
      f1.add(`${String(row.prediction)}/${String(row.truth)} ${key}`, value, row[key], 1e-12);
    compare("tp", got.truePositives);
    compare("fp", got.falsePositives);
    compare("fn", got.falseNegatives);
    compare("precision", got.precision);
    compare("recall", got.recall);
    compare("f1", got.f1);
  }
  return [masks.result("canny/masks", "exact"), f1.result("canny/f1", "abs 1e-12")];
}

function checkDepth(content: Json, arrays: GoldenArrays): GoldenCheck[] {
  const meter = new Meter();
  for (const row of rowsOf(content.rows)) {
    const [gt, pred] = ["gt", "pred"].map(
      (k) => arrayOf(arrays, `depth.${String(row.name)}.${k}`).data,
    );
    const mean = depthErrors(gt, pred);
    const lower = depthErrors(gt, pred, { median: "lower" });
    const compare = (key: string, value: number | null) =>
      meter.add(`${String(row.name)} ${key}`, value, row[key], close, close);
    compare("valid", mean.valid);
    compare("ratio", mean.ratio);
    compare("rmse", mean.rmse);
    compare("log_rmse", mean.logRmse);
    compare("abs_rel", mean.absRel);
    compare("ratio_lower_median", lower.ratio);
    compare("rmse_lower_median", lower.rmse);
    compare("log_rmse_lower_median", lower.logRmse);
    compare("abs_rel_lower_median", lower.absRel);
    compare("si_log_std", mean.siLogStd);
    compare("delta_1.25", mean.delta125);
    compare("rmse_least_squares_scale", mean.leastSquaresRmse);
    compare("least_squares_scale", mean.leastSquaresScale);
  }
  return [meter.result("depth", "abs 1e-9 + rel 1e-9")];
}

function checkMasks(content: Json, arrays: GoldenArrays): GoldenCheck[] {
  const instance = new Meter();
  for (const row of rowsOf(content.instance)) {
    const got = instanceIou(arrayOf(arrays, row.gt).data, arrayOf(arrays, row.pred).data);
    const where = String(row.gt);
    instance.addAll(`${where} ids`, got.truthIds, row.gt_ids);
    instance.addAll(`${where} predicted ids`, got.predictedIds, row.pred_ids);
    got.iou.forEach((values, i) =>
      instance.addAll(`${where} iou[${i}]`, values, (row.iou as unknown[])[i], close, close),
    );
    const total = got.matches.reduce((sum, m) => sum + m[2], 0);
    instance.add(`${where} total`, total, row.assignment_total, close, close);
    instance.add(`${where} matched`, got.meanMatched, row.miou_hungarian, close, close);
    instance.add(`${where} best`, got.meanBest, row.miou_best, close, close);
    for (const [threshold, recall] of Object.entries(row.recall_hungarian as Json))
      instance.add(
        `${where} recall ${threshold}`,
        instanceRecall(got, Number(threshold)),
        recall,
        close,
      );
  }
  const semantic = new Meter();
  for (const row of rowsOf(content.semantic)) {
    const got = semanticIou(
      arrayOf(arrays, row.gt).data,
      arrayOf(arrays, row.pred).data,
      Number(row.classes),
      numberOf(row.ignore),
    );
    const where = String(row.gt);
    got.confusion.forEach((counts, i) =>
      semantic.addAll(
        `${where} confusion[${i}]`,
        counts,
        (row.confusion_gt_by_pred as unknown[])[i],
      ),
    );
    got.iou.forEach((v, i) =>
      semantic.add(`${where} iou[${i}]`, v, (row.iou as unknown[])[i], close),
    );
    semantic.add(`${where} mean`, got.meanIou, row.miou, close);
    semantic.add(`${where} accuracy`, got.pixelAccuracy, row.pixel_accuracy, close);
  }
  const assignment = new Meter();
  for (const row of rowsOf(content.assignment)) {
    const cost = (row.cost as unknown[]).map(numbersOf);
    const pairs = assign(cost);
    const total = pairs.reduce((sum, [r, c]) => sum + cost[r][c], 0);
    assignment.add(`${String(row.name)} total`, total, row.total, close, close);
    if (row.unique !== true) continue;
    assignment.addAll(
      `${String(row.name)} rows`,
      pairs.map((p) => p[0]),
      row.rows,
    );
    assignment.addAll(
      `${String(row.name)} columns`,
      pairs.map((p) => p[1]),
      row.columns,
    );
  }
  return [
    instance.result("masks/instance", "abs 1e-9 + rel 1e-9"),
    semantic.result("masks/semantic", "abs 1e-9; counts exact"),
    assignment.result("masks/assignment", "pairs exact where unique; totals 1e-9"),
  ];
}

function checkBoxes(content: Json): GoldenCheck[] {
  const aabb = new Meter();
  rowsOf(content.aabb).forEach((row, i) =>
    aabb.add(
      `aabb[${i}]`,
      axisAlignedIou(numbersOf(row.a), numbersOf(row.b)),
      row.iou,
      close,
      close,
    ),
  );
  const bev = new Meter();
  rowsOf(content.bev).forEach((row, i) => {
    const got = yawOverlap(numbersOf(row.a), numbersOf(row.b));
    bev.add(`bev[${i}] area`, got.area, row.intersection_area, close);
    bev.add(`bev[${i}] bev IoU`, got.bevIou, row.bev_iou, close);
    bev.add(`bev[${i}] volume`, got.volume, row.intersection_volume, close);
    bev.add(`bev[${i}] IoU`, got.iou, row.iou, close);
  });
  const full = new Meter();
  rowsOf(content.full).forEach((row, i) => {
    const got = orientedOverlap(numbersOf(row.a), numbersOf(row.b));
    full.add(`full[${i}] volume`, got.volume, row.intersection_volume, 1e-7);
    full.add(`full[${i}] IoU`, got.iou, row.iou, 1e-7);
  });
  const projection = new Meter();
  rowsOf(content.projection).forEach((row, i) => {
    const got = projectBox(numbersOf(row.box), row.camera as unknown as Pinhole);
    if (row.box_2d === null) projection.expect(`projection[${i}]: expected none`, got === null);
    else projection.addAll(`projection[${i}]`, got ?? [], row.box_2d, 1e-6);
  });
  const matching = new Meter();
  rowsOf(content.matching).forEach((row, i) => {
    const truth = row.truth as unknown as LabelledBox<number[]>[];
    const predicted = row.prediction as unknown as LabelledBox<number[]>[];
    const got = matchBoxes(truth, predicted, axisAlignedIou);
    const wanted = (row.matches_gt_pred_iou as unknown[]).length;
    matching.expect(
      `matching[${i}]: ${got.length} pairs, expected ${wanted}`,
      got.length === wanted,
    );
    (row.matches_gt_pred_iou as number[][]).forEach(([t, p, iou], k) => {
      matching.add(`matching[${i}][${k}] truth`, got[k]?.truth ?? -1, t);
      matching.add(`matching[${i}][${k}] prediction`, got[k]?.predicted ?? -1, p);
      matching.add(`matching[${i}][${k}] IoU`, got[k]?.iou ?? -1, iou, close);
    });
    const hits = got.filter((m) => m.iou >= 0.5).length;
    matching.add(`matching[${i}] tp`, hits, row["tp_at_0.5"]);
    matching.add(
      `matching[${i}] precision`,
      hits / predicted.length,
      row["precision_at_0.5"],
      close,
    );
    matching.add(`matching[${i}] recall`, hits / truth.length, row["recall_at_0.5"], close);
    // Real average precision never exceeds the share of objects found.
    const ap = averagePrecision([{ id: "0", truth, predicted }], axisAlignedIou);
    matching.expect(`matching[${i}]: AP50 ${ap.ap50} is missing`, ap.ap50 !== null);
  });
  return [
    aabb.result("boxes/aabb", "abs 1e-9 + rel 1e-9"),
    bev.result("boxes/bev", "abs 1e-9"),
    full.result("boxes/full", "abs 1e-7"),
    projection.result("boxes/projection", "abs 1e-6"),
    matching.result("boxes/matching", "pairs exact; IoU 1e-9"),
  ];
}

function checkFrechet(content: Json, arrays: GoldenArrays): GoldenCheck[] {
  const meter = new Meter();
  for (const row of rowsOf(content.rows)) {
    const side = (k: 1 | 2) => {
      if (row[`features_${k}`] === undefined)
        return gaussianOfMoments(
          numbersOf(row[`mean_${k}`]),
          (row[`cov_${k}`] as unknown[]).map(numbersOf),
        );
      const { shape, data } = arrayOf(arrays, row[`features_${k}`]);
      const flat = Float64Array.from(data);
      return gaussianOfFeatures(
        Array.from({ length: shape[0] }, (_, r) => flat.subarray(r * shape[1], (r + 1) * shape[1])),
      );
    };
    const isFullRank = row.rank_1 === row.dim && row.rank_2 === row.dim;
    const allowed = (isFullRank ? 1e-10 : 1e-7) * Number(row.trace_sum);
    meter.add(String(row.name), frechetDistance(side(1), side(2)), row.frechet, allowed);
  }
  return [meter.result("frechet", "1e-10 of the trace sum; rank-deficient 1e-7")];
}

function checkSampson(content: Json, arrays: GoldenArrays): GoldenCheck[] {
  const distances = new Meter();
  rowsOf(content.closed_form).forEach((row, i) => {
    const F = (row.F as unknown[]).flatMap(numbersOf);
    const match: Matches = { p0: numbersOf(row.p0), p1: numbersOf(row.p1) };
    distances.add(`closed form ${i}`, sampsonDistances(F, match)[0], row.pixels, close, 1e-8);
  });
  const eight = new Meter();
  const robust = new Meter();
  for (const row of rowsOf(content.scenes)) {
    const of = (part: string) => arrayOf(arrays, `sampson.${String(row.name)}.${part}`).data;
    const matches: Matches = { p0: of("p0"), p1: of("p1") };
    const outlier = of("outlier");
    const F = (row.F_true as unknown[]).flatMap(numbersOf);
    const K = (row.K as unknown[]).flatMap(numbersOf);
    const R = (row.R as unknown[]).flatMap(numbersOf);
    distances.addAll(
      `${String(row.name)} F`,
      fundamentalOfPose(K, K, R, numbersOf(row.t)),
      F,
      1e-9,
      1e-8,
    );
    const px = sampsonDistances(F, matches);
    if (Array.isArray(row.sampson_px_true_F))
      distances.addAll(`${String(row.name)}`, px, row.sampson_px_true_F, close, 1e-8);
    const inliers = Array.from(px.keys()).filter((i) => outlier[i] === 0);
    const summary = summariseSampson([inliers.map((i) => px[i])]);
    distances.add(
      `${String(row.name)} mean`,
      summary.meanPx,
      row.mean_px_true_F_inliers,
      close,
      1e-8,
    );
    eight.addAll(
      `${String(row.name)}`,
      eightPoint(matches, inliers),
      (row.F_8point as unknown[]).flatMap(numbersOf),
      1e-6,
    );
    for (const wanted of rowsOf(row.ransac)) {
      const thresholdPx = Number(wanted.threshold_px);
      const fit = robustFundamental(matches, createRng(1), {
        thresholdPx,
        confidence: Number(wanted.confidence),
        maxSamples: 2000,
      });
      const where = `${String(row.name)} at ${thresholdPx} px`;
      if (fit === null) {
        robust.expect(`${where}: no model`, false);
        continue;
      }
      const hits = fit.inliers.filter((i) => outlier[i] === 0).length;
      const accepted = fit.inliers.length - hits;
      const jaccard = hits / (inliers.length + accepted);
      const least = Number(wanted.jaccard_with_planted_inliers) - 0.03;
      robust.expect(`${where}: overlap ${jaccard}, expected at least ${least}`, jaccard >= least);
      robust.expect(`${where}: ${accepted} outliers accepted, expected at most 2`, accepted <= 2);
      if (inliers.length < px.length) continue;
      const median = summariseSampson([sampsonDistances(fit.F, matches)]).medianPx;
      robust.add(`${where} median`, median, row.median_px_true_F_inliers, 0, 0.25);
    }
  }
  const aggregate = new Meter();
  if (isObject(content.aggregation)) {
    const { frames, ...wanted } = content.aggregation;
    const got = summariseSampson((frames as unknown[]).map(numbersOf));
    aggregate.addAll("frame means", got.frameMeansPx.map(Number), wanted.frame_mean, 1e-12);
    aggregate.addAll(
      "frame medians",
      got.frameMediansPx.map(Number),
      wanted.frame_median_lower,
      1e-12,
    );
    aggregate.add("mean", got.meanPx, wanted.mean_of_frame_means, 1e-12);
    aggregate.add("median", got.medianPx, wanted.median_of_frame_medians, 1e-12);
  }
  return [
    distances.result("sampson/distance", "rel 1e-8 + abs 1e-9"),
    eight.result("sampson/8-point", "abs 1e-6"),
    robust.result(
      "sampson/ransac",
      "recorded overlap − 0.03; at most 2 outliers; median within 25 %",
    ),
    aggregate.result("sampson/aggregation", "abs 1e-12"),
  ];
}

/** One result per table of the folder. `arrays` holds all tensors of its safetensors files, by name. */
export async function checkImageMetrics(
  caseJson: unknown,
  folder: GoldenFolder,
  arrays: GoldenArrays,
): Promise<GoldenCheck[]> {
  const cases = rowsOf(isObject(caseJson) ? caseJson.cases : []);
  const files = cases
    // Token budgets have rows of their own and no tensors: the package `reason` checks them.
    .filter((c) => !(isObject(c.rows) && "smart_resize" in c.rows))
    .flatMap((c) => (Array.isArray(c.files) ? c.files : [c.file]).map(String))
    .filter((file) => file.endsWith(".json"));
  return checkFiles(files, folder, (content) => {
    if ("ssim" in content) return (c) => checkSsim(c, arrays);
    if ("edges" in content) return (c) => checkCanny(c, arrays);
    if ("instance" in content) return (c) => checkMasks(c, arrays);
    if ("aabb" in content) return checkBoxes;
    if ("closed_form" in content) return (c) => checkSampson(c, arrays);
    const first = rowsOf(content.rows)[0] ?? {};
    if ("si_log_std" in first) return (c) => checkDepth(c, arrays);
    if ("frechet" in first) return (c) => checkFrechet(c, arrays);
    return null;
  });
}
