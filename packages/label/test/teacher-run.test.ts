/** A thousand keyframes through a server that misbehaves in every known way, killed ten times on the way. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runTeacher, type TeacherRow } from "@causeway/label";
import { openModel, parseModelSpec } from "@causeway/reason";
import {
  badReplies,
  oddReplies,
  requestFaults,
  seededFaults,
  startScriptedServer,
} from "@causeway/reason/testing";
import { goodAnswer, goodDecision, isDecisionRequest } from "./lesson-answers.ts";
import { lessonItems, openLesson } from "./lesson-drives.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "teacher-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const quick = {
  attempts: { "rate-limit": 5, server: 5, network: 5, timeout: 3, empty: 3 },
  firstDelayMs: 2,
  maxDelayMs: 20,
} as const;
/** A loaded machine starts eleven processes slowly; the test itself needs half a minute of CPU. */
const patienceMs = 1_200_000;

const child = fileURLToPath(new URL("fixtures/teach-child.ts", import.meta.url));

interface LedgerRow {
  readonly type: string;
  readonly item?: string;
  readonly end?: { readonly status: string; readonly kind?: string; readonly row?: TeacherRow };
}

/** Every item row of every ledger of the folder. */
async function ledgerRows(): Promise<LedgerRow[]> {
  const names = (await readdir(folder)).filter((n) => /^ledger.*\.jsonl$/.test(n));
  const rows: LedgerRow[] = [];
  for (const name of names)
    for (const line of (await readFile(join(folder, name), "utf8")).split("\n"))
      if (line.endsWith("}")) rows.push(JSON.parse(line) as LedgerRow);
  return rows;
}

/** Starts a child; resolves when it has gone, killed after the server has seen `killAfter` more requests. */
async function runChild(
  args: readonly string[],
  seen: () => number,
  killAfter: number | null,
): Promise<{ code: number | null; out: string }> {
  const process_ = spawn(process.execPath, ["--import", "tsx", child, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  process_.stdout.on("data", (b: Buffer) => (out += b.toString()));
  process_.stderr.on("data", (b: Buffer) => (out += b.toString()));
  const gone = new Promise<number | null>((resolve) => process_.on("exit", resolve));
  const start = seen();
  let isGone = false;
  void gone.then(() => (isGone = true));
  while (killAfter !== null && !isGone) {
    if (seen() - start >= killAfter) process_.kill("SIGKILL");
    await sleep(5);
  }
  return { code: await gone, out };
}

describe("a server that misbehaves in every way", () => {
  test("1000 keyframes, ten kills, other shard counts: each accounted for exactly once", {
    timeout: patienceMs,
  }, async () => {
    // Time-outs are tested below on a few items: each costs its whole wait.
    const plan = seededFaults({ seed: 4, lasting: 0.08, without: ["time-out"] });
    const server = await startScriptedServer({ answer: (r) => goodAnswer(r.text), faults: plan });
    try {
      const shards = [undefined, "1/3", "2/3", "3/3", "1/2", "2/2", undefined, "4/5", "5/5", "1/1"];
      for (const [i, shard] of shards.entries()) {
        const args = [folder, server.url, "50", ...(shard === undefined ? [] : [shard])];
        await runChild(args, () => server.requests.length, 60 + 17 * i);
      }
      const atKills = server.requests.length;
      const last = await runChild([folder, server.url, "50"], () => server.requests.length, null);
      expect(last.code, last.out).toBe(0);
      const summary = JSON.parse(last.out) as Record<string, number> & {
        failedByKind: Record<string, number>;
        repeated: string[];
        damaged: string[];
      };
      expect(summary.total).toBe(1000);
      expect(summary.done + summary.failed).toBe(1000);
      expect(summary.pending).toBe(0);
      expect(summary.repeated).toEqual([]);
      expect(summary.damaged).toEqual([]);
      expect(summary.failed).toBeGreaterThan(50);
      expect(atKills).toBeGreaterThan(500);

      // The ledgers agree: every item is done exactly once, or has failed for a named reason.
      const rows = await ledgerRows();
      const done = new Map<string, number>();
      const failed = new Map<string, string>();
      for (const { type, item = "", end } of rows) {
        if (type !== "item" || end === undefined) continue;
        if (end.status === "done") {
          done.set(item, (done.get(item) ?? 0) + 1);
          // A label holds what the server said and nothing of a refusal or of a cut reply.
          expect(end.row?.decision).toEqual(goodDecision);
        } else failed.set(item, end.kind ?? "");
      }
      expect(Math.max(...done.values())).toBe(1);
      const ids = lessonItems(50).map((i) => i.id);
      expect(ids.filter((id) => done.has(id) === failed.has(id))).toEqual([]);
      expect(new Set(failed.values())).toEqual(
        new Set(["refusal", "truncated", "bad-reply", "context-length", "bad-request"]),
      );
      // Every fault of the plan was met, and what had been answered before a kill was not asked again:
      // only requests in flight at a kill (16 at most) may be sent twice.
      const met = new Set(server.requests.map((r) => r.fault));
      for (const fault of [...requestFaults, ...oddReplies, ...badReplies])
        if (fault !== "time-out") expect(met, fault).toContain(fault);
      const clean = new Map<string, number>();
      for (const r of server.requests)
        if (r.fault === null) clean.set(r.item, (clean.get(r.item) ?? 0) + 1);
      const repeats = [...clean.values()].reduce((n, count) => n + count - 1, 0);
      expect(repeats).toBeLessThanOrEqual(10 * 16);
    } finally {
      await server.close();
    }
  });

  test("a silent server is a failure of kind timeout, not a wait without end", async () => {
    const server = await startScriptedServer({
      answer: (r) => goodAnswer(r.text),
      faults: () => ({ faults: ["time-out"], isLasting: true }),
    });
    try {
      const model = await openModel(parseModelSpec(`openai:t@${server.url}?timeout=0.05`), {
        env: {},
      });
      const { failures } = await runTeacher({
        items: lessonItems(1).slice(0, 3),
        open: openLesson,
        model,
        folder,
        cacheFolder: null,
        retry: quick,
      });
      expect([...failures.values()].map((f) => f.kind)).toEqual(["timeout", "timeout", "timeout"]);
    } finally {
      await server.close();
    }
  });

  test("an answer that breaks the rules is repaired once; what was wrong is said", async () => {
    const asked: string[] = [];
    const server = await startScriptedServer({
      answer: (r) => {
        asked.push(r.text);
        if (!isDecisionRequest(JSON.stringify(r.body))) return goodAnswer("");
        return r.text.includes("cause_ids c9")
          ? goodDecision
          : { ...goodDecision, cause_ids: ["c9"] };
      },
    });
    try {
      const model = await openModel(parseModelSpec(`openai:t@${server.url}`), { env: {} });
      const items = lessonItems(1).slice(0, 1);
      const { rows } = await runTeacher({
        items,
        open: openLesson,
        model,
        folder,
        cacheFolder: null,
      });
      const [row] = [...rows.values()];
      expect(row.calls.map((c) => c.numRepairs)).toEqual([0, 1]);
      expect(row.decision).toEqual(goodDecision);
      expect(asked.at(-1)).toContain("cause_ids c9 are not among the components (c1, c2)");
    } finally {
      await server.close();
    }
  });

  test("a drive that cannot be opened fails its own keyframes and no others", async () => {
    const server = await startScriptedServer({ answer: (r) => goodAnswer(r.text) });
    try {
      const model = await openModel(parseModelSpec(`openai:t@${server.url}`), { env: {} });
      const items = lessonItems(2).slice(18, 22);
      const { rows, failures } = await runTeacher({
        items: [...items, { id: "lesson-001@100", driveId: "lesson-001", t0Us: 100 }],
        open: async (id) => {
          if (id === "lesson-000") throw new Error("drives/lesson-000.mcap: the file is damaged.");
          return openLesson(id);
        },
        model,
        folder,
        cacheFolder: null,
      });
      expect([...rows.keys()]).toEqual(items.slice(2).map((i) => i.id));
      expect([...failures.values()].map((f) => f.kind)).toEqual(["input", "input", "input"]);
      expect(failures.get("lesson-001@100")?.message).toContain("leaves the recording");
    } finally {
      await server.close();
    }
  });
});
