/** The defects of the original do what their names say, and the intended behaviour beside them does not. */
import { compile, type Tensor, tensor } from "@causeway/graph";
import { expect, test } from "vitest";
import { rngOf, scene, sentences, straight, tinyCodec } from "../../test/tiny.ts";
import { BatchBuilder, stage1Shape, stage2Shape } from "./batches.ts";
import { expertMask } from "./expert.ts";
import { drawFlowSample } from "./flow-matching.ts";
import { AlpamayoModel } from "./model.ts";
import { labelMask } from "./prompt.ts";
import { buildStage2 } from "./training.ts";
import { upstreamCameraIndex, upstreamExtractTrajectory, zipSpansOverBatch } from "./upstream.ts";

const codec = tinyCodec();

test("padding_visible: the expert sees the padding before a shorter prompt", () => {
  const isReal = [
    [false, false, true, true],
    [true, true, true, true],
  ];
  const seen = (upstream?: "padding_visible") => {
    const mask = expertMask([3, 4], isReal, 4, 2, upstream);
    return [...mask].map((v) => (v === 0 ? 1 : 0)).join("");
  };
  // Slots 0-3 of the prefix, then two waypoints; slot 3 of row 0 is past its offset.
  expect(seen()).toBe("001011" + "111111");
  expect(seen("padding_visible")).toBe("111011" + "111111");
});

test("zip_spans_over_batch: an open span takes the end of another row, here nothing moves", () => {
  const { tokenizer, manifest } = codec;
  const row = (text: string) => tokenizer.encode(`<|im_start|>assistant\n${text}<|im_end|>`);
  const rows = [row("<|cot_start|>a b c d e"), row("<|cot_start|>a<|cot_end|>b")];
  const assistant = tokenizer.encode("assistant");
  const words = (masks: readonly (readonly boolean[])[]) =>
    masks.map((mask, b) => tokenizer.decode((rows[b] as number[]).filter((_, i) => mask[i])));
  expect(words(rows.map((r) => labelMask(r, manifest.vocabulary, assistant, ["cot"])))).toEqual([
    "<|im_end|>",
    "<|cot_start|>a<|cot_end|><|im_end|>",
  ]);
  const [open, closed] = words(zipSpansOverBatch(rows, manifest.vocabulary, assistant, ["cot"]));
  expect(open).toContain("<|cot_start|>a");
  expect(closed).toBe("<|im_end|>");
});

test("sdpa_causal: a waypoint of stage 2 sees only what is before it, in driving it sees all", async () => {
  const model = AlpamayoModel.create(codec, rngOf(1));
  const examples = [
    codec.example({
      input: scene(rngOf(1), { red: false, speedMps: 8 }),
      future: straight(64, 8, 0.1),
      cot: sentences[0] as string,
    }),
  ];
  const shape = stage2Shape(codec, examples, { batch: 1, drawsPerSample: 1 });
  const builder = new BatchBuilder(codec);
  const flow = drawFlowSample(rngOf(2), builder.repeatedActions(examples, 1), 128);
  // Does the first waypoint's velocity move when only the last waypoint does?
  const firstMoves = async (upstream?: "sdpa_causal") => {
    const stage = buildStage2(codec.config, {
      ...shape,
      ...(upstream === undefined ? {} : { upstream }),
    });
    const executable = await compile(stage.graph, { outputs: { v: stage.expert.velocity } });
    const feeds = builder.stage2(examples, flow, shape);
    for (const name of stage.graph.parameters.keys())
      feeds.set(name, model.weights.get(name) as Tensor);
    const first = async (noisy: Float32Array) => {
      feeds.set("noisy", tensor(noisy, [1, 64, 2]));
      const out = await executable.run(feeds);
      return Array.from((out.get("v") as Tensor).data.subarray(0, 2) as Float32Array);
    };
    const before = await first(flow.noisy);
    const after = await first(flow.noisy.map((v, i) => (i < 126 ? v : v + 3)));
    await executable.dispose();
    return before.some((v, i) => Math.abs(v - (after[i] as number)) > 1e-6);
  };
  expect(await firstMoves()).toBe(true);
  expect(await firstMoves("sdpa_causal")).toBe(false);
  await model.dispose();
});

test("open_reasoning: a text at its longest is left open, and the expert reads another prefix", async () => {
  const model = AlpamayoModel.create(codec, rngOf(1));
  const input = scene(rngOf(1), { red: false, speedMps: 8 });
  const drive = async (upstream?: "open_reasoning") => {
    const [result] = await model.drive([input], {
      samples: 2,
      maxTokens: 3,
      temperature: 1,
      rng: rngOf(4),
      ...(upstream === undefined ? {} : { upstream }),
    });
    return result?.samples ?? [];
  };
  const [closed, open] = [await drive(), await drive("open_reasoning")];
  expect(closed).toHaveLength(2);
  for (const [k, { tokens, isComplete, action }] of open.entries()) {
    expect(isComplete).toBe(false);
    expect(tokens).toEqual(closed[k]?.tokens.slice(0, 3));
    expect(closed[k]?.tokens.slice(3)).toEqual(
      codec.tokenizer.encode("<|cot_end|><|traj_future_start|>"),
    );
    expect(action).not.toEqual(closed[k]?.action);
  }
  await model.dispose();
});

test("a camera that nobody knows is camera 0 in the original; here it is named as missing", async () => {
  expect(upstreamCameraIndex("camera_front_wide_120fov")).toBe(1);
  expect(upstreamCameraIndex("camera_front_wide_120")).toBe(0);
  const { cameras, ...rest } = scene(rngOf(1), { red: false, speedMps: 8 });
  const misnamed = new Map(
    [...cameras].map(([name, frames]) => [name.replace("_120fov", "_120"), frames]),
  );
  expect(() => codec.patches({ ...rest, cameras: misnamed })).toThrow(
    /camera_cross_left_120fov has no frames.*Given: camera_cross_left_120, /,
  );
});

test("too few, too many and foreign trajectory tokens become a path in the original; here they are errors", () => {
  const { vocabulary } = codec.manifest;
  const { count } = codec.config.futureTokens;
  const bins = Array.from({ length: count }, (_, i) => (i * 7) % vocabulary.futureBins);
  const [start] = codec.tokenizer.encode("<|traj_future_start|>");
  const [end] = codec.tokenizer.encode("<|traj_future_end|>");
  const read = (own: readonly number[]) => [
    ...upstreamExtractTrajectory(
      [start as number, ...own.map((bin) => vocabulary.futureFirst + bin), end as number],
      vocabulary,
      count,
    ),
  ];
  expect(read(bins)).toEqual(bins);
  expect(codec.actionsOfBins(read(bins))).toEqual(codec.actionsOfBins(bins));
  const few = bins.slice(0, -2);
  expect(read(few)).toEqual([...few, 0, 0]);
  expect(() => codec.actionsOfBins(few)).toThrow(`${count - 2} tokens; this model writes ${count}`);
  expect(read([...bins, 5])).toEqual(bins);
  expect(() => codec.actionsOfBins([...bins, 5])).toThrow(`${count + 1} tokens`);
  // One past the last bin is the first history bin; the original's own check lets it pass.
  const foreign = [...bins.slice(0, -1), vocabulary.futureBins];
  expect(read(foreign).at(-1)).toBe(vocabulary.futureBins - 1);
  expect(() => codec.actionsOfBins(foreign)).toThrow(/expected an integer in \[0, /);
});

test("placeholder_future: co-training learns to write the placeholder instead of the future", () => {
  const examples = [0, 1].map((i) =>
    codec.example({
      input: scene(rngOf(i), { red: false, speedMps: 8 }),
      future: straight(64, 8, 0.1),
      cot: sentences[i] as string,
    }),
  );
  const builder = new BatchBuilder(codec);
  const { length, labels } = stage1Shape(codec, examples, 2);
  const shape = {
    ...stage2Shape(codec, examples, { batch: 2, drawsPerSample: 1 }),
    length,
    cotrain: { labels, gradients: "language" as const },
  };
  const flow = drawFlowSample(rngOf(2), builder.repeatedActions(examples, 1), 128);
  const learnt = (upstream?: "placeholder_future") => {
    const feeds = builder.stage2(examples, flow, {
      ...shape,
      ...(upstream === undefined ? {} : { upstream }),
    });
    const numbers = (name: string) => Array.from(feeds.get(name)?.data ?? [], Number);
    const placeholder = codec.tokenizer.id("<|traj_future|>");
    return {
      numPlaceholders: numbers("labels").filter((id) => id === placeholder).length,
      trajectoryShare: numbers("trajectory_weights").reduce((a, b) => a + b, 0),
      otherShare: numbers("other_weights").reduce((a, b) => a + b, 0),
      prefix: numbers("ids").slice(0, examples[0]?.prefixLength),
    };
  };
  const [ours, upstream] = [learnt(), learnt("placeholder_future")];
  expect(ours.numPlaceholders).toBe(0);
  expect(ours.trajectoryShare).toBeCloseTo(1, 5);
  expect(ours.otherShare).toBeCloseTo(1, 5);
  expect(upstream.numPlaceholders).toBe(2 * codec.config.futureTokens.count);
  expect(upstream.trajectoryShare).toBe(0);
  expect(upstream.otherShare).toBeCloseTo(1, 5);
  // What the expert reads is the same.
  expect(upstream.prefix).toEqual(ours.prefix);
});
