/**
 * ONNX Runtime in a browser: WebAssembly, or WebGPU where the page's build has it. The page brings the build and says
 * where its .wasm file lies (`ort.env.wasm.wasmPaths`), so nothing here is fetched and Node installs none of it.
 */
import type { InferenceSession } from "onnxruntime-node";
import type { Graph } from "./graph.ts";
import { lowerGraph } from "./onnx/lower.ts";
import { writeOnnxModel } from "./onnx/model.ts";
import { type OrtTensorClass, sessionExecutable } from "./ort-session.ts";
import { type CompileOptions, type Executable, outputsOf, type Runtime } from "./runtime.ts";
import { ShapeError } from "./tensor.ts";

/** What is used of `onnxruntime-web`. */
export interface OrtWeb {
  readonly Tensor: OrtTensorClass;
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
}

/**
 * @param providers  In order of preference, as the build names them: "wasm", "webgpu".
 * Threads are the page's setting (`ort.env.wasm.numThreads`, which needs cross-origin isolation), not an option of a
 * graph; weights that stay in files need the native runtime.
 */
export const createOrtWeb = (ort: OrtWeb, providers: readonly string[] = ["wasm"]): Runtime => ({
  name: "ort-web",
  async compile(graph: Graph, options: CompileOptions = {}): Promise<Executable> {
    const lowered = lowerGraph(graph, outputsOf(graph, options), options);
    const stored = lowered.initializers.find(({ tensor }) => "file" in tensor);
    if (stored !== undefined)
      throw new ShapeError(
        `ort-web: weight "${stored.name}" stays in a file, which a browser cannot map; bake it instead`,
      );
    const session = await ort.InferenceSession.create(writeOnnxModel(lowered), {
      executionProviders: [...providers],
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    });
    return sessionExecutable(session, ort.Tensor, lowered, { hasPreallocatedOutputs: false });
  },
});
