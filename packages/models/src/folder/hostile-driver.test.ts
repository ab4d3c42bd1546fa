/** Damaged and hostile folders of driving models and adapters, as hostile.test.ts is for Qwen3-VL. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AlpamayoModel,
  ConfigError,
  defaultScheme,
  FormatError,
  quantizeFolder,
  readLora,
  writeLora,
} from "@causeway/models";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rngOf, tinyCodec } from "../../test/tiny.ts";

let root = "";
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "hostile-driver-"));
  const model = AlpamayoModel.create(tinyCodec(), rngOf(1));
  await model.save(join(root, "driver"));
  await model.dispose();
  await quantizeFolder(join(root, "driver"), join(root, "codes"), {
    scheme: { ...defaultScheme, blockSize: 16 },
    calibration: [],
    evaluation: [],
  });
  const tensor = (rows: number, columns: number) => ({
    shape: [rows, columns],
    data: new Float32Array(rows * columns),
  });
  await writeLora(join(root, "adapter"), {
    rank: 2,
    alpha: 2,
    targetModules: ["q_proj"],
    factors: new Map([
      [
        "model.language_model.layers.0.self_attn.q_proj.weight",
        { a: tensor(2, 32), b: tensor(64, 2), scale: 1 },
      ],
    ]),
    configJson: null,
  });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Loads a copy of a folder with one file replaced; null when that works. */
async function errorOf(kind: string, name: string, content: string | Uint8Array) {
  const folder = join(root, String(count++));
  await cp(join(root, kind), folder, { recursive: true });
  await writeFile(join(folder, name), content);
  const before = process.memoryUsage().arrayBuffers;
  let error: unknown = null;
  try {
    if (kind === "adapter") await readLora(folder);
    else await (await AlpamayoModel.load(folder)).dispose();
  } catch (caught) {
    error = caught;
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
  if (error !== null && !(error instanceof FormatError || error instanceof ConfigError))
    throw error;
  await rm(folder, { recursive: true });
  return error as Error | null;
}

describe("a hostile folder of a driving model", () => {
  it.each<[string, (json: Record<string, unknown>) => unknown, RegExp]>([
    ["a list", () => [], /is not an object/],
    ["no vocabulary", (m) => ({ ...m, vocabulary: undefined }), /vocabulary is undefined/],
    ["ids of text", (m) => ({ ...m, vocabulary: { size: "x" } }), /size is "x"/],
    ["a billion frames", (m) => ({ ...m, framesPerCamera: 1e9 }), /framesPerCamera is 1000000000/],
    ["huge pictures", (m) => ({ ...m, image: { widthPx: 1e9, heightPx: 16 } }), /widthPx is/],
    ["many cameras", (m) => ({ ...m, cameras: Array(99).fill({}) }), /cameras is/],
    ["a strange prompt", (m) => ({ ...m, promptVersion: "r9" }), /expected r1 or r1_5/],
    ["a camera of nothing", (m) => ({ ...m, cameras: [null] }), /cameras is/],
  ])("with a manifest of %s is refused", async (_, change, message) => {
    const json = JSON.parse(await readFile(join(root, "driver", "manifest.json"), "utf8"));
    const error = await errorOf("driver", "manifest.json", JSON.stringify(change(json)));
    expect(error?.message).toMatch(message);
  });

  it("whose configuration asks for the absurd is refused", async () => {
    const text = await readFile(join(root, "driver", "config.json"), "utf8");
    const json = JSON.parse(text) as Record<string, Record<string, unknown>>;
    for (const [group, key] of [
      ["expert_cfg", "hidden_size"],
      ["expert_cfg", "num_attention_heads"],
      ["action_space_cfg", "n_waypoints"],
      ["action_in_proj_cfg", "hidden_size"],
      ["action_in_proj_cfg", "num_enc_layers"],
      ["action_in_proj_cfg", "num_fourier_feats"],
      ["traj_tokenizer_cfg", "num_bins"],
      ["hist_traj_tokenizer_cfg", "num_bins"],
      ["diffusion_cfg", "num_inference_steps"],
    ] as const)
      for (const value of [1e12, -1, 0.5, 0]) {
        const changed = { ...json, [group]: { ...json[group], [key]: value } };
        const error = await errorOf("driver", "config.json", JSON.stringify(changed));
        expect(error?.message ?? `${group}.${key} = ${value} was accepted`).not.toMatch(
          /accepted$/,
        );
      }
  });

  it("with a tensor without a shape is refused", async () => {
    const header = new TextEncoder().encode('{"a":{"dtype":"F32","data_offsets":[0,4]}}');
    const bytes = new Uint8Array(8 + header.length + 4);
    bytes[0] = header.length;
    bytes.set(header, 8);
    const error = await errorOf("driver", "model.safetensors", bytes);
    expect(error?.message).toMatch(/has shape none; expected at most 8 sizes/);
  });

  it.each([
    ["driver", ["config.json", "manifest.json", "model.safetensors"]],
    ["codes", ["quantization.json", "model.safetensors"]],
    ["adapter", ["adapter_config.json", "adapter_model.safetensors"]],
  ])("(%s) with damaged bytes is refused, or loads what is still whole", async (kind, names) => {
    const whole = new Map<string, Uint8Array>();
    for (const name of names) whole.set(name, await readFile(join(root, kind, name)));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (name, flips) => {
          const bytes = Uint8Array.from(whole.get(name) as Uint8Array);
          // Of weights, only the header: any bits are valid numbers.
          const end = name.endsWith(".safetensors") ? 4000 : bytes.byteLength;
          for (const [at, value] of flips) bytes[at % Math.min(end, bytes.byteLength)] = value;
          await errorOf(kind, name, bytes);
        },
      ),
      { numRuns: 40 },
    );
  });
});
