import { compile, type Executable, type Graph, sizeOf, type Tensor } from "@causeway/graph";

/** Below this the weights are compiled in, which lets the runtime pre-pack them. */
const bakeBelowBytes = 256 * 2 ** 20;

/** Compiles graphs by shape and runs them over one set of weights; the least recently used graph is dropped first. */
export class GraphRunner {
  readonly #weights: ReadonlyMap<string, Tensor>;
  readonly #isBaked: boolean;
  readonly #capacity: number;
  readonly #executables = new Map<string, Promise<Executable>>();

  constructor(weights: ReadonlyMap<string, Tensor>, capacity = 12) {
    this.#weights = weights;
    this.#capacity = capacity;
    let bytes = 0;
    for (const { shape } of weights.values()) bytes += 4 * sizeOf(shape);
    this.#isBaked = bytes < bakeBelowBytes;
  }

  /** Runs the graph of that key, built and compiled at its first use. */
  async run(
    key: string,
    build: () => Graph,
    feeds: Map<string, Tensor>,
  ): Promise<ReadonlyMap<string, Tensor>> {
    const executable = await this.#executable(key, build);
    if (!this.#isBaked) {
      for (const name of executable.inputNames) {
        const weight = this.#weights.get(name);
        if (weight !== undefined) feeds.set(name, weight);
      }
    }
    return executable.run(feeds);
  }

  async #executable(key: string, build: () => Graph): Promise<Executable> {
    let entry = this.#executables.get(key);
    this.#executables.delete(key);
    if (entry === undefined) {
      const graph = build();
      const baked = new Map(
        [...graph.parameters.keys()].map((name) => [name, this.#weights.get(name) as Tensor]),
      );
      entry = compile(graph, this.#isBaked ? { baked } : {});
    }
    this.#executables.set(key, entry);
    if (this.#executables.size > this.#capacity) {
      const [oldest, dropped] = this.#executables.entries().next().value as [
        string,
        Promise<Executable>,
      ];
      this.#executables.delete(oldest);
      await (await dropped).dispose();
    }
    return entry;
  }

  /** Frees compiled graphs; the runner can be used again. */
  async dispose(): Promise<void> {
    const all = [...this.#executables.values()];
    this.#executables.clear();
    for (const executable of all) await (await executable).dispose();
  }
}
