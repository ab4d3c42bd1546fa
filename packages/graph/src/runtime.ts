import type { Graph, Value } from "./graph.ts";
import type { Tensor } from "./tensor.ts";

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

export interface CompileOptions {
  /** Results by name; the graph's declared outputs when left out. */
  readonly outputs?: ReadonlyMap<string, Value> | Readonly<Record<string, Value>>;
  /** Parameters that become constants of the compiled form (frozen weights: pre-packed, faster). */
  readonly baked?: ReadonlyMap<string, Tensor>;
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
