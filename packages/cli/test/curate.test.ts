import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createDataset,
  type Drive,
  encodeJpeg,
  openDataset,
  type RejectedClip,
} from "@causeway/data";
import { bareDrive, type PlanarState } from "@causeway/data/testing";
import { cocLabelSchemaId } from "@causeway/label";
import { afterAll, beforeAll, expect, test } from "vitest";
import { curateDataset } from "../src/actions/curate.ts";
import { datasetReportData, reportDataset } from "../src/actions/dataset-report.ts";
import { verifyDataset } from "../src/actions/verify.ts";
import type { CommandContext } from "../src/command.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cli-curate-"));
});
afterAll(() => rm(root, { recursive: true }));

const context: CommandContext = {
  isDryRun: false,
  signal: new AbortController().signal,
  progress: { update: () => undefined, finish: () => undefined, line: () => undefined },
};

/** 20 s: straight at 6 m/s, then a left turn of 90° with radius 10 m, then faster straight on. */
async function leftTurn(id: string, mirror = 1): Promise<Drive> {
  const states: PlanarState[] = [];
  let [x, y, yawRad, speedMps] = [0, 0, 0, 6];
  for (let i = 0; i < 201; i++) {
    states.push({ x, y, yawRad, speedMps });
    const turning = i >= 80 && i < 106;
    const accel = i >= 120 && i < 160 ? 1.5 : 0;
    x += speedMps * 0.1 * Math.cos(yawRad);
    y += speedMps * 0.1 * Math.sin(yawRad);
    if (turning) yawRad += (mirror * speedMps * 0.1) / 10;
    speedMps += accel * 0.1;
  }
  const frames = [];
  for (let s = 0; s <= 20; s++) {
    const pixels = Uint8Array.from(
      { length: 48 * 32 * 3 },
      (_, i) => (37 * Math.floor(i / 3) + 900 * s * (mirror + 2)) % 251,
    );
    frames.push({
      stampUs: s * 1e6,
      encoding: "jpeg" as const,
      bytes: await encodeJpeg({ width: 48, height: 32, pixels }),
    });
  }
  const drive = bareDrive(id, states, { cameras: [{ name: "front", calibration: null, frames }] });
  return { ...drive, source: { ...drive.source, notes: ["city: Testville"] } };
}

const label = (driveId: string, t0Us: number, side: "left" | "right", status: string) => ({
  schema: cocLabelSchemaId,
  id: `${driveId}@${t0Us}`,
  driveId,
  t0Us,
  window: { startUs: t0Us - 2_000_000, endUs: t0Us + 6_000_000 },
  teacher: "some-teacher",
  origin: "auto",
  template: { version: "1", hash: "0" },
  seed: 0,
  inputs: { motion: "0", decision: "0" },
  status,
  statusReason: status === "accepted" ? null : "test",
  longitudinal: "speed_adaptation_road_event",
  lateral: "turn",
  lateralSide: side,
  components: [
    { id: "junction:1", category: "road_event", kind: "junction_turn", attributes: { side } },
  ],
  causeIds: ["junction:1"],
  trace: `Keep a low speed for the turn and turn ${side} since a ${side} turn & a junction are ahead.`,
});

async function makeDataset(name: string): Promise<string> {
  const dir = join(root, name);
  const set = await createDataset(dir, { name });
  await set.addDrive(await leftTurn("left-1"));
  await set.addDrive(await leftTurn("left-2"));
  await set.addDrive(await leftTurn("right-1", -1));
  await set.commit();
  return dir;
}

test("score-only leaves the drives, a version holds what is kept, and tags come from the track", async () => {
  const dir = await makeDataset("drives");
  const scored = await curateDataset(context, { report: false }, dir);
  expect(scored.text).toMatch(/^3 clips: 2 kept \(67 %\), 0 rejected by filters, 1 duplicates/);
  const rejected = JSON.parse(
    (await readFile(join(dir, "curate", "rejected.jsonl"), "utf8")).trim(),
  ) as RejectedClip;
  expect([rejected.driveId, rejected.duplicateOf].map((t) => t?.slice(0, 6))).toEqual(
    expect.arrayContaining(["left-1", "left-2"].map((t) => t.slice(0, 6))),
  );
  const data = scored.data as { before: Record<string, Record<string, number>> };
  expect(data.before.manoeuvre).toEqual({ "turn left": 2, "turn right": 1 });
  expect(data.before.place).toEqual({ Testville: 3 });

  const out = join(root, "drives-v1");
  const written = await curateDataset(context, { out, report: true }, dir);
  expect(written.text).toContain("version: ");
  const page = await readFile(join(out, "report.html"), "utf8");
  expect(page).toContain("made from");
  expect(page).toContain("turn left");
  await expect(curateDataset(context, { out, report: false, eps: "0.5" }, dir)).rejects.toThrow(
    /Give another --out/,
  );
  await expect(curateDataset(context, { out: dir, report: false }, dir)).rejects.toThrow(/itself/);
});

test("the report shows rates, disagreements with their numbers, pictures and the cost ledger", async () => {
  const dir = await makeDataset("labelled");
  await mkdir(join(dir, "labels", "teacher"), { recursive: true });
  const rows = [
    label("left-1", 6_000_000, "left", "accepted"),
    label("left-2", 6_000_000, "right", "accepted"),
    label("right-1", 6_000_000, "right", "review"),
    { ...label("right-1", 7_000_000, "right", "rejected"), lateral: "no such thing" },
  ];
  await writeFile(
    join(dir, "labels", "teacher.jsonl"),
    rows.map((r) => JSON.stringify(r)).join("\n"),
  );
  const reply = (item: string, isCached: boolean) => ({
    type: "reply",
    item,
    key: "k",
    isCached,
    reply: {
      text: "x",
      raw: "x",
      finish: "stop",
      inputTokens: 1000,
      outputTokens: 50,
      latencyMs: 2000,
      model: "m-1",
    },
  });
  const ledger = [
    { type: "run", identity: { isSynthetic: true } },
    reply("a", false),
    reply("b", false),
    reply("c", true),
    { type: "attempt", item: "d", key: "k", kind: "rate-limit", message: "429" },
    { type: "item", item: "a", inputKey: "", end: { status: "done", row: {} } },
    { type: "item", item: "a", inputKey: "", end: { status: "done", row: {} } },
    {
      type: "item",
      item: "d",
      inputKey: "",
      end: { status: "failed", kind: "refusal", message: "no" },
    },
  ];
  await writeFile(
    join(dir, "labels", "teacher", "ledger.0-of-2.jsonl"),
    `${ledger.map((r) => JSON.stringify(r)).join("\n")}\n{"type":"rep`,
  );
  await writeFile(
    join(dir, "labels", "teacher", "summary.json"),
    JSON.stringify({ costUsd: 0.125 }),
  );

  const data = await datasetReportData(dir, context);
  expect(data.labels).toHaveLength(1);
  expect(data.labels[0]).toMatchObject({ total: 3, accepted: 2, review: 1, rejected: 0 });
  expect(data.skipped.map((s) => s.what)).toEqual([
    "labels/teacher.jsonl",
    join("labels", "teacher", "ledger.0-of-2.jsonl"),
  ]);
  // The label that turns the other way than the car did comes first.
  expect(data.disagreements[0]?.id).toBe("left-2@6000000");
  expect(data.disagreements[0]?.findings.some((f) => f.outcome === "error")).toBe(true);
  expect(data.disagreements.map((d) => d.id)).not.toContain("left-1@6000000");
  expect(data.samples.every((s) => s.shot !== null)).toBe(true);
  expect(data.ledgers).toEqual([
    {
      name: join("labels", "teacher"),
      isSynthetic: true,
      models: [
        {
          model: "m-1",
          replies: 2,
          cached: 1,
          inputTokens: 2000,
          outputTokens: 100,
          areTokensEstimated: false,
          medianSecs: 2,
        },
      ],
      done: 1,
      failed: { refusal: 1 },
      failedRequests: 1,
      costUsd: 0.125,
    },
  ]);

  await reportDataset(context, dir);
  const page = await readFile(join(dir, "report.html"), "utf8");
  expect(page).toContain("a right turn &amp; a junction are ahead");
  expect(page).toContain("synthetic labels");
  expect(page).toContain("0.1250");
  expect(page).toContain("data:image/jpeg;base64,");
  expect(page).not.toMatch(/(src|href)="https?:/);
  await reportDataset(context, dir);
  expect(await readFile(join(dir, "report.html"), "utf8")).toBe(page);
});

test("a damaged drive is named in the report and in a curation, the others count; one label is shown once", async () => {
  const dir = await makeDataset("damaged");
  await mkdir(join(dir, "labels"), { recursive: true });
  const rows = [
    label("left-2", 6_000_000, "right", "accepted"),
    label("right-1", 6_000_000, "left", "accepted"),
  ];
  for (const name of ["teacher", "verified"])
    await writeFile(
      join(dir, "labels", `${name}.jsonl`),
      rows.map((r) => JSON.stringify(r)).join("\n"),
    );
  const path = join(dir, "drives", "right-1.mcap");
  await writeFile(path, Buffer.alloc((await readFile(path)).byteLength, 7));
  const data = await datasetReportData(dir, context);
  expect(data.skipped.map((s) => s.what)).toEqual(["right-1"]);
  expect(data.skipped[0]?.why).toContain("right-1.mcap");
  expect(data.inventory.clips).toBe(2);
  expect(data.labels.map((l) => [l.name, l.rules.error, l.rules.abstain])).toEqual([
    ["teacher", 1, 1],
    ["verified", 1, 1],
  ]);
  expect(data.disagreements.map((d) => d.id)).toEqual(["left-2@6000000"]);
  const scored = await curateDataset(context, { report: false }, dir);
  expect(scored.text).toMatch(/^2 clips/);
  expect(await readFile(join(dir, "curate", "skipped.jsonl"), "utf8")).toContain("right-1.mcap");

  const verified = await verifyDataset(
    await openDataset(dir),
    {
      labels: "teacher",
      critic: null,
      allowSameModel: false,
      policyPath: null,
      controls: 0,
      batch: { concurrency: 1, retryFailed: "passing" },
      seed: 1,
    },
    context,
  );
  expect(verified.text).toContain("not checked, labels of right-1: ");
  const after = await readFile(join(dir, "labels", "verified.jsonl"), "utf8");
  expect(
    after
      .trim()
      .split("\n")
      .map((l) => (JSON.parse(l) as { id: string }).id),
  ).toEqual(["left-2@6000000"]);
});
