import { spawn } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createOpenAiModel } from "../src/chat/openai-model.ts";
import {
  ChatError,
  type ChatModel,
  createScriptedModel,
  isInShard,
  runBatch,
  type Script,
  scriptedError,
} from "../src/index.ts";
import {
  type BadReply,
  type FaultPlan,
  type ScriptedServer,
  seededFaults,
  startScriptedServer,
} from "../src/testing/index.ts";
import { runScores, scoreOf } from "./score-task.ts";

let folder = "";
let server: ScriptedServer | null = null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "batch-"));
});
afterEach(async () => {
  await server?.close();
  server = null;
  await rm(folder, { recursive: true });
});

async function start(faults?: (item: string) => FaultPlan, delayMs?: number) {
  server = await startScriptedServer({
    answer: ({ item }) => ({ score: scoreOf(item) }),
    ...(faults === undefined ? {} : { faults }),
    ...(delayMs === undefined ? {} : { delayMs }),
  });
  return {
    server,
    model: createOpenAiModel({ model: "m", baseUrl: server.url, apiKey: null, timeoutMs: 3000 }),
  };
}

/** A real-looking model without a server. */
const realModel = (script: Script): ChatModel => ({
  ...createScriptedModel({ script }),
  id: "openai:pretend",
  isSynthetic: false,
});

const ids = (num: number): string[] => Array.from({ length: num }, (_, i) => `i${i}`);
const jsonl = async (name: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(folder, name), "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const kindOf: Readonly<Record<BadReply, string>> = {
  truncated: "truncated",
  "truncated-in-reasoning": "truncated",
  "wrong-schema": "bad-reply",
  "not-json": "bad-reply",
  "refusal-field": "refusal",
  "refusal-text": "refusal",
  "content-filter": "refusal",
  "context-length": "context-length",
  "bad-request": "bad-request",
};

test("a server that misbehaves changes no score, and every failure is counted by kind", async () => {
  const num = 1000;
  const plan = seededFaults({ seed: 3, without: ["time-out"] });
  const { model } = await start(plan);
  const result = await runScores(model, num, { folder });

  const wanted: Record<string, number> = {};
  const lost = new Set<string>();
  for (const id of ids(num)) {
    const last = plan(id).faults.at(-1);
    const kind = plan(id).isLasting ? kindOf[last as BadReply] : undefined;
    if (kind === undefined) continue;
    wanted[kind] = (wanted[kind] ?? 0) + 1;
    lost.add(id);
  }
  expect(lost.size).toBeGreaterThan(50);
  expect(result.summary.failedByKind).toEqual(wanted);
  expect(result.summary).toMatchObject({ total: num, done: num - lost.size, pending: 0 });
  for (const id of ids(num))
    if (lost.has(id)) expect(result.failures.has(id)).toBe(true);
    else expect([id, result.rows.get(id)?.score]).toEqual([id, scoreOf(id)]);

  // results.jsonl says the same, joined by id.
  const rows = await jsonl("results.jsonl");
  expect(rows.map((r) => r.id)).toEqual(ids(num));
  expect(rows.filter((r) => r.status === "done").length).toBe(num - lost.size);
  expect(rows[0]).not.toHaveProperty("synthetic");

  // A second run asks nothing.
  const before = server?.requests.length;
  const again = await runScores(model, num, { folder });
  expect(server?.requests.length).toBe(before);
  expect(again.rows).toEqual(result.rows);
  expect(again.failures).toEqual(result.failures);
  expect(again.summary.resumed).toBe(num);
});

test("killed with -9 again and again, nothing is lost and no answered question is asked twice", async () => {
  const num = 300;
  const concurrency = 16;
  const { server: scripted, model } = await start(undefined, 3);
  const child = fileURLToPath(new URL("./batch-child.ts", import.meta.url));
  let kills = 0;
  for (const killAfter of [60, 150]) {
    const running = spawn(
      process.execPath,
      ["--import", "tsx", child, scripted.url, folder, String(num)],
      { stdio: "ignore" },
    );
    const ended = new Promise((resolve) => running.once("close", resolve));
    while (scripted.requests.length < killAfter) await new Promise((r) => setTimeout(r, 2));
    running.kill("SIGKILL");
    await ended;
    kills++;
  }
  await appendFile(join(folder, "ledger.jsonl"), '{"type":"item","item":"i9');
  const result = await runScores(model, num, { folder });
  expect(result.summary).toMatchObject({ total: num, done: num, failed: 0, damaged: [] });
  expect(result.summary.resumed).toBeGreaterThan(60);
  for (const id of ids(num)) expect(result.rows.get(id)?.score).toBe(scoreOf(id));
  // Only what was in flight at a kill was sent again.
  expect(scripted.requests.length - num).toBeLessThanOrEqual(kills * concurrency);
  for (const id of ids(num)) expect(scripted.asked(id)).toBeLessThanOrEqual(1 + kills);
});

test("a stop lets requests in flight arrive, and the same command goes on", async () => {
  const { server: scripted, model } = await start(undefined, 5);
  const stop = new AbortController();
  const first = await runScores(model, 100, {
    folder,
    signal: stop.signal,
    onProgress: ({ done }) => {
      if (done === 20) stop.abort();
    },
  });
  expect(first.stop?.reason).toBe("stopped");
  expect(first.summary.pending).toBeGreaterThan(50);
  expect(first.summary.done + first.summary.pending).toBe(100);
  const rows = await jsonl("results.jsonl");
  expect(rows.filter((r) => r.status === "pending").length).toBe(first.summary.pending);
  const second = await runScores(model, 100, { folder });
  expect(second.summary.done).toBe(100);
  expect(scripted.requests.length).toBe(100);
});

test("a reply that cannot be read is told so and asked once more", async () => {
  const seen: number[] = [];
  const model = realModel((request) => {
    seen.push(request.messages.length);
    return request.messages.length === 1 ? "no numbers here" : '{"score":4}';
  });
  const result = await runScores(model, 1);
  expect(result.rows.get("i0")?.score).toBe(4);
  expect(seen).toEqual([1, 3]);
});

test("the cache answers a second run elsewhere, and never with synthetic replies", async () => {
  let asked = 0;
  const script: Script = () => {
    asked++;
    return '{"score":2}';
  };
  const cacheFolder = join(folder, "cache");
  const fake = createScriptedModel({ name: "same", script });
  const real: ChatModel = { ...fake, isSynthetic: false };
  await runScores(fake, 5, { folder: join(folder, "a"), cacheFolder });
  expect(asked).toBe(5);
  await runScores(fake, 5, { folder: join(folder, "b"), cacheFolder });
  expect(asked).toBe(5);
  const first = await runScores(real, 5, { folder: join(folder, "c"), cacheFolder });
  expect(asked).toBe(10);
  expect(first.summary).toMatchObject({ isSynthetic: false, cached: 0 });
  const second = await runScores(real, 5, { folder: join(folder, "d"), cacheFolder });
  expect(asked).toBe(10);
  expect(second.summary).toMatchObject({ cached: 5, spent: { requests: 0, inputTokens: 0 } });

  // A damaged entry is asked again and replaced; a synthetic one moved into the real part is not believed.
  const [part = ""] = await readdir(join(cacheFolder, "real"));
  const [name = ""] = await readdir(join(cacheFolder, "real", part));
  const path = join(cacheFolder, "real", part, name);
  const entry = JSON.parse(await readFile(path, "utf8")) as object;
  for (const bad of ['{"key":', JSON.stringify({ ...entry, isSynthetic: true })]) {
    await writeFile(path, bad);
    const before = asked;
    await runScores(real, 5, { cacheFolder });
    expect(asked).toBe(before + 1);
  }
});

test("synthetic results are marked in every file and keep out of a real run's folder", async () => {
  const fake = createScriptedModel({ script: () => '{"score":1}' });
  const result = await runScores(fake, 2, { folder });
  expect(result.summary.isSynthetic).toBe(true);
  expect((await jsonl("results.jsonl")).every((r) => r.synthetic === true)).toBe(true);
  expect(JSON.parse(await readFile(join(folder, "summary.json"), "utf8"))).toMatchObject({
    synthetic: true,
  });
  await expect(
    runScores(
      realModel(() => '{"score":1}'),
      2,
      { folder },
    ),
  ).rejects.toThrow(/holds synthetic answers of a scripted model; a real run must not be mixed/);
});

test("other settings in the same folder are refused with what differs", async () => {
  const model = realModel(() => '{"score":1}');
  await runScores(model, 1, { folder, identity: { task: "score", prompt: "a" } });
  await expect(
    runScores(model, 1, { folder, identity: { task: "score", prompt: "b" } }),
  ).rejects.toThrow(/another run \(prompt was "a", is "b"\)/);
});

test("without a folder nothing is written", async () => {
  const result = await runScores(
    realModel(() => '{"score":3}'),
    3,
    {},
  );
  expect(result.resultsPath).toBeNull();
  expect(result.rows.size).toBe(3);
  expect(await readdir(folder)).toEqual([]);
});

test("budgets hold for requests, tokens and money, over all sessions", async () => {
  let asked = 0;
  const model = realModel(() => {
    asked++;
    return { raw: '{"score":3}', text: '{"score":3}', inputTokens: 100, outputTokens: 10 };
  });
  const first = await runScores(model, 20, { folder, budget: { maxRequests: 7 } });
  expect(first.stop).toEqual({
    reason: "budget",
    message: "the budget of 7 requests is used up",
  });
  expect(asked).toBe(7);
  expect(first.summary).toMatchObject({ done: 7, pending: 13, failed: 0 });
  // 7 x 110 tokens are spent already. The first request is expected to have 5 tokens, and has 100; the next know.
  const second = await runScores(model, 20, {
    folder,
    budget: { maxTokens: 1000 },
    concurrency: 1,
  });
  expect(second.stop?.reason).toBe("budget");
  expect(second.summary.spent.inputTokens + second.summary.spent.outputTokens).toBeLessThanOrEqual(
    1000,
  );
  await expect(runScores(model, 20, { budget: { maxCostUsd: 1 } })).rejects.toThrow(/price/);
  const price = { inputPerMTok: 10, outputPerMTok: 1000 };
  const third = await runScores(model, 20, {
    budget: { maxCostUsd: 0.05 },
    price,
    concurrency: 1,
  });
  // 100 in at 10 $/M + 10 out at 1000 $/M = 0.011 $ each; the reservation is 0.032 $.
  expect(third.summary).toMatchObject({ done: 2 });
  expect(third.summary.costUsd).toBeCloseTo(0.022, 9);
});

test("a key that is refused stops the run at once; so does a server that never answers", async () => {
  const denied = await runScores(
    realModel(() => scriptedError("auth")),
    50,
    { concurrency: 2 },
  );
  expect(denied.stop?.reason).toBe("auth");
  expect(denied.summary).toMatchObject({ pending: 50, failed: 0 });
  const gone = await runScores(
    realModel(() => scriptedError("network")),
    50,
    { concurrency: 2 },
  );
  expect(gone.stop?.reason).toBe("unreachable");
  expect(gone.summary.failed).toBeLessThan(12);
});

test("failures that may pass are tried again by the next run; refusals only when asked for", async () => {
  let isDown = true;
  const model = realModel((request) => {
    const text = JSON.stringify(request.messages);
    if (isDown && text.includes("i1 ")) return scriptedError("server");
    if (isDown && text.includes("i2 ")) return scriptedError("refusal");
    return '{"score":5}';
  });
  const options = { folder, retry: { attempts: {}, firstDelayMs: 1, maxDelayMs: 1 } };
  const first = await runScores(model, 3, options);
  expect(first.summary.failedByKind).toEqual({ server: 1, refusal: 1 });
  isDown = false;
  expect((await runScores(model, 3, options)).summary.failedByKind).toEqual({ refusal: 1 });
  const last = await runScores(model, 3, { ...options, retryFailed: "all" });
  expect(last.summary).toMatchObject({ done: 3, failed: 0 });
});

test("an item whose input changed is asked again; trials have answers of their own", async () => {
  let asked = 0;
  const model = realModel(() => `answer ${asked++}`);
  const run = (inputKey: string) =>
    runBatch({
      items: [{ id: "one", inputKey }],
      model,
      folder,
      cacheFolder: null,
      identity: {},
      work: async (item, { ask }) => {
        const request = {
          messages: [
            { role: "user" as const, content: [{ type: "text" as const, text: item.inputKey }] },
          ],
          sampling: { maxTokens: 8 },
        };
        const trials = await Promise.all([0, 1, 0].map((trial) => ask(request, { trial })));
        return trials.map((t) => t.reply.text);
      },
    });
  expect((await run("a")).rows.get("one")).toEqual(["answer 0", "answer 1", "answer 0"]);
  expect((await run("a")).rows.get("one")).toEqual(["answer 0", "answer 1", "answer 0"]);
  expect((await run("b")).rows.get("one")).toEqual(["answer 2", "answer 3", "answer 2"]);
});

test("shards are stable, disjoint and complete, and join in one folder", async () => {
  const parts = [1, 2, 3].map((index) =>
    ids(200).filter((id) => isInShard(id, { index, count: 3 })),
  );
  expect(parts.flat().sort()).toEqual(ids(200).sort());
  expect(Math.min(...parts.map((p) => p.length))).toBeGreaterThan(45);
  let asked = 0;
  const model = realModel(() => {
    asked++;
    return '{"score":2}';
  });
  for (const index of [1, 2, 3])
    await runScores(model, 200, { folder, shard: { index, count: 3 } });
  const joined = await runScores(model, 200, { folder });
  expect(asked).toBe(200);
  expect(joined.summary).toMatchObject({ total: 200, done: 200, resumed: 200 });
});

test("ids that occur twice, and a folder in use, are refused", async () => {
  const model = realModel(() => "x");
  await expect(
    runBatch({
      items: [{ id: "a" }, { id: "b" }, { id: "a" }],
      model,
      folder: null,
      cacheFolder: null,
      identity: {},
      work: async () => 1,
    }),
  ).rejects.toThrow(/1 ids occur more than once \(a\)/);
  await writeFile(join(folder, "ledger.jsonl.lock"), `${process.ppid}\n`);
  await expect(runScores(model, 1, { folder })).rejects.toThrow(/in use by process/);
});

test("a damaged line in the middle of a ledger is named and costs only its row", async () => {
  let asked = 0;
  const model = realModel(() => {
    asked++;
    return '{"score":2}';
  });
  await runScores(model, 5, { folder, concurrency: 1 });
  const path = join(folder, "ledger.jsonl");
  const lines = (await readFile(path, "utf8")).split("\n");
  const at = lines.findIndex((line) => line.includes('"type":"item"'));
  lines[at] = `${lines[at]?.slice(0, 20)}`;
  await writeFile(path, lines.join("\n"));
  const again = await runScores(model, 5, { folder });
  expect(again.summary).toMatchObject({ done: 5, damaged: [`ledger.jsonl:${at + 1}`] });
  // Its reply is still there.
  expect(asked).toBe(5);
});

test("errors of the work itself are failures of kind input, and defects say so", async () => {
  const result = await runBatch({
    items: [{ id: "a" }, { id: "b" }, { id: "c" }],
    model: realModel(() => "x"),
    folder: null,
    cacheFolder: null,
    identity: {},
    work: async ({ id }) => {
      if (id === "a") throw new Error("a.png: no such file");
      if (id === "b") throw new TypeError("undefined is not a function");
      throw new ChatError("refusal", "no");
    },
  });
  expect([...result.failures]).toEqual([
    ["a", { kind: "input", message: "a.png: no such file" }],
    ["b", { kind: "internal", message: "undefined is not a function" }],
    ["c", { kind: "refusal", message: "no" }],
  ]);
});
