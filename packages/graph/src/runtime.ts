import type { Graph, Value } from "./graph.ts";
import type { DType, Tensor } from "./tensor.ts";

export type Feeds = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** A compiled graph. `run` may be called any number of times; calls must not overlap. */
export interface Executable {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Feeds are read in place. Outputs named in `into` are written into the given tensors (preallocated, zero copy);
   * others are freshly allocated.
   */
  run(feeds: Feeds, into?: Feeds): Promise<ReadonlyMap<string, Tensor>>;
  dispose(): Promise<void>;
}

/** A tensor that stays in a file: little-endian, row-major, mapped by the runtime instead of read into the heap. */
export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** All files of one compiled graph lie in one folder. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
}

/**
 * A linear layer's weight [n, k] as block-quantised codes (see numerics/block-quant.ts for the layout); the tensors
 * have the shapes [n, blocks, blockSize * bits / 8], [n, blocks] and, unless symmetric, [n, bytes a row].
 */
export interface QuantizedWeight {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly k: number;
  readonly n: number;
  readonly codes: Tensor | StoredTensor;
  readonly scales: Tensor | StoredTensor;
  readonly zeroPoints: Tensor | StoredTensor | null;
}

export interface CompileOptions {
  /** Results by name; the graph's declared outputs when left out. */
  readonly outputs?: ReadonlyMap<string, Value> | Readonly<Record<string, Value>>;
  /** Parameters that become constants of the compiled form (frozen weights: pre-packed, faster). */
  readonly baked?: ReadonlyMap<string, Tensor>;
  /** Parameters that are constants like `baked` but stay in their file: their memory is mapped, never doubled. */
  readonly stored?: ReadonlyMap<string, StoredTensor>;
  /** Parameters of linear layers that are multiplied in block-quantised form (MatMulNBits). */
  readonly quantized?: ReadonlyMap<string, QuantizedWeight>;
  /**
   * How quantised layers multiply: "float32" unpacks weights to float32; "int8" also rounds activations to 8 bits per
   * block, which is faster and coarser. "float32" when left out.
   */
  readonly quantizedCompute?: "float32" | "int8";
  /**
   * Sizes that stand for any size, with their names: every dimension that is such a number, or a multiple of it, is
   * left open and may differ from run to run. Use large primes, so that no honest size is hit.
   */
  readonly freeSizes?: ReadonlyMap<number, string>;
  /** Threads for one operator; the machine's cores when left out. */
  readonly threads?: number;
  /** File to which a per-operator profile is written. */
  readonly profilePrefix?: string;
}

/** Runs graphs. `ort-node` is the default; `reference` is slow, plain and in f64. */
export interface Runtime {
  readonly name: string;
  compile(graph: Graph, options?: CompileOptions): Promise<Executable>;
}

export function outputsOf(
  graph: Graph,
  options: CompileOptions | undefined,
): ReadonlyMap<string, Value> {
  const given = options?.outputs;
  if (!given) return graph.outputs;
  return given instanceof Map
    ? (given as ReadonlyMap<string, Value>)
    : new Map(Object.entries(given as Readonly<Record<string, Value>>));
}

export const feedEntries = (feeds: Feeds): Iterable<[string, Tensor]> =>
  feeds instanceof Map
    ? (feeds as Map<string, Tensor>).entries()
    : Object.entries(feeds as Readonly<Record<string, Tensor>>);
