/** ONNX Runtime on the CPU: one session per compiled graph. `run` computes on the calling thread. */
import { dirname } from "node:path";
import * as ort from "onnxruntime-node";
import type { Graph } from "./graph.ts";
import { lowerGraph } from "./onnx/lower.ts";
import { writeOnnxModel } from "./onnx/model.ts";
import type { OnnxGraph } from "./onnx/model.ts";
import { sessionExecutable } from "./ort-session.ts";
import { type CompileOptions, type Executable, type Runtime, outputsOf } from "./runtime.ts";
import { ShapeError } from "./tensor.ts";

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
      // A plan of all buffers of a run in one block takes 1.7 times the memory of a training step and saves no time.
      enableMemPattern: false,
      ...(folder === null
        ? {}
        : { extra: { session: { model_external_initializers_file_folder_path: folder } } }),
      ...(options.threads ? { intraOpNumThreads: options.threads } : {}),
      ...(options.profilePrefix
        ? { enableProfiling: true, profileFilePrefix: options.profilePrefix }
        : {}),
    });
    return sessionExecutable(session, ort.Tensor, lowered, { hasPreallocatedOutputs: true });
  },
};

/** Compiles for the default runtime. */
export const compile = (graph: Graph, options?: CompileOptions): Promise<Executable> =>
  ortNode.compile(graph, options);
