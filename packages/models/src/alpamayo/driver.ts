/**
 * Inference: sample the reasoning token by token, then integrate the flow over the keys and values it left behind.
 * All rows run in lockstep. Every input has its own generator (by id), so its draws do not depend on its neighbours.
 */
import type { LocalPath, Rng } from "@causeway/geom";
import {
  type Executable,
  type Graph,
  type QuantizedWeight,
  type Runtime,
  sizeOf,
  tensor,
  type Tensor,
  tensorInt64,
} from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import { buildDecodeStep, buildFlowStep, buildPrefill } from "../generation/graphs.ts";
import { KvCache } from "../generation/kv-cache.ts";
import { sampleToken, type SamplingOptions } from "../generation/sampling.ts";
import type { ModelInput } from "../input.ts";
import { type BackboneShape, backboneFeeds, maskedScore } from "../qwen3vl/model.ts";
import { ropePositions, RotaryTable } from "../qwen3vl/positions.ts";
import type { DrivingCodec } from "./codec.ts";
import { actionDim } from "./config.ts";
import { expertMask } from "./expert.ts";
import { guide, integrateFlow } from "./flow-matching.ts";
import { drivingId } from "./vocabulary.ts";
import type { Weights } from "./weights.ts";

export interface DriveOptions {
  /** Reasonings per input. */
  readonly samples: number;
  /**
   * Trajectories per reasoning, drawn over the same keys and values; 1 when left out. Set n holds the n-th draw of every
   * reasoning, so each set is an answer of its own (`num_traj_sets` of the original, where more than one set fails).
   */
  readonly sets?: number;
  /** Of the reasoning text; released default 0.6. 0 is greedy. */
  readonly temperature?: number;
  /** Released default 0.98. */
  readonly topP?: number;
  /** Scale of the start noise; 1 draws from the learned distribution. */
  readonly flowTemperature?: number;
  /**
   * Classifier-free guidance on the navigation text (1.5): v = (1 - w) v_without + w v_with, where "without" is the same
   * prompt and the same sampled reasoning but no route. 1 and left out mean none. Every input needs a navigation text.
   */
  readonly guidance?: number;
  /** Longest reasoning. A row that reaches it is closed there and says so. */
  readonly maxTokens?: number;
  /** Reproduces a defect of the original, see upstream.ts. */
  readonly upstream?: "open_reasoning";
  /** Forked by input id; the same generator and ids give the same answers. */
  readonly rng: Rng;
  /** Ids of the inputs for the generators; their indices when left out. */
  readonly ids?: readonly string[];
}

/** One reasoning and its trajectory. */
export interface DriveSample {
  /** The chain of causation, without control tokens. */
  readonly text: string;
  /** Sampled ids after `<|cot_start|>`, up to `<|traj_future_start|>`. */
  readonly tokens: readonly number[];
  /** Log-probability of each token under the distribution it was drawn from; 0 for tokens that were forced. */
  readonly logProbs: readonly number[];
  /** False when the text reached `maxTokens` and was closed by force. */
  readonly isComplete: boolean;
  /** Normalised, interleaved actions. */
  readonly action: Float32Array;
  /** Rig frame at t0. */
  readonly path: LocalPath;
}

export interface DriveResult {
  /** Reasoning of the first sample. */
  readonly text: string;
  readonly tokens: readonly number[];
  /** Paths of all samples, in their order. */
  readonly paths: readonly LocalPath[];
  /** [sets, samples]: all of the first set, then all of the second. */
  readonly samples: readonly DriveSample[];
}

/** Row counts that graphs are compiled for; between them rows are filled up and ignored. */
const rowBuckets = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];
const maxRows = rowBuckets.at(-1) as number;
const lengthStep = 32;
/** Below this the weights are compiled in, which lets the runtime pre-pack them. */
const bakeBelowBytes = 256 * 2 ** 20;
const maxExecutables = 12;

interface Row {
  readonly input: number;
  readonly rng: Rng;
  readonly tokens: number[];
  readonly logProbs: number[];
  isComplete: boolean;
  /** Position of the next token on all rotary axes. */
  position: number;
}

/** A prefix that the expert reads, with the position of each row's first action. */
interface FlowBranch {
  readonly cache: KvCache;
  readonly positions: readonly number[];
  /** Of a guiding branch: the guidance weight. */
  readonly weight: number;
}

export class Driver {
  readonly #codec: DrivingCodec;
  readonly #weights: Weights;
  readonly #rotary: RotaryTable;
  readonly #quantized: ReadonlyMap<string, QuantizedWeight>;
  readonly #isBaked: boolean;
  readonly #runtime: Runtime;
  readonly #executables = new Map<string, Promise<Executable>>();

  /** @param quantized  Weights that exist as codes only; `weights` has the others. */
  constructor(
    runtime: Runtime,
    codec: DrivingCodec,
    weights: Weights,
    quantized: ReadonlyMap<string, QuantizedWeight> = new Map(),
  ) {
    this.#runtime = runtime;
    this.#codec = codec;
    this.#weights = weights;
    this.#quantized = quantized;
    this.#rotary = new RotaryTable(codec.config.vlm.text);
    let bytes = 0;
    for (const { shape } of weights.values()) bytes += 4 * sizeOf(shape);
    this.#isBaked = bytes < bakeBelowBytes;
  }

  async drive(inputs: readonly ModelInput[], options: DriveOptions): Promise<DriveResult[]> {
    const { samples, sets = 1, rng, ids } = options;
    for (const [name, count] of Object.entries({ samples, sets })) {
      if (!Number.isInteger(count) || count < 1)
        throw new ConfigError(`drive: ${name} is ${count}; expected a positive integer`);
    }
    if (ids !== undefined && ids.length !== inputs.length) {
      throw new ConfigError(`drive: ${ids.length} ids for ${inputs.length} inputs`);
    }
    const inputsPerCall = Math.max(1, Math.floor(maxRows / (samples * sets)));
    const results: DriveResult[] = [];
    for (let first = 0; first < inputs.length; first += inputsPerCall) {
      const part = inputs.slice(first, first + inputsPerCall);
      const rngs = part.map((_, i) => rng.fork(ids?.[first + i] ?? first + i));
      results.push(...(await this.#drivePart(part, rngs, options)));
    }
    return results;
  }

  async #drivePart(
    inputs: readonly ModelInput[],
    rngs: readonly Rng[],
    options: DriveOptions,
  ): Promise<DriveResult[]> {
    const { samples, sets = 1 } = options;
    const { rows, cache } = await this.#reason(inputs, rngs, options);
    const branches: FlowBranch[] = [
      { cache, positions: rows.map(({ position }) => position), weight: 1 },
    ];
    const { guidance = 1 } = options;
    if (guidance !== 1 && options.upstream !== undefined)
      throw new ConfigError(`drive: "${options.upstream}" is reproduced without guidance only`);
    if (guidance !== 1)
      branches.push(await this.#withoutRoute(inputs, rows, cache.capacity, guidance));
    const actions = await this.#flow(rows, branches, sets, options.flowTemperature ?? 1);
    const { vocabulary } = this.#codec.manifest;
    const cotEnd = drivingId(vocabulary, "cot_end");
    return inputs.map((input, i): DriveResult => {
      const answers = Array.from({ length: sets * samples }, (_, j): DriveSample => {
        const rowIndex = i * samples + (j % samples);
        const row = rows[rowIndex] as Row;
        const action = actions[rowIndex * sets + Math.floor(j / samples)] as Float32Array;
        const end = row.tokens.indexOf(cotEnd);
        return {
          text: this.#codec.tokenizer
            .decode(row.tokens.slice(0, end < 0 ? undefined : end), { skipSpecial: true })
            .trim(),
          tokens: row.tokens,
          logProbs: row.logProbs,
          isComplete: row.isComplete,
          action,
          path: this.#codec.path(action, input.history),
        };
      });
      const first = answers[0] as DriveSample;
      return {
        text: first.text,
        tokens: first.tokens,
        paths: answers.map(({ path }) => path),
        samples: answers,
      };
    });
  }

  /** Samples `options.samples` rows per input; the cache then ends with `<|traj_future_start|>` in every row. */
  async #reason(
    inputs: readonly ModelInput[],
    rngs: readonly Rng[],
    options: DriveOptions,
  ): Promise<{ rows: readonly Row[]; cache: KvCache }> {
    const { config, manifest } = this.#codec;
    const { vocabulary } = manifest;
    const { samples, maxTokens = 64, upstream } = options;
    const sampling: SamplingOptions = {
      temperature: options.temperature ?? 0.6,
      topP: options.topP ?? 0.98,
    };
    const start = drivingId(vocabulary, "traj_future_start");
    const cotEnd = drivingId(vocabulary, "cot_end");
    const lastTrajectory = vocabulary.futureFirst + vocabulary.futureBins + vocabulary.historyBins;
    const allowed = (id: number) =>
      id < vocabulary.size && (id < vocabulary.futureFirst || id >= lastTrajectory);

    const prompts = inputs.map((input) => this.#codec.prompt(input).ids);
    const longest = prompts.reduce((a, { length }) => Math.max(a, length), 0);
    const { text } = config.vlm;
    const cache = new KvCache({
      rows: bucket(inputs.length * samples),
      layers: text.numLayers,
      heads: text.numKvHeads,
      headDim: text.headDim,
      // The sampled text, <|cot_end|> and <|traj_future_start|>.
      capacity: roundUp(longest + maxTokens + 2, lengthStep),
    });
    const { logits, next } = await this.#prefill(inputs, prompts, samples, cache);

    const rows: Row[] = inputs.flatMap((_, i) =>
      Array.from({ length: samples }, (_unused, k) => ({
        input: i,
        rng: (rngs[i] as Rng).fork(`sample ${k}`),
        tokens: [],
        logProbs: [],
        isComplete: true,
        position: next[i] as number,
      })),
    );
    const choose = (row: Row, scores: Float32Array) => {
      if (row.tokens.length >= maxTokens) {
        // Close the text as training rows end, so that the expert sees a prefix of the kind it knows.
        row.isComplete = false;
        row.tokens.push(row.tokens.at(-1) === cotEnd ? start : cotEnd);
        row.logProbs.push(0);
        return;
      }
      const { id, logProb } = sampleToken(scores, allowed, sampling, row.rng);
      row.tokens.push(id);
      row.logProbs.push(logProb);
    };
    const width = text.vocabSize;
    const active = new Set<number>();
    const advance = (r: number, scores: Float32Array) => {
      const row = rows[r] as Row;
      choose(row, scores);
      const isLeftOpen =
        upstream === "open_reasoning" &&
        row.tokens.length === maxTokens &&
        row.tokens.at(-1) !== start;
      if (!isLeftOpen) {
        active.add(r);
        return;
      }
      // The last token has a place but no keys and values.
      row.isComplete = false;
      row.position++;
      active.delete(r);
    };
    for (const [r, { input }] of rows.entries())
      advance(r, logits.subarray(input * width, (input + 1) * width));
    while (active.size > 0) {
      const step = await this.#decode(rows, cache);
      for (const r of active) {
        const row = rows[r] as Row;
        cache.append(r, step.keys, step.values, r, 0, 1);
        row.position++;
        if (row.tokens.at(-1) === start) active.delete(r);
        else advance(r, step.logits.subarray(r * width, (r + 1) * width));
      }
    }
    return { rows, cache };
  }

  /** Runs the prompts in parts and fills the cache; returns each input's first logits and next position. */
  async #prefill(
    inputs: readonly ModelInput[],
    prompts: readonly (readonly number[])[],
    reasonings: number,
    cache: KvCache,
  ): Promise<{ logits: Float32Array; next: readonly number[] }> {
    const { config, manifest, grids, patchBytes } = this.#codec;
    const { text, vision } = config.vlm;
    const length = roundUp(Math.max(...prompts.map((ids) => ids.length)), lengthStep);
    const logits = new Float32Array(inputs.length * text.vocabSize);
    const next: number[] = [];
    const maxBatch = 16;
    for (let first = 0; first < inputs.length; first += maxBatch) {
      const count = Math.min(maxBatch, inputs.length - first);
      const batch = bucket(count);
      // Rows beyond the last input repeat it.
      const members = Array.from({ length: batch }, (_, b) => first + Math.min(b, count - 1));
      const shape: BackboneShape & { rows: number } = {
        batch,
        length,
        rows: batch,
        grids: members.flatMap(() => grids),
        mask: "causal",
        pixels: "uint8",
      };
      const executable = await this.#executable(
        `prefill ${batch} ${length}`,
        () => buildPrefill(config.vlm, shape, "vlm.").graph,
      );
      const patches = new Uint8Array(batch * patchBytes);
      const ids = members.map((i, b) => {
        this.#codec.patchesInto(inputs[i] as ModelInput, patches, b * patchBytes);
        const prompt = prompts[i] as readonly number[];
        return [
          ...prompt,
          ...Array.from(
            { length: length - prompt.length },
            () => manifest.vocabulary.base.endOfText,
          ),
        ];
      });
      const isReal = members.map((i) => {
        const real = (prompts[i] as readonly number[]).length;
        return Array.from({ length }, (_, t) => t < real);
      });
      const positions = ropePositions(
        ids,
        isReal,
        { images: shape.grids },
        {
          imageTokenId: config.vlm.imageTokenId,
          videoTokenId: config.vlm.videoTokenId,
          spatialMergeSize: vision.spatialMergeSize,
        },
      );
      const feeds = backboneFeeds(config.vlm, shape, this.#rotary, {
        ids,
        isReal,
        positions,
        patches,
      });
      const last = members.map((i, b) => b * length + (prompts[i] as readonly number[]).length - 1);
      feeds.set("rows", tensorInt64(last, [batch]));
      const out = await this.#run(executable, feeds);
      const keys = layerTensors(out, "key", text.numLayers);
      const values = layerTensors(out, "value", text.numLayers);
      for (let b = 0; b < count; b++) {
        const i = first + b;
        for (let k = 0; k < reasonings; k++) {
          cache.append(
            i * reasonings + k,
            keys,
            values,
            b,
            0,
            (prompts[i] as readonly number[]).length,
          );
        }
        next.push(positions.next[b] as number);
      }
      const scores = (out.get("logits") as Tensor).data as Float32Array;
      logits.set(scores.subarray(0, count * text.vocabSize), first * text.vocabSize);
    }
    return { logits, next };
  }

  /** Feeds every row's last token. */
  async #decode(
    rows: readonly Row[],
    cache: KvCache,
  ): Promise<{ logits: Float32Array; keys: readonly Tensor[]; values: readonly Tensor[] }> {
    const { config } = this.#codec;
    const { text } = config.vlm;
    const shape = { rows: cache.rows, capacity: cache.capacity };
    const executable = await this.#executable(`decode ${shape.rows} ${shape.capacity}`, () =>
      buildDecodeStep(config.vlm, shape, "vlm."),
    );
    const padded = <T>(of: (row: Row) => T, fill: T) =>
      Array.from({ length: cache.rows }, (_, r) => (r < rows.length ? of(rows[r] as Row) : fill));
    const { cos, sin } = this.#rotary.lookupPlain(padded((row) => row.position, 0));
    const mask = new Float32Array(cache.rows * cache.capacity);
    for (let r = 0; r < cache.rows; r++) {
      mask.fill(
        maskedScore,
        r * cache.capacity + (cache.lengths[r] as number),
        (r + 1) * cache.capacity,
      );
    }
    const half = text.headDim / 2;
    const feeds = new Map<string, Tensor>([
      [
        "ids",
        tensorInt64(
          padded((row) => row.tokens.at(-1) as number, 0),
          [cache.rows, 1],
        ),
      ],
      ["cos", tensor(cos, [cache.rows, 1, half])],
      ["sin", tensor(sin, [cache.rows, 1, half])],
      ["cache_mask", tensor(mask, [cache.rows, 1, 1, cache.capacity])],
      ...cacheFeeds(cache),
    ]);
    const out = await this.#run(executable, feeds);
    return {
      logits: (out.get("logits") as Tensor).data as Float32Array,
      keys: layerTensors(out, "key", text.numLayers),
      values: layerTensors(out, "value", text.numLayers),
    };
  }

  /** The prefix of every row again, from the prompt without its route and the reasoning that was sampled with it. */
  async #withoutRoute(
    inputs: readonly ModelInput[],
    rows: readonly Row[],
    capacity: number,
    guidance: number,
  ): Promise<FlowBranch> {
    const { config } = this.#codec;
    if (!Number.isFinite(guidance))
      throw new ConfigError(`drive: guidance is ${guidance}; expected a number`);
    const bare = inputs.map((input, i) => {
      if (input.navText === null || this.#codec.manifest.promptVersion !== "r1_5")
        throw new ConfigError(
          `drive: guidance needs a navigation text, and input ${i} has none (prompt version ${this.#codec.manifest.promptVersion})`,
        );
      return this.#codec.prompt({ ...input, navText: null }).ids;
    });
    const { numLayers, numKvHeads, headDim } = config.vlm.text;
    const cache = new KvCache({
      rows: bucket(rows.length),
      layers: numLayers,
      heads: numKvHeads,
      headDim,
      capacity,
    });
    const { next } = await this.#prefill(
      rows.map(({ input }) => inputs[input] as ModelInput),
      rows.map(({ input, tokens }) => [...(bare[input] as readonly number[]), ...tokens]),
      1,
      cache,
    );
    return { cache, positions: next, weight: guidance };
  }

  /** `draws` trajectories per row: normalised actions, [rows * draws]. A second branch guides the first. */
  async #flow(
    rows: readonly Row[],
    branches: readonly FlowBranch[],
    draws: number,
    temperature: number,
  ): Promise<readonly Float32Array[]> {
    const { config } = this.#codec;
    const steps = config.actionSpace.waypointCount;
    const width = steps * actionDim;
    const half = config.vlm.text.headDim / 2;
    const { cache } = branches[0] as FlowBranch;
    const shape = { rows: cache.rows, capacity: cache.capacity, draws };
    const executable = await this.#executable(
      `flow ${shape.rows} ${shape.capacity} ${draws}`,
      () => buildFlowStep(config, shape).graph,
    );
    const noise = new Float32Array(cache.rows * draws * width);
    for (const [r, row] of rows.entries()) {
      for (let d = 0; d < draws; d++) {
        const rng = row.rng.fork(`flow ${d}`);
        for (let i = 0; i < width; i++)
          noise[(r * draws + d) * width + i] = temperature * rng.normal();
      }
    }
    const fixed = branches.map(({ cache: own, positions }): [string, Tensor][] => {
      const { cos, sin } = this.#rotary.lookupPlain(
        Array.from(
          { length: own.rows * steps },
          (_, i) => (positions[Math.floor(i / steps)] ?? 0) + (i % steps),
        ),
      );
      const mask = expertMask(own.lengths, null, own.capacity, steps);
      return [
        ["mask", tensor(mask, [own.rows, 1, 1, own.capacity + steps])],
        ["cos", tensor(cos, [own.rows, steps, half])],
        ["sin", tensor(sin, [own.rows, steps, half])],
        ...cacheFeeds(own),
      ];
    });
    const flowRows = cache.rows * draws;
    const field = async (x: Float32Array, t: number, branch: number): Promise<Float32Array> => {
      const feeds = new Map<string, Tensor>([
        ["noisy", tensor(x, [flowRows, steps, actionDim])],
        ["time", tensor(new Float32Array(flowRows).fill(t), [flowRows, 1, 1])],
        ...(fixed[branch] as [string, Tensor][]),
      ]);
      return ((await this.#run(executable, feeds)).get("velocity") as Tensor).data as Float32Array;
    };
    const guiding = branches[1];
    const states = await integrateFlow(noise, config.flowSteps, async (x, t) => {
      const own = await field(x, t, 0);
      if (guiding === undefined) return own;
      // The next run may write where this one did.
      const guided = Float32Array.from(own);
      return guide(await field(x, t, 1), guided, guiding.weight);
    });
    const last = states.at(-1) as Float32Array;
    return Array.from({ length: rows.length * draws }, (_, r) =>
      last.slice(r * width, (r + 1) * width),
    );
  }

  async #run(
    executable: Executable,
    feeds: Map<string, Tensor>,
  ): Promise<ReadonlyMap<string, Tensor>> {
    if (!this.#isBaked) {
      for (const name of executable.inputNames) {
        const weight = this.#weights.get(name);
        if (weight !== undefined) feeds.set(name, weight);
      }
    }
    return executable.run(feeds);
  }

  /** Compiled graphs by shape, the least recently used dropped first. */
  async #executable(key: string, build: () => Graph): Promise<Executable> {
    let entry = this.#executables.get(key);
    this.#executables.delete(key);
    if (entry === undefined) {
      const graph = build();
      const baked = new Map(
        [...graph.parameters.keys()].flatMap((name) => {
          const weight = this.#weights.get(name);
          return weight === undefined ? [] : [[name, weight] as const];
        }),
      );
      entry = this.#runtime.compile(graph, {
        ...(this.#isBaked ? { baked } : {}),
        quantized: this.#quantized,
        quantizedCompute: "int8",
      });
    }
    this.#executables.set(key, entry);
    if (this.#executables.size > maxExecutables) {
      const [oldest, dropped] = this.#executables.entries().next().value as [
        string,
        Promise<Executable>,
      ];
      this.#executables.delete(oldest);
      await (await dropped).dispose();
    }
    return entry;
  }

  async dispose(): Promise<void> {
    const all = [...this.#executables.values()];
    this.#executables.clear();
    for (const executable of all) await (await executable).dispose();
  }
}

function bucket(rows: number): number {
  return rowBuckets.find((size) => size >= rows) ?? rows;
}

function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}

function layerTensors(
  out: ReadonlyMap<string, Tensor>,
  name: string,
  layers: number,
): readonly Tensor[] {
  return Array.from({ length: layers }, (_, i) => out.get(`${name}.${i}`) as Tensor);
}

function cacheFeeds(cache: KvCache): [string, Tensor][] {
  const feed = (name: string, buffers: readonly Float32Array[]) =>
    buffers.map((data, i): [string, Tensor] => [`${name}.${i}`, tensor(data, cache.shape)]);
  return [...feed("cache_key", cache.keys), ...feed("cache_value", cache.values)];
}
