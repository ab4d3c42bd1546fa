import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDataset, type Drive } from "@causeway/data";
import { bareDrive } from "@causeway/data/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { labelDataset } from "./labels.ts";
import { work as writePages } from "./dataset-pages.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "causeway-labels-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** 12 s straight on, braking from 10 to 4 m/s in the middle. */
function braking(id: string): Drive {
  let x = 0;
  const states = Array.from({ length: 121 }, (_, i) => {
    const speedMps = i < 40 ? 10 : Math.max(4, 10 - (i - 40) * 0.2);
    const state = { x, speedMps };
    x += speedMps * 0.1;
    return state;
  });
  return bareDrive(id, states, {
    // Known for the first 4 s only.
    decisions: Array.from({ length: 41 }, (_, i) => ({
      stampUs: i * 100_000,
      decision: {
        longitudinal: "set_speed_tracking",
        lateral: "lane_keep",
        lateralSide: null,
        components: [],
        causeIds: [],
      },
    })),
  });
}

const options = {
  splits: null,
  seed: 1,
  trainEverySecs: 1,
  heldOutEverySecs: 1,
  name: "set",
};
const context = { signal: new AbortController().signal, progress: () => undefined };

async function makeSet(name: string, ids: readonly string[]): Promise<string> {
  const dir = join(root, name);
  const dataset = await createDataset(dir);
  for (const id of ids) await dataset.addDrive(braking(id));
  await dataset.commit();
  return dir;
}

/** Other bytes, same length: the listing still fits. */
async function damage(dir: string, id: string): Promise<void> {
  const path = join(dir, "drives", `${id}.mcap`);
  await writeFile(path, Buffer.alloc((await stat(path)).size, 7));
}

test("a damaged drive costs its own labels alone, and is named", async () => {
  const dir = await makeSet("set", ["a", "b", "c"]);
  const whole = await labelDataset(dir, options, context);
  // Samples at 1.5, 2.5, … 5.5 s; the truth ends at 4 s.
  expect(whole).toMatchObject({ drives: 3, skipped: [], keyframes: 3, samples: 15, labelled: 9 });
  const rows = async (name: string) =>
    (await readFile(join(dir, "labels", `${name}.jsonl`), "utf8")).split("\n");
  const ofDrives = (lines: readonly string[], ids: string) =>
    lines.filter((l) => l !== "" && ids.includes((JSON.parse(l) as { driveId: string }).driveId));
  const files = ["meta-actions", "keyframes", "oracle", "samples"];
  const before = await Promise.all(files.map(rows));
  await damage(dir, "b");
  const result = await labelDataset(dir, options, context);
  expect([result.drives, result.skipped.map((s) => s.id)]).toEqual([2, ["b"]]);
  expect(result.skipped[0]?.error).toContain("b.mcap");
  for (const [i, name] of files.entries())
    expect(ofDrives(await rows(name), "abc"), name).toEqual(ofDrives(before[i] ?? [], "ac"));
  expect((await rows("skipped"))[0]).toContain('"id":"b"');

  const page = { runDir: dir, options: { maxPages: 1 }, setting: { dataDir: "." } };
  await writePages(page, { ...context, line: () => undefined, part: 0, parts: 1 });
  const index = await readFile(join(dir, "report", "index.html"), "utf8");
  expect(index).toContain("drives <b>2</b>");
  expect(index).toContain("b.mcap");
  expect(await readdir(join(dir, "report", "drives"))).toEqual(["a.html"]);
});

test("a stop, or nothing that can be read, leaves the labels that were there", async () => {
  const dir = await makeSet("stopped", ["a"]);
  await labelDataset(dir, options, context);
  const before = await readFile(join(dir, "labels", "samples.jsonl"), "utf8");
  const stop = new AbortController();
  stop.abort();
  await expect(labelDataset(dir, options, { ...context, signal: stop.signal })).rejects.toThrow(
    /abort/,
  );
  await damage(dir, "a");
  await expect(labelDataset(dir, options, context)).rejects.toThrow(/none of 1 drives .*a\.mcap/);
  expect(await readFile(join(dir, "labels", "samples.jsonl"), "utf8")).toBe(before);
  expect((await readdir(join(dir, "labels"))).filter((f) => f.endsWith(".tmp"))).toEqual([]);
});

test("a drive without ego motion is counted and keeps its questions; the other one keeps its labels", async () => {
  const dir = await makeSet("still", ["a"]);
  const alone = await labelDataset(dir, options, context);
  const dataset = await createDataset(dir);
  const asked = { kind: "planning", question: "What now?", answer: "Brake." };
  const questions = [{ stampUs: 2_000_000, questions: [asked, asked], objects: [] }];
  await dataset.addDrive(bareDrive("still", [], { durationUs: 3_000_000, questions }));
  await dataset.commit();
  const both = await labelDataset(dir, options, context);
  const { fingerprint: _, ...counts } = alone;
  expect(both).toMatchObject({ ...counts, drives: 2, withoutMotion: ["still"], questions: 2 });
  const rows = (await readFile(join(dir, "labels", "questions.jsonl"), "utf8")).trim().split("\n");
  expect(rows.map((r) => JSON.parse(r) as object)).toMatchObject([
    { id: "still@2000000-planning-1", driveId: "still", t0Us: 2_000_000, ...asked },
    { id: "still@2000000-planning-2" },
  ]);
});
