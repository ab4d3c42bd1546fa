/**
 * Damaged and hostile model folders: always an error of ours that says where, never another exception, and never memory
 * for what a file merely claims. A corpus of chosen cases, then random damage.
 */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import {
  ChatTemplate,
  ConfigError,
  FormatError,
  nano,
  parseProcessorSettings,
  plainTemplate,
  Qwen3VLModel,
  type Qwen3VLConfig,
  randomQwen3VLWeights,
  Tokenizer,
  trainBpe,
  withBaseTokens,
} from "@causeway/models";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let root = "";
let count = 0;
const files = new Map<string, Uint8Array>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "hostile-"));
  const tokenizer = withBaseTokens(new Tokenizer(trainBpe(["stop at the light"], 270)));
  const config: Qwen3VLConfig = {
    text: {
      ...nano.text,
      vocabSize: tokenizer.size,
      hiddenSize: 16,
      intermediateSize: 16,
      numLayers: 1,
      numHeads: 2,
      numKvHeads: 1,
      headDim: 8,
      mropeSection: [2, 1, 1],
    },
    vision: {
      ...nano.vision,
      depth: 1,
      hiddenSize: 16,
      intermediateSize: 16,
      numHeads: 2,
      patchSize: 4,
      numPositionEmbeddings: 4,
      deepstackIndexes: [],
      outHiddenSize: 16,
    },
    imageTokenId: tokenizer.id("<|image_pad|>"),
    videoTokenId: tokenizer.id("<|video_pad|>"),
    visionStartTokenId: tokenizer.id("<|vision_start|>"),
    visionEndTokenId: tokenizer.id("<|vision_end|>"),
  };
  const folder = join(root, "good");
  await new Qwen3VLModel(
    {
      config,
      tokenizer,
      template: new ChatTemplate(plainTemplate),
      generation: {
        endIds: new Set([1]),
        temperature: 0,
        topP: 1,
        topK: 0,
        repetitionPenalty: 1,
      },
      processor: parseProcessorSettings(null, null),
      kept: new Map(),
    },
    randomQwen3VLWeights(config, createRng(1)),
  ).save(folder);
  for (const name of ["config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"])
    files.set(name, await readFile(join(folder, name)));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A folder of the good files with some replaced; null leaves one out. */
async function folderWith(
  changes: Readonly<Record<string, string | Uint8Array | null>>,
): Promise<string> {
  const folder = join(root, String(count++));
  await mkdir(folder);
  for (const [name, bytes] of files)
    if (changes[name] === undefined) await writeFile(join(folder, name), bytes);
  for (const [name, content] of Object.entries(changes))
    if (content !== null) await writeFile(join(folder, name), content);
  return folder;
}

async function errorOf(folder: string): Promise<Error> {
  const before = process.memoryUsage().arrayBuffers;
  let error: unknown = null;
  try {
    await Qwen3VLModel.load(folder);
  } catch (caught) {
    error = caught;
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
  expect(error === null || error instanceof FormatError || error instanceof ConfigError).toBe(true);
  return (error ?? new Error("no error")) as Error;
}

const safetensors = (header: string, dataBytes = 0, claimed?: bigint): Uint8Array => {
  const text = new TextEncoder().encode(header);
  const out = new Uint8Array(8 + text.byteLength + dataBytes);
  new DataView(out.buffer).setBigUint64(0, claimed ?? BigInt(text.byteLength), true);
  out.set(text, 8);
  return out;
};
const index = (map: unknown) => JSON.stringify({ weight_map: map });

describe("a hostile model folder", () => {
  it("is loaded when nothing is wrong with it", async () => {
    await Qwen3VLModel.load(await folderWith({}));
  });

  it.each<[string, Record<string, string | Uint8Array | null>, RegExp]>([
    ["no configuration", { "config.json": null }, /there is no config.json/],
    ["no weights", { "model.safetensors": null }, /there is no model.safetensors/],
    [
      "a pickle",
      { "model.safetensors": null, "pytorch_model.bin": "x" },
      /pytorch_model.bin is a pickle/,
    ],
    ["JSON that is none", { "config.json": "{" }, /config.json is not valid JSON/],
    ["deep nesting", { "config.json": "[".repeat(200_000) }, /config.json is not valid JSON/],
    ["a list for a configuration", { "config.json": "[]" }, /expected an object/],
    ["a null tokenizer", { "tokenizer.json": "null" }, /tokenizer.json: model type is/],
    [
      "a tokenizer without words",
      { "tokenizer.json": '{"model":{"type":"BPE"},"added_tokens":[]}' },
      /model.vocab is not an object/,
    ],
    [
      "a template that loops",
      {
        "chat_template.jinja": "{% for i in range(999999999) %}x{% endfor %}",
      },
      /no error/,
    ],
    ["an empty file", { "model.safetensors": "" }, /has 0 bytes/],
    [
      "a header of 2^60 bytes",
      { "model.safetensors": safetensors("{}", 0, 2n ** 60n) },
      /header length is 1152921504606846976/,
    ],
    [
      "a header longer than the file",
      { "model.safetensors": safetensors("{}", 0, 20_000_000n) },
      /needs 20000000 bytes but only 2 follow/,
    ],
    [
      "a tensor of exabytes",
      {
        "model.safetensors": safetensors(
          '{"a":{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}}',
          4,
        ),
      },
      /needs 3.*bytes but data_offsets give 4/,
    ],
    [
      "negative offsets",
      {
        "model.safetensors": safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}'),
      },
      /data_offsets \[-4,0\]/,
    ],
    [
      "offsets beyond the file",
      {
        "model.safetensors": safetensors(
          '{"a":{"dtype":"F32","shape":[250000000],"data_offsets":[0,1000000000]}}',
          4,
        ),
      },
      /cover 1000000000 bytes but 4 follow/,
    ],
    [
      "metadata that is none",
      { "model.safetensors": safetensors('{"__metadata__":null}') },
      /__metadata__ is not an object/,
    ],
    [
      "a prototype for a name",
      {
        "model.safetensors": safetensors(
          '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
          4,
        ),
      },
      /missing.*unknown: __proto__/,
    ],
    [
      "another model's tensors",
      {
        "model.safetensors": safetensors(
          '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
          4,
        ),
      },
      /missing: .*and \d+ more; 1 unknown: a/,
    ],
    ["an index without a map", { "model.safetensors.index.json": "{}" }, /index has no weight_map/],
    [
      "an index that leaves the folder",
      { "model.safetensors.index.json": index({ a: "../good/model.safetensors" }) },
      /expected a file name of the same folder/,
    ],
    [
      "an index that names the parent",
      { "model.safetensors.index.json": index({ a: ".." }) },
      /expected a file name of the same folder/,
    ],
    [
      "an index with an absolute path",
      { "model.safetensors.index.json": index({ a: "/etc/passwd" }) },
      /expected a file name of the same folder/,
    ],
    [
      "an index with a tensor that is elsewhere",
      { "model.safetensors.index.json": index({ a: "model.safetensors" }) },
      /no tensor "a"/,
    ],
  ])("with %s is refused", async (_, changes, message) => {
    expect((await errorOf(await folderWith(changes))).message).toMatch(message);
  });

  it("whose template never ends is refused when it is used", () => {
    const template = new ChatTemplate("{% for i in range(999999999) %}x{% endfor %}");
    expect(() => template.render([])).toThrow(/range of 999999999 items; at most 10000/);
  });

  it("whose sizes are absurd is refused before a graph is built", async () => {
    const text = new TextDecoder().decode(files.get("config.json"));
    for (const [from, to] of [
      ['"num_hidden_layers": 1', '"num_hidden_layers": 1000000000'],
      ['"vocab_size": ', '"vocab_size": 99999999'],
      ['"depth": 1', '"depth": 1e9'],
    ] as const) {
      expect(text).toContain(from);
      const error = await errorOf(await folderWith({ "config.json": text.replace(from, to) }));
      expect(error.message).toMatch(/at most \d+ is accepted/);
    }
  });

  it("with a folder or a dead link for a file is refused", async () => {
    const folder = await folderWith({ "model.safetensors": null });
    await mkdir(join(folder, "model.safetensors"));
    expect((await errorOf(folder)).message).toMatch(/not a file/);
    const linked = await folderWith({ "config.json": null });
    await symlink(join(linked, "nowhere"), join(linked, "config.json"));
    expect((await errorOf(linked)).message).toMatch(/there is no config.json/);
  });

  it("that is cut anywhere is refused", async () => {
    const whole = files.get("model.safetensors") as Uint8Array;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.byteLength - 1 }), async (length) => {
        const folder = await folderWith({ "model.safetensors": whole.subarray(0, length) });
        expect((await errorOf(folder)).message).not.toBe("no error");
      }),
      { numRuns: 25 },
    );
  });

  it("with damaged bytes in a header or in JSON is refused, or loads what is still whole", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("model.safetensors", "config.json", "tokenizer.json"),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (name, flips) => {
          const bytes = Uint8Array.from(files.get(name) as Uint8Array);
          // Of the weights, only the header: any bits are valid numbers.
          const end = name === "model.safetensors" ? 2000 : bytes.byteLength;
          for (const [at, value] of flips) bytes[at % Math.min(end, bytes.byteLength)] = value;
          await errorOf(await folderWith({ [name]: bytes }));
        },
      ),
      { numRuns: 60 },
    );
  });
});
