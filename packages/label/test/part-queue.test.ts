/** Parts from a real Redis, and the index that a cluster gives. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collectTaught, runTeacher, shardOf, workParts } from "@causeway/label";
import { createScriptedModel, type Shard } from "@causeway/reason";
import { goodAnswer } from "./lesson-answers.ts";
import { lessonItems, openLesson } from "./lesson-drives.ts";

const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === "object" && address !== null ? address.port : 0),
      );
    });
  });

describe.skipIf(!hasRedis)("a queue on Redis (skipped without redis-server)", () => {
  let folder = "";
  let url = "";
  let stop: () => Promise<void> = async () => {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "queue-"));
    const port = await freePort();
    const redis = spawn(
      "redis-server",
      [
        "--port",
        String(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        folder,
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    await new Promise<void>((resolve) => {
      redis.stdout.on("data", (b: Buffer) => {
        if (b.toString().includes("Ready to accept")) resolve();
      });
    });
    url = `redis://127.0.0.1:${port}`;
    stop = () =>
      new Promise((resolve) => {
        redis.once("exit", () => resolve());
        redis.kill("SIGTERM");
      });
  });
  afterAll(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("two workers share the parts; every keyframe is done once", async () => {
    const ledgers = join(folder, "ledgers");
    const taken: string[][] = [[], []];
    const worker = (index: number) =>
      workParts({ url, name: "causeway:test one", parts: 6 }, async (shard: Shard) => {
        taken[index].push(`${shard.index}/${shard.count}`);
        await runTeacher({
          items: lessonItems(3),
          open: openLesson,
          model: createScriptedModel({
            script: (r) => {
              const last = r.messages.at(-1)?.content.at(-1);
              return JSON.stringify(goodAnswer(last?.type === "text" ? last.text : ""));
            },
            delayMs: 2,
          }),
          folder: ledgers,
          cacheFolder: null,
          shard,
        });
      });
    const results = await Promise.all([worker(0), worker(1)]);
    expect(results.reduce((n, r) => n + r.done, 0)).toBe(6);
    expect([...taken[0], ...taken[1]].sort()).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
    expect(taken[0].length).toBeGreaterThan(0);
    expect(taken[1].length).toBeGreaterThan(0);
    const { rows, failures } = await collectTaught(ledgers);
    expect([...rows.keys()].sort()).toEqual(
      lessonItems(3)
        .map((i) => i.id)
        .sort(),
    );
    expect(failures.size).toBe(0);
    let done = 0;
    for (const name of await readdir(ledgers))
      if (name.startsWith("ledger."))
        done += (await readFile(join(ledgers, name), "utf8")).split('"status":"done"').length - 1;
    expect(done).toBe(60);
  });

  test("a part that fails is tried again, then named", async () => {
    let calls = 0;
    const { done, failed } = await workParts(
      { url, name: "fails", parts: 2 },
      async ({ index }) => {
        calls++;
        if (index === 2) throw new Error("no disk");
      },
    );
    expect(done).toBe(1);
    expect(calls).toBe(4);
    expect(failed).toEqual([{ part: "2/2", reason: "no disk" }]);
  });
});

describe("--shard auto", () => {
  test("Slurm arrays of any first index and step, Kubernetes indexed jobs, plain k/n", () => {
    expect(shardOf("2/8", {})).toEqual({ index: 2, count: 8 });
    const slurm = {
      SLURM_ARRAY_TASK_ID: "14",
      SLURM_ARRAY_TASK_MIN: "10",
      SLURM_ARRAY_TASK_STEP: "2",
      SLURM_ARRAY_TASK_COUNT: "4",
    };
    expect(shardOf("auto", slurm)).toEqual({ index: 3, count: 4 });
    expect(shardOf("auto", { JOB_COMPLETION_INDEX: "0", CAUSEWAY_SHARDS: "5" })).toEqual({
      index: 1,
      count: 5,
    });
  });
  test.each([
    [{}, "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX"],
    [{ SLURM_ARRAY_TASK_ID: "1" }, "SLURM_ARRAY_TASK_COUNT"],
    [{ JOB_COMPLETION_INDEX: "1" }, "CAUSEWAY_SHARDS"],
    [{ JOB_COMPLETION_INDEX: "5", CAUSEWAY_SHARDS: "5" }, "part 6 of 5"],
    [{ SLURM_ARRAY_TASK_ID: "x" }, 'is "x"'],
  ])("%j is an error that says what is missing", (env, message) => {
    expect(() => shardOf("auto", env)).toThrow(message);
  });
});
