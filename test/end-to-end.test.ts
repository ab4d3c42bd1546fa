/**
 * The whole loop at smoke size: once without interruption, once killed (-9, the whole process group) in the middle
 * of every stage. Both must end with the same bytes, and a run after the end must do nothing.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repoRoot } from "./repo-files.ts";

const entry = join(repoRoot, "packages/cli/bin/causeway.mjs");
let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "end-to-end-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether `killWhen` became true. */
  readonly wasKilled: boolean;
}

/** Runs the command; kills its whole group as soon as `killWhen` holds. */
async function causeway(
  args: readonly string[],
  killWhen: () => boolean = () => false,
): Promise<Ended> {
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (d: Buffer) => (stdout += d.toString()));
  child.stderr.on("data", (d: Buffer) => (stderr += d.toString()));
  let ended = false;
  const done = new Promise<number | null>((resolve) =>
    child.once("close", (code) => {
      ended = true;
      resolve(code);
    }),
  );
  let wasKilled = false;
  while (!ended && !wasKilled) {
    if (killWhen()) {
      wasKilled = true;
      process.kill(-(child.pid as number), "SIGKILL");
    } else await Promise.race([done, sleep(5)]);
  }
  return { code: await done, stdout, stderr, wasKilled };
}

const hashOf = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");

/** What must not depend on interruptions. Reports hold wall times, so they are not among them. */
const compared = [
  "data/dataset.json",
  "data/labels/samples.jsonl",
  "tokenizer/tokenizer.json",
  "stage1/checkpoints/step_6/model.safetensors",
  "stage1/checkpoints/step_6/optimizer.safetensors",
  "stage2/checkpoints/step_6/model.safetensors",
  "stage2/checkpoints/step_6/optimizer.safetensors",
  "predictions.jsonl",
  "closedloop.jsonl",
];
const hashes = (run: string): Record<string, string> =>
  Object.fromEntries(compared.map((file) => [file, hashOf(join(root, run, file))]));

test("run smoke ends with a report, and a second run does nothing", {
  timeout: 900_000,
}, async () => {
  const first = await causeway(["run", "smoke", "--out", "whole", "--json"]);
  expect(first.stderr).not.toContain("internal error");
  expect(first.code).toBe(0);
  const { numRun, report, summary } = JSON.parse(first.stdout) as {
    numRun: number;
    report: string;
    summary: { openLoop: { minAde6: number }; wallSecs: number; peakRssMb: number };
  };
  expect(numRun).toBe(8);
  expect(statSync(report).size).toBeGreaterThan(50_000);
  expect(summary.openLoop.minAde6).toBeGreaterThan(0);
  expect(summary.peakRssMb).toBeGreaterThan(100);
  expect(summary.peakRssMb).toBeLessThan(4000);

  const files = ["summary.json", "report.html", ...compared];
  const stamps = () => files.map((file) => statSync(join(root, "whole", file)).mtimeMs);
  const before = stamps();
  const second = await causeway(["run", "smoke", "--out", "whole", "--json"]);
  expect(second.code).toBe(0);
  expect((JSON.parse(second.stdout) as { numRun: number }).numRun).toBe(0);
  expect(stamps()).toEqual(before);
});

test("kill -9 in every stage, run again: the same bytes as without", {
  timeout: 1_800_000,
}, async () => {
  const at = (path: string): string => join(root, "killed", path);
  const has = (path: string) => existsSync(at(path));
  const count = (path: string, suffix: string): number =>
    has(path) ? readdirSync(at(path)).filter((f) => f.endsWith(suffix)).length : 0;
  const moments: readonly (readonly [stage: string, when: () => boolean])[] = [
    ["drives", () => count("data/drives", ".mcap") >= 2],
    ["labels", () => has("stages/labels.started.json")],
    ["tokenizer", () => has("stages/tokenizer.started.json")],
    ["stage1", () => has("stage1/checkpoints/step_3")],
    ["stage2", () => has("stage2/checkpoints/step_3")],
    ["open-loop", () => count("open-loop", ".jsonl") >= 1],
    ["closed-loop", () => count("closed-loop", ".jsonl") >= 1],
    ["report", () => has("stages/report.started.json")],
  ];
  const killed: string[] = [];
  for (const [stage, when] of moments) {
    const run = await causeway(["run", "smoke", "--out", "killed"], when);
    if (run.wasKilled) killed.push(stage);
    else expect(run.code, run.stderr).toBe(0);
  }
  expect(killed).toEqual(moments.map(([stage]) => stage));
  const last = await causeway(["run", "smoke", "--out", "killed", "--json"]);
  expect(last.code, last.stderr).toBe(0);
  expect(hashes("killed")).toEqual(hashes("whole"));
});

test("the commands work alone on each other's files", { timeout: 900_000 }, async () => {
  const train = await causeway([
    "train",
    "smoke",
    "--data",
    "whole/data",
    "--out",
    "alone",
    "--json",
  ]);
  expect(train.code, train.stderr).toBe(0);
  // The same drives, recipe and seed: the same driver, whichever command trained it.
  for (const file of compared.filter((f) => f.startsWith("stage")))
    expect(hashOf(join(root, "alone", file)), file).toBe(hashOf(join(root, "whole", file)));

  const scored = await causeway(["eval", "alone", "--scenes", "1", "--paths", "2", "--json"]);
  expect(scored.code, scored.stderr).toBe(0);
  const { summary, numRun } = JSON.parse(scored.stdout) as {
    summary: { closedLoop: { scenes: number } };
    numRun: number;
  };
  expect(numRun).toBe(3);
  expect(summary.closedLoop.scenes).toBe(1);
  const again = await causeway(["eval", "alone", "--scenes", "1", "--paths", "2", "--json"]);
  expect((JSON.parse(again.stdout) as { numRun: number }).numRun).toBe(0);

  rmSync(join(root, "alone/report.html"));
  const report = await causeway(["report", "alone"]);
  expect(report.code, report.stderr).toBe(0);
  expect(statSync(join(root, "alone/report.html")).size).toBeGreaterThan(50_000);

  const text = (await causeway(["inspect", "alone"])).stdout;
  expect(text).toContain("train stage 1 (language model)");
  expect((await causeway(["inspect", "alone/stage2/checkpoints/step_6"])).stdout).toContain(
    "parameters",
  );
});
