import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@causeway/graph";
import {
  AlpamayoModel,
  defaultScheme,
  quantizeFolder,
  QuantizedFolder,
  type QuantizeOptions,
  searchScales,
  StepEngine,
} from "@causeway/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rngOf, scene, sentences, tinyCodec } from "./tiny.ts";

const texts = Array.from({ length: 8 }, (_, i) => `${sentences[i % 2]} Turn left in ${i}m`);
const options = (scheme: Partial<QuantizeOptions["scheme"]>): QuantizeOptions => ({
  scheme: { ...defaultScheme, blockSize: 16, ...scheme },
  calibration: texts.slice(0, 4),
  evaluation: texts.slice(4),
});

describe("a quantised model folder", () => {
  let folder: string;
  let original: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-quantised-"));
    original = join(folder, "original");
    const model = AlpamayoModel.create(tinyCodec(), rngOf(1));
    // Some inputs of the MLPs are much larger than others, as in trained models: what scaling is for.
    for (let layer = 0; layer < 2; layer++) {
      const gains = model.weights.get(
        `vlm.model.language_model.layers.${layer}.post_attention_layernorm.weight`,
      ) as Tensor;
      for (const i of [3, 17]) gains.data[i] = 12;
    }
    await model.save(original);
    await model.dispose();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("keeps what the originals keep and is near the model at 8 bits, less near at 4", async () => {
    const eight = await quantizeFolder(original, join(folder, "int8"), options({ bits: 8 }));
    const four = await quantizeFolder(original, join(folder, "int4"), options({ bits: 4 }));
    const opened = await QuantizedFolder.open(join(folder, "int4"));
    const names = [...opened.quantized.keys()];
    // 7 linear layers in 2 decoder layers of text and expert; no vision, embedding or action weights.
    expect(names).toHaveLength(28);
    expect(names.filter((n) => !/^(vlm\.model\.language_model|expert)\.layers/.test(n))).toEqual(
      [],
    );
    await opened.close();
    const [a, b] = [eight.report, four.report] as [
      NonNullable<typeof eight.report>,
      NonNullable<typeof four.report>,
    ];
    expect(a.numTokens).toBeGreaterThan(20);
    // Activations are rounded to 8 bits too, in blocks that hold the loud channels.
    expect(a.logitRelativeError).toBeLessThan(0.06);
    expect(b.logitRelativeError).toBeLessThan(0.4);
    expect(b.logitRelativeError).toBeGreaterThan(2 * a.logitRelativeError);
    expect(b.kl).toBeGreaterThan(a.kl);
    expect(a.perplexityAfter / a.perplexityBefore).toBeCloseTo(1, 2);
    expect(four.bytesAfter).toBeLessThan(eight.bytesAfter);
  });

  it("loses less when inputs are scaled by what calibration saw", async () => {
    const plain = await quantizeFolder(original, join(folder, "rtn"), options({ bits: 4 }));
    const scaled = await quantizeFolder(
      original,
      join(folder, "awq"),
      options({ bits: 4, method: "awq" }),
    );
    expect(scaled.scaledErrorRatio as number).toBeLessThan(0.9);
    expect(scaled.report?.logitRelativeError as number).toBeLessThan(
      plain.report?.logitRelativeError as number,
    );
  });

  it("drives after loading, and at 8 bits plans almost the same path", async () => {
    await quantizeFolder(original, join(folder, "drive"), {
      ...options({ bits: 8 }),
      evaluation: [],
    });
    const driver = await AlpamayoModel.load(join(folder, "drive"));
    expect(() => driver.weights).toThrow(/has no weights to read, change or train/);
    const model = await AlpamayoModel.load(original);
    const input = scene(rngOf(3), { red: true, speedMps: 8 });
    const drive = { samples: 1, temperature: 0, maxTokens: 4, rng: rngOf(5) };
    const [a] = await model.drive([input], drive);
    const [b] = await driver.drive([input], { ...drive, rng: rngOf(5) });
    const [x, y] = [a, b].map((r) => r?.samples[0]?.action as Float32Array) as [
      Float32Array,
      Float32Array,
    ];
    const mean = (values: Float32Array) =>
      values.reduce((sum, v) => sum + Math.abs(v), 0) / values.length;
    const difference = mean(x.map((v, i) => v - (y[i] as number)));
    expect(difference).toBeGreaterThan(0);
    expect(difference / mean(x)).toBeLessThan(0.15);
    await driver.dispose();
    await model.dispose();
  });

  it("gives the same logits for a prompt in one piece, in chunks and token by token", async () => {
    const codec = tinyCodec();
    const weights = AlpamayoModel.create(codec, rngOf(1)).weights;
    const config = codec.config.vlm;
    const { hiddenSize, vocabSize } = config.text;
    const embeds = Float32Array.from({ length: 7 * hiddenSize }, (_, i) => Math.sin(i));
    const axis = Int32Array.from([0, 1, 2, 3, 4, 5, 6]);
    const run = async (chunk: number, growBy: number) => {
      const engine = await StepEngine.create(config, {
        prefix: "vlm.",
        baked: weights,
        chunk,
        growBy,
      });
      const rows = axis.map((i) => i);
      const out = await engine.run({ embeds, axes: [axis, axis, axis], rows: [...rows] });
      await engine.dispose();
      return out;
    };
    const whole = await run(512, 256);
    expect(whole.length).toBe(7 * vocabSize);
    for (const other of [await run(3, 4), await run(1, 2)])
      other.forEach((v, i) => expect(v).toBeCloseTo(whole[i] as number, 4));
  });

  it.each([
    ["a cut record", (text: string) => text.slice(0, 40), /cannot read quantization\.json/],
    [
      "an entry of nothing",
      (text: string) => text.replace(/("vlm[^"]*": )\{[^}]*\}/, "$1null"),
      /has undefined bits/,
    ],
    [
      "another format",
      (text: string) => text.replace("causeway-block-quant", "gptq"),
      /has format "gptq"/,
    ],
    [
      "a shape that does not fit",
      (text: string) => text.replace(/"n": 32/, '"n": 64'),
      /quantization\.json says/,
    ],
    [
      "blocks of a strange size",
      (text: string) => text.replace(/"blockSize": 16/, '"blockSize": 17'),
      /blocks of 17/,
    ],
  ])("says what is wrong with %s", async (name, change, message) => {
    const broken = join(folder, name.replaceAll(" ", "-"));
    await cp(join(folder, "int4"), broken, { recursive: true });
    const path = join(broken, "quantization.json");
    await writeFile(path, change(await readFile(path, "utf8")));
    await expect(QuantizedFolder.open(broken)).rejects.toThrow(message);
  });

  it("refuses scaling without texts and exclusions that leave nothing", async () => {
    const none = { ...options({ method: "awq" }), calibration: [] };
    await expect(quantizeFolder(original, join(folder, "x"), none)).rejects.toThrow(
      /needs calibration/,
    );
    await expect(
      quantizeFolder(original, join(folder, "x"), options({ exclude: ["*"] })),
    ).rejects.toThrow(/no weight is left/);
  });
});

describe("the search for input scales", () => {
  it("raises channels that are large and finds nothing to do where all are alike", () => {
    const k = 32;
    const rng = rngOf(9);
    const weight = Float32Array.from({ length: 16 * k }, () => rng.normal());
    const values = (loud: number) =>
      Float32Array.from({ length: 40 * k }, (_, i) => rng.normal() * (i % k === 5 ? loud : 1));
    const scheme = { bits: 4, blockSize: 32, symmetric: false } as const;
    const found = searchScales([weight], { k, values: values(40) }, scheme);
    expect(found.exponent).toBeGreaterThan(0);
    expect(found.errorRatio).toBeLessThan(0.8);
    const others = [...found.scales].filter((_, i) => i !== 5);
    expect(found.scales[5] as number).toBeGreaterThan(Math.max(...others));
  });
});
