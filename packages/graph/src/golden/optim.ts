/**
 * Runs the golden topic "optim": optimisers, clipping, schedules, rounding, Beta quantiles, block quantisation.
 * A case is recognised by what its JSON holds (rows with `lr_per_step`, with `total_norm`, …), not by its id.
 */
import { allocateFlat } from "../optim/arena.ts";
import { clipCoefficient, gradNorm } from "../optim/clip.ts";
import { betaLogDensity, betaQuantile, flowTime } from "../optim/flow-time.ts";
import { type FloatArray, kernelsFor } from "../optim/kernels.ts";
import { type OptimizerConfig, createOptimizer, stateNames } from "../optim/optimizer.ts";
import { dequantizeBlocks, quantizeBlocks, unpackCodes } from "../numerics/block-quant.ts";
import { type NarrowFormat, narrowBits } from "../numerics/float-bits.ts";
import { type GoldenCheck, type GoldenFolder, ErrorMeter, goldenNumber } from "./check.ts";
import { checkSchedules } from "./schedules.ts";
import { type GoldenTensor, goldenTensor, readGoldenTensors } from "./tensor-file.ts";

type Json = Record<string, unknown>;
type Tensors = ReadonlyMap<string, GoldenTensor>;

const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const rowsOf = (x: unknown): Json[] => (Array.isArray(x) ? x.filter(isObject) : []);

interface OptimizerRow {
  readonly name: string;
  readonly optimizer: string;
  readonly hyperparameters: Json;
  readonly lr_per_step: readonly number[];
  readonly params: readonly (readonly number[])[];
  readonly max_abs_difference_float32_run: number;
}

/** torch.optim hyper-parameters, with torch's defaults; unknown keys are an error. */
function readHyperparameters(row: OptimizerRow): { config: OptimizerConfig; weightDecay: number } {
  const known = [
    "lr",
    "betas",
    "eps",
    "weight_decay",
    "amsgrad",
    "momentum",
    "dampening",
    "nesterov",
  ];
  for (const key of Object.keys(row.hyperparameters))
    if (!known.includes(key)) throw new TypeError(`hyper-parameter "${key}" is not implemented`);
  const h = row.hyperparameters as {
    betas?: [number, number];
    eps?: number;
    weight_decay?: number;
    amsgrad?: boolean;
    momentum?: number;
    dampening?: number;
    nesterov?: boolean;
  };
  if (row.optimizer === "sgd") {
    const { momentum = 0, dampening = 0, nesterov = false, weight_decay = 0 } = h;
    return { config: { kind: "sgd", momentum, dampening, nesterov }, weightDecay: weight_decay };
  }
  if (row.optimizer !== "adamw" && row.optimizer !== "adam")
    throw new TypeError(`optimizer "${row.optimizer}" is not implemented`);
  const [beta1, beta2] = h.betas ?? [0.9, 0.999];
  const { eps = 1e-8, amsgrad = false } = h;
  return {
    config: { kind: row.optimizer, beta1, beta2, eps, amsgrad },
    weightDecay: h.weight_decay ?? (row.optimizer === "adamw" ? 0.01 : 0),
  };
}

function runOptimizer(
  row: OptimizerRow,
  tensors: Tensors,
  precision: 32 | 64,
  meter: ErrorMeter,
): void {
  const { config, weightDecay } = readHyperparameters(row);
  const starts: number[] = [];
  let length = 0;
  for (const shape of row.params) {
    starts.push(length);
    length += shape.reduce((n, d) => n * d, 1);
  }
  const names = stateNames(config);
  const lengths = [length, length, ...names.map(() => length)];
  const arena = allocateFlat(lengths);
  const buffers = precision === 32 ? arena.buffers : lengths.map((n) => new Float64Array(n));
  const [p, g, ...state] = buffers as readonly [FloatArray, FloatArray, ...FloatArray[]];
  starts.forEach((start, i) =>
    p.set(goldenTensor(tensors, `${row.name}.param.${i}`).data as Float32Array, start),
  );
  const optimizer = createOptimizer(
    config,
    [{ ranges: [{ start: 0, end: length }], lrMultiplier: 1, weightDecay }],
    {
      parameters: p,
      gradients: g,
      state,
      ...(precision === 32 ? { kernels: kernelsFor(arena) } : {}),
    },
  );
  const allowed =
    precision === 32
      ? () => 4 * row.max_abs_difference_float32_run + 1e-7
      : (e: number) => 1e-11 * Math.abs(e) + 1e-13;
  const compare = (
    what: string,
    actual: ArrayLike<number>,
    start: number,
    expected: GoldenTensor,
    step?: number,
  ) => {
    const size = expected.data.length / (step === undefined ? 1 : row.lr_per_step.length);
    const values = expected.data as Float64Array;
    const from = step === undefined ? 0 : step * size;
    for (let j = 0; j < size; j++)
      meter.add(
        `${row.name} float${precision} ${what}[${j}]`,
        actual[start + j] as number,
        values[from + j] as number,
        allowed(values[from + j] as number),
      );
  };
  row.lr_per_step.forEach((lr, step) => {
    starts.forEach((start, i) => {
      const all = goldenTensor(tensors, `${row.name}.grad.${i}`).data as Float32Array;
      const size = all.length / row.lr_per_step.length;
      g.set(all.subarray(step * size, (step + 1) * size), start);
    });
    optimizer.step(lr);
    starts.forEach((start, i) =>
      compare(
        `step ${step} param ${i}`,
        p,
        start,
        goldenTensor(tensors, `${row.name}.after.${i}`),
        step,
      ),
    );
  });
  // Moments of gradients of 500 and of 1e-30 have no common absolute scale: the float32 rule is about parameters.
  if (precision === 64)
    for (const [name, values] of optimizer.state)
      starts.forEach((start, i) => {
        const expected = tensors.get(`${row.name}.state.${i}.${name}`);
        if (expected) compare(`state ${name} ${i}`, values, start, expected);
      });
}

function checkClipping(rows: readonly Json[], meter: ErrorMeter): void {
  for (const row of rows) {
    const grads = (row["grads"] as unknown[][]).map((g) => g.map(goldenNumber));
    const flat = Float64Array.from(grads.flat());
    const normType =
      row["norm_type"] === "inf" ? Number.POSITIVE_INFINITY : goldenNumber(row["norm_type"]);
    const norm = gradNorm(flat, [{ start: 0, end: flat.length }], { normType });
    const coefficient = clipCoefficient(norm, goldenNumber(row["max_norm"]));
    const near = (e: number) => 1e-12 * Math.abs(e);
    const total = goldenNumber(row["total_norm"]);
    meter.add(`${row["name"] as string} total_norm`, norm, total, near(total));
    const clipped = (row["clipped"] as unknown[][]).flat().map(goldenNumber);
    meter.addAll(
      `${row["name"] as string} clipped`,
      flat.map((x) => x * coefficient),
      clipped,
      near,
    );
  }
}

function checkRounding(tensors: Tensors, meter: ErrorMeter): void {
  const inputs = goldenTensor(tensors, "f32_bits").data as Uint32Array;
  const formats: readonly [string, NarrowFormat][] = [
    ["fp16_bits", "float16"],
    ["bf16_bits", "bfloat16"],
    ["fp8_e4m3fn_bits", "float8_e4m3fn"],
    ["fp8_e5m2_bits", "float8_e5m2"],
  ];
  const isNaNOf: Readonly<Record<NarrowFormat, (bits: number) => boolean>> = {
    float16: (b) => (b & 0x7fff) > 0x7c00,
    bfloat16: (b) => (b & 0x7fff) > 0x7f80,
    float8_e4m3fn: (b) => (b & 0x7f) === 0x7f,
    float8_e5m2: (b) => (b & 0x7f) > 0x7c,
  };
  for (const [name, format] of formats) {
    const expected = goldenTensor(tensors, name).data as Uint16Array | Uint8Array;
    const actual = narrowBits(format, inputs, expected.slice().fill(0));
    const isNaN = isNaNOf[format];
    for (let i = 0; i < inputs.length; i++) {
      const [a, e] = [actual[i] as number, expected[i] as number];
      if (isNaN(a) && isNaN(e)) continue;
      meter.add(`${name}[${i}] of 0x${(inputs[i] as number).toString(16)}`, a, e, 0);
    }
    meter.numChecked++;
  }
}

function checkBeta(rows: readonly Json[], meter: ErrorMeter): void {
  for (const row of rows) {
    if ("u" in row) {
      const u = goldenNumber(row["u"]);
      meter.add(`quantile(${u})`, betaQuantile(u), goldenNumber(row["quantile"]), 1e-12);
      meter.add(`flow_time(${u})`, flowTime(u), goldenNumber(row["flow_time"]), 1e-12);
    }
    if ("x" in row && "log_prob" in row) {
      const x = goldenNumber(row["x"]);
      meter.add(`log_prob(${x})`, betaLogDensity(x), goldenNumber(row["log_prob"]), 1e-12);
    }
  }
}

/** Codes may differ by one where the product lands within an ulp of a half (a fused multiply-add rounds the other way). */
function checkBlockQuant(rows: readonly Json[], tensors: Tensors, meter: ErrorMeter): void {
  for (const row of rows) {
    const name = String(row["name"]);
    const get = (part: string) => tensors.get(`${name}.${part}`);
    const [k, n] = [goldenNumber(row["K"]), goldenNumber(row["N"])];
    const bits = goldenNumber(row["bits"]) as 4 | 8;
    const symmetric = row["symmetric"] === true;
    const blockSize = goldenNumber(row["block_size"]);
    const weight = goldenTensor(tensors, `${name}.W`).data as Float32Array;
    const q = quantizeBlocks(weight, k, n, "kn", { bits, blockSize, symmetric });
    const exact = () => 0;
    meter.addAll(`${name} scales`, q.scales, goldenTensor(tensors, `${name}.scales`).data, exact);
    const zeroPoints = get("zero_points");
    if (zeroPoints) meter.addAll(`${name} zero_points`, q.zeroPoints ?? [], zeroPoints.data, exact);
    const blocks = Math.ceil(k / blockSize);
    const codes = goldenTensor(tensors, `${name}.codes`).data as Uint8Array;
    const actual = unpackCodes(q);
    let numDiffering = 0;
    for (let i = 0; i < codes.length; i++) {
      const rowInK = i % (blocks * blockSize);
      if (rowInK >= k || actual[i] === codes[i]) continue;
      numDiffering++;
      meter.add(`${name} codes[${i}]`, actual[i] as number, codes[i] as number, 1);
    }
    const tolerated = Number(row["codes_differing_from_restated_rule"] ?? 0);
    if (numDiffering > tolerated)
      meter.fail(`${name} codes: ${numDiffering} differ, ${tolerated} may`);
    const packed = get("B");
    if (packed && numDiffering === 0 && k % blockSize === 0)
      meter.addAll(`${name} B`, q.codes, packed.data, exact);
    const [a, y] = [get("A"), get("Y_float64")];
    if (!a || !y || numDiffering > 0) continue;
    const values = dequantizeBlocks(q, "kn");
    for (let m = 0; m < a.data.length / k; m++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let i = 0; i < k; i++)
          sum += Number(a.data[m * k + i]) * (values[i * n + j] as number);
        const expected = Number(y.data[m * n + j]);
        meter.add(`${name} Y[${m},${j}]`, sum, expected, 2e-5 + 1e-5 * Math.abs(expected));
      }
  }
}

async function checkOne(
  id: string,
  files: readonly string[],
  folder: GoldenFolder,
): Promise<GoldenCheck> {
  const meter = new ErrorMeter();
  const jsonFile = files.find((f) => f.endsWith(".json"));
  const tensorFile = files.find((f) => f.endsWith(".safetensors"));
  const text = jsonFile ? await folder.text(jsonFile) : "{}";
  const json = JSON.parse(text) as Json;
  const tensors = tensorFile ? readGoldenTensors(await folder.bytes(tensorFile)) : new Map();
  const optimizers = rowsOf(json["cases"]).filter((r) => "lr_per_step" in r);
  const clipping = rowsOf(json["rows"]).filter((r) => "total_norm" in r);
  if (optimizers.length > 0) {
    for (const row of optimizers)
      for (const precision of [64, 32] as const)
        runOptimizer(row as unknown as OptimizerRow, tensors, precision, meter);
    return meter.result(
      id,
      "float64 rel 1e-11 + abs 1e-13; float32 4 x drift of a float32 run + 1e-7",
    );
  }
  if (clipping.length > 0) {
    checkClipping(clipping, meter);
    return meter.result(id, "rel 1e-12");
  }
  if ("schedules" in json || "cosmos_rl" in json) {
    checkSchedules(text, meter);
    return meter.result(id, "abs 1e-12");
  }
  if (tensors.has("f32_bits")) {
    checkRounding(tensors, meter);
    return meter.result(id, "exact bits, any NaN for NaN");
  }
  if (rowsOf(json["rows"]).some((r) => "quantile" in r)) {
    checkBeta([...rowsOf(json["rows"]), ...rowsOf(json["log_prob"])], meter);
    return meter.result(id, "abs 1e-12");
  }
  const quantised = rowsOf(json["cases"]).filter((r) => "block_size" in r);
  if (quantised.length > 0) {
    checkBlockQuant(quantised, tensors, meter);
    return meter.result(id, "scales, zero points, codes exact; products abs 2e-5 + rel 1e-5");
  }
  return {
    case: id,
    passed: false,
    worst: null,
    tolerance: "",
    note: `not implemented: nothing here reads ${files.join(", ")}`,
  };
}

/** All cases of a `case.json` with topic "optim". */
export async function checkOptim(caseJson: unknown, folder: GoldenFolder): Promise<GoldenCheck[]> {
  const results: GoldenCheck[] = [];
  for (const entry of rowsOf(isObject(caseJson) ? caseJson["cases"] : null)) {
    const files = entry["files"] ?? [entry["file"]];
    const id = String(entry["id"]);
    try {
      results.push(await checkOne(id, (files as unknown[]).map(String), folder));
    } catch (error) {
      const note = error instanceof Error ? error.message : String(error);
      results.push({ case: id, passed: false, worst: null, tolerance: "", note });
    }
  }
  return results;
}
