/**
 * A tiny Alpamayo with random weights, from pixels and prompt to trajectories: prefix cache, expert layers, Euler
 * steps, left-padded batches, navigation guidance, masks and positions.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createActionSpace, createHistoryTokenizer, type LocalPath } from "@causeway/geom";
import {
  compile,
  type Executable,
  type Graph,
  tensor,
  type Tensor,
  tensorInt64,
  type Value,
} from "@causeway/graph";
import { actionDim, type AlpamayoConfig, parseAlpamayoConfig } from "../alpamayo/config.ts";
import { expertMask } from "../alpamayo/expert.ts";
import { guide, integrateFlow } from "../alpamayo/flow-matching.ts";
import { buildFlowStep, buildPrefill } from "../generation/graphs.ts";
import type { Grid } from "../qwen3vl/positions.ts";
import { type FloatTensor, SafetensorsFile } from "../safetensors/file.ts";
import { runOnce } from "./action-in-proj.ts";
import { type BackboneCase, type PreparedCase, prepareCase, realEntries } from "./backbone-case.ts";
import { integerRows, rowsOf, withTensors } from "./case-tensors.ts";
import { Comparison, type GoldenCheck, member } from "./check.ts";

/** Ids that the case's own JSON states. */
interface TinyIds {
  readonly future: {
    readonly historyPlaceholder: number;
    readonly futurePlaceholder: number;
    readonly futureStart: number;
    readonly futureEnd: number;
  };
  readonly futureFirst: number;
  readonly historyFirst: number;
}

export interface TinyModel {
  readonly config: AlpamayoConfig;
  readonly ids: TinyIds;
  feeds(graph: Graph): Promise<Map<string, Tensor>>;
}

/** Configuration and weights of the folder that holds a tiny release. */
export async function readTinyModel(folder: string): Promise<TinyModel> {
  const json = async (name: string) =>
    JSON.parse(await readFile(join(folder, name), "utf8")) as unknown;
  const raw = await json("config.json");
  const config = parseAlpamayoConfig(raw, await json("vlm_config.json"));
  const id = (key: string) => Number(member(raw, "traj_token_ids", key));
  const first = Number(member(raw, "traj_token_start_idx"));
  return {
    config,
    ids: {
      future: {
        historyPlaceholder: id("history"),
        futurePlaceholder: id("future"),
        futureStart: id("future_start"),
        futureEnd: id("future_end"),
      },
      futureFirst: first,
      historyFirst: first + config.futureTokens.bins,
    },
    feeds: (graph) =>
      withTensors(join(folder, "model.safetensors"), async (file) => {
        const out = new Map<string, Tensor>();
        for (const name of graph.parameters.keys()) {
          const { shape, data } = await file.floats(name);
          out.set(name, { dtype: "float32", shape, data });
        }
        return out;
      }),
  };
}

/** Histories [B, 1, N, 3] and rotations [B, 1, N, 3, 3] as planar paths. */
export function pathsOf(xyz: FloatTensor, rotation: FloatTensor): LocalPath[] {
  const [batch, , n] = xyz.shape as [number, number, number];
  return Array.from({ length: batch }, (_, b) => {
    const axis = (k: number) =>
      Float64Array.from({ length: n }, (_unused, i) => xyz.data[(b * n + i) * 3 + k] as number);
    const yaw = Float64Array.from({ length: n }, (_unused, i) => {
      const at = (b * n + i) * 9;
      return Math.atan2(rotation.data[at + 3] as number, rotation.data[at] as number);
    });
    return { x: axis(0), y: axis(1), z: axis(2), yaw };
  });
}

/** History placeholders replaced by the ids of each row's history. */
export function fuseHistory(
  model: TinyModel,
  ids: readonly (readonly number[])[],
  histories: readonly LocalPath[],
): number[][] {
  const { bins, min, max } = model.config.historyTokens;
  const tokenizer = createHistoryTokenizer({ bins, min, max });
  return ids.map((row, b) => {
    const local = tokenizer.encode(histories[b] as LocalPath);
    let k = 0;
    return row.map((id) =>
      id === model.ids.future.historyPlaceholder
        ? model.ids.historyFirst + (local[k++] as number)
        : id,
    );
  });
}

interface PrefixRun {
  readonly prepared: PreparedCase;
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
  readonly get: (name: string) => Float32Array;
}

async function runPrefix(model: TinyModel, input: BackboneCase): Promise<PrefixRun> {
  const { config } = model;
  const prepared = prepareCase(config.vlm, input);
  const { shape, feeds } = prepared;
  const last = Math.min(8, shape.length);
  const rows = shape.batch * last;
  const { graph, backbone, logits } = buildPrefill(config.vlm, { ...shape, rows }, "vlm.");
  feeds.set(
    "rows",
    tensorInt64(
      Array.from(
        { length: rows },
        (_, i) => Math.floor(i / last) * shape.length + shape.length - last + (i % last),
      ),
      [rows],
    ),
  );
  for (const [name, weight] of await model.feeds(graph)) feeds.set(name, weight);
  const outputs: Record<string, Value> = { logits };
  backbone.decoder.keyValues.forEach(({ key, value }, i) => {
    outputs[`key.${i}`] = key;
    outputs[`value.${i}`] = value;
  });
  if (backbone.vision !== null) {
    outputs["image_embeds"] = backbone.vision.merged;
    backbone.vision.deepstack.forEach((level, i) => {
      outputs[`deepstack_${i}`] = level;
    });
  }
  const get = await runOnce(graph, outputs, feeds);
  const layers = config.vlm.text.numLayers;
  return {
    prepared,
    keys: Array.from({ length: layers }, (_, i) => get(`key.${i}`)),
    values: Array.from({ length: layers }, (_, i) => get(`value.${i}`)),
    get,
  };
}

async function compareCache(
  check: Comparison,
  run: PrefixRun,
  config: AlpamayoConfig,
  data: SafetensorsFile,
): Promise<void> {
  const { numKvHeads, headDim } = config.vlm.text;
  const { shape, isReal } = run.prepared;
  const real = (values: ArrayLike<number>) =>
    realEntries(values, isReal, shape.length, { outer: numKvHeads, inner: headDim });
  for (const [i, key] of run.keys.entries()) {
    if (!data.has(`kv.${i}.key`)) continue;
    check.close(`kv.${i}.key`, real(key), real((await data.floats(`kv.${i}.key`)).data), {
      absolute: 1e-4,
    });
    check.close(
      `kv.${i}.value`,
      real(run.values[i] as Float32Array),
      real((await data.floats(`kv.${i}.value`)).data),
      { absolute: 1e-4 },
    );
  }
}

/** Rows of a generation file: whole sequences but the last token, pictures repeated for every sample of a prompt. */
async function sequenceCase(
  data: SafetensorsFile,
  sequences: readonly (readonly number[])[],
  source: SafetensorsFile,
  imageToken: number,
): Promise<BackboneCase> {
  const prompts = await integerRows(data, "prompt_ids");
  const padding = data.has("padding_mask") ? await integerRows(data, "padding_mask") : null;
  const grids = (await integerRows(source, "image_grid_thw")) as unknown as Grid[];
  const pixels = await source.floats("pixel_values");
  const perPrompt = sequences.length / prompts.length;
  let grid = 0;
  let patch = 0;
  const images: Grid[] = [];
  const patches: number[] = [];
  for (const prompt of prompts) {
    let left = prompt.filter((id) => id === imageToken).length;
    const first = patch;
    const own: Grid[] = [];
    while (left > 0) {
      const next = grids[grid++] as Grid;
      own.push(next);
      patch += next[0] * next[1] * next[2];
      left -= (next[0] * next[1] * next[2]) / 4;
    }
    for (let k = 0; k < perPrompt; k++) {
      images.push(...own);
      patches.push(...rowsOf(pixels, first, patch - first));
    }
  }
  const ids = sequences.map((row) => row.slice(0, -1));
  return {
    ids,
    attentionMask:
      padding === null
        ? null
        : ids.map((row, r) => {
            const own = padding[Math.floor(r / perPrompt)] as number[];
            return row.map((_, t) => own[t] ?? 1);
          }),
    images,
    pixels: Float32Array.from(patches),
  };
}

/** The expert over one prefix run: a velocity field, its position ids and its mask. */
class ExpertRun {
  readonly #executable: Executable;
  readonly #fixed: Map<string, Tensor>;
  readonly #rows: number;
  readonly #steps: number;
  readonly positions: readonly number[];
  readonly mask: Float32Array;

  private constructor(
    executable: Executable,
    fixed: Map<string, Tensor>,
    rows: number,
    steps: number,
    positions: readonly number[],
    mask: Float32Array,
  ) {
    this.#executable = executable;
    this.#fixed = fixed;
    this.#rows = rows;
    this.#steps = steps;
    this.positions = positions;
    this.mask = mask;
  }

  static async create(
    model: TinyModel,
    prefix: PrefixRun,
    offsets: readonly number[],
    upstream?: "padding_visible",
  ): Promise<ExpertRun> {
    const { config } = model;
    const { shape, positions, isReal, rotary } = prefix.prepared;
    const steps = config.actionSpace.waypointCount;
    const { graph, expert } = buildFlowStep(config, {
      rows: shape.batch,
      capacity: shape.length,
      draws: 1,
    });
    const outputs: Record<string, Value> = {
      velocity: expert.velocity,
      action_embeds: expert.embeds,
    };
    expert.states.forEach((state, i) => {
      outputs[i === expert.states.length - 1 ? "last_hidden" : `layer_${i}`] = state;
    });
    // A padded offset plus the padded delta is the position after the last real token of the prefix.
    const first = offsets.map((offset, b) => offset + (positions.paddedDeltas[b] as number));
    const place = first.flatMap((p) => Array.from({ length: steps }, (_, k) => p + k));
    const { cos, sin } = rotary.lookupPlain(place);
    const half = config.vlm.text.headDim / 2;
    const mask = expertMask(offsets, isReal, shape.length, steps, upstream);
    const { numKvHeads, headDim } = config.vlm.text;
    const cacheShape = [shape.batch, numKvHeads, shape.length, headDim];
    const fixed = await model.feeds(graph);
    fixed.set("cos", tensor(cos, [shape.batch, steps, half]));
    fixed.set("sin", tensor(sin, [shape.batch, steps, half]));
    fixed.set("mask", tensor(mask, [shape.batch, 1, 1, shape.length + steps]));
    prefix.keys.forEach((key, i) => {
      fixed.set(`cache_key.${i}`, tensor(key, cacheShape));
      fixed.set(`cache_value.${i}`, tensor(prefix.values[i] as Float32Array, cacheShape));
    });
    return new ExpertRun(await compile(graph, { outputs }), fixed, shape.batch, steps, place, mask);
  }

  /** One call; `times` has one value per row. */
  async call(x: Float32Array, times: Float32Array): Promise<(name: string) => Float32Array> {
    const feeds = new Map(this.#fixed);
    feeds.set("noisy", tensor(x, [this.#rows, this.#steps, actionDim]));
    feeds.set("time", tensor(times, [this.#rows, 1, 1]));
    const out = await this.#executable.run(feeds);
    return (name) => Float32Array.from((out.get(name) as Tensor).data as Float32Array);
  }

  async velocity(x: Float32Array, t: number): Promise<Float32Array> {
    return (await this.call(x, new Float32Array(this.#rows).fill(t)))("velocity");
  }

  async dispose(): Promise<void> {
    await this.#executable.dispose();
  }
}

/** [R, S, K, 2] from S arrays of [R, K, 2]. */
function stackRows(states: readonly Float32Array[], rows: number): Float32Array {
  const width = (states[0] as Float32Array).length / rows;
  const out = new Float32Array(rows * states.length * width);
  states.forEach((state, s) => {
    for (let r = 0; r < rows; r++)
      out.set(state.subarray(r * width, (r + 1) * width), (r * states.length + s) * width);
  });
  return out;
}

function comparePaths(
  check: Comparison,
  model: TinyModel,
  action: Float32Array,
  histories: readonly LocalPath[],
  perPrompt: number,
  xyz: Float32Array,
): void {
  const space = createActionSpace(model.config.actionSpace);
  const width = action.length / (histories.length * perPrompt);
  const paths = Array.from({ length: histories.length * perPrompt }, (_, r) =>
    space.decode(action.subarray(r * width, (r + 1) * width), {
      history: histories[Math.floor(r / perPrompt)] as LocalPath,
    }),
  );
  const flat = paths.flatMap(({ x, y, z }) =>
    [...x].flatMap((_, i) => [x[i] as number, y[i] as number, z[i] as number]),
  );
  check.close("pred_xyz", flat, xyz, { absolute: 1e-3 });
}

const firstAfter = (rows: readonly (readonly number[])[], id: number) =>
  rows.map((row) => row.indexOf(id) + 1);

export async function checkTinyModel(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const model = await readTinyModel(dir);
  const name = String(member(caseJson, "case"));
  const out: GoldenCheck[] = [
    await checkPrefix(dir, name, model),
    await checkSamples(dir, caseJson, name, model, "sample_r1"),
  ];
  for (const file of ["batch_1_5", "guidance_1_5"]) {
    if (member(caseJson, "files", `${file}.safetensors`) === undefined) continue;
    out.push(
      await (file === "batch_1_5"
        ? checkSamples(dir, caseJson, name, model, file)
        : checkGuidance(dir, name, model)),
    );
  }
  if (member(caseJson, "files", "masks.safetensors") !== undefined)
    out.push(await checkMasks(dir, name));
  return out;
}

async function checkPrefix(dir: string, name: string, model: TinyModel): Promise<GoldenCheck> {
  const check = new Comparison(`${name}/prefix`, "ids, positions exact; others 1e-4 absolute");
  await withTensors(join(dir, "prefix.safetensors"), async (data) => {
    const histories = pathsOf(
      await data.floats("ego_history_xyz"),
      await data.floats("ego_history_rot"),
    );
    const ids = fuseHistory(model, await integerRows(data, "input_ids_before_fusion"), histories);
    check.exact("input_ids", ids, await integerRows(data, "input_ids"));
    const run = await runPrefix(model, {
      ids,
      attentionMask: await integerRows(data, "attention_mask"),
      images: (await integerRows(data, "image_grid_thw")) as unknown as Grid[],
      pixels: (await data.floats("pixel_values")).data,
    });
    const { positions } = run.prepared;
    check.exact(
      "position_ids",
      positions.axes.flatMap((axis) => [...axis]),
      (await data.integers("position_ids")).data,
    );
    check.exact("rope_deltas", positions.paddedDeltas, (await data.integers("rope_deltas")).data);
    for (const output of ["image_embeds", "deepstack_0", "deepstack_1", "logits"]) {
      if (data.has(output))
        check.close(output, run.get(output), (await data.floats(output)).data, { absolute: 1e-4 });
    }
    await compareCache(check, run, model.config, data);
  });
  return check.result();
}

/** The last state when the expert sees padding as R1 does ("padding_visible"). */
async function flowOverVisiblePadding(
  model: TinyModel,
  rows: BackboneCase,
  offsets: readonly number[],
  start: Float32Array,
): Promise<Float32Array> {
  const prefix = await runPrefix(model, { ...rows, paddingPosition: 1 });
  const expert = await ExpertRun.create(model, prefix, offsets, "padding_visible");
  const states = await integrateFlow(start, model.config.flowSteps, (x, t) =>
    expert.velocity(x, t),
  );
  await expert.dispose();
  return states.at(-1) as Float32Array;
}

function largestPerRow(a: Float32Array, b: Float32Array, rows: number): number[] {
  const width = a.length / rows;
  return Array.from({ length: rows }, (_, r) =>
    a
      .subarray(r * width, (r + 1) * width)
      .reduce((most, v, i) => Math.max(most, Math.abs(v - (b[r * width + i] as number))), 0),
  );
}

/** What the case says that R1's defect moves in every row of the padded batch; null when it says nothing. */
function paddingGaps(caseJson: unknown): readonly number[] | null {
  const notes = member(caseJson, "notes");
  const words = /ignores the padding mask; final action gap per row ([\d., ]*\d)/.exec(
    Array.isArray(notes) ? notes.join("\n") : "",
  );
  return words === null ? null : (words[1] as string).split(", ").map(Number);
}

async function checkSamples(
  dir: string,
  caseJson: unknown,
  name: string,
  model: TinyModel,
  file: string,
): Promise<GoldenCheck> {
  const check = new Comparison(
    `${name}/${file}`,
    "ids, masks, positions exact; cache 1e-4; layers 2e-4; states, velocities, paths, stated gaps 1e-3 absolute",
  );
  await withTensors(join(dir, `${file}.safetensors`), (data) =>
    withTensors(
      join(dir, data.has("pixel_values") ? `${file}.safetensors` : "prefix.safetensors"),
      async (source) => {
        const histories = pathsOf(
          await source.floats("ego_history_xyz"),
          await source.floats("ego_history_rot"),
        );
        const fused = fuseHistory(
          model,
          await integerRows(source, "input_ids_before_fusion"),
          histories,
        );
        check.exact("prompt_ids", fused, await integerRows(data, "prompt_ids"));
        const sequences = await integerRows(data, "sequences");
        const rows = sequences.length;
        const prefix = await runPrefix(
          model,
          await sequenceCase(data, sequences, source, model.config.vlm.imageTokenId),
        );
        await compareCache(check, prefix, model.config, data);
        const offsets = firstAfter(sequences, model.ids.future.futureStart);
        check.exact("offset", offsets, (await data.integers("offset")).data);
        const expert = await ExpertRun.create(model, prefix, offsets);
        const places = (await data.integers("position_ids")).data;
        check.exact(
          "expert position_ids",
          expert.positions,
          places.slice(0, expert.positions.length),
        );
        const visible = (await data.integers("attention_mask")).data;
        const steps = model.config.actionSpace.waypointCount;
        const width = visible.length / (rows * steps);
        check.exact(
          "attention_mask",
          Array.from(expert.mask, (v) => (v === 0 ? 1 : 0)),
          Array.from({ length: rows }, (_, r) =>
            visible.slice(r * steps * width, r * steps * width + width),
          ).flat(),
        );
        for (const probe of data.names
          .filter((n) => n.endsWith(".action_embeds"))
          .map((n) => n.slice(0, -".action_embeds".length))) {
          const call = await expert.call(
            (await data.floats(`${probe}.x`)).data,
            (await data.floats(`${probe}.t`)).data,
          );
          for (const output of data.names.filter(
            (n) => n.startsWith(`${probe}.`) && !/\.[xt]$/.test(n),
          )) {
            check.close(
              output,
              call(output.slice(probe.length + 1)),
              (await data.floats(output)).data,
              { absolute: 2e-4 },
            );
          }
        }
        const velocities: Float32Array[] = [];
        const states = await integrateFlow(
          (await data.floats("x0")).data,
          model.config.flowSteps,
          async (x, t) => {
            velocities.push(await expert.velocity(x, t));
            return velocities.at(-1) as Float32Array;
          },
        );
        await expert.dispose();
        check.close("states", stackRows(states, rows), (await data.floats("states")).data, {
          absolute: 1e-3,
        });
        const stated = paddingGaps(caseJson);
        if (data.has("padding_mask") && stated !== null) {
          const leaking = await flowOverVisiblePadding(
            model,
            await sequenceCase(data, sequences, source, model.config.vlm.imageTokenId),
            offsets,
            states[0] as Float32Array,
          );
          const gaps = largestPerRow(leaking, states.at(-1) as Float32Array, rows);
          check.close("padding_visible: gap per row", gaps, stated, { absolute: 1e-3 });
        }
        check.close(
          "velocities",
          stackRows(velocities, rows),
          (await data.floats("velocities")).data,
          { absolute: 1e-3 },
        );
        comparePaths(
          check,
          model,
          states.at(-1) as Float32Array,
          histories,
          rows / histories.length,
          (await data.floats("pred_xyz")).data,
        );
        if (data.has("v0")) {
          const space = createActionSpace(model.config.actionSpace);
          check.close(
            "v0",
            histories.map((history) => space.estimateV0(history)),
            (await data.floats("v0")).data,
            { absolute: 1e-3 },
          );
        }
      },
    ),
  );
  return check.result();
}

async function checkGuidance(dir: string, name: string, model: TinyModel): Promise<GoldenCheck> {
  const check = new Comparison(
    `${name}/guidance_1_5`,
    "ids, positions exact; states, velocities, paths 1e-3 absolute",
  );
  const inputs = (
    JSON.parse(await readFile(join(dir, "case.json"), "utf8")) as { outputs?: unknown }
  ).outputs;
  const words = /w ([\d.]+), temperature ([\d.]+)/.exec(String(member(inputs, "guidance_1_5")));
  if (words === null) {
    check.fail("the case does not state guidance weight and temperature");
    return check.result();
  }
  const [weight, temperature] = [Number(words[1]), Number(words[2])];
  await withTensors(join(dir, "guidance_1_5.safetensors"), async (data) => {
    const histories = pathsOf(
      await data.floats("ego_history_xyz"),
      await data.floats("ego_history_rot"),
    );
    const guidedPrompt = fuseHistory(
      model,
      await integerRows(data, "input_ids_before_fusion"),
      histories,
    );
    check.exact("prompt_ids", guidedPrompt, await integerRows(data, "prompt_ids"));
    const [from, to] = (await integerRows(data, "nav_span"))[0] as [number, number];
    // The route span, with its control tokens, leaves the prompt; the sampled reasoning is fed again.
    const cut = (row: readonly number[]) => {
      const start = row[from - 1] === undefined ? from : from;
      return [...row.slice(0, start), ...row.slice(to + 1)];
    };
    const unguidedPrompt = await integerRows(data, "unguided_prompt_ids");
    check.exact("unguided prompt", guidedPrompt.map(cut), unguidedPrompt);
    const sequences = await integerRows(data, "sequences");
    const promptLength = (guidedPrompt[0] as number[]).length;
    const unguided = sequences.map((row, r) => [
      ...(unguidedPrompt[Math.floor((r * unguidedPrompt.length) / sequences.length)] as number[]),
      ...row.slice(promptLength),
    ]);
    const runs: ExpertRun[] = [];
    for (const rows of [sequences, unguided]) {
      const prefix = await runPrefix(
        model,
        await sequenceCase(data, rows, data, model.config.vlm.imageTokenId),
      );
      runs.push(
        await ExpertRun.create(model, prefix, firstAfter(rows, model.ids.future.futureStart)),
      );
    }
    const [guidedRun, unguidedRun] = runs as [ExpertRun, ExpertRun];
    for (const [run, key] of [
      [guidedRun, "position_ids"],
      [unguidedRun, "unguided_position_ids"],
    ] as const) {
      check.exact(
        key,
        run.positions,
        (await data.integers(key)).data.slice(0, run.positions.length),
      );
    }
    const guided: Float32Array[] = [];
    const plain: Float32Array[] = [];
    const start = (await data.floats("x0")).data.map((v) => Math.fround(v * temperature));
    const states = await integrateFlow(start, model.config.flowSteps, async (x, t) => {
      guided.push(await guidedRun.velocity(x, t));
      plain.push(await unguidedRun.velocity(x, t));
      return guide(plain.at(-1) as Float32Array, guided.at(-1) as Float32Array, weight);
    });
    await Promise.all(runs.map((run) => run.dispose()));
    const rows = sequences.length;
    check.close("velocities", stackRows(guided, rows), (await data.floats("velocities")).data, {
      absolute: 1e-3,
    });
    check.close(
      "unguided_velocities",
      stackRows(plain, rows),
      (await data.floats("unguided_velocities")).data,
      { absolute: 1e-3 },
    );
    check.close("states", stackRows(states, rows), (await data.floats("states")).data, {
      absolute: 1e-3,
    });
    comparePaths(
      check,
      model,
      states.at(-1) as Float32Array,
      histories,
      rows / histories.length,
      (await data.floats("pred_xyz")).data,
    );
  });
  return check.result();
}

/** The mask and position builder on small numbers. */
async function checkMasks(dir: string, name: string): Promise<GoldenCheck> {
  const check = new Comparison(`${name}/masks`, "exact");
  await withTensors(join(dir, "masks.safetensors"), async (data) => {
    const offsets = (await data.integers("offset")).data;
    const deltas = (await data.integers("rope_deltas")).data;
    const { shape, data: visible } = await data.integers("attention_mask");
    const [rows, , steps, width] = shape as [number, number, number, number];
    const prefixMask = await integerRows(data, "prefix_mask");
    const slots = width - steps;
    const isReal = prefixMask.map((row) =>
      Array.from({ length: slots }, (_, s) => (row[s] ?? 1) === 1),
    );
    for (const [key, real, values] of [
      ["attention_mask", isReal, visible],
      [
        "attention_mask_without_prefix_mask",
        null,
        (await data.integers("attention_mask_without_prefix_mask")).data,
      ],
    ] as const) {
      const own = Array.from(expertMask(offsets, real, slots, steps), (v) => (v === 0 ? 1 : 0));
      const repeated = Array.from({ length: rows * steps }, (_, i) =>
        own.slice(Math.floor(i / steps) * width, (Math.floor(i / steps) + 1) * width),
      ).flat();
      check.exact(key, repeated, values);
    }
    const places = offsets.flatMap((offset, r) =>
      Array.from({ length: steps }, (_, k) => offset + (deltas[r] as number) + k),
    );
    check.exact(
      "position_ids",
      [...places, ...places, ...places],
      (await data.integers("position_ids")).data,
    );
    const [eos] = (await data.integers("eos")).data as [number];
    // Where the token is missing, the reference falls back to the last one; ours closes the text instead.
    const sequences = await integerRows(data, "sequences");
    const found = sequences.map((row) => (row.includes(eos) ? row.indexOf(eos) + 1 : row.length));
    check.exact("eos_offset", found, (await data.integers("eos_offset")).data);
  });
  return check.result();
}
