/** `causeway model …` as a person runs it: what it prints, what it writes, how it refuses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
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
import { afterAll, beforeAll, expect, test } from "vitest";
import { chat } from "../src/actions/model-chat.ts";
import { convertModel } from "../src/actions/model-convert.ts";
import { driveOnce } from "../src/actions/model-drive.ts";
import { inspectModel } from "../src/actions/model-inspect.ts";
import type { ConvertOptions } from "../src/commands/model/convert.ts";
import type { DriveCommandOptions } from "../src/commands/model/drive.ts";
import { silentProgress } from "../src/progress.ts";

const entry = fileURLToPath(new URL("../bin/causeway.mjs", import.meta.url));
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
  readonly modules: Record<string, { parameters: number }>;
  readonly vocabulary: { trajectory: { count: number } };
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
  const reply = await chat(
    join(dir, "driver"),
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
  expect(notes.join()).toMatch(/note: this model answers every request with its reasoning/);
  expect((reply.data as { text: string }).text).not.toBe("");
  const drive = async (more: Partial<DriveCommandOptions> = {}) =>
    (
      await driveOnce(
        join(dir, "driver"),
        join(dir, "clip.mp4"),
        {
          samples: 2,
          seed: 0,
          temperature: 0.6,
          topP: 0.98,
          flowTemperature: 1,
          maxTokens: 4,
          speed: 10,
          constants: "reference",
          ...more,
        },
        context,
      )
    ).data as { samples: { path: { x: number[] } }[]; minAde: number | null };
  const first = await drive();
  expect(first.samples).toHaveLength(2);
  expect(first.samples[0]?.path.x).toHaveLength(64);
  expect(first.minAde).toBe(null);
  expect(await drive()).toEqual(first);
  expect(await drive({ seed: 1 })).not.toEqual(first);
  expect(await drive({ nav: "Turn left in 11m", guidance: 1.5 })).not.toEqual(first);
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
