/** `causeway model …` as a person runs it: what it prints, what it writes, how it refuses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findVideoBackend, writeVideo } from "@causeway/data";
import { createRng } from "@causeway/geom";
import {
  AlpamayoModel,
  Checkpoint,
  createCodec,
  nano,
  trainDrivingTokenizer,
  writeLora,
} from "@causeway/models";
import { initialLineage } from "@causeway/train";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chat } from "../src/actions/model-chat.ts";
import { convertModel } from "../src/actions/model-convert.ts";
import { driveOnce } from "../src/actions/model-drive.ts";
import { inspectModel } from "../src/actions/model-inspect.ts";
import { quantizeModel } from "../src/actions/model-quantize.ts";
import type { ConvertOptions } from "../src/commands/model/convert.ts";
import type { DriveCommandOptions } from "../src/commands/model/drive.ts";
import { silentProgress } from "../src/progress.ts";

const entry = fileURLToPath(new URL("../bin/causeway.mjs", import.meta.url));
const lineage = initialLineage(["vision", "text", "expert", "action"]);
let dir = "";

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "model-command-"));
  const preset = {
    ...nano,
    text: { ...nano.text, hiddenSize: 32, intermediateSize: 48, numLayers: 2 },
    vision: {
      ...nano.vision,
      hiddenSize: 32,
      intermediateSize: 48,
      depth: 2,
      deepstackIndexes: [0],
    },
    expert: { hiddenSize: 32, intermediateSize: 48, numHeads: 4 },
  };
  const codec = createCodec(
    preset,
    trainDrivingTokenizer(preset, ["Keep lane since the road ahead is clear.", "Turn left in 11m"]),
  );
  await AlpamayoModel.create(codec, createRng(1)).save(join(dir, "driver"));
  writeFileSync(join(dir, "driver", "lineage.json"), JSON.stringify(lineage));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function model(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, "model", ...args], {
    cwd: dir,
    encoding: "utf8",
    input: "",
  });
  return { status, stdout, stderr };
}

test("the group lists its subcommands and guesses at typos", () => {
  const help = model("--help");
  for (const name of ["inspect", "convert", "chat", "drive", "quantize", "bench"])
    expect(help.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
  const typo = model("inspetc", "x");
  expect(typo.status).toBe(1);
  expect(typo.stderr).toContain('Did you mean "inspect"?');
});

/** Every action runs in this process: a process of its own costs a second before it begins. */
const context = {
  isDryRun: false,
  progress: silentProgress,
  signal: new AbortController().signal,
};
const convert = (from: string, options: Omit<ConvertOptions, "shardGb"> & { shardGb?: number }) =>
  convertModel(join(dir, from), { shardGb: 5, ...options, out: join(dir, options.out) }, context);

interface Inspected {
  readonly architecture: string;
  readonly parameters: number;
  readonly modules: Record<string, { parameters: number; dtypes: Record<string, number> }>;
  readonly vocabulary: { trajectory: { count: number } };
  readonly lineage: unknown;
  readonly quantization: { method: string; report?: { numTokens: number } } | null;
  readonly difference: Record<string, string[]>;
}
const inspect = async (folder: string) =>
  (await inspectModel(join(dir, folder))).data as unknown as Inspected;
const fits = { missing: [], unknown: [], misshapen: [] };

test("inspect counts parameters per module and shows the vocabulary, from headers alone", async () => {
  const data = await inspect("driver");
  expect(Object.keys(data.modules).toSorted()).toEqual(["action", "expert", "text", "vision"]);
  const sum = Object.values(data.modules).reduce((a, m) => a + m.parameters, 0);
  expect(data.parameters).toBe(sum);
  expect(data.vocabulary.trajectory.count).toBe(nano.futureTokens.bins + nano.historyTokens.bins);
  expect(data.difference).toEqual(fits);
});

interface DriveAnswer {
  readonly samples: readonly { tokens: readonly number[]; path: { x: number[] } }[];
  readonly finalHeadingRad: number;
  readonly minAde: number | null;
}
const drivePlain: DriveCommandOptions = {
  samples: 2,
  sets: 1,
  seed: 0,
  temperature: 0.6,
  topP: 0.98,
  flowTemperature: 1,
  maxTokens: 4,
  speed: 10,
  constants: "reference",
};

/** A folder of codes made from the driver; with texts, its error is measured. */
async function quantized(bits: "4" | "8"): Promise<string> {
  const out = `int${bits}`;
  if (existsSync(join(dir, out))) return out;
  writeFileSync(join(dir, "texts.txt"), "Keep lane since the road ahead is clear.\n");
  const more = bits === "4" ? { texts: join(dir, "texts.txt") } : { symmetric: true };
  const options = { bits, block: "16", method: "rtn", out: join(dir, out), ...more };
  await quantizeModel(context, options, join(dir, "driver"));
  return out;
}

test.each(["4", "8"] as const)(
  "inspect sees a folder of int%s codes as its model",
  async (bits) => {
    const out = await quantized(bits);
    const [before, after] = [await inspect("driver"), await inspect(out)];
    expect(after.architecture).toBe(before.architecture);
    expect(after.parameters).toBe(before.parameters);
    expect(after.vocabulary).toEqual(before.vocabulary);
    expect(after.lineage).toEqual(JSON.parse(JSON.stringify(lineage)));
    expect(after.difference).toEqual(fits);
    // Linear layers of text and expert became codes; what the originals exclude stayed.
    const { vision, action, text, expert } = after.modules as Record<
      string,
      Inspected["modules"][string]
    >;
    expect(Object.keys(vision?.dtypes ?? {})).toEqual(["F32"]);
    expect(Object.keys(action?.dtypes ?? {})).toEqual(["F32"]);
    const layer = (width: number, heads: number, mlp: number) =>
      width * (2 * heads + 2 * nano.text.numKvHeads) * nano.text.headDim + 3 * width * mlp;
    expect(text?.dtypes[`int${bits}`]).toBe(2 * layer(32, nano.text.numHeads, 48));
    expect(expert?.dtypes[`int${bits}`]).toBe(2 * layer(32, 4, 48));
    const printed = (await inspectModel(join(dir, out))).text;
    expect(printed).toContain(
      `28  weights int${bits} in blocks of 16${bits === "8" ? ", symmetric" : ""}`,
    );
    expect(printed).toContain("as they were: *visual.*");
    expect(printed).toMatch(bits === "4" ? /perplexity \d+\.\d+ before/ : /not measured/);
    expect(after.quantization?.method).toBe("rtn");
  },
);

test("convert changes type and shards, takes the language model out, and leaves nothing half done", async () => {
  const plan = await convertModel(
    join(dir, "driver"),
    { dtype: "BF16", shardGb: 5, out: join(dir, "half") },
    { ...context, isDryRun: true },
  );
  expect(plan.text).toMatch(/^would write \d+ tensors/);
  expect(existsSync(join(dir, "half"))).toBe(false);
  await convert("driver", { dtype: "BF16", shardGb: 0.0001, out: "half" });
  expect(readdirSync(join(dir, "half"))).toContain("model.safetensors.index.json");
  const before = await Checkpoint.open(join(dir, "driver"));
  const after = await Checkpoint.open(join(dir, "half"));
  for (const name of before.names) {
    expect(after.dtype(name)).toBe("BF16");
    const [a, b] = [(await before.floats(name)).data, (await after.floats(name)).data];
    for (let i = 0; i < a.length; i += 97)
      expect(Math.abs((a[i] as number) - (b[i] as number))).toBeLessThanOrEqual(
        Math.abs(a[i] as number) / 256,
      );
  }
  await before.close();
  await after.close();
  await AlpamayoModel.load(join(dir, "half"));
  await expect(convert("driver", { out: "half" })).rejects.toThrow(/the folder is not empty/);

  await convert("driver", { part: "vlm", out: "words" });
  const part = await inspect("words");
  expect(part.architecture).toBe("Qwen3-VL");
  expect(part.difference).toEqual(fits);
});

test("convert refuses an adapter of another model before it writes", async () => {
  const tensor = (rows: number, columns: number) => ({
    shape: [rows, columns],
    data: new Float32Array(rows * columns),
  });
  await writeLora(join(dir, "adapter"), {
    rank: 2,
    alpha: 2,
    targetModules: ["q_proj"],
    factors: new Map([
      ["model.elsewhere.q_proj.weight", { a: tensor(2, 4), b: tensor(4, 2), scale: 1 }],
    ]),
    configJson: null,
  });
  await expect(
    convert("driver", { mergeLora: join(dir, "adapter"), out: "merged" }),
  ).rejects.toThrow(/1 missing: model.elsewhere.q_proj.weight/);
  expect(existsSync(join(dir, "merged"))).toBe(false);
});

test("chat and drive look at a video, the same for the same seed", async (testContext) => {
  if ((await findVideoBackend()) === null) testContext.skip("there is no ffmpeg");
  const frames = Array.from({ length: 12 }, (_, k) => ({
    width: 192,
    height: 108,
    pixels: Uint8Array.from({ length: 192 * 108 * 3 }, (_unused, i) => (i * 7 + 20 * k) % 256),
  }));
  await writeVideo(frames, join(dir, "clip.mp4"), { width: 192, height: 108, fps: 10 });
  const notes: string[] = [];
  for (const folder of ["driver", await quantized("8")]) {
    const reply = await chat(
      join(dir, folder),
      {
        prompt: "caption",
        image: [],
        video: [join(dir, "clip.mp4")],
        maxTokens: 6,
        seed: 0,
        stop: [],
        json: true,
      },
      { ...context, progress: { ...silentProgress, line: (text) => notes.push(text) } },
    );
    expect((reply.data as { text: string }).text).not.toBe("");
  }
  expect(notes.join()).toMatch(/note: this model answers every request with its reasoning/);
  const drive = async (more: Partial<DriveCommandOptions> = {}, folder = "driver") =>
    (await driveOnce(join(dir, folder), join(dir, "clip.mp4"), { ...drivePlain, ...more }, context))
      .data as DriveAnswer & { navigation?: Record<string, DriveAnswer> };
  const first = await drive();
  expect(first.samples).toHaveLength(2);
  expect(first.samples[0]?.path.x).toHaveLength(64);
  expect(first.minAde).toBe(null);
  expect(await drive()).toEqual(first);
  expect(await drive({ seed: 1 })).not.toEqual(first);
  const coded = await drive({}, await quantized("8"));
  expect(coded).not.toEqual(first);
  expect(coded.samples[0]?.path.x).toHaveLength(64);
  expect(await drive({ nav: "Turn left in 11m", guidance: 1.5 })).not.toEqual(first);
  const sets = await drive({ sets: 3 });
  expect(sets.samples).toHaveLength(6);
  sets.samples.forEach(({ tokens }, i) => expect(tokens).toEqual(first.samples[i % 2]?.tokens));
  expect(new Set(sets.samples.map(({ path }) => path.x[63])).size).toBe(6);
  await expect(drive({ compareNavigation: true })).rejects.toThrow(/has no navigation text/);
  const nav = "Turn left in 11m";
  const { navigation, ...own } = await drive({ nav, compareNavigation: true });
  expect(own).toEqual(await drive({ nav }));
  expect(navigation?.["with"]?.samples).toEqual(own.samples);
  expect(navigation?.["without"]?.samples).toEqual(first.samples);
  expect(navigation?.["swapped"]?.samples).toEqual(
    (await drive({ nav: "Turn right in 11m" })).samples,
  );
  const headings = Object.values(navigation ?? {}).map(({ finalHeadingRad }) => finalHeadingRad);
  expect(new Set(headings).size).toBe(3);
  const { text } = await driveOnce(
    join(dir, "driver"),
    join(dir, "clip.mp4"),
    { ...drivePlain, nav: "Keep straight", compareNavigation: true },
    context,
  );
  expect(text).toMatch(/with "Keep straight" +\(.*\) +-?[\d.]+°/);
  expect(text).toContain("names no side, so there is nothing to swap");
});

test("bad input is one line", () => {
  for (const [args, message] of [
    [["chat", "driver", "--prompt", "x"], /needs pictures, frames or a video/],
    [
      ["chat", "driver", "--image", "driver/config.json", "--prompt", "x"],
      /not a known image file/,
    ],
    [["drive", "driver", "nowhere"], /no such file or folder/],
  ] as const) {
    const { status, stderr } = model(...args);
    expect(status).toBe(1);
    const last = stderr.trimEnd().split("\n").at(-1) as string;
    expect(last).toMatch(message);
    expect(stderr).not.toContain("    at ");
  }
});
