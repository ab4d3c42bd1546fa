/**
 * Activation-aware scaling before rounding (Lin et al., AWQ, arXiv 2306.00978): inputs that are large on calibration
 * data get finer steps. For linear layers W that read one input x, W' = W diag(s) and x' = x / s leave the product as it
 * is; s = (mean |x|)^a, and a is searched for the smallest output error after rounding. 1 / s is folded into what makes
 * x, so the quantised model has the same graph: into the norm before q/k/v and gate/up, and into up before down. The
 * output projection stays unscaled, because grouped-query heads share the rows of v that would take its factors.
 */
import { dequantizeBlocks, quantizeBlocks } from "@causeway/graph";
import type { QuantizationScheme } from "./scheme.ts";

/** Linear layers with a common input, and the weight whose outputs are that input (its rows, or a norm's gains). */
export interface ScaleGroup {
  readonly linears: readonly string[];
  readonly producer: string;
}

/** Groups of one decoder stack. @param prefix  e.g. "vlm.model.language_model." */
export function scaleGroups(prefix: string, numLayers: number): readonly ScaleGroup[] {
  return Array.from({ length: numLayers }, (_, layer) => {
    const at = `${prefix}layers.${layer}.`;
    const proj = (part: string, names: readonly string[]) =>
      names.map((name) => `${at}${part}.${name}_proj.weight`);
    return [
      {
        linears: proj("self_attn", ["q", "k", "v"]),
        producer: `${at}input_layernorm.weight`,
      },
      {
        linears: proj("mlp", ["gate", "up"]),
        producer: `${at}post_attention_layernorm.weight`,
      },
      { linears: proj("mlp", ["down"]), producer: `${at}mlp.up_proj.weight` },
    ];
  }).flat();
}

/** Inputs that linear layers of a group saw: [rows, k]. */
export interface Activations {
  readonly k: number;
  readonly values: Float32Array;
}

const exponents = Array.from({ length: 11 }, (_, i) => i / 10);
/** Rows of x and of W that the search looks at; enough to rank eleven candidates. */
const maxRows = 48;
const maxOutputs = 128;

/** Every ceil(count / most)-th index. */
function spread(count: number, most: number): number[] {
  const step = Math.ceil(count / most);
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
}

/**
 * Factors s [k] of one group; all 1 when no candidate beats plain rounding.
 *
 * @param weights  Of the group's linears, [n, k] each.
 */
export function searchScales(
  weights: readonly Float32Array[],
  { k, values }: Activations,
  scheme: Pick<QuantizationScheme, "bits" | "blockSize" | "symmetric">,
): { readonly scales: Float32Array; readonly exponent: number; readonly errorRatio: number } {
  const rows = values.length / k;
  const magnitude = new Float64Array(k);
  for (let i = 0; i < values.length; i++)
    magnitude[i % k] = (magnitude[i % k] as number) + Math.abs(values[i] as number) / rows;
  const sampled = spread(rows, maxRows).map((r) => values.subarray(r * k, (r + 1) * k));
  const parts = weights.map((weight) => {
    const chosen = spread(weight.length / k, maxOutputs);
    const out = new Float32Array(chosen.length * k);
    chosen.forEach((n, i) => out.set(weight.subarray(n * k, (n + 1) * k), i * k));
    return out;
  });
  let best = { scales: new Float32Array(k).fill(1), exponent: 0, error: Number.POSITIVE_INFINITY };
  let plain = 0;
  for (const exponent of exponents) {
    const scales = Float32Array.from(magnitude, (m) => Math.max(m, 1e-4) ** exponent);
    // The overall size is free; centring it keeps folded gains near where they were.
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    for (const s of scales) {
      low = Math.min(low, s);
      high = Math.max(high, s);
    }
    const centre = Math.sqrt(low * high);
    for (let i = 0; i < k; i++) scales[i] = (scales[i] as number) / centre;
    const error = parts.reduce(
      (sum, part) => sum + outputError(part, k, scales, sampled, scheme),
      0,
    );
    if (exponent === 0) plain = error;
    if (error < best.error) best = { scales, exponent, error };
  }
  return {
    scales: best.scales,
    exponent: best.exponent,
    errorRatio: plain > 0 ? best.error / plain : 1,
  };
}

/** Sum of squared output differences between W and rounded W diag(s) read with x / s. */
function outputError(
  weight: Float32Array,
  k: number,
  scales: Float32Array,
  inputs: readonly Float32Array[],
  { bits, blockSize, symmetric }: Pick<QuantizationScheme, "bits" | "blockSize" | "symmetric">,
): number {
  const n = weight.length / k;
  const scaled = weight.map((w, i) => w * (scales[i % k] as number));
  const rounded = dequantizeBlocks(
    quantizeBlocks(scaled, k, n, "nk", { bits, blockSize, symmetric }),
    "nk",
  );
  for (let i = 0; i < rounded.length; i++)
    rounded[i] = (rounded[i] as number) / (scales[i % k] as number) - (weight[i] as number);
  let total = 0;
  for (const x of inputs)
    for (let row = 0; row < n; row++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += (x[i] as number) * (rounded[row * k + i] as number);
      total += sum * sum;
    }
  return total;
}

/** Multiplies columns of the linears and divides what feeds them; weights are replaced, not changed in place. */
export function applyScales(
  weights: Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  { linears, producer }: ScaleGroup,
  scales: Float32Array,
): void {
  for (const name of linears) {
    const { shape, data } = weights.get(name) as { shape: readonly number[]; data: Float32Array };
    const k = scales.length;
    weights.set(name, { shape, data: data.map((w, i) => w * (scales[i % k] as number)) });
  }
  const made = weights.get(producer) as { shape: readonly number[]; data: Float32Array };
  const perOutput = made.data.length / scales.length;
  weights.set(producer, {
    shape: made.shape,
    data: made.data.map((w, i) => w / (scales[Math.floor(i / perOutput)] as number)),
  });
}
