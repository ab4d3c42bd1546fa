import { execFileSync } from "node:child_process";
import { mkdtemp, rm, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeError } from "../src/errors.ts";
import { runStages } from "../src/pipeline/run-stages.ts";
import { silentProgress } from "../src/progress.ts";
import { countingStages } from "./fixtures/counting-stages.ts";

async function mountTmpfs(bytes: number): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  const dir = await mkdtemp(join(tmpdir(), "full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", dir], { stdio: "pipe" });
    return dir;
  } catch {
    await rm(dir, { recursive: true });
    return null;
  }
}

test("a full disk is one clear error, and the run goes on once there is room", async (context) => {
  const runDir = await mountTmpfs(256 * 1024);
  if (runDir === null)
    return context.skip("needs root on Linux with permission to mount a small tmpfs");
  try {
    const stages = countingStages({ fileBytes: 60_000 }, { fileBytes: 10 });
    const signal = new AbortController().signal;
    const run = () =>
      runStages({ runDir, stages, progress: silentProgress, signal, now: Date.now });
    const error = await run().catch((e: unknown) => e);
    expect(describeError(error)).toMatch(
      /^the disk is full\. Free some space and run the same command again: it goes on where it stopped/,
    );
    execFileSync("mount", ["-o", "remount,size=4m", runDir]);
    expect((await run()).numRun).toBe(2);
    const writes = (await readFile(join(runDir, "writes.log"), "utf8")).trim().split("\n");
    // Nothing that was whole before was made twice.
    expect(new Set(writes).size).toBe(writes.length);
    expect((await readFile(join(runDir, "a/5.txt"))).length).toBe(60_000);
  } finally {
    execFileSync("umount", [runDir]);
    await rm(runDir, { recursive: true });
  }
});
