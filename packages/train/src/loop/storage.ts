/**
 * Weights stored in bfloat16 with float32 masters: passes read rounded weights, the optimiser moves the masters, so that
 * steps too small for 8 bits of mantissa still add up. Checkpoints then hold the rounded weights in half the bytes, as
 * releases do, and the masters beside the moments. In memory all of it is float32: the engine's CPU products are.
 */
import type { Tensor } from "@causeway/graph";
import type { TrainRecipe } from "../recipe/schema.ts";

/** Rounds to the nearest bfloat16, ties to even, keeping float32 as the type. `out` may be `values`. */
export function roundToBfloat16(values: Float32Array, out: Float32Array): void {
  const from = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const to = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < from.length; i++) {
    const bits = from[i] as number;
    // Infinity and NaN have no mantissa to round; a carry would change what they are.
    const isFinite = (bits & 0x7f80_0000) !== 0x7f80_0000;
    to[i] = (isFinite ? bits + 0x7fff + ((bits >>> 16) & 1) : bits) & 0xffff_0000;
  }
}

/** Weights as the recipe stores them; the same map for float32. */
export function storedWeights(
  weights: ReadonlyMap<string, Tensor>,
  { storage }: Pick<TrainRecipe, "storage">,
): ReadonlyMap<string, Tensor> {
  if (storage !== "bfloat16") return weights;
  return new Map(
    [...weights].map(([name, tensor]) => {
      const { data } = tensor;
      const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
      // What a release stored in bfloat16 needs no second copy.
      if (bits.every((b) => (b & 0xffff) === 0)) return [name, tensor];
      const rounded = new Float32Array(data.length);
      roundToBfloat16(data as Float32Array, rounded);
      return [name, { ...tensor, data: rounded }];
    }),
  );
}
