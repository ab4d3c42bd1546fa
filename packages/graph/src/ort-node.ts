/** ONNX Runtime on the CPU: one session per compiled graph. `run` computes on the calling thread. */
import { dirname } from "node:path";
import * as ort from "onnxruntime-node";
import type { Graph } from "./graph.ts";
import { lowerGraph } from "./onnx/lower.ts";
import { writeOnnxModel } from "./onnx/model.ts";
import type { OnnxGraph, OnnxValue } from "./onnx/model.ts";
import {
  type CompileOptions,
  type Executable,
  type Feeds,
  type Runtime,
  feedEntries,
  outputsOf,
} from "./runtime.ts";
import { ShapeError, type Tensor } from "./tensor.ts";

function toOrt(tensor: Tensor): ort.Tensor {
  // bool travels as bytes; the other element types have the matching typed array already.
  return new ort.Tensor(tensor.dtype as "float32", tensor.data as Float32Array, tensor.shape);
}

/** The one folder that all stored tensors of a graph lie in; null without any. */
function storedFolder({ initializers }: OnnxGraph): string | null {
  const folders = new Set<string>();
  for (const { tensor } of initializers) if ("file" in tensor) folders.add(dirname(tensor.file));
  if (folders.size > 1)
    throw new ShapeError(
      `stored weights lie in ${folders.size} folders; expected one (${[...folders].slice(0, 2).join(", ")})`,
    );
  return [...folders][0] ?? null;
}

/** Whether a fed shape fits; a name in the expected one accepts any size. */
const fits = (expected: OnnxValue["shape"], given: readonly number[]): boolean =>
  expected.length === given.length &&
  expected.every((d, i) => typeof d === "string" || d === given[i]);

export const ortNode: Runtime = {
  name: "ort-node",
  async compile(graph: Graph, options: CompileOptions = {}): Promise<Executable> {
    const lowered = lowerGraph(graph, outputsOf(graph, options), options);
    const model = writeOnnxModel(lowered);
    const folder = storedFolder(lowered);
    const session = await ort.InferenceSession.create(model, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      // 3: errors only; graph optimisation warns about constants it folds.
      logSeverityLevel: 3,
      ...(folder === null
        ? {}
        : { extra: { session: { model_external_initializers_file_folder_path: folder } } }),
      ...(options.threads ? { intraOpNumThreads: options.threads } : {}),
      ...(options.profilePrefix
        ? { enableProfiling: true, profileFilePrefix: options.profilePrefix }
        : {}),
    });
    const inputs = new Map(lowered.inputs.map((i) => [i.name, i]));
    const outputNames = lowered.outputs.map((o) => o.name);
    return {
      inputNames: [...inputs.keys()],
      outputNames,
      async run(feeds: Feeds, into: Feeds = {}) {
        const given: Record<string, ort.Tensor> = {};
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
        const fetches: Record<string, ort.Tensor | null> = {};
        for (const name of outputNames) fetches[name] = null;
        const written = new Map<string, Tensor>();
        for (const [name, tensor] of feedEntries(into)) {
          if (!(name in fetches)) continue;
          fetches[name] = toOrt(tensor);
          written.set(name, tensor);
        }
        const results = await session.run(given, fetches);
        const out = new Map<string, Tensor>();
        for (const { name, dtype } of lowered.outputs)
          out.set(
            name,
            written.get(name) ?? {
              dtype,
              shape: (results[name] as ort.Tensor).dims,
              data: (results[name] as ort.Tensor).data as Float32Array,
            },
          );
        return out;
      },
      async dispose() {
        await session.release();
      },
    };
  },
};

/** Compiles for the default runtime. */
export const compile = (graph: Graph, options?: CompileOptions): Promise<Executable> =>
  ortNode.compile(graph, options);
