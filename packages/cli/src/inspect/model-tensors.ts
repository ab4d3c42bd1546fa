/** The weights of a model folder as its architecture knows them, whether they are stored as numbers or as codes. */
import {
  Checkpoint,
  isQuantizedFolder,
  type QuantizationRecord,
  QuantizedFolder,
} from "@causeway/models";

export interface ModelTensor {
  readonly shape: readonly number[];
  /** As in safetensors, or "int4", "int8" for codes. */
  readonly dtype: string;
}

export interface ModelTensors {
  readonly tensors: ReadonlyMap<string, ModelTensor>;
  readonly bytes: number;
  readonly metadata: ReadonlyMap<string, string>;
  /** Null for a folder that is not quantised. */
  readonly quantization: QuantizationRecord | null;
}

/** From headers alone. @throws FormatError when codes and scales do not fit what `quantization.json` says. */
export async function readModelTensors(folder: string): Promise<ModelTensors> {
  const checkpoint = await Checkpoint.open(folder);
  try {
    const tensors = new Map<string, ModelTensor>();
    for (const name of checkpoint.names)
      tensors.set(name, { shape: checkpoint.shape(name), dtype: checkpoint.dtype(name) });
    const rest = { bytes: checkpoint.bytes, metadata: checkpoint.metadata() };
    if (!(await isQuantizedFolder(folder))) return { tensors, ...rest, quantization: null };
    const packed = await QuantizedFolder.open(folder);
    try {
      for (const [name, { bits, n, k }] of packed.quantized) {
        for (const part of ["codes", "scales", "zero_points"]) tensors.delete(`${name}.${part}`);
        // A tied head is a second form of the embedding table, which stays beside it.
        if (!tensors.has(name)) tensors.set(name, { shape: [n, k], dtype: `int${bits}` });
      }
      return { tensors, ...rest, quantization: packed.record };
    } finally {
      await packed.close();
    }
  } finally {
    await checkpoint.close();
  }
}

/** "28 weights int4 in blocks of 32, rounded to nearest" and what stays as it is. */
export function quantizationLines(record: QuantizationRecord): readonly string[] {
  const kinds = new Map<string, number>();
  for (const { bits, blockSize, symmetric } of Object.values(record.weights)) {
    const kind = `int${bits} in blocks of ${blockSize}${symmetric ? ", symmetric" : ""}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const report = record.report as Record<string, unknown> | null | undefined;
  const number = (key: string): string =>
    typeof report?.[key] === "number" ? (report[key] as number).toPrecision(4) : "?";
  return [
    `quantised   ${record.method}`,
    ...[...kinds].map(([kind, count]) => `  ${String(count).padStart(7)}  weights ${kind}`),
    `  as they were: ${record.exclude.join(", ")}`,
    report === null || report === undefined
      ? "  error against the original: not measured"
      : `  over ${number("numTokens")} tokens: logits ${number("logitRelativeError")} off (relative), perplexity ${number("perplexityBefore")} before, ${number("perplexityAfter")} after`,
  ];
}
