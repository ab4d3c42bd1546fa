/** The defects of the original do what their names say, and the intended behaviour beside them does not. */
import { compile, type Tensor, tensor } from "@causeway/graph";
import { expect, test } from "vitest";
import { rngOf, scene, sentences, straight, tinyCodec } from "../../test/tiny.ts";
import { BatchBuilder, stage2Shape } from "./batches.ts";
import { expertMask } from "./expert.ts";
import { drawFlowSample } from "./flow-matching.ts";
import { AlpamayoModel } from "./model.ts";
import { labelMask } from "./prompt.ts";
import { buildStage2 } from "./training.ts";
import { zipSpansOverBatch } from "./upstream.ts";

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
