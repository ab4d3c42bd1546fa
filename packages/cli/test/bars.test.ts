/**
 * The eight bars of a run, for every command that asks a model: dry run, cache, resume, JSON, intervals, synthetic
 * marking, report, error text. The commands are found by their help, so that a new one cannot be forgotten; the table
 * of the README is compared with the rows here.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDataset } from "@causeway/data";
import { type ScriptedServer, startScriptedServer } from "@causeway/reason/testing";
import { generateDrive } from "@causeway/sim";
import type { Command } from "commander";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import commandList from "../src/commands.json" with { type: "json" };
import { labelDataset } from "../src/stages/labels.ts";
import { causeway } from "./fixtures/run-command.ts";
import { answerAsTeacher } from "./fixtures/scripted-teacher.ts";

interface Row {
  /** As it is typed. */
  readonly command: string;
  /** The option that names the model. */
  readonly asks: "--model" | "--teacher" | "--critic";
  readonly data: () => readonly string[];
  /** Where the batch's files lie; null: in the dataset. */
  readonly hasOut: boolean;
  readonly judge?: true;
}

let dir = "";
let dataset = "";
const inDir = (name: string) => () => [join(dir, name)];
const rows: readonly Row[] = [
  { command: "reason", asks: "--model", data: () => [join(dir, "in")], hasOut: true },
  { command: "score mcq", asks: "--model", data: inDir("mcq.json"), hasOut: true },
  {
    command: "score caption",
    asks: "--model",
    data: inDir("caption.json"),
    hasOut: true,
    judge: true,
  },
  { command: "score videophy2", asks: "--model", data: inDir("videophy2.json"), hasOut: true },
  { command: "score temporal", asks: "--model", data: inDir("temporal.json"), hasOut: true },
  { command: "score grounding", asks: "--model", data: inDir("grounding.json"), hasOut: true },
  { command: "score critic", asks: "--model", data: inDir("critic.json"), hasOut: true },
  { command: "label", asks: "--teacher", data: () => [dataset], hasOut: false },
  { command: "verify", asks: "--critic", data: () => [dataset], hasOut: false },
];
/** Commands that reach a model and are no batch: a conversation, a service. */
const noBatch = ["model chat", "reward serve"];

const answers: Readonly<Record<string, unknown>> = {
  reason: "A road.",
  "score mcq": "(A)",
  "score caption": { weather: "clear", lighting: "dark" },
  "score videophy2": "3",
  "score temporal": [{ start: "00:00.00", end: "00:01.00", caption: "one" }],
  "score grounding": [{ bbox_2d: [100, 100, 500, 500], label: "car" }],
  "score critic": "No",
};
let current = "";
let server: ScriptedServer;
/** Refuses every key. */
let closed: Server;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-bars-"));
  dataset = join(dir, "drives");
  await mkdir(join(dir, "in"));
  const names = ["a", "b", "c"];
  for (const [i, name] of names.entries())
    for (const path of [`${name}.png`, `in/${name}.png`])
      await sharp({ create: { width: 64, height: 48, channels: 3, background: `#${i}68` } })
        .png()
        .toFile(join(dir, path));
  const each = (entry: (name: string, i: number) => unknown) => JSON.stringify(names.map(entry));
  const files: Readonly<Record<string, string>> = {
    mcq: each((n, i) => ({
      video: `${n}.png`,
      qa_pairs: { question: "Which?", index2ans: { A: "x", B: "y" }, answer: "AAB"[i] },
    })),
    caption: each((n) => ({
      id: n,
      video: `${n}.png`,
      label: { weather: "clear", lighting: "day", safety_analysis: "all is well" },
    })),
    videophy2: each((n, i) => ({ id: n, video: `${n}.png`, pc: 2 + i })),
    temporal: each((n, i) => ({ id: n, video: `${n}.png`, fps: 8, ends: [1 + i] })),
    grounding: each((n) => ({
      id: n,
      image: `${n}.png`,
      object: "car",
      boxes: [{ label: "car", bbox_2d: [6, 5, 32, 24] }],
    })),
    critic: each((n) => `${n}.png`),
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(dir, `${name}.json`), text);
  const made = await createDataset(dataset, { name: "tiny" });
  for (const seed of [3, 4])
    await made.addDrive(await generateDrive({ kind: "stop_for_light", seed, durationSecs: 14 }));
  await made.commit();
  await labelDataset(
    dataset,
    { splits: null, seed: 1, trainEverySecs: 1, heldOutEverySecs: 1, name: "tiny" },
    { signal: new AbortController().signal, progress: () => {} },
  );
  server = await startScriptedServer({
    answer: ({ text }) =>
      /<answer>.*1.*5|Score:|rubric/i.test(text) &&
      current === "score caption" &&
      /judge/i.test(text)
        ? "Near.\n<answer>4</answer>"
        : (answers[current] ?? answerAsTeacher({ text })),
    models: ["m", "judge"],
  });
  closed = createServer((_, response) => {
    response.writeHead(401, { "content-type": "application/json" });
    response.end('{"error": {"message": "no such key"}}');
  });
  await new Promise<void>((done) => closed.listen(0, "127.0.0.1", done));
});
afterAll(async () => {
  await server.close();
  await new Promise((done) => closed.close(done));
  await rm(dir, { recursive: true, force: true });
});

const run = (row: Row, model: string, ...more: readonly string[]) => {
  current = row.command;
  const [name = "", ...sub] = row.command.split(" ");
  return causeway(
    name,
    ...sub,
    ...row.data(),
    row.asks,
    model,
    "--json",
    ...(row.judge ? ["--judge", model] : []),
    ...(row.command === "verify" ? ["--same-model", "--controls", "2"] : []),
    ...more,
  );
};
const live = () => `openai:m@${server.url}`;
const out = (row: Row, name: string): string[] =>
  row.hasOut ? ["--out", join(dir, "out", row.command, name)] : [];

/** Every file below a folder with its time and size. */
async function snapshot(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const facts = await Promise.all(
    names.map(async (name) => {
      const info = await stat(join(folder, name));
      return `${name} ${info.isDirectory() ? "" : `${info.size} ${info.mtimeMs}`}`;
    }),
  );
  return facts.sort();
}

interface Summary {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly pending: number;
  readonly resumed: number;
  readonly cached: number;
}
interface Data {
  readonly synthetic?: boolean;
  readonly report?: string;
  readonly summary?: Summary;
  readonly runs?: readonly Summary[];
  readonly criticRun?: Summary;
  readonly metrics?: readonly { estimate: { interval: unknown; n: number } }[];
  readonly labelled?: { interval: unknown; n: number };
  readonly accepted?: { all: { low: number | null; high: number | null; of: number } };
}
/** One JSON value and nothing else on stdout, and no complaint. */
function dataOf({ code, out: text, err }: Awaited<ReturnType<typeof causeway>>): Data {
  expect(code, err).toBe(0);
  expect(err).not.toMatch(/^causeway /m);
  return JSON.parse(text) as Data;
}
const summaryOf = (data: Data): Summary =>
  (data.summary ?? data.runs?.[0] ?? data.criticRun) as Summary;
const intervalsOf = ({ metrics, labelled, accepted }: Data): readonly unknown[] =>
  metrics?.map((m) => m.estimate.interval) ??
  (labelled === undefined ? [[accepted?.all.low, accepted?.all.high]] : [labelled.interval]);

/** Puts aside what a batch without --out wrote, so that the cache alone knows the answers. */
const forget = async (row: Row): Promise<void> => {
  if (row.hasOut) return;
  const of = row.command === "label" ? "labels/teachers" : "verify/critics";
  await rename(join(dataset, of), join(dir, `${row.command}-before`));
};

describe.each(rows)("causeway $command", (row) => {
  test("--dry-run asks nothing and writes nothing", async () => {
    if (row.command === "verify") dataOf(await run(rows[7] as Row, live()));
    const before = await snapshot(dir);
    const asked = server.requests.length;
    const data = dataOf(await run(row, live(), "--dry-run", ...out(row, "dry")));
    expect(data).toBeTypeOf("object");
    expect(server.requests.length).toBe(asked);
    expect(await snapshot(dir)).toEqual(before);
  });

  test("a second run resumes, a second folder takes the cache, and numbers have intervals", async () => {
    const cache = ["--cache", join(dir, "cache")];
    const start = server.requests.length;
    const first = dataOf(await run(row, live(), ...cache, ...out(row, "one")));
    const asked = server.requests.length;
    expect(summaryOf(first)).toMatchObject({ failed: 0, pending: 0, resumed: 0 });
    if (row.command !== "label") expect(asked).toBeGreaterThan(start);
    expect(first.synthetic).toBeUndefined();
    const intervals = intervalsOf(first);
    expect(intervals.length).toBeGreaterThan(0);
    expect(intervals.some((i) => Array.isArray(i) && i.every((v) => typeof v === "number"))).toBe(
      true,
    );

    const again = dataOf(await run(row, live(), ...cache, ...out(row, "one")));
    expect(summaryOf(again)).toMatchObject({ resumed: summaryOf(first).total, cached: 0 });
    await forget(row);
    const elsewhere = dataOf(await run(row, live(), ...cache, ...out(row, "two")));
    expect(summaryOf(elsewhere)).toMatchObject({ resumed: 0, done: summaryOf(first).total });
    expect(summaryOf(elsewhere).cached).toBeGreaterThan(0);
    expect(server.requests.length).toBe(asked);
    expect(intervalsOf(elsewhere)).toEqual(intervals);
    if (!row.hasOut) return;
    const page = await readFile(elsewhere.report as string, "utf8");
    expect(page).toContain("Items, failures first");
    expect(page).not.toContain("Synthetic:");
  });

  test("answers of a scripted model are marked, and a real run refuses their folder", async () => {
    const fake = await run(row, "fake", ...out(row, "fake"));
    const data = JSON.parse(fake.out) as Data;
    expect(data.synthetic, fake.err).toBe(true);
    if (row.hasOut) {
      const folder = join(dir, "out", row.command, "fake");
      for (const name of await readdir(folder)) {
        if (!/\.(jsonl?|html)$/.test(name)) continue;
        const text = await readFile(join(folder, name), "utf8");
        if (name === "report.html") expect(text).toContain("Synthetic:");
        else if (name === "ledger.jsonl") expect(text).toContain('"isSynthetic":true');
        else
          for (const line of name.endsWith("jsonl") ? text.trim().split("\n") : [text])
            expect(JSON.parse(line), name).toMatchObject({ synthetic: true });
      }
      const real = await run(row, live(), "--no-cache", ...out(row, "fake"));
      expect(real.code).toBe(1);
      expect(real.err).toMatch(/another folder|other folder|folder/);
    } else if (row.command === "verify") {
      // What a scripted critic judged trains nobody.
      const verified = await readFile(join(dataset, "labels", "verified.jsonl"), "utf8");
      expect(verified).not.toContain('"status":"accepted"');
    } else {
      const labels = await readFile(join(dataset, "labels", "teacher.jsonl"), "utf8");
      for (const line of labels.split("\n").filter((l) => l !== ""))
        expect(line).toContain("SYNTHETIC");
    }
  });

  test("what went wrong is one line, with what to do, and JSON for programs", async () => {
    const missing = await run({ ...row, data: inDir("nowhere") }, live(), ...out(row, "bad"));
    expect(missing.code).toBe(1);
    expect(missing.err.trimEnd().split("\n")).toHaveLength(1);
    expect(missing.err).toMatch(new RegExp(`^causeway ${row.command}: .*nowhere`));
    expect(JSON.parse(missing.out)).toHaveProperty("error.message");
    const { port } = closed.address() as AddressInfo;
    const refused = await run(
      row,
      `openai:refused@http://127.0.0.1:${port}/v1`,
      "--no-cache",
      ...out(row, "refused"),
    );
    expect(refused.code).not.toBe(0);
    expect(`${refused.out}${refused.err}`).toMatch(/CAUSEWAY_API_KEY/);
    expect(refused.err).not.toMatch(/\n\s+at /);
    expect(existsSync(join(dir, "out", row.command, "bad"))).toBe(false);
  });
});

test("no command that asks a model is missing above, and the README has the same list", async () => {
  const found: string[] = [];
  const folder = fileURLToPath(new URL("../src/commands/", import.meta.url));
  for (const { name } of commandList.commands) {
    const subs = existsSync(join(folder, name)) ? await readdir(join(folder, name)) : [""];
    for (const sub of subs.map((s) => s.replace(/\.ts$/, ""))) {
      const path = join(folder, sub === "" ? `${name}.ts` : join(name, `${sub}.ts`));
      const { command } = (await import(path)) as { command: Command };
      const takesModel = command.options.some(
        (o) => /^--(model|teacher|critic|judge)$/.test(o.long ?? "") && o.required,
      );
      if (takesModel) found.push(`${name} ${sub}`.trim());
    }
  }
  expect(found.sort()).toEqual([...rows.map((r) => r.command), "reward serve"].sort());
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const listed = [...readme.matchAll(/^\| `([a-z0-9 -]+?)(?: --\w+)?` \|/gm)].map((m) => m[1]);
  expect(listed.sort()).toEqual([...rows.map((r) => r.command), ...noBatch].sort());
});
