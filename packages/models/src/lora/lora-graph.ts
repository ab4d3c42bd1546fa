import { add, Graph, matmul, mul, type Tensor, type Value } from "@causeway/graph";
import type { LoraAdapter } from "./adapter.ts";

/** Names of the two factors of a weight as graph parameters. */
export const loraA = (weight: string): string => weight.replace(/\.weight$/, ".lora_A.weight");
export const loraB = (weight: string): string => weight.replace(/\.weight$/, ".lora_B.weight");

/** Ranks and scales by weight name. */
export type LoraShape = ReadonlyMap<string, { readonly rank: number; readonly scale: number }>;

export function loraShape({ factors }: LoraAdapter, prefix = ""): LoraShape {
  return new Map(
    [...factors].map(([name, { a, scale }]) => [
      prefix + name,
      { rank: a.shape[0] as number, scale },
    ]),
  );
}

/** The factors as tensors for a `LoraGraph`. */
export function loraTensors({ factors }: LoraAdapter, prefix = ""): Map<string, Tensor> {
  const out = new Map<string, Tensor>();
  for (const [name, { a, b }] of factors) {
    out.set(loraA(prefix + name), { dtype: "float32", ...a });
    out.set(loraB(prefix + name), { dtype: "float32", ...b });
  }
  return out;
}

/**
 * A graph whose chosen weights are W + scale B A, so that any model built into it is the adapted one and gradients reach
 * A and B. Adding to the weight costs in x out x r once, whatever the number of tokens.
 */
export class LoraGraph extends Graph {
  readonly #adapted: LoraShape;
  readonly #made = new Map<string, Value>();

  constructor(adapted: LoraShape) {
    super();
    this.#adapted = adapted;
  }

  override parameter(name: string, shape: readonly number[]): Value {
    const base = super.parameter(name, shape);
    const own = this.#adapted.get(name);
    if (own === undefined) return base;
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const [out, width] = shape as [number, number];
    const a = super.parameter(loraA(name), [own.rank, width]);
    const b = super.parameter(loraB(name), [out, own.rank]);
    const value = add(base, mul(matmul(b, a), own.scale));
    this.#made.set(name, value);
    return value;
  }
}
