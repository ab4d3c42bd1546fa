/** Metrics of generated pictures and video from files, with networks that are made here. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeOnnxModel } from "@causeway/graph";
import type { ScoreSheet, SheetItem } from "@causeway/eval/judged";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FramesOptions } from "../commands/score/frames.ts";
import { silentProgress } from "../progress.ts";
import { scoreDistance } from "./distance.ts";
import { scoreFrames } from "./frame-metrics.ts";
import { scoreGeometry } from "./geometry.ts";
import { scoreLingo } from "./lingoqa.ts";

let dir = "";
const context = { isDryRun: false, progress: silentProgress, signal: new AbortController().signal };
const [width, height] = [160, 96];

/** Pseudo-random blocks, moved by a shift: sharp edges and corners at known places. */
const pixels = (shift: number, channels: 1 | 3 = 3): Buffer => {
  const out = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [u, v] = [Math.floor((x + shift) / 6), Math.floor(y / 6)];
      const value = (Math.imul(u * 73_856_093 + v * 19_349_663, 0x9e3779b1) >>> 16) & 0xff;
      for (let c = 0; c < channels; c++) out[(y * width + x) * channels + c] = value;
    }
  return out;
};
const save = async (path: string, data: Buffer, channels: 1 | 3 = 3): Promise<void> => {
  await mkdir(join(path, ".."), { recursive: true });
  await sharp(data, { raw: { width, height, channels } }).png().toFile(path);
};
type Result = ScoreSheet & { readonly items: readonly SheetItem[] };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-video-metrics-"));
  await save(join(dir, "real/same.png"), pixels(0));
  await save(join(dir, "gen/same.png"), pixels(0));
  await save(join(dir, "real/moved.png"), pixels(0));
  await save(join(dir, "gen/moved.png"), pixels(3));
  await save(join(dir, "real/alone.png"), pixels(0));
  await sharp(pixels(0), { raw: { width, height, channels: 3 } })
    .resize(80, 48)
    .png()
    .toFile(join(dir, "gen/small.png"));
  await save(join(dir, "real/small.png"), pixels(0));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const frameOptions: FramesOptions = {
  kind: "pictures",
  maxFrames: 10,
  blurKernel: 11,
  blurSigma: 3,
  cannyLow: 100,
  cannyHigh: 200,
};
const itemOf = (result: Result, id: string) => result.items.find((i) => i.id === id) as SheetItem;

describe("frames", () => {
  it("equal pictures are 1, others less, sizes that differ and lone files are named", async () => {
    const outcome = await scoreFrames(context, frameOptions, join(dir, "gen"), join(dir, "real"));
    const result = outcome.data as Result;
    expect(itemOf(result, "same").scores).toMatchObject({ ssim: 1, edges: 1 });
    expect(itemOf(result, "same").scores.blurSsim).toBeCloseTo(1, 12);
    expect(itemOf(result, "moved").scores.ssim).toBeLessThan(0.6);
    expect(itemOf(result, "small")).toMatchObject({ status: "failed", failure: "input" });
    expect(itemOf(result, "small").problem).toContain("80x48x3 against 160x96x3");
    expect(itemOf(result, "alone").failure).toBe("no-pair");
    expect(result.counts).toMatchObject({ items: 4, answered: 2, failed: 2 });
    const resized = (
      await scoreFrames(
        context,
        { ...frameOptions, resize: true },
        join(dir, "gen"),
        join(dir, "real"),
      )
    ).data as Result;
    expect(itemOf(resized, "small").status).toBe("answered");
  });
  it("a mask leaves out what differs", async () => {
    const changed = pixels(0);
    changed.fill(255, 0, width * 3 * (height / 2));
    await save(join(dir, "m/gen/a.png"), changed);
    await save(join(dir, "m/real/a.png"), pixels(0));
    const mask = Buffer.alloc(width * height);
    // Below the border by more than the windows reach.
    mask.fill(255, width * (height / 2 + 16));
    await save(join(dir, "m/mask/a.png"), mask, 1);
    const of = async (options: Partial<FramesOptions>) =>
      itemOf(
        (
          await scoreFrames(
            context,
            { ...frameOptions, ...options },
            join(dir, "m/gen"),
            join(dir, "m/real"),
          )
        ).data as Result,
        "a",
      ).scores;
    expect((await of({})).ssim).toBeLessThan(0.8);
    const masked = await of({ mask: join(dir, "m/mask") });
    expect(masked.ssim).toBe(1);
    expect(masked.edges).toBe(1);
    expect((await of({ mask: join(dir, "m/mask"), invertMask: true })).ssim).toBeLessThan(0.7);
  });
  it("depth of 16 bits up to scale, instances by optimal assignment", async () => {
    const depth = Uint16Array.from({ length: 64 }, (_, i) => (i === 0 ? 0 : 1000 + 10 * i));
    const write = async (name: string, values: Uint16Array) => {
      await mkdir(join(dir, name, ".."), { recursive: true });
      await sharp(values, { raw: { width: 8, height: 8, channels: 1 } })
        .toColourspace("grey16")
        .png()
        .toFile(join(dir, name));
    };
    await write("d/real/a.png", depth);
    await write(
      "d/gen/a.png",
      depth.map((v) => 2 * v),
    );
    const { scores } = itemOf(
      (
        await scoreFrames(
          context,
          { ...frameOptions, kind: "depth" },
          join(dir, "d/gen"),
          join(dir, "d/real"),
        )
      ).data as Result,
      "a",
    );
    expect(scores.rmse).toBe(0);
    expect(scores.delta125).toBe(1);
    const labels = (of: (x: number) => number) =>
      Buffer.from(Array.from({ length: width * height }, (_, i) => of(i % width)));
    await save(
      join(dir, "i/real/a.png"),
      labels((x) => (x < 40 ? 1 : x < 80 ? 2 : 0)),
      1,
    );
    await save(
      join(dir, "i/gen/a.png"),
      labels((x) => (x < 40 ? 7 : x < 60 ? 9 : 0)),
      1,
    );
    const instances = itemOf(
      (
        await scoreFrames(
          context,
          { ...frameOptions, kind: "instances" },
          join(dir, "i/gen"),
          join(dir, "i/real"),
        )
      ).data as Result,
      "a",
    );
    expect(instances.scores.miou).toBe(0.75);
  });
});

describe("geometry", () => {
  const options = { maxFrames: 10, maxShift: 40, threshold: 3, seed: 0 };
  it("a folder of frames that move sideways is consistent; matches may come from a file instead", async () => {
    for (let k = 0; k < 3; k++) await save(join(dir, `g/pan/${k}.png`), pixels(2 * k));
    const { data } = await scoreGeometry(context, options, [join(dir, "g")]);
    const item = itemOf(data as Result, "pan");
    expect(item.status).toBe("answered");
    expect(item.scores["temporal front"]).toBeLessThan(0.5);
    const rows = Array.from({ length: 12 }, (_, i) => [17 * i + 3, (29 * i) % 90]);
    const match = {
      id: "file",
      kind: "cross",
      view: "front-left",
      p0: rows,
      p1: rows.map(([x, y], i) => [x! + 5 + (i % 4), y]),
    };
    const file = join(dir, "matches.jsonl");
    await writeFile(file, `${JSON.stringify(match)}\n{"id":"bad"}\n`);
    const given = (await scoreGeometry(context, { ...options, matches: file }, []))
      .data as Result & { skipped: string[] };
    expect(itemOf(given, "file").scores["cross front-left"]).toBeLessThan(1e-6);
    expect(given.skipped).toHaveLength(1);
    expect(given.counts.skippedEntries).toBe(1);
  });
});

/** A network without weights, written to a file. */
const network = async (
  name: string,
  model: Parameters<typeof writeOnnxModel>[0],
): Promise<string> => {
  const path = join(dir, name);
  await writeFile(path, writeOnnxModel(model));
  return path;
};
const node = (
  op: string,
  inputs: string[],
  output: string,
  attributes: Record<string, { int: number }> = {},
) => ({
  op,
  domain: "",
  inputs,
  outputs: [output],
  attributes,
});

describe("networks of the user", () => {
  it("FID with mean colours as features is the distance of their Gaussians", async () => {
    const path = await network("mean.onnx", {
      nodes: [node("GlobalAveragePool", ["x"], "pooled")],
      initializers: [],
      inputs: [{ name: "x", dtype: "float32", shape: ["N", 3, "H", "W"] }],
      outputs: [{ name: "pooled", dtype: "float32", shape: ["N", 3, 1, 1] }],
    });
    const colours = (base: number) => [0, 20, 40, 60].map((step) => base + step);
    for (const [side, base] of [
      ["fg", 100],
      ["fr", 40],
    ] as const)
      for (const [i, v] of colours(base).entries())
        await save(join(dir, side, `${i}.png`), Buffer.alloc(width * height * 3, v));
    const outcome = await scoreDistance(
      context,
      { network: path, size: 16, frames: 1, scale: "byte" },
      join(dir, "fg"),
      join(dir, "fr"),
    );
    const sheet = outcome.data as ScoreSheet;
    // Equal spreads: only the means differ, by 60 in each of three channels.
    expect(sheet.metrics[0]?.estimate.value).toBeCloseTo(3 * 60 * 60, 6);
    expect(sheet.metrics[0]?.estimate.n).toBe(8);
    await expect(
      scoreDistance(
        context,
        { network: path, video: true, size: 16, frames: 2, scale: "byte" },
        join(dir, "fg"),
        join(dir, "fr"),
      ),
    ).rejects.toThrow("4 axes; expected 5");
  });
  it("LingoQA's classifier decides by its logit over references", async () => {
    const classifier = await network("judge.onnx", {
      nodes: [
        node("Cast", ["input_ids"], "ids", { to: { int: 1 } }),
        node("Cast", ["attention_mask"], "mask", { to: { int: 1 } }),
        node("Mul", ["ids", "mask"], "masked"),
        node("ReduceMax", ["masked", "axes"], "largest", { keepdims: { int: 1 } }),
        node("Sub", ["largest", "limit"], "logits"),
      ],
      initializers: [
        { name: "axes", tensor: { dtype: "int64", shape: [1], data: BigInt64Array.of(1n) } },
        { name: "limit", tensor: { dtype: "float32", shape: [1], data: Float32Array.of(2.5) } },
      ],
      inputs: [
        { name: "input_ids", dtype: "int64", shape: [1, "T"] },
        { name: "attention_mask", dtype: "int64", shape: [1, "T"] },
      ],
      outputs: [{ name: "logits", dtype: "float32", shape: [1, 1] }],
    });
    const tokenizer = join(dir, "tokenizer.json");
    await writeFile(
      tokenizer,
      JSON.stringify({
        version: "1.0",
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: { type: "WhitespaceSplit" },
        post_processor: null,
        decoder: null,
        // Only "stops" has an id above the limit, so a text with it is right.
        model: {
          type: "WordPiece",
          continuing_subword_prefix: "##",
          max_input_chars_per_word: 100,
          vocab: { "[UNK]": 0, "Question:": 1, "Student:": 2, stops: 3 },
          unk_token: "[UNK]",
        },
      }),
    );
    const references = join(dir, "lingo-refs.csv");
    const answers = join(dir, "lingo-answers.csv");
    await writeFile(
      references,
      "question_id,segment_id,question,answer\nq1,s1,What?,Halt\nq2,s2,What?,Go\n",
    );
    await writeFile(answers, "question_id,segment_id,answer\nq1,s1,It STOPS\nq2,s2,It waits\n");
    const sheet = (await scoreLingo(context, { answers, classifier, tokenizer }, references))
      .data as ScoreSheet;
    expect(sheet.metrics.find((m) => m.key === "accuracy")?.estimate.value).toBe(0.5);
  });
});
