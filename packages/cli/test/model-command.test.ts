/** `causeway model …` as a person runs it: what it prints, what it writes, how it refuses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
const json = (text: string) => JSON.parse(text) as Record<string, never>;

test("the group lists its subcommands and guesses at typos", () => {
  const help = model("--help");
  for (const name of ["inspect", "convert", "chat", "drive", "quantize", "bench"])
    expect(help.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
  const typo = model("inspetc", "x");
  expect(typo.status).toBe(1);
  expect(typo.stderr).toContain('Did you mean "inspect"?');
});

test("inspect counts parameters per module and shows the vocabulary, from headers alone", () => {
  const data = json(model("inspect", "driver", "--json").stdout) as unknown as {
    parameters: number;
    modules: Record<string, { parameters: number; dtypes: Record<string, number> }>;
    vocabulary: { trajectory: { count: number } };
    difference: Record<string, string[]>;
  };
  expect(Object.keys(data.modules).sort()).toEqual(["action", "expert", "text", "vision"]);
  const sum = Object.values(data.modules).reduce((a, m) => a + m.parameters, 0);
  expect(data.parameters).toBe(sum);
  expect(data.vocabulary.trajectory.count).toBe(nano.futureTokens.bins + nano.historyTokens.bins);
  expect(data.difference).toEqual({ missing: [], unknown: [], misshapen: [] });
});

test("convert changes type and shards, takes the language model out, and leaves nothing half done", async () => {
  const plan = model("convert", "driver", "--dtype", "bf16", "--out", "half", "--dry-run");
  expect(plan.stdout).toMatch(/^would write \d+ tensors/);
  expect(existsSync(join(dir, "half"))).toBe(false);
  expect(
    model("convert", "driver", "--dtype", "bf16", "--shard-gb", "0.0001", "--out", "half").status,
  ).toBe(0);
  expect(readdirSync(join(dir, "half"))).toContain("model.safetensors.index.json");
  const [before, after] = [
    await Checkpoint.open(join(dir, "driver")),
    await Checkpoint.open(join(dir, "half")),
  ];
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
  const again = model("convert", "driver", "--out", "half");
  expect(again.status).toBe(1);
  expect(again.stderr).toMatch(/the folder is not empty/);

  expect(model("convert", "driver", "--part", "vlm", "--out", "words").status).toBe(0);
  const part = json(model("inspect", "words", "--json").stdout) as unknown as {
    architecture: string;
    difference: object;
  };
  expect(part.architecture).toBe("Qwen3-VL");
  expect(part.difference).toEqual({ missing: [], unknown: [], misshapen: [] });
});

test("convert refuses an adapter of another model before it writes", async () => {
  const tensor = (shape: number[]) => ({
    shape,
    data: new Float32Array((shape[0] as number) * (shape[1] as number)),
  });
  await writeLora(join(dir, "adapter"), {
    rank: 2,
    alpha: 2,
    targetModules: ["q_proj"],
    factors: new Map([
      ["model.elsewhere.q_proj.weight", { a: tensor([2, 4]), b: tensor([4, 2]), scale: 1 }],
    ]),
    configJson: null,
  });
  const out = model("convert", "driver", "--merge-lora", "adapter", "--out", "merged");
  expect(out.status).toBe(1);
  expect(out.stderr).toMatch(/1 missing: model.elsewhere.q_proj.weight/);
  expect(existsSync(join(dir, "merged"))).toBe(false);
});

test("chat and drive look at a video, the same for the same seed", async (context) => {
  if ((await findVideoBackend()) === null) context.skip("there is no ffmpeg");
  const frames = Array.from({ length: 12 }, (_, k) => ({
    width: 192,
    height: 108,
    pixels: Uint8Array.from({ length: 192 * 108 * 3 }, (_unused, i) => (i * 7 + 20 * k) % 256),
  }));
  await writeVideo(frames, join(dir, "clip.mp4"), { width: 192, height: 108, fps: 10 });
  const chat = model(
    "chat",
    "driver",
    "--video",
    "clip.mp4",
    "--prompt",
    "caption",
    "--max-tokens",
    "6",
  );
  expect(chat.stderr).toMatch(/note: this model answers every request with its reasoning/);
  expect(chat.status).toBe(0);
  expect(chat.stdout.trim()).not.toBe("");
  const drive = (...more: string[]) =>
    json(
      model("drive", "driver", "clip.mp4", "--samples", "2", "--max-tokens", "4", "--json", ...more)
        .stdout,
    ) as unknown as { samples: { path: { x: number[] } }[]; minAde: null };
  const first = drive();
  expect(first.samples).toHaveLength(2);
  expect(first.samples[0]?.path.x).toHaveLength(64);
  expect(first.minAde).toBe(null);
  expect(drive()).toEqual(first);
  expect(drive("--seed", "1")).not.toEqual(first);
  expect(drive("--nav", "Turn left in 11m", "--guidance", "1.5")).not.toEqual(first);
});

test("bad input is one line", () => {
  for (const [args, message] of [
    [["chat", "driver", "--prompt", "x"], /needs pictures, frames or a video/],
    [["chat", "driver", "--image", "none.png", "--prompt", "x"], /no such file/],
    [
      ["chat", "driver", "--image", "driver/config.json", "--prompt", "x"],
      /not a known image file/,
    ],
    [["drive", "driver", "nowhere"], /no such file or folder/],
    [["inspect", "."], /there is no config.json/],
  ] as const) {
    const { status, stderr } = model(...args);
    expect(status).toBe(1);
    const last = stderr.trimEnd().split("\n").at(-1) as string;
    expect(last).toMatch(message);
    expect(stderr).not.toContain("    at ");
  }
  expect(readFileSync(join(dir, "driver", "config.json"), "utf8")).toContain("alpamayo");
});
