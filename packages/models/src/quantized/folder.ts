/**
 * The Causeway quantised folder: the files of the original model, `quantization.json`, and one `model.safetensors` with
 * `<weight>.codes` (U8), `.scales` (F32) and, unless symmetric, `.zero_points` (U8) in the layout of MatMulNBits for
 * every quantised weight. Other weights keep their names and are float32, so that the runtime can map them from the
 * file. The embedding table may be of any float type: single rows of it are read, it is not mapped.
 */
import { join } from "node:path";
import {
  type DType,
  quantizeBlocks,
  type QuantizedWeight,
  type StoredTensor,
} from "@causeway/graph";
import { FormatError } from "../errors.ts";
import { readFolderJson } from "../folder/read-json.ts";
import type { SafetensorsDtype } from "../safetensors/dtypes.ts";
import { SafetensorsFile } from "../safetensors/file.ts";
import type { TensorSource } from "../safetensors/stream.ts";

export const quantizationFile = "quantization.json";
export const weightsFile = "model.safetensors";

export interface QuantizedEntry {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly k: number;
  readonly n: number;
  readonly symmetric: boolean;
}

/** `quantization.json`. */
export interface QuantizationRecord {
  readonly format: "causeway-block-quant";
  readonly version: 1;
  readonly method: string;
  readonly exclude: readonly string[];
  readonly weights: Readonly<Record<string, QuantizedEntry>>;
  /** Error against the original where it was measured; see report.ts. */
  readonly report?: unknown;
}

/** Shapes of the three tensors of a quantised weight. */
export function partsOf(name: string, entry: QuantizedEntry) {
  const { bits, blockSize, k, n, symmetric } = entry;
  const blocks = Math.ceil(k / blockSize);
  const part = (suffix: string, dtype: "U8" | "F32", shape: readonly number[]) => ({
    name: `${name}.${suffix}`,
    dtype,
    shape,
  });
  return {
    scales: part("scales", "F32", [n, blocks]),
    codes: part("codes", "U8", [n, blocks, (blockSize * bits) / 8]),
    zeroPoints: symmetric
      ? null
      : part("zero_points", "U8", [n, bits === 4 ? Math.ceil(blocks / 2) : blocks]),
  };
}

/** Three tensors to write for a weight that is read, in float32 and [n, k], when the first of them is written. */
export function quantizedSources(
  name: string,
  entry: QuantizedEntry,
  read: () => Promise<Float32Array>,
): readonly TensorSource[] {
  const { scales, codes, zeroPoints } = partsOf(name, entry);
  let made: Promise<ReturnType<typeof quantizeBlocks>> | null = null;
  const quantize = async () => quantizeBlocks(await read(), entry.k, entry.n, "nk", entry);
  const bytes = async function* (of: "scales" | "codes" | "zeroPoints") {
    made ??= quantize();
    const data = (await made)[of] as Uint8Array | Float32Array;
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // The last part is written: let the codes go before the next weight is read.
    if (of === (zeroPoints === null ? "codes" : "zeroPoints")) made = null;
  };
  return [
    { ...scales, bytes: () => bytes("scales") },
    { ...codes, bytes: () => bytes("codes") },
    ...(zeroPoints === null ? [] : [{ ...zeroPoints, bytes: () => bytes("zeroPoints") }]),
  ];
}

const graphTypes: Partial<Record<SafetensorsDtype, DType>> = { F32: "float32", U8: "uint8" };

/** An open quantised folder: weights stay in the file, rows of the embedding table are read when asked for. */
export class QuantizedFolder {
  readonly folder: string;
  readonly record: QuantizationRecord;
  readonly quantized: ReadonlyMap<string, QuantizedWeight>;
  /** Weights that were not quantised and are float32. */
  readonly stored: ReadonlyMap<string, StoredTensor>;
  readonly file: SafetensorsFile;

  private constructor(folder: string, record: QuantizationRecord, file: SafetensorsFile) {
    this.folder = folder;
    this.record = record;
    this.file = file;
    const at = (name: string): StoredTensor => {
      const { dtype, shape, begin } = file.entry(name);
      const type = graphTypes[dtype];
      if (type === undefined)
        throw new FormatError(
          `quantised folder: tensor "${name}" is ${dtype}; expected F32 or U8. (${file.path})`,
        );
      return { dtype: type, shape, file: file.path, offset: file.header.dataStart + begin };
    };
    const parts = new Set<string>();
    this.quantized = new Map(
      Object.entries(record.weights).map(([name, entry]): [string, QuantizedWeight] => {
        const expected = partsOf(name, entry);
        const found = [expected.scales, expected.codes, expected.zeroPoints].map((part) => {
          if (part === null) return null;
          parts.add(part.name);
          const stored = at(part.name);
          if (stored.shape.join() !== part.shape.join() || stored.dtype !== graphTypes[part.dtype])
            throw new FormatError(
              `quantised folder: "${part.name}" is ${stored.dtype} [${stored.shape.join(", ")}]; quantization.json says ${part.dtype} [${part.shape.join(", ")}]. (${folder})`,
            );
          return stored;
        }) as [StoredTensor, StoredTensor, StoredTensor | null];
        const [scales, codes, zeroPoints] = found;
        const { bits, blockSize, k, n } = entry;
        return [name, { bits, blockSize, k, n, codes, scales, zeroPoints }];
      }),
    );
    this.stored = new Map(
      file.names
        .filter((name) => !parts.has(name) && file.entry(name).dtype === "F32")
        .map((name) => [name, at(name)]),
    );
  }

  static async open(folder: string): Promise<QuantizedFolder> {
    const record = await readRecord(folder);
    const file = await SafetensorsFile.open(join(folder, weightsFile));
    try {
      return new QuantizedFolder(folder, record, file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Rows of a table as float32, [ids, width]; ids outside the table are an error. */
  async rows(table: string, ids: readonly number[]): Promise<Float32Array> {
    const [count, width] = this.file.entry(table).shape as [number, number];
    const out = new Float32Array(ids.length * width);
    for (const [i, id] of ids.entries()) {
      if (!Number.isInteger(id) || id < 0 || id >= count)
        throw new RangeError(`embedding: id ${id} at place ${i} is outside the table of ${count}`);
      out.set(await this.file.floatWindow(table, id * width, width), i * width);
    }
    return out;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** Whether `quantization.json` lies in a folder; what it says is not looked at. */
export async function isQuantizedFolder(folder: string): Promise<boolean> {
  return (await readFolderJson(folder, quantizationFile, { isOptional: true })) !== null;
}

async function readRecord(folder: string): Promise<QuantizationRecord> {
  const path = join(folder, quantizationFile);
  let json: unknown;
  try {
    json = await readFolderJson(folder, quantizationFile);
  } catch (cause) {
    throw new FormatError(
      `quantised folder: cannot read ${quantizationFile}; expected a folder that \`causeway model quantize\` wrote. (${folder})`,
      null,
      { cause },
    );
  }
  const record = json as QuantizationRecord | null;
  const entries =
    typeof record?.weights === "object" ? Object.entries<unknown>(record.weights ?? {}) : null;
  if (record?.format !== "causeway-block-quant" || record.version !== 1 || entries === null)
    throw new FormatError(
      `quantised folder: ${quantizationFile} has format ${JSON.stringify(record?.format)} version ${JSON.stringify(record?.version)}; expected causeway-block-quant 1. (${folder})`,
    );
  for (const [name, entry] of entries) {
    const { bits, blockSize, k, n, symmetric } = (entry ?? {}) as Partial<QuantizedEntry>;
    const isSize = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) > 0;
    if (
      (bits !== 4 && bits !== 8) ||
      ![16, 32, 64, 128, 256].includes(blockSize as number) ||
      !isSize(k) ||
      !isSize(n) ||
      typeof symmetric !== "boolean"
    )
      throw new FormatError(
        `quantised folder: "${name}" has ${String(bits)} bits, blocks of ${String(blockSize)}, shape [${String(n)}, ${String(k)}], symmetric ${String(symmetric)}. (${path})`,
      );
  }
  return record;
}
