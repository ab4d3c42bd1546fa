/** Each benchmark from its data file to numbers, with replies from a file, and the laws of a dry run. */
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createScriptedModel } from "@causeway/reason";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import sharp from "sharp";
import type { ScoreSheet } from "@causeway/eval/judged";
import { silentProgress } from "../progress.ts";
import {
  balanced,
  captionBenchmark,
  choiceBenchmark,
  contestOf,
  criticBenchmark,
  groundingBenchmark,
  scoreBenchmark,
  temporalBenchmark,
} from "./benchmarks.ts";
import { compareScores } from "./compare.ts";
import { parseCsv } from "./data-file.ts";
import { openJudge } from "./judge-model.ts";
import { scoreLingo } from "./lingoqa.ts";
import type { ScoreOptions } from "./options.ts";
import { type Benchmark, type BenchmarkItem, runBenchmark } from "./run-benchmark.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-score-"));
  const png = await sharp({ create: { width: 200, height: 100, channels: 3, background: "#667" } })
    .png()
    .toBuffer();
  for (const name of ["a", "b", "c"]) await writeFile(join(dir, `${name}.png`), png);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const context = (isDryRun = false) => ({
  isDryRun,
  progress: silentProgress,
  signal: new AbortController().signal,
});
const base: ScoreOptions = {
  model: "fake",
  cache: false,
  concurrency: 4,
  retryFailed: "passing",
  retries: 0,
  context: 16_384,
};

/** Runs a benchmark over entries with replies by id. */
async function scored<Item extends BenchmarkItem, Row>(
  name: string,
  entries: readonly unknown[],
  replies: Readonly<Record<string, string>> | null,
  benchmark: Benchmark<Item, Row>,
  options: Partial<ScoreOptions> = {},
  isDryRun = false,
): Promise<ScoreSheet> {
  const data = join(dir, `${name}.json`);
  await writeFile(data, JSON.stringify(entries));
  const file = join(dir, `${name}.replies.jsonl`);
  if (replies !== null)
    await writeFile(
      file,
      Object.entries(replies)
        .map(([id, reply]) => JSON.stringify({ id, reply }))
        .join("\n"),
    );
  const outcome = await runBenchmark(
    context(isDryRun),
    { ...base, ...(replies === null ? {} : { replies: file }), ...options },
    data,
    benchmark,
  );
  return outcome.data as ScoreSheet;
}
const value = (sheet: ScoreSheet, key: string) =>
  sheet.metrics.find((m) => m.key === key)?.estimate.value;

const question = (video: string, answer: string) => ({
  video,
  qa_pairs: { question: "What now?", index2ans: { A: "stop", B: "go" }, answer },
});

describe("multiple choice", () => {
  const entries = [
    question("a.png", "A"),
    question("b.png", "B"),
    { video: "c.png" },
    question("c.png", "B"),
  ];
  it("reads letters in prose, counts the unread as wrong, the missing apart, the broken entry by name", async () => {
    const sheet = await scored(
      "mcq",
      entries,
      { "mcq/a/0": "The answer is A", "mcq/b/0": "Both could be." },
      choiceBenchmark(),
    );
    expect(value(sheet, "accuracy")).toBe(0.5);
    expect(value(sheet, "accuracy-all")).toBeCloseTo(1 / 3, 12);
    expect(sheet.counts).toMatchObject({
      items: 3,
      answered: 1,
      unread: 1,
      failed: 1,
      skippedEntries: 1,
      failedByKind: { input: 1 },
    });
    expect(sheet.isSynthetic).toBe(false);
  });
  it("a dry run touches every path and writes nothing", async () => {
    const before = (await readdir(dir)).sort();
    const out = join(dir, "dry");
    const sheet = await scored(
      "mcq",
      entries,
      null,
      choiceBenchmark(),
      { out, model: "openai:@http://127.0.0.1:1" },
      true,
    );
    expect(sheet.isSynthetic).toBe(true);
    expect(sheet.counts).toMatchObject({ items: 3, answered: 3, unread: 0 });
    expect(existsSync(out)).toBe(false);
    expect((await readdir(dir)).sort()).toEqual(before);
  });
  it("a real run refuses the folder of a scripted one, and says what to do", async () => {
    const out = join(dir, "mixed");
    await scored("mcq", entries, null, choiceBenchmark(), { out, model: "fake" });
    const item = JSON.parse(
      (await readFile(join(out, "items.jsonl"), "utf8")).split("\n")[0] as string,
    ) as { synthetic?: boolean };
    expect(item.synthetic).toBe(true);
    await expect(
      scored("mcq", entries, null, choiceBenchmark(), {
        out,
        model: "openai:x@http://127.0.0.1:1/v1",
      }),
    ).rejects.toThrow(/folder/);
  });
  it("a folder of sets: each counts the same in the macro score, media lie beside their set", async () => {
    const folder = join(dir, "benchmark");
    const sets = { av: ["A", "A", "A"], robovqa: ["B"] };
    for (const [set, truths] of Object.entries(sets)) {
      await mkdir(join(folder, set, "clips"), { recursive: true });
      const entries = await Promise.all(
        truths.map(async (truth, i) => {
          await copyFile(join(dir, "a.png"), join(folder, set, "clips", `${i}.png`));
          return question(`clips/${i}.png`, truth);
        }),
      );
      const broken = [...entries, { video: "clips/9.png" }];
      await writeFile(join(folder, set, `${set}_benchmark_qa_pairs.json`), JSON.stringify(broken));
    }
    const { data } = await runBenchmark(
      context(true),
      { ...base, limit: 9 },
      folder,
      choiceBenchmark(),
    );
    const sheet = data as ScoreSheet & { skipped: { where: string }[] };
    // The stand-in says A: three of four, and one of two sets.
    expect([value(sheet, "accuracy"), value(sheet, "accuracy-macro")]).toEqual([0.75, 0.5]);
    expect(sheet.counts.failed).toBe(0);
    expect(sheet.skipped.map((s) => s.where)).toEqual(["av entry 4", "robovqa entry 2"]);
    await mkdir(join(dir, "hollow"));
    await expect(
      runBenchmark(context(true), base, join(dir, "hollow"), choiceBenchmark()),
    ).rejects.toThrow("no data file in this folder");
  });
  it("a second run with other data of the same id asks again", async () => {
    const out = join(dir, "again");
    const first = await scored(
      "mcq",
      [question("a.png", "A")],
      { "mcq/a/0": "A" },
      choiceBenchmark(),
      { out },
    );
    const second = await scored(
      "mcq",
      [question("a.png", "A")],
      { "mcq/a/0": "B" },
      choiceBenchmark(),
      { out },
    );
    expect([value(first, "accuracy"), value(second, "accuracy")]).toEqual([1, 0]);
  });
});

describe("scores of videos", () => {
  const rows = [1, 2, 3, 4, 5, 4, 2, 3].map((pc, i) => ({ id: `v${i}`, video: `v${i}.mp4`, pc }));
  const given = [2, 2, 3, 5, 4, 4, 1, 3];
  it("equals the published vector, reading what the strict rule misses", async () => {
    const replies = Object.fromEntries(
      given.map((g, i) => [`v${i}`, i % 2 ? `Score: ${g}` : String(g)]),
    );
    const sheet = await scored("vp", rows, replies, scoreBenchmark());
    expect(value(sheet, "accuracy")).toBe(0.5);
    expect(value(sheet, "within-1")).toBe(1);
    expect(value(sheet, "pearson")).toBeCloseTo(0.8333333, 7);
    expect(value(sheet, "spearman")).toBeCloseTo(0.8888889, 7);
    expect(sheet.notes.join()).toContain("would read 4 of 8");
  });
  it("balancing leaves as many of each score as the rarest has", () => {
    const list = balanced(scoreBenchmark(), 42).read(rows, "vp");
    expect(list.items.map((i) => i.score).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("captions", () => {
  const label = {
    weather: "clear",
    lighting: "daylight",
    safety_analysis: "the ego vehicle slows down and stops at the red light",
  };
  const entries = [{ id: "a", video: "a.png", label }];
  it("equal fields are 5, missing ones 1, fields without label are not scored", async () => {
    const judge = createScriptedModel({
      name: "judge",
      script: () => "Close enough.\n<answer>4</answer>",
    });
    const caption = {
      weather: "Clear",
      safety_analysis: "the ego vehicle slows and stops at the red light",
      road_type: "urban",
    };
    const sheet = await scored(
      "caption",
      entries,
      { a: `\`\`\`json\n${JSON.stringify(caption)}\n\`\`\`` },
      captionBenchmark(judge),
    );
    // weather 5 (equal), lighting 1 (missing), safety_analysis 4 (judge); twelve fields have no label.
    expect(value(sheet, "judge")).toBeCloseTo(10 / 3, 12);
    expect(value(sheet, "bleu")).toBeCloseTo(0.7108668, 7);
    expect(sheet.isSynthetic).toBe(true);
    const row = (name: string) =>
      sheet.tables[0].rows.find((r) => r.label === name)?.cells.slice(1);
    expect(row("weather")).toEqual([0, 1, 0, 0, 0]);
    expect(row("lighting")).toEqual([0, 0, 1, 0, 0]);
    expect(row("road type")).toEqual([0, 0, 0, 0, 1]);
  });
  it("an unread judge is counted, not averaged", async () => {
    const judge = createScriptedModel({ name: "judge", script: () => "I cannot say." });
    const sheet = await scored(
      "caption2",
      entries,
      { a: JSON.stringify({ ...label, lighting: "dark night" }) },
      captionBenchmark(judge),
    );
    expect(value(sheet, "judge")).toBe(5);
    expect(sheet.tables[0].rows.find((r) => r.label === "lighting")?.cells.slice(1)).toEqual([
      0, 0, 0, 1, 0,
    ]);
  });
  it("a dry run goes through caption, judge and BLEU", async () => {
    const sheet = await scored(
      "caption",
      entries,
      null,
      captionBenchmark(await openJudge("fake")),
      { model: "fake" },
      true,
    );
    expect(value(sheet, "judge")).not.toBeNull();
    expect(value(sheet, "bleu")).not.toBeNull();
  });
});

describe("times, boxes, critic", () => {
  it("temporal ends over all episodes", async () => {
    const episode = (id: string) => ({ id, video: `${id}.mp4`, fps: 8, ends: [2.1, 3.5, 5.37] });
    const spans = [2.0, 3.8, 5.0].map((end, i) => ({ start: i, end, caption: "s" }));
    const sheet = await scored(
      "temporal",
      [episode("a"), episode("b")],
      { a: JSON.stringify(spans), b: "no idea" },
      temporalBenchmark(),
    );
    expect(value(sheet, "relative")).toBeCloseTo((0.1 / 2.1 + 0.3 / 1.4 + 0.37 / 1.87) / 3, 9);
    expect(value(sheet, "hit")).toBeCloseTo(1 / 6, 12);
  });
  it("2D boxes from 0-1000 to pixels: one of two objects is AP 0.5", async () => {
    const boxes = [
      { label: "car", bbox_2d: [20, 10, 60, 50] },
      { label: "car", bbox_2d: [100, 10, 140, 50] },
    ];
    const entries = [{ id: "a", image: "a.png", object: "car", boxes }];
    const reply = '[{"bbox_2d": [100, 100, 300, 500], "label": "car"}]';
    const sheet = await scored("boxes", entries, { a: reply }, groundingBenchmark("2d", false));
    expect(value(sheet, "ap")).toBe(0.5);
    expect(value(sheet, "recall")).toBe(0.5);
  });
  it("critic trials differ, a failed one is not clean, the best of a contest is named", async () => {
    expect(contestOf("x/dog_seed3.mp4")).toBe("dog");
    const seen: (number | undefined)[] = [];
    const answers = ["No", "No", "Yes", "No"];
    const model = createScriptedModel({
      name: "critic",
      script: (request) => {
        seen.push(request.sampling.seed);
        return answers[(seen.length - 1) % 4] as string;
      },
    });
    const item = { id: "a", media: [], cluster: "a", group: "a", contest: "a" };
    const { answerItem, builtInPrompts, runBatch } = await import("@causeway/reason");
    const { rows } = await runBatch({
      items: [item],
      model,
      folder: null,
      cacheFolder: null,
      identity: {},
      work: (i: typeof item, tools) =>
        criticBenchmark(4).work(i, {
          ...tools,
          model,
          media: {
            parts: [],
            plans: [],
            changes: [],
            image: null,
            picture: null,
            durationSecs: null,
            videos: [],
            extraBody: null,
          },
          settings: { isReasoning: false, style: "reason2", sampling: {}, retries: 0 },
          answer: (values, read, trial) =>
            answerItem(
              {
                template: builtInPrompts.get("video-critic") as never,
                values,
                media: [],
                model,
                settings: { isReasoning: false, style: "reason2", sampling: {}, retries: 0 },
                read,
                ...(trial === undefined ? {} : { trial }),
              },
              tools,
            ),
        }),
    });
    expect(new Set(seen).size).toBe(4);
    const row = rows.get("a") as never;
    expect(criticBenchmark(4).toSheet(item, row).scores.score).toBe(0.75);
  });
});

describe("dry runs", () => {
  it("every benchmark reads and scores what the stand-in says", async () => {
    const runs: [string, readonly unknown[], Benchmark<never, never>][] = [
      ["vp", [{ id: "v", video: "a.png", pc: 3 }], scoreBenchmark() as never],
      ["temporal", [{ id: "t", video: "a.png", fps: 8, ends: [1] }], temporalBenchmark() as never],
      [
        "boxes",
        [{ id: "b", image: "a.png", boxes: [{ label: "x", bbox_2d: [0, 0, 9, 9] }] }],
        groundingBenchmark("2d", false) as never,
      ],
      [
        "space",
        [{ id: "b", image: "a.png", boxes: [{ label: "x", bbox_3d: [0, 0, 9, 1, 1, 1] }] }],
        groundingBenchmark("3d", true) as never,
      ],
      ["critic", ["a.png"], criticBenchmark(2) as never],
    ];
    for (const [name, entries, benchmark] of runs) {
      const sheet = await scored(`dry-${name}`, entries, null, benchmark, {}, true);
      expect(sheet.counts, name).toMatchObject({ items: 1, answered: 1 });
      expect(sheet.isSynthetic, name).toBe(true);
    }
  });
});

describe("LingoQA", () => {
  const file = async (name: string, text: string) => {
    await writeFile(join(dir, name), text);
    return join(dir, name);
  };
  it("CSV with quotes and line breaks", () => {
    expect(parseCsv('a,b\r\n"x, ""y""","1\n2"\r\n', "f")).toEqual([{ a: 'x, "y"', b: "1\n2" }]);
    expect(() => parseCsv("a,b\n1", "f.csv")).toThrow(
      "row 2 has 1 values; expected 2 (a, b) (f.csv)",
    );
  });
  it("right when any reference's logit is above 0; unanswered questions are counted", async () => {
    const references = await file(
      "refs.csv",
      'question_id,segment_id,question,answer\nq1,s1,What?,Stop\nq1,s1,What?,Halt\nq2,s1,Why?,Red\nq3,s2,Who?,"A man, a dog"\n',
    );
    const answers = await file(
      "answers.csv",
      "question_id,segment_id,answer\nq1,s1,stops\nq2,s1,green\nq9,s9,x\n",
    );
    const logits = await file(
      "logits.csv",
      "question_id,segment_id,logit\nq1,s1,-1\nq1,s1,0.5\nq2,s1,-2\n",
    );
    const outcome = await scoreLingo(context(), { answers, logits }, references);
    const sheet = outcome.data as ScoreSheet;
    expect(value(sheet, "accuracy")).toBe(0.5);
    expect(value(sheet, "accuracy-all")).toBeCloseTo(1 / 3, 12);
    expect(sheet.counts.failedByKind).toEqual({ "no-answer": 1 });
    expect(sheet.notes.join()).toContain("1 answers belong to no question (first: q9/s9)");
  });
});

describe("comparison", () => {
  it("pairs two folders by id and writes a page", async () => {
    const entries = [question("a.png", "A"), question("b.png", "B")];
    const [a, b, html] = [join(dir, "one"), join(dir, "two"), join(dir, "compare.html")];
    await scored("mcq", entries, { "mcq/a/0": "B", "mcq/b/0": "B" }, choiceBenchmark(), { out: a });
    await scored("mcq", entries, { "mcq/a/0": "A", "mcq/b/0": "B" }, choiceBenchmark(), { out: b });
    // Replies that were given are nobody's script.
    expect(await readFile(join(a, "results.jsonl"), "utf8")).not.toContain("synthetic");
    const { text } = await compareScores(context(), { html }, a, b);
    expect(text).toContain("+0.500");
    expect(text).toContain("better 1, equal 1, worse 0");
    const page = await readFile(html, "utf8");
    expect(page).toContain("two against one");
    expect(page).toContain("data:image/jpeg;base64,");
  });
  it("a folder without evaluation is said to be one", async () => {
    await expect(compareScores(context(), {}, dir, dir)).rejects.toThrow("no evaluation here");
  });
});
