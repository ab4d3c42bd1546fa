/**
 * A quantised folder of a given shape with random weights, written straight as codes: nothing of the model's full size
 * is ever in memory. For measuring size and speed; what it says means nothing.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Rng } from "@causeway/geom";
import { sizeOf } from "@causeway/graph";
import { elementBytes } from "../safetensors/dtypes.ts";
import { streamSafetensors, type TensorSource } from "../safetensors/stream.ts";
import {
  partsOf,
  quantizationFile,
  type QuantizationRecord,
  type QuantizedEntry,
  weightsFile,
} from "./folder.ts";
import { bitsFor, isEmbedding, type QuantizationScheme } from "./scheme.ts";

const pieceBytes = 4 * 2 ** 20;

/**
 * A piece of random bytes repeated from a start of the tensor's own. No two tensors may be equal: the runtime keeps
 * equal packed weights once, and a model that shares its weights would look smaller and faster than it is.
 */
function* repeated(piece: Uint8Array, bytes: number, start: number): Generator<Uint8Array> {
  let from = start % piece.byteLength;
  for (let done = 0; done < bytes; ) {
    const part = piece.subarray(from, Math.min(piece.byteLength, from + bytes - done));
    yield part;
    done += part.byteLength;
    from = 0;
  }
}

const viewOf = (data: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

export async function writeRandomFolder(
  folder: string,
  shapes: ReadonlyMap<string, readonly number[]>,
  scheme: QuantizationScheme,
  rng: Rng,
  options: {
    readonly tiedHead: boolean;
    readonly signal?: AbortSignal;
    readonly onTensor?: (done: number, total: number) => void;
  },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const words = new Uint32Array(pieceBytes / 4);
  for (let i = 0; i < words.length; i++) words[i] = rng.int(2 ** 32);
  const codes = new Uint8Array(words.buffer);
  const floats = new Float32Array(pieceBytes / 4);
  for (let i = 0; i < floats.length; i++) floats[i] = rng.normal();
  // The upper half of a small float32 is its bfloat16.
  const halves = new Uint16Array(floats.length);
  const bits = new Uint32Array(floats.map((x) => 0.02 * x).buffer);
  for (let i = 0; i < halves.length; i++) halves[i] = (bits[i] as number) >>> 16;

  const weights: Record<string, QuantizedEntry> = {};
  const sources: TensorSource[] = [];
  // A whole number of floats; prime, so that starts differ for a very long time.
  const start = () => 4 * 65_537 * sources.length;
  const quantized = (name: string, bitsWanted: 4 | 8, [n, k]: readonly [number, number]) => {
    const { blockSize, symmetric } = scheme;
    const entry: QuantizedEntry = { bits: bitsWanted, blockSize, k, n, symmetric };
    weights[name] = entry;
    const parts = partsOf(name, entry);
    // Uniform codes have a standard deviation of range / sqrt(12); the sum over k inputs keeps unit variance.
    const scale = Math.sqrt(12 / k) / 2 ** bitsWanted;
    const scales = () =>
      floats
        .subarray(0, Math.min(floats.length, sizeOf(parts.scales.shape)))
        .map((x) => scale * (1 + 0.1 * Math.tanh(x)));
    const at = start();
    const size = (part: { shape: readonly number[] }) => sizeOf(part.shape);
    sources.push(
      { ...parts.scales, bytes: () => repeated(viewOf(scales()), 4 * size(parts.scales), at) },
      { ...parts.codes, bytes: () => repeated(codes, size(parts.codes), at) },
    );
    const zeros = parts.zeroPoints;
    if (zeros !== null) {
      const middle = () => new Uint8Array(size(zeros)).fill(bitsWanted === 4 ? 0x88 : 0x80);
      sources.push({ ...zeros, bytes: () => [middle()] });
    }
  };
  for (const [name, shape] of shapes) {
    const chosen = bitsFor(scheme, name, shape);
    if (chosen !== null) {
      quantized(name, chosen, shape as [number, number]);
      continue;
    }
    const isTable = isEmbedding(name);
    const dtype = isTable ? "BF16" : "F32";
    const bytes = sizeOf(shape) * elementBytes[dtype];
    const values = (): Float32Array => {
      const length = Math.min(floats.length, sizeOf(shape));
      if (/norm\d?\.weight$|layernorm\.weight$/.test(name)) return new Float32Array(length).fill(1);
      if (name.endsWith(".bias")) return new Float32Array(length);
      const std = 1 / Math.sqrt(Math.max(1, sizeOf(shape.slice(1))));
      return floats.subarray(0, length).map((x) => std * x);
    };
    const at = start();
    sources.push({
      name,
      dtype,
      shape,
      bytes: () => repeated(viewOf(isTable ? halves : values()), bytes, at),
    });
    if (isTable && options.tiedHead && scheme.headBits !== null)
      quantized(name, scheme.headBits, shape as [number, number]);
  }
  await streamSafetensors(join(folder, weightsFile), sources, options);
  const record: QuantizationRecord = {
    format: "causeway-block-quant",
    version: 1,
    method: "random",
    exclude: scheme.exclude,
    weights,
  };
  await writeFile(join(folder, quantizationFile), `${JSON.stringify(record, null, 1)}\n`);
}
