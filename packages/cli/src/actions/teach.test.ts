/** Simulated drives through the whole factory: keyframes, a teacher, rules and a critic, a page for people, their answers. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDataset, type Dataset, openDataset } from "@causeway/data";
import { type CocLabel, type ReviewItem, type VerifyReport } from "@causeway/label";
import { type ScriptedServer, startScriptedServer } from "@causeway/reason/testing";
import { generateDrive } from "@causeway/sim";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../progress.ts";
import { labelDataset } from "../stages/labels.ts";
import { applyReviewFile, exportReview } from "./review.ts";
import { type TeachOptions, teachDataset } from "./teach.ts";
import { answerAsTeacher } from "../../test/fixtures/scripted-teacher.ts";
import { verifyDataset } from "./verify.ts";

let dir = "";
let dataset: Dataset;
let server: ScriptedServer;
const signal = new AbortController().signal;
const context = { isDryRun: false, progress: silentProgress, signal, env: {} };
const dry = { ...context, isDryRun: true };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-teach-"));
  const made = await createDataset(dir, { name: "tiny" });
  for (const kind of ["stop_for_light", "curvy_road"] as const)
    await made.addDrive(await generateDrive({ kind, seed: 3, durationSecs: 16 }));
  await made.commit();
  await labelDataset(
    dir,
    { splits: null, seed: 1, trainEverySecs: 1, heldOutEverySecs: 1, name: "tiny" },
    { signal, progress: () => {} },
  );
  dataset = await openDataset(dir);
  server = await startScriptedServer({ answer: answerAsTeacher, models: ["teacher", "critic"] });
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

const options = (teacher: string): TeachOptions => ({
  teacher,
  seed: 1,
  shard: null,
  queue: null,
  parts: 4,
  limit: null,
  batch: { concurrency: 4, retryFailed: "passing", priceIn: 1, priceOut: 4 },
  overlay: "none",
});
const verify = (critic: string | null, allowSameModel = false) =>
  verifyDataset(
    dataset,
    {
      labels: "teacher",
      critic,
      allowSameModel,
      policyPath: null,
      controls: 4,
      batch: { concurrency: 4, retryFailed: "passing" },
      seed: 1,
    },
    context,
  );
const labelsIn = async (name: string): Promise<CocLabel[]> =>
  (await readFile(dataset.labelsPath(name), "utf8"))
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l) as CocLabel);

test("the oracle's labels pass the filter; labels of a blind teacher do not", async () => {
  const oracle = await teachDataset(dataset, options("oracle"), context);
  expect(oracle.data).toMatchObject({ teacher: "oracle", failed: {} });
  const byOracle = (await verify(null)).data as VerifyReport;
  expect(byOracle.byStatus.accepted).toBeGreaterThan(byOracle.byStatus.rejected);

  const spec = `openai:teacher@${server.url}`;
  const before = server.requests.length;
  const estimate = (await teachDataset(dataset, options(spec), dry)).data as Record<string, number>;
  expect(estimate.requests).toBe(2 * estimate.keyframes);
  expect(estimate.inputTokens).toBeGreaterThan(estimate.keyframes * 5 * 800);
  expect(estimate.costUsd).toBeGreaterThan(0);
  expect(server.requests.length).toBe(before);

  // Two shards, then all: the last one has nothing left to ask.
  await teachDataset(dataset, { ...options(spec), shard: "1/2" }, context);
  await teachDataset(dataset, { ...options(spec), shard: "2/2" }, context);
  const asked = server.requests.length;
  const { data } = await teachDataset(dataset, options(spec), context);
  expect(server.requests.length).toBe(asked);
  expect(data).toMatchObject({ labels: estimate.keyframes, failures: {} });

  const report = (await verify(null)).data as VerifyReport;
  expect(report.labels).toBe(estimate.keyframes);
  // No car is ahead on the curvy road: the truth of the scene says so.
  expect(report.byStatus.rejected).toBeGreaterThan(0);
  expect(report.rules["O02-road-user-exists"]?.error).toBeGreaterThan(0);
  expect(report.accepted.byTeacher["openai:teacher"]?.of).toBe(estimate.keyframes);
});

test("a critic's false accepts are measured; the teacher is refused as its own critic", async () => {
  await expect(verify(`openai:teacher@${server.url}`)).rejects.toThrow(/judges its own work/);
  const report = (await verify(`openai:critic@${server.url}`)).data as VerifyReport;
  expect(report.critic?.labels).toBe(report.labels);
  expect(report.critic?.meanScore).toBeGreaterThan(0.5);
  // All labels say the same: there is nothing to shuffle, flip or recolour, and no rate is made up.
  expect(report.critic?.falseAccepts.all).toEqual({
    count: 0,
    of: 0,
    rate: null,
    low: null,
    high: null,
  });
});

test("doubtful labels become a page, answers come back once, and training sees what was accepted", async () => {
  const out = join(dir, "review.html");
  const exported = await exportReview(
    dataset,
    { out, limit: 2, isBlind: false, auditShare: 1 },
    context,
  );
  expect(exported.data).toMatchObject({ items: 2, skipped: [] });
  const page = await readFile(out, "utf8");
  const json = /<script type="application\/json" id="data">(.*)<\/script>/.exec(page)?.[1] ?? "";
  const { items } = JSON.parse(json) as { items: (ReviewItem & { labelHash: string })[] };
  const records = items.map((item, i) => ({
    id: item.label.id,
    labelHash: item.labelHash,
    verdict: i === 0 ? "approve" : "reject",
    checks: { components_seen: true, decision_right: true, cause_explains: true, no_future: true },
    confirmed: ["c1"],
    lateChanges: [],
    edit: null,
    note: "",
    secs: 5,
    at: "2026-01-01T00:00:00.000Z",
  }));
  const path = join(dir, "answers.json");
  await writeFile(path, JSON.stringify({ schema: "causeway/review/1", reviewer: "kim", records }));
  expect((await applyReviewFile(dataset, path, true)).data).toMatchObject({ merged: 2 });
  expect((await applyReviewFile(dataset, path, false)).data).toMatchObject({
    merged: 2,
    skipped: [],
  });
  expect((await applyReviewFile(dataset, path, false)).data).toMatchObject({ merged: 0 });

  // A later check keeps people's word and compares itself with it.
  const report = (await verify(null)).data as VerifyReport;
  expect(report.humans.all.pairs).toBe(2);
  const verified = new Map((await labelsIn("verified")).map((l) => [l.id, l]));
  expect(verified.get(items[0]?.label.id ?? "")).toMatchObject({
    status: "accepted",
    origin: "auto+human",
  });
  expect(verified.get(items[1]?.label.id ?? "")?.status).toBe("rejected");
  const samples = (await readFile(dataset.labelsPath("samples"), "utf8"))
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l) as { id: string; cot: string | null });
  const cotOf = new Map(samples.map((s) => [s.id, s.cot]));
  for (const label of verified.values())
    expect(cotOf.get(label.id) ?? null, label.id).toBe(
      label.status === "accepted" ? label.trace : null,
    );
});
