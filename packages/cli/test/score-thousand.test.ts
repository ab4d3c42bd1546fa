/** A thousand questions against a server that misbehaves, killed with SIGKILL in the middle and run again. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type BadReply,
  badReplies,
  type Fault,
  oddReplies,
  requestFaults,
  seededFaults,
  startScriptedServer,
} from "@causeway/reason/testing";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin/causeway.mjs", import.meta.url));
const numVideos = 100;
const numQuestions = 10;
const letters = ["A", "B", "C", "D"] as const;
/** The clean answer and the truth of a question; they agree for about 7 of 10. */
const answerOf = (v: number, q: number) => letters[(v * 7 + q * 3) % 4] as string;
const truthOf = (v: number, q: number) =>
  (v + q) % 10 < 7 ? answerOf(v, q) : (letters[(v * 7 + q * 3 + 1) % 4] as string);
const idOf = (v: number, q: number) => `set/v${v}/${q}`;
/** What becomes of an item whose server never says anything usable; the seed of the faults is fixed. */
const faultsOf = seededFaults({ seed: 5, passing: 0.15, odd: 0.3, lasting: 0.1 });
const endOf: Readonly<Record<BadReply, string>> = {
  truncated: "truncated",
  "truncated-in-reasoning": "truncated",
  "wrong-schema": "unread",
  "not-json": "unread",
  "refusal-field": "refusal",
  "refusal-text": "refusal",
  "content-filter": "refusal",
  "context-length": "context-length",
  "bad-request": "bad-request",
};

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-thousand-"));
  await mkdir(join(dir, "clips"));
  const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#888" } })
    .png()
    .toBuffer();
  const entries = [];
  for (let v = 0; v < numVideos; v++) {
    await writeFile(join(dir, "clips", `v${v}.png`), picture);
    entries.push({
      video: `clips/v${v}.png`,
      qa_pairs: Array.from({ length: numQuestions }, (_, q) => ({
        question: `item=${v}.${q} What comes next?`,
        index2ans: { A: "stop", B: "go", C: "turn", D: "wait" },
        answer: truthOf(v, q),
      })),
    });
  }
  await writeFile(join(dir, "set_benchmark_qa_pairs.json"), JSON.stringify(entries));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const start = (url: string): ChildProcess =>
  spawn(
    process.execPath,
    [
      bin,
      "score",
      "mcq",
      join(dir, "set_benchmark_qa_pairs.json"),
      "--model",
      // Some requests hang for good.
      `openai:scripted@${url}?timeout=6`,
      "--out",
      join(dir, "out"),
      "--no-cache",
      "--concurrency",
      "48",
      "--retries",
      "1",
      "--json",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
const ended = (child: ChildProcess) =>
  new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    let out = "";
    let err = "";
    child.stdout?.on("data", (d: Buffer) => (out += d.toString()));
    child.stderr?.on("data", (d: Buffer) => (err += d.toString()));
    child.on("close", (code) => resolve({ code, out, err }));
  });

interface Item {
  readonly id: string;
  readonly status: string;
  readonly failure: string | null;
  readonly scores: { readonly correct?: number };
}

it("scores what succeeded as a clean server would, counts the rest by kind, loses and repeats nothing", async () => {
  const server = await startScriptedServer({
    answer: ({ item }) => {
      const [v, q] = item.split(".").map(Number) as [number, number];
      return `(${answerOf(v, q)})`;
    },
    faults: faultsOf,
    retryAfterSecs: 0.01,
  });
  try {
    const first = start(server.url);
    const firstEnd = ended(first);
    while (server.requests.length < 400 && first.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    first.kill("SIGKILL");
    await firstEnd;
    const ledger = (await readFile(join(dir, "out", "ledger.jsonl"), "utf8"))
      .split("\n")
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as { type: string; item?: string; end?: { status: string } }];
        } catch {
          return [];
        }
      });
    const doneBefore = ledger
      .filter((l) => l.type === "item" && JSON.stringify(l).includes('"status":"done"'))
      .map((l) => l.item as string);
    expect(doneBefore.length).toBeGreaterThan(100);
    const key = (id: string) => id.replace(/^set\/v(\d+)\/(\d+)$/, "$1.$2");
    const askedBefore = new Map(doneBefore.map((id) => [id, server.asked(key(id))]));

    const { code, out, err } = await ended(start(server.url));
    expect(err).not.toMatch(/\n\s+at /);
    expect(code, err).toBe(0);
    for (const [id, times] of askedBefore) expect(server.asked(key(id)), id).toBe(times);

    const items = (await readFile(join(dir, "out", "items.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Item);
    expect(items).toHaveLength(numVideos * numQuestions);
    expect(new Set(items.map((i) => i.id)).size).toBe(numVideos * numQuestions);
    const wrongEnds: string[] = [];
    const expectedKinds: Record<string, number> = {};
    for (const { id, status, failure } of items) {
      const { faults, isLasting } = faultsOf(key(id));
      const last = faults.at(-1) as Fault;
      const bad = isLasting ? badReplies.find((f) => f === last) : undefined;
      const wanted = bad === undefined ? "answered" : endOf[bad];
      const got = failure ?? status;
      if (got !== wanted) wrongEnds.push(`${id} (${faults.join(", ")}): ${got}, not ${wanted}`);
      if (bad !== undefined && wanted !== "unread")
        expectedKinds[wanted] = (expectedKinds[wanted] ?? 0) + 1;
    }
    expect(wrongEnds).toEqual([]);
    let right = 0;
    let replied = 0;
    const byId = new Map(items.map((i) => [i.id, i]));
    for (let v = 0; v < numVideos; v++)
      for (let q = 0; q < numQuestions; q++) {
        const item = byId.get(idOf(v, q)) as Item;
        const clean = Number(answerOf(v, q) === truthOf(v, q));
        if (item.status === "answered") expect(item.scores.correct, item.id).toBe(clean);
        if (item.status === "unread") expect(item.scores.correct, item.id).toBe(0);
        if (item.status === "answered" || item.status === "unread") {
          replied += 1;
          right += item.scores.correct ?? 0;
        }
      }
    const sheet = JSON.parse(out) as {
      isSynthetic: boolean;
      counts: Record<string, number> & { failedByKind: Record<string, number> };
      metrics: { key: string; estimate: { value: number; n: number } }[];
    };
    expect(sheet.isSynthetic).toBe(false);
    const accuracy = sheet.metrics.find((m) => m.key === "accuracy");
    expect(accuracy?.estimate.n).toBe(replied);
    expect(accuracy?.estimate.value).toBeCloseTo(right / replied, 12);
    const { counts } = sheet;
    expect(counts.answered + counts.unread + counts.failed + counts.pending).toBe(1000);
    expect(counts.pending).toBe(0);
    // Each kind as often as the plan of faults says, and no other kind.
    expect(counts.failedByKind).toEqual(expectedKinds);
    expect(counts.failed).toBe(Object.values(expectedKinds).reduce((a, b) => a + b, 0));
    const met = new Set(server.requests.map((r) => r.fault));
    const known: readonly Fault[] = [...requestFaults, ...oddReplies, ...badReplies];
    expect(known.filter((f) => !met.has(f))).toEqual([]);
    const report = await readFile(join(dir, "out", "report.html"), "utf8");
    expect(report).toContain("no score: refusal");
  } finally {
    await server.close();
  }
});
