/**
 * The two inner loops of training outside the graph: the Adam update and the sum of squares for clipping.
 *
 * Each exists twice: WebAssembly SIMD (four lanes) for buffers in an arena, and plain JavaScript. Both round to
 * float32 after every operation in the same order, so they give the same bits, and a run does not depend on which
 * one was used. The plain loop on Float64Array is the float64 oracle.
 */
import { type FlatArena, wasmApi } from "./arena.ts";
import {
  type Code,
  type WasmFunction,
  Locals,
  assemble,
  f32x4,
  f64,
  f64x2,
  i32,
  local,
  v128,
  whileLoop,
} from "./wasm-assembler.ts";

export type FloatArray = Float32Array | Float64Array;

/** Scalars of one Adam step; see `adamPlain` for the equations. */
export interface AdamScalars {
  /** 1 - lr * decoupled weight decay. */
  readonly decay: number;
  /** Weight decay added to the gradient (Adam, not AdamW). */
  readonly l2: number;
  readonly gradScale: number;
  readonly beta1: number;
  readonly beta2: number;
  /** lr / (1 - beta1^t). */
  readonly stepSize: number;
  /** 1 / sqrt(1 - beta2^t). */
  readonly invSqrtCorrection2: number;
  readonly eps: number;
}

/**
 * On elements [start, end):
 *
 *   g' = gradScale g + l2 p
 *   m  = m + (1 - beta1)(g' - m)
 *   v  = beta2 v + (1 - beta2) g'²
 *   p  = decay p - stepSize m / (sqrt(v) invSqrtCorrection2 + eps)
 *
 * `maxV`, when given, replaces v in the last line by its running maximum (AMSGrad).
 */
export function adamPlain(
  p: FloatArray,
  g: FloatArray,
  m: FloatArray,
  v: FloatArray,
  maxV: FloatArray | null,
  start: number,
  end: number,
  s: AdamScalars,
): void {
  if (p instanceof Float64Array) adamFloat64(p, g, m, v, maxV, start, end, s);
  else adamFloat32(p, g, m, v, maxV, start, end, s);
}

function adamFloat32(
  p: FloatArray,
  g: FloatArray,
  m: FloatArray,
  v: FloatArray,
  maxV: FloatArray | null,
  start: number,
  end: number,
  s: AdamScalars,
): void {
  const f = Math.fround;
  const decay = f(s.decay);
  const l2 = f(s.l2);
  const gradScale = f(s.gradScale);
  const rest1 = f(1 - s.beta1);
  const beta2 = f(s.beta2);
  const rest2 = f(1 - s.beta2);
  const stepSize = f(s.stepSize);
  const inv2 = f(s.invSqrtCorrection2);
  const eps = f(s.eps);
  for (let i = start; i < end; i++) {
    const pi = f(p[i] as number);
    const gi = f(f(f(g[i] as number) * gradScale) + f(l2 * pi));
    const mi = f(f(m[i] as number) + f(f(gi - f(m[i] as number)) * rest1));
    const vi = f(f(f(v[i] as number) * beta2) + f(f(gi * gi) * rest2));
    m[i] = mi;
    v[i] = vi;
    let used = vi;
    if (maxV !== null) {
      used = f(Math.max(maxV[i] as number, vi));
      maxV[i] = used;
    }
    const denominator = f(f(f(Math.sqrt(used)) * inv2) + eps);
    p[i] = f(f(pi * decay) - f(f(mi / denominator) * stepSize));
  }
}

function adamFloat64(
  p: FloatArray,
  g: FloatArray,
  m: FloatArray,
  v: FloatArray,
  maxV: FloatArray | null,
  start: number,
  end: number,
  s: AdamScalars,
): void {
  for (let i = start; i < end; i++) {
    const pi = p[i] as number;
    const gi = (g[i] as number) * s.gradScale + s.l2 * pi;
    const mi = (m[i] as number) + (gi - (m[i] as number)) * (1 - s.beta1);
    const vi = (v[i] as number) * s.beta2 + gi * gi * (1 - s.beta2);
    m[i] = mi;
    v[i] = vi;
    let used = vi;
    if (maxV !== null) {
      used = Math.max(maxV[i] as number, vi);
      maxV[i] = used;
    }
    const denominator = Math.sqrt(used) * s.invSqrtCorrection2 + s.eps;
    p[i] = pi * s.decay - (mi / denominator) * s.stepSize;
  }
}

/**
 * Sum of squares in float64 of elements [start, end), in eight interleaved partial sums: a fixed order, so that
 * SIMD and plain agree to the bit.
 */
export function sumSquaresPlain(x: FloatArray, start: number, end: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  let s5 = 0;
  let s6 = 0;
  let s7 = 0;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    s0 += (x[i] as number) * (x[i] as number);
    s1 += (x[i + 1] as number) * (x[i + 1] as number);
    s2 += (x[i + 2] as number) * (x[i + 2] as number);
    s3 += (x[i + 3] as number) * (x[i + 3] as number);
    s4 += (x[i + 4] as number) * (x[i + 4] as number);
    s5 += (x[i + 5] as number) * (x[i + 5] as number);
    s6 += (x[i + 6] as number) * (x[i + 6] as number);
    s7 += (x[i + 7] as number) * (x[i + 7] as number);
  }
  let tail = 0;
  for (; i < end; i++) tail += (x[i] as number) * (x[i] as number);
  return s0 + s2 + (s4 + s6) + (s1 + s3 + (s5 + s7)) + tail;
}

/** sum[i] += x[i] * scale, rounded to float32 twice. */
export function addScaledPlain(sum: Float32Array, x: Float32Array, scale: number): void {
  const f = Math.fround;
  const s = f(scale);
  for (let i = 0; i < sum.length; i++) sum[i] = f((sum[i] as number) + f((x[i] as number) * s));
}

/** Kernels for buffers of one arena; elements beyond a multiple of the lane count go through the plain loops. */
export interface Kernels {
  readonly simd: boolean;
  adam(
    p: Float32Array,
    g: Float32Array,
    m: Float32Array,
    v: Float32Array,
    start: number,
    end: number,
    scalars: AdamScalars,
  ): void;
  sumSquares(x: Float32Array, start: number, end: number): number;
  addScaled(sum: Float32Array, x: Float32Array, scale: number): void;
}

const plainKernels: Kernels = {
  simd: false,
  adam: (p, g, m, v, start, end, s) => adamPlain(p, g, m, v, null, start, end, s),
  sumSquares: sumSquaresPlain,
  addScaled: addScaledPlain,
};

function adamFunction(): WasmFunction {
  const params = ["i32", "i32", "i32", "i32", "i32", ...Array<"f32">(9).fill("f32")] as const;
  const locals = new Locals(params);
  const [p, g, m, v, end] = [0, 1, 2, 3, 4];
  const scalar = (k: number) => {
    const index = locals.add("v128");
    return { index, setup: local.set(index, f32x4.splat(local.get(5 + k))) };
  };
  const scalars = Array.from({ length: 9 }, (_, k) => scalar(k));
  const [decay, l2, gradScale, rest1, beta2, rest2, stepSize, inv2, eps] = scalars.map((s) =>
    local.get(s.index),
  ) as [Code, Code, Code, Code, Code, Code, Code, Code, Code];
  const pi = locals.add("v128");
  const gi = locals.add("v128");
  const mi = locals.add("v128");
  const vi = locals.add("v128");
  const { get, set } = local;
  const { add, sub, mul, div, sqrt } = f32x4;
  const lanes = (offset: number): Code => [
    ...set(pi, v128.load(get(p), offset)),
    ...set(gi, add(mul(v128.load(get(g), offset), gradScale), mul(l2, get(pi)))),
    ...set(mi, v128.load(get(m), offset)),
    ...set(mi, add(get(mi), mul(sub(get(gi), get(mi)), rest1))),
    ...v128.store(get(m), get(mi), offset),
    ...set(vi, add(mul(v128.load(get(v), offset), beta2), mul(mul(get(gi), get(gi)), rest2))),
    ...v128.store(get(v), get(vi), offset),
    ...v128.store(
      get(p),
      sub(mul(get(pi), decay), mul(div(get(mi), add(mul(sqrt(get(vi)), inv2), eps)), stepSize)),
      offset,
    ),
  ];
  const advance = [p, g, m, v].flatMap((a) => set(a, i32.add(get(a), i32.const(32))));
  const loop = whileLoop(i32.ltU(get(p), get(end)), [...lanes(0), ...lanes(16), ...advance]);
  const body = [...scalars.flatMap((s) => s.setup), ...loop];
  return { name: "adam", locals, result: null, body };
}

function sumSquaresFunction(): WasmFunction {
  const locals = new Locals(["i32", "i32"]);
  const x = locals.add("v128");
  const sums = [0, 1, 2, 3].map(() => locals.add("v128")) as [number, number, number, number];
  const { get, set } = local;
  const square = (sum: number, half: (a: Code) => Code): Code =>
    set(sum, f64x2.add(get(sum), f64x2.mul(half(get(x)), half(get(x)))));
  const body = whileLoop(i32.ltU(get(0), get(1)), [
    ...set(x, v128.load(get(0), 0)),
    ...square(sums[0], f64x2.promoteLow),
    ...square(sums[1], f64x2.promoteHigh),
    ...set(x, v128.load(get(0), 16)),
    ...square(sums[2], f64x2.promoteLow),
    ...square(sums[3], f64x2.promoteHigh),
    ...set(0, i32.add(get(0), i32.const(32))),
  ]);
  const total = f64x2.add(
    f64x2.add(get(sums[0]), get(sums[1])),
    f64x2.add(get(sums[2]), get(sums[3])),
  );
  const result = f64.add(f64x2.lane(total, 0), f64x2.lane(total, 1));
  return { name: "sumSquares", locals, result: "f64", body: [...body, ...result] };
}

function addScaledFunction(): WasmFunction {
  const locals = new Locals(["i32", "i32", "i32", "f32"]);
  const scale = locals.add("v128");
  const { get, set } = local;
  const lanes = (offset: number): Code =>
    v128.store(
      get(0),
      f32x4.add(v128.load(get(0), offset), f32x4.mul(v128.load(get(1), offset), get(scale))),
      offset,
    );
  const advance = [0, 1].flatMap((a) => set(a, i32.add(get(a), i32.const(32))));
  const loop = whileLoop(i32.ltU(get(0), get(2)), [...lanes(0), ...lanes(16), ...advance]);
  const body = [...set(scale, f32x4.splat(get(3))), ...loop];
  return { name: "addScaled", locals, result: null, body };
}

/** The kernels for an arena: SIMD when its buffers live in WebAssembly memory, else plain. */
export function kernelsFor(arena: FlatArena): Kernels {
  const { memory } = arena;
  if (memory === null) return plainKernels;
  const bytes = assemble([adamFunction(), sumSquaresFunction(), addScaledFunction()]);
  const { exports } = new wasmApi.Instance(new wasmApi.Module(bytes), { env: { memory } });
  const wasm = exports as {
    adam(p: number, g: number, m: number, v: number, end: number, ...scalars: number[]): void;
    sumSquares(x: number, end: number): number;
    addScaled(sum: number, x: number, end: number, scale: number): void;
  };
  const address = (x: Float32Array, index: number): number => {
    if (x.buffer !== memory.buffer)
      throw new RangeError("optimiser kernel: a buffer is outside the arena it was made for");
    return x.byteOffset + index * 4;
  };
  const whole = (start: number, end: number) => start + Math.floor((end - start) / 8) * 8;
  return {
    simd: true,
    adam: (p, g, m, v, start, end, s) => {
      const mid = whole(start, end);
      wasm.adam(
        address(p, start),
        address(g, start),
        address(m, start),
        address(v, start),
        address(p, mid),
        s.decay,
        s.l2,
        s.gradScale,
        1 - s.beta1,
        s.beta2,
        1 - s.beta2,
        s.stepSize,
        s.invSqrtCorrection2,
        s.eps,
      );
      adamPlain(p, g, m, v, null, mid, end, s);
    },
    sumSquares: (x, start, end) => {
      const mid = whole(start, end);
      let tail = 0;
      for (let i = mid; i < end; i++) tail += (x[i] as number) * (x[i] as number);
      return wasm.sumSquares(address(x, start), address(x, mid)) + tail;
    },
    addScaled: (sum, x, scale) => {
      const mid = whole(0, sum.length);
      wasm.addScaled(address(sum, 0), address(x, 0), address(sum, mid), scale);
      addScaledPlain(sum.subarray(mid), x.subarray(mid, sum.length), scale);
    },
  };
}
