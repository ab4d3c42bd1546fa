/**
 * Labelling in one process against two shards in two processes: `npx tsx bench/teacher-shards.bench.ts [DRIVES] [ANSWER_MS]`.
 * The server answers after ANSWER_MS; each process keeps 16 requests in the air.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startScriptedServer } from "@causeway/reason/testing";
import { goodAnswer } from "../packages/label/test/lesson-answers.ts";

const drives = process.argv[2] ?? "20";
const delayMs = Number(process.argv[3] ?? 150);
const child = fileURLToPath(
  new URL("../packages/label/test/fixtures/teach-child.ts", import.meta.url),
);

interface Summary {
  readonly done: number;
  readonly wallSecs: number;
}
async function run(folder: string, url: string, shard: string): Promise<Summary> {
  const process_ = spawn(process.execPath, ["--import", "tsx", child, folder, url, drives, shard], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  process_.stdout.on("data", (b: Buffer) => (out += b.toString()));
  await new Promise((resolve) => process_.on("exit", resolve));
  return JSON.parse(out) as Summary;
}

const server = await startScriptedServer({ answer: (r) => goodAnswer(r.text), delayMs });
const folder = await mkdtemp(join(tmpdir(), "shards-"));
try {
  const one = await run(join(folder, "one"), server.url, "1/1");
  const two = await Promise.all([
    run(join(folder, "two"), server.url, "1/2"),
    run(join(folder, "two"), server.url, "2/2"),
  ]);
  const done = two.reduce((n, s) => n + s.done, 0);
  if (one.done !== done) throw new Error(`one process did ${one.done}, two did ${done}`);
  const slower = Math.max(...two.map((s) => s.wallSecs));
  console.log(`${one.done} keyframes, answers after ${delayMs} ms, 16 requests per process`);
  console.log(
    `one process ${one.wallSecs.toFixed(1)} s, two ${slower.toFixed(1)} s: ${(one.wallSecs / slower).toFixed(2)} times as fast`,
  );
} finally {
  await server.close();
  await rm(folder, { recursive: true, force: true });
}
