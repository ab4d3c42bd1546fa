/**
 * A compiled graph over a session of ONNX Runtime. The native and the web build share one interface, so one file serves
 * both; it imports neither.
 */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { OnnxGraph, OnnxValue } from "./onnx/model.ts";
import { type Executable, type Feeds, feedEntries } from "./runtime.ts";
import { ShapeError, type Tensor } from "./tensor.ts";

/** The constructor of a build's tensors. */
export type OrtTensorClass = typeof OrtTensor;

/** Whether a fed shape fits; a name in the expected one accepts any size. */
const fits = (expected: OnnxValue["shape"], given: readonly number[]): boolean =>
  expected.length === given.length &&
  expected.every((d, i) => typeof d === "string" || d === given[i]);

export function sessionExecutable(
  session: InferenceSession,
  TensorOf: OrtTensorClass,
  lowered: OnnxGraph,
  options: {
    /** Whether results can be written into given memory; otherwise they are copied there after the run. */
    readonly hasPreallocatedOutputs: boolean;
  },
): Executable {
  const toOrt = (tensor: Tensor): OrtTensor =>
    // bool travels as bytes; the other element types have the matching typed array already.
    new TensorOf(tensor.dtype as "float32", tensor.data as Float32Array, tensor.shape);
  const inputs = new Map(lowered.inputs.map((i) => [i.name, i]));
  const outputNames = lowered.outputs.map((o) => o.name);
  return {
    inputNames: [...inputs.keys()],
    outputNames,
    async run(feeds: Feeds, into: Feeds = {}) {
      const given: Record<string, OrtTensor> = {};
      for (const [name, tensor] of feedEntries(feeds)) {
        const expected = inputs.get(name);
        // One feed map may serve several graphs that share weights.
        if (!expected) continue;
        if (expected.dtype !== tensor.dtype || !fits(expected.shape, tensor.shape))
          throw new ShapeError(
            `feed "${name}" is ${tensor.dtype} [${tensor.shape.join(", ")}], expected ${expected.dtype} [${expected.shape.join(", ")}]`,
          );
        given[name] = toOrt(tensor);
      }
      const missing = [...inputs.keys()].filter((name) => !(name in given));
      if (missing.length)
        throw new ShapeError(
          `run: no feed for ${missing
            .slice(0, 8)
            .map((n) => `"${n}"`)
            .join(", ")}${missing.length > 8 ? ` and ${missing.length - 8} more` : ""}`,
        );
      const fetches: Record<string, OrtTensor | null> = {};
      for (const name of outputNames) fetches[name] = null;
      const written = new Map<string, Tensor>();
      for (const [name, tensor] of feedEntries(into)) {
        if (!(name in fetches)) continue;
        if (options.hasPreallocatedOutputs) fetches[name] = toOrt(tensor);
        written.set(name, tensor);
      }
      const results = await session.run(given, fetches);
      if (!options.hasPreallocatedOutputs)
        for (const [name, { data }] of written)
          (data as Float32Array).set((results[name] as OrtTensor).data as Float32Array);
      const out = new Map<string, Tensor>();
      for (const { name, dtype } of lowered.outputs)
        out.set(
          name,
          written.get(name) ?? {
            dtype,
            shape: (results[name] as OrtTensor).dims,
            data: (results[name] as OrtTensor).data as Float32Array,
          },
        );
      return out;
    },
    async dispose() {
      await session.release();
    },
  };
}
