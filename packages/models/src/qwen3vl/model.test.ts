import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng, type RgbImage } from "@causeway/geom";
import {
  defaultScheme,
  expandMedia,
  type Generation,
  quantizeFolder,
  Qwen3VLModel,
} from "@causeway/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyQwen3VL } from "../../test/tiny-qwen3vl.ts";

let folder = "";
const model = tinyQwen3VL();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3vl-"));
});
afterAll(async () => {
  await model.dispose();
  await rm(folder, { recursive: true });
});

const picture = (level: number, width = 64, height = 64): RgbImage => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => (level + i) % 256),
});
const turns = [
  {
    role: "user",
    content: [
      { type: "video", frames: [0, 1, 2].map((k) => picture(50 * k)), timesSecs: [0, 0.5, 1] },
      { type: "text", text: "what" },
      { type: "image", image: picture(9, 96, 32) },
    ],
  },
] as const;
const options = { maxTokens: 12, temperature: 0, topP: 1, topK: 0 };

describe("a Qwen3-VL folder", () => {
  it.each([
    ["one file", {}, 1],
    ["shards", { maxShardBytes: 60_000 }, 5],
  ] as const)("survives writing as %s: same weights, same answer", async (name, how, least) => {
    const path = join(folder, name.replace(" ", "-"));
    await model.save(path, how);
    const shards = (await readdir(path)).filter((file) => file.endsWith(".safetensors"));
    expect(shards.length).toBeGreaterThanOrEqual(least);
    const again = await Qwen3VLModel.load(path);
    expect(again.parts.config).toEqual(model.parts.config);
    expect(again.parts.generation).toEqual(model.parts.generation);
    expect([...again.weights.keys()].toSorted()).toEqual([...model.weights.keys()].toSorted());
    for (const [key, { data }] of again.weights) expect(data).toEqual(model.weights.get(key)?.data);
    const ask = async (m: Qwen3VLModel): Promise<Generation> =>
      m.generate(m.prepare(turns), { ...options, rng: createRng(1) });
    expect(await ask(again)).toEqual(await ask(model));
    await again.dispose();
  });

  it("answers alike from 8 bits, mapped from its file", async () => {
    const path = join(folder, "source");
    await model.save(path);
    await quantizeFolder(path, join(folder, "q8"), {
      scheme: { ...defaultScheme, bits: 8 },
      calibration: [],
      evaluation: [],
    });
    const small = await Qwen3VLModel.load(join(folder, "q8"));
    const first = async (m: Qwen3VLModel) =>
      (
        await m.generate(m.prepare(turns), {
          ...options,
          maxTokens: 1,
          topLogprobs: 3,
          rng: createRng(1),
        })
      ).topLogprobs;
    const [exact, rounded] = [await first(model), await first(small)];
    for (const { token, logprob } of exact.slice(0, 1)) {
      const own = rounded.find((c) => c.token === token);
      expect(Math.abs((own?.logprob ?? -99) - logprob)).toBeLessThan(0.2);
    }
    await expect(small.save(join(folder, "no"))).rejects.toThrow(/quantised folder/);
    await small.dispose();
  });
});

describe("a prompt", () => {
  it("puts a time before each frame pair and one id per merged patch", () => {
    const { ids, images, videos, patches } = model.prepare(turns);
    const { tokenizer, config } = model.parts;
    expect(tokenizer.decode(ids)).toContain("<0.2 seconds><|vision_start|><|video_pad|>");
    expect(tokenizer.decode(ids)).toContain("<1.0 seconds>");
    expect(videos).toEqual([[2, 4, 4]]);
    expect(images).toEqual([[1, 2, 6]]);
    const count = (id: number) => ids.filter((own) => own === id).length;
    expect(count(config.videoTokenId)).toBe((2 * 4 * 4) / 4);
    expect(count(config.imageTokenId)).toBe((2 * 6) / 4);
    // Pictures first, then videos, as the graph wants them.
    expect(patches?.length).toBe((12 + 32) * 1536);
  });

  it("keeps the outer pair in the layout of transformers 5", () => {
    const { tokenizer } = model.parts;
    const media = { grid: [1, 2, 2] as const, timesSecs: [0.25] };
    const render = (videoLayout: "per-frame" | "wrapped") =>
      tokenizer.decode(
        expandMedia("a<|vision_start|><|video_pad|><|vision_end|>b", tokenizer, {
          images: [],
          videos: [media],
          spatialMergeSize: 2,
          videoLayout,
        }),
      );
    const inner = "<0.2 seconds><|vision_start|><|video_pad|><|vision_end|>";
    expect(render("per-frame")).toBe(`a${inner}b`);
    expect(render("wrapped")).toBe(`a<|vision_start|>${inner}<|vision_end|>b`);
  });

  it("refuses control tokens and placeholders in words", () => {
    expect(() => model.prepare([{ role: "user", content: "x <|im_end|>" }])).toThrow(
      /control token "<\|im_end\|>"/,
    );
  });
});

const shared = process.env["CAUSEWAY_SHARED"] ?? join(import.meta.dirname, "../../../../../shared");
const golden = join(shared, "golden/qwen3vl");
describe.skipIf(!existsSync(golden))("the reference conversation", () => {
  const json = (path: string) =>
    JSON.parse(readFileSync(join(golden, path), "utf8")) as Record<string, never>;

  it("gets the reference ids from raw video frames, and the reference answer to its prompt", async () => {
    const reference = await Qwen3VLModel.load(join(golden, "checkpoint"));
    const pixels = new Uint8Array(readFileSync(join(golden, "preprocess-video/exact.rgb")));
    const size = 96 * 64 * 3;
    const frames = Array.from({ length: 6 }, (_, i) => ({
      width: 96,
      height: 64,
      pixels: pixels.subarray(i * size, (i + 1) * size),
    }));
    const { inputs } = json("video/case.json") as unknown as {
      inputs: { frameIndices: number[]; fps: number; input_ids: number[][] };
    };
    const prompt = reference.prepare([
      {
        role: "user",
        content: [
          { type: "video", frames, timesSecs: inputs.frameIndices.map((i) => i / inputs.fps) },
          { type: "text", text: "Safe?" },
        ],
      },
    ]);
    expect(prompt.ids).toEqual(inputs.input_ids[0]);

    const { generated, stop } = json("generate/case.json") as unknown as {
      generated: number[][];
      stop: { eos_token_id: number; ids: number[] };
    };
    const source = json("image-two/case.json") as unknown as {
      inputs: { input_ids: number[][] };
    };
    const image = (name: string, width: number, height: number) => ({
      type: "image" as const,
      image: {
        width,
        height,
        pixels: new Uint8Array(readFileSync(join(golden, `preprocess-image/${name}.rgb`))),
      },
    });
    const asked = reference.prepare([
      { role: "system", content: "You drive." },
      {
        role: "user",
        content: [
          image("exact-a", 96, 64),
          { type: "text", text: "then " },
          image("exact-b", 64, 128),
          { type: "text", text: "次に自車は？" },
        ],
      },
    ]);
    expect(asked.ids).toEqual(source.inputs.input_ids[0]);
    const ask = (endIds: ReadonlySet<number>) =>
      reference.generate(asked, {
        ...options,
        repetitionPenalty: 1,
        maxTokens: 24,
        endIds,
        rng: createRng(1),
      });
    expect((await ask(new Set())).ids).toEqual(generated[0]);
    const ended = await ask(new Set([stop.eos_token_id]));
    expect(ended.ids).toEqual(stop.ids);
    expect(ended.finish).toBe("stop");
    await reference.dispose();
  });
});
