/**
 * Runs a network that a user supplies as an ONNX file: feature extractors for FID and FVD, text classifiers.
 * Only names and shapes of its inputs and outputs are known; what they mean is the caller's knowledge.
 */
import * as ort from "onnxruntime-node";
import type { DType, Tensor } from "./tensor.ts";

export interface OnnxPort {
  readonly name: string;
  readonly dtype: string;
  /** Sizes; a text names a free one. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxFile {
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** All inputs by name; returns all outputs. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<ReadonlyMap<string, Tensor>>;
  close(): Promise<void>;
}

/** Thrown with the file last: what could not be loaded or fed, and what was expected. */
export class OnnxFileError extends Error {
  override readonly name = "OnnxFileError";
  readonly code = "ONNX";
}

const ports = (metadata: readonly ort.InferenceSession.ValueMetadata[]): OnnxPort[] =>
  metadata.map((m) =>
    m.isTensor
      ? { name: m.name, dtype: m.type, shape: m.shape }
      : { name: m.name, dtype: "other", shape: [] },
  );

export async function openOnnxFile(path: string): Promise<OnnxFile> {
  const session = await ort.InferenceSession.create(path, {
    executionProviders: ["cpu"],
    logSeverityLevel: 3,
  }).catch((cause: unknown) => {
    throw new OnnxFileError(
      `the network could not be loaded: ${(cause as Error).message.split("\n")[0]}. Expected an ONNX model (${path})`,
      { cause },
    );
  });
  const inputs = ports(session.inputMetadata);
  return {
    inputs,
    outputs: ports(session.outputMetadata),
    async run(feeds) {
      const given: Record<string, ort.Tensor> = {};
      for (const { name } of inputs) {
        const tensor = feeds[name];
        if (tensor === undefined)
          throw new OnnxFileError(
            `the network has an input "${name}" that was not given; given: ${Object.keys(feeds).join(", ")} (${path})`,
          );
        given[name] = new ort.Tensor(
          tensor.dtype as "float32",
          tensor.data as Float32Array,
          tensor.shape,
        );
      }
      const results = await session.run(given).catch((cause: unknown) => {
        throw new OnnxFileError(
          `the network failed: ${(cause as Error).message.split("\n")[0]} (${path})`,
          { cause },
        );
      });
      return new Map(
        Object.entries(results).map(([name, t]) => [
          name,
          { dtype: t.type as DType, shape: t.dims, data: t.data as Float32Array },
        ]),
      );
    },
    close: () => session.release(),
  };
}
