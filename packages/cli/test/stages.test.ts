import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planStages, runStages } from "../src/pipeline/run-stages.ts";
import type { Stage } from "../src/pipeline/stage.ts";
import { silentProgress } from "../src/progress.ts";
import { countingStages } from "./fixtures/counting-stages.ts";

let runDir = "";
beforeEach(async () => {
  runDir = await mkdtemp(join(tmpdir(), "stages-"));
});
afterEach(() => rm(runDir, { recursive: true }));

const run = (stages: Stage[], signal = new AbortController().signal) =>
  runStages({ runDir, stages, progress: silentProgress, signal, now: Date.now });

const writes = async (): Promise<string[]> =>
  (await readFile(join(runDir, "writes.log"), "utf8").catch(() => ""))
    .split("\n")
    .filter((l) => l !== "")
    .sort();

const allWrites = ["a/0", "a/1", "a/2", "a/3", "a/4", "a/5", "b/0", "b/1", "b/2"];

test("a second run does nothing", async () => {
  expect((await run(countingStages())).numRun).toBe(2);
  expect(await writes()).toEqual(allWrites);
  expect((await run(countingStages())).numRun).toBe(0);
  expect(await writes()).toEqual(allWrites);
  expect((await planStages(runDir, countingStages())).map((p) => p.state)).toEqual([
    "done",
    "done",
  ]);
});

test("a changed option runs its stage afresh, and later ones only if the outputs changed", async () => {
  await run(countingStages());
  // Another text: the first stage's files change, so the second runs too.
  expect((await run(countingStages({ text: "two" }))).numRun).toBe(2);
  expect(await readFile(join(runDir, "a/0.txt"), "utf8")).toBe("two 0\n");
  // Another delay is another key, but the files come out the same: the second stage is not touched.
  expect((await run(countingStages({ text: "two", delayMs: 1 }))).numRun).toBe(1);
  // Fewer files: what the earlier options wrote must not stay.
  await run(countingStages({ count: 2 }));
  expect(await readdir(join(runDir, "a"))).toEqual(["0.txt", "1.txt"]);
});

test("a missing output is made again", async () => {
  await run(countingStages());
  await rm(join(runDir, "a/3.txt"));
  expect((await planStages(runDir, countingStages()))[0]?.reason).toBe("an output is missing");
  await run(countingStages());
  expect(await readFile(join(runDir, "a/3.txt"), "utf8")).toBe("one 3\n");
});

test("kill -9 of the whole group in the middle, then a run that goes on and repeats nothing", async () => {
  const program = fileURLToPath(new URL("./fixtures/run-counting.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", program, runDir, "150"], {
    detached: true,
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  while ((await writes()).length < 2) await sleep(10);
  process.kill(-(child.pid as number), "SIGKILL");
  await ended;
  const before = await writes();
  expect(before.length).toBeLessThan(6);
  const stages = countingStages({ delayMs: 150 });
  expect((await planStages(runDir, stages))[0]?.state).toBe("goes on");
  await run(stages);
  expect(await writes()).toEqual(allWrites);
});

test("when only the main process is killed, its workers end too", async () => {
  const program = fileURLToPath(new URL("./fixtures/run-counting.ts", import.meta.url));
  const count = 60;
  const child = spawn(
    process.execPath,
    ["--import", "tsx", program, runDir, "150", String(count)],
    { stdio: "ignore" },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  while ((await writes()).length < 1) await sleep(10);
  child.kill("SIGKILL");
  await ended;
  // Workers notice the end of their channel; wait until nothing has been written for several items' time.
  let last = -1;
  for (let now = (await writes()).length; now !== last; now = (await writes()).length) {
    last = now;
    await sleep(1200);
  }
  expect(last).toBeLessThan(count);
});

test("an error in one process stops the others and says which item failed", async () => {
  const failing = countingStages({ failAt: 1, delayMs: 20 });
  await expect(run(failing)).rejects.toThrow("item 1: cannot be made; expected an easier number");
  expect((await planStages(runDir, failing))[0]?.state).toBe("goes on");
});

test("a stop leaves the stage so that it goes on", async () => {
  const stop = new AbortController();
  const stages = countingStages({ delayMs: 100 });
  const running = run(stages, stop.signal);
  const check = expect(running).rejects.toThrow("stopped");
  while ((await writes()).length < 1) await sleep(10);
  stop.abort();
  await check;
  await run(stages);
  expect(await writes()).toEqual(allWrites);
});

test("a damaged marker counts as not done", async () => {
  await run(countingStages());
  await mkdir(join(runDir, "stages"), { recursive: true });
  await writeFile(join(runDir, "stages/first.json"), "{ half");
  expect((await planStages(runDir, countingStages()))[0]?.state).toBe("starts");
  expect((await run(countingStages())).numRun).toBe(1);
});
