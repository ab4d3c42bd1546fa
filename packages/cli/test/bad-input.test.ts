/** Bad input through the command itself: one clear line, exit code 1, nothing half-written. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRng } from "@causeway/geom";
import { AlpamayoModel, createCodec, presets, trainDrivingTokenizer } from "@causeway/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadRunRecipe } from "../src/recipe/load-recipe.ts";
import { parseRunRecipe } from "../src/recipe/run-recipe.ts";

const entry = fileURLToPath(new URL("../bin/causeway.mjs", import.meta.url));
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "bad-input-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function causeway(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    cwd: dir,
    encoding: "utf8",
  });
  return { status, stdout, stderr, lastLine: stderr.trimEnd().split("\n").at(-1) ?? "" };
}

test("an unknown recipe or command is named, with a guess, on one line", () => {
  const recipe = causeway("run", "quikstart");
  expect(recipe.status).toBe(1);
  expect(recipe.stderr).toBe(
    `causeway run: recipe "quikstart" not found. Known: pretrain, pretrain-on-policy, quickstart, quickstart-scratch, reference, smoke. Did you mean "quickstart"?\n`,
  );
  const command = causeway("reprot");
  expect(command.status).toBe(1);
  expect(command.stderr).toContain(`Did you mean "report"?`);
  expect(existsSync(join(dir, "runs"))).toBe(false);
});

test("--json gives errors as JSON too, and --debug a stack", () => {
  const failed = causeway("report", "nowhere", "--json", "--debug");
  expect(failed.status).toBe(1);
  const { error } = JSON.parse(failed.stdout) as { error: { message: string; code: string } };
  expect(error.code).toBe("RUN");
  expect(error.message).toMatch(/^this is no run folder: it has no run\.json\./);
  expect(failed.stderr).toContain("    at ");
});

test("typos inside a recipe name the field at any depth", async () => {
  const smoke = await loadRunRecipe("smoke");
  const problem = (change: (r: Record<string, Record<string, unknown>>) => void): string => {
    const copy = structuredClone(smoke) as unknown as Record<string, Record<string, unknown>>;
    change(copy);
    try {
      parseRunRecipe(copy, "my-recipe.ts");
    } catch (error) {
      return (error as Error).message;
    }
    return "accepted";
  };
  expect(problem((r) => Object.assign(r["drives"] as object, { hledOut: 3 }))).toMatch(
    /^my-recipe\.ts: drives\.hledOut: unknown key\. Known: .*Did you mean "heldOut"\?$/,
  );
  expect(problem((r) => Object.assign(r["stage1"] as object, { stpes: 3 }))).toContain(
    `my-recipe.ts: stage1: stpes: unknown key. Did you mean "steps"?`,
  );
  expect(problem((r) => Object.assign(r["drives"] as object, { kinds: ["turn_letf"] }))).toContain(
    "drives.kinds.0: not known. Known: slow_for_lead",
  );
  expect(problem((r) => Object.assign(r["samples"] as object, { trainEverySecs: 0.25 }))).toBe(
    "my-recipe.ts: samples.trainEverySecs: 0.25 is not a multiple of 0.1 s",
  );
  expect(problem(() => {})).toBe("accepted");
});

test("a recipe file that exports nothing useful says so", () => {
  writeFileSync(join(dir, "empty.ts"), "export const other = 1;\n");
  expect(causeway("run", "./empty.ts").lastLine).toBe(
    "causeway run: ./empty.ts: exports no `recipe`; expected a function that returns a RunRecipe",
  );
  expect(causeway("run", "./missing.ts").lastLine).toContain("recipe file not found");
});

test("a truncated drive, a folder of nothing, and a file that is no drive", () => {
  writeFileSync(join(dir, "noise.mcap"), "this is not an MCAP file");
  const noise = causeway("inspect", "noise.mcap");
  expect(noise.status).toBe(1);
  expect(noise.stderr.trimEnd().split("\n").length).toBe(1);
  expect(noise.lastLine).toContain("noise.mcap");
  mkdirSync(join(dir, "nothing"));
  expect(causeway("inspect", "nothing").lastLine).toContain("this folder is no dataset");
  expect(causeway("label", "nothing").lastLine).toContain("dataset.json");
  expect(causeway("import", "kitti", "nothing", "--out", "imported").status).toBe(1);
});

test("a bad recording is skipped and named, the good one beside it is imported", () => {
  const poses = Array.from(
    { length: 120 },
    (_, i) => `1 0 0 0 0 1 0 0 0 0 1 ${(i * 0.5).toFixed(3)}`,
  );
  mkdirSync(join(dir, "kitti/poses"), { recursive: true });
  writeFileSync(join(dir, "kitti/poses/01.txt"), `${poses.join("\n")}\n`);
  const broken = poses.with(40, "1 0 0 0 0 1 0 0 0 0 1 NaN");
  writeFileSync(join(dir, "kitti/poses/02.txt"), `${broken.join("\n")}\n`);
  const result = causeway("import", "kitti", "kitti", "--out", "from-kitti", "--json");
  expect(result.status).toBe(0);
  const { imported, skipped } = JSON.parse(result.stdout) as {
    imported: number;
    skipped: { id: string; error: string }[];
  };
  expect(imported).toBe(1);
  expect(skipped.length).toBe(1);
  expect(skipped[0]?.error).toContain("02.txt");
  expect(readFileSync(join(dir, "from-kitti/skipped.jsonl"), "utf8")).toContain("02.txt");

  const text = causeway("inspect", "from-kitti", "--drive", "kitti-odometry-01").stdout;
  expect(text).toContain("speed [m/s]");
  expect(text).toContain("MaintainSpeed");
  const unlabelled = causeway("train", "smoke", "--data", "from-kitti", "--out", "runs/x");
  expect(unlabelled.lastLine).toContain("has no labels yet. Run `causeway label");
});

test("weights of another architecture are refused before anything is written", async () => {
  const nano = presets["nano"];
  if (nano === undefined) throw new Error("preset nano is missing");
  const tokenizer = trainDrivingTokenizer(nano, ["keep the lane because the road is clear"]);
  const model = AlpamayoModel.create(createCodec(nano, tokenizer), createRng(1));
  await model.save(join(dir, "nano"));
  expect(causeway("inspect", "nano").stdout).toContain("parameters");
  // The same weights under a configuration with wider layers.
  cpSync(join(dir, "nano"), join(dir, "other"), { recursive: true });
  const path = join(dir, "other/config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as {
    vlm_config: { text_config: { intermediate_size: number } };
  };
  config.vlm_config.text_config.intermediate_size *= 2;
  writeFileSync(path, JSON.stringify(config));
  const refused = causeway("inspect", "other");
  expect(refused.status).toBe(1);
  expect(refused.lastLine).toMatch(/mlp\.(gate|up|down)_proj/);
});
