/** `causeway reason` against a scripted server: what is asked, read, drawn, counted and written. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createDataset,
  decodeImage,
  findVideoBackend,
  openDrive,
  writeVideo,
} from "@causeway/data";
import type { RgbImage } from "@causeway/geom";
import type { ScoreSheet } from "@causeway/eval/judged";
import { parseTrace } from "@causeway/label";
import { readLingoAnswers } from "@causeway/reason";
import { generateDrive } from "@causeway/sim";
import { type ScriptedServer, startScriptedServer } from "@causeway/reason/testing";
import { type ReasonOptions, runReason } from "../actions/reason.ts";
import { silentProgress } from "../progress.ts";
import { parseCsv } from "../score/data-file.ts";
import { scoreLingo } from "../score/lingoqa.ts";

let root = "";
let server: ScriptedServer | null = null;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reason-"));
});
afterEach(async () => {
  await server?.close();
  server = null;
  await rm(root, { recursive: true });
});

const picture = (path: string, width = 320, height = 180): Promise<unknown> =>
  sharp({ create: { width, height, channels: 3, background: "#456" } })
    .png()
    .toFile(join(root, path));

const run = (inputs: readonly string[], options: Partial<ReasonOptions> = {}, isDryRun = false) =>
  runReason(
    { isDryRun, progress: silentProgress, signal: new AbortController().signal },
    {
      model: server === null ? "fake" : `openai:m@${server.url}`,
      prompt: "caption",
      concurrency: 4,
      cache: false,
      retryFailed: "passing",
      context: 16_384,
      shrink: true,
      coordinates: "relative",
      json: true,
      ...options,
    },
    inputs.map((i) => join(root, i)),
    root,
  );

interface Part {
  readonly type: string;
  readonly text?: string;
}

/** Parts of the user's message in the server's n-th request. */
function userParts(from: ScriptedServer, n: number): readonly Part[] {
  const messages = from.requests[n]?.body.messages as
    | { role: string; content: Part[] }[]
    | undefined;
  return messages?.find((m) => m.role === "user")?.content ?? [];
}

interface Data {
  readonly synthetic?: boolean;
  readonly summary: {
    readonly done: number;
    readonly failedByKind: object;
    readonly resumed: number;
  };
  readonly results: readonly {
    readonly id: string;
    readonly status: string;
    readonly answer?: string;
    readonly reasoning?: string | null;
    readonly output?: unknown;
    readonly overlay?: string | null;
    readonly kind?: string;
  }[];
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

test("one picture: the box of the answer in pixels, drawn where it belongs", async () => {
  await picture("road.png");
  server = await startScriptedServer({
    answer: () =>
      '<think>left half</think>\n\n```json\n[{"bbox_2d":[100,200,500,800],"label":"car"}]\n```',
  });
  const { data, text } = await run(["road.png"], {
    prompt: "grounding-2d",
    set: { object_name: "the car" },
    reasoning: true,
    out: join(root, "out"),
  });
  const [row] = (data as Data).results;
  expect(row).toMatchObject({
    id: "road.png",
    reasoning: "left half",
    output: { kind: "boxes", boxes: [{ x1: 32, y1: 36, x2: 160, y2: 144, label: "car" }] },
  });
  expect(text).toContain("car: 32.0, 36.0, 160.0, 144.0");
  const sent = userParts(server, 0);
  expect(sent.map((p) => p.type)).toEqual(["image_url", "text"]);
  expect(server.requests[0]?.text).toMatch(/the car[\s\S]*<think>/);
  // The frame of the box has another colour than the picture; its middle has not.
  const { data: pixels, info } = await sharp(row?.overlay as string)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [
    ...pixels.subarray((y * info.width + x) * info.channels).subarray(0, 3),
  ];
  expect([info.width, info.height]).toEqual([320, 180]);
  expect(at(32, 100)).toEqual([0x56, 0xb4, 0xe9]);
  expect(at(100, 100)).toEqual([0x44, 0x55, 0x66]);
});

test("a folder and a job file: joined by id, bad rows named, and a second run asks nothing", async () => {
  await mkdir(join(root, "in"));
  await picture("in/a.png");
  await picture("in/b.png");
  await writeFile(join(root, "in/notes.txt"), "x");
  await writeFile(join(root, "in/broken.png"), "no picture");
  await writeFile(
    join(root, "jobs.jsonl"),
    [
      '{"id":"q","media":"in/a.png","question":"How many cars?"}',
      '{"id":"far","media":"https://example.com/x.png"}',
      '{"id":"typo","medai":"in/a.png"}',
      "{ not json",
    ].join("\n"),
  );
  server = await startScriptedServer({ answer: ({ text }) => `seen: ${text.slice(0, 13).trim()}` });
  const options = { out: join(root, "out") };
  const first = (await run(["in", "jobs.jsonl"], options)).data as Data;
  expect(first.results.map((r) => [r.id, r.status, r.answer ?? r.kind])).toEqual([
    ["in/a.png", "done", "seen: Describe what"],
    ["in/b.png", "done", "seen: Describe what"],
    ["in/broken.png", "failed", "input"],
    ["q", "done", "seen: How many cars"],
  ]);
  expect(first.skipped.map((s) => s.why)).toEqual([
    "no picture, video or drive",
    "this line is no JSON",
    '"https://example.com/x.png" is an address; media are never fetched',
    'Unrecognized key: "medai"',
  ]);
  const page = await readFile(join(root, "out/report.html"), "utf8");
  expect(page.indexOf("no readable picture")).toBeGreaterThan(0);
  // Failures first, each item with its picture.
  expect(page.indexOf("in/broken.png")).toBeLessThan(page.indexOf("in/a.png"));
  expect(page.match(/src="data:image\/jpeg/g)?.length).toBe(3);
  expect(page).not.toContain("Synthetic:");
  const asked = server.requests.length;
  const second = (await run(["in", "jobs.jsonl"], options)).data as Data;
  expect(server.requests.length).toBe(asked);
  expect(second.results).toEqual(first.results);
  expect(second.summary.resumed).toBe(4);
  const lines = (await readFile(join(root, "out/results.jsonl"), "utf8")).trim().split("\n");
  expect(lines.map((l) => (JSON.parse(l) as { id: string }).id)).toEqual(
    first.results.map((r) => r.id),
  );
});

test("questions in LingoQA's form: each asked once, and the answers are those that score lingoqa judges", async () => {
  await mkdir(join(root, "s2"));
  for (const name of ["a.png", "s2/10.png", "s2/9.png"]) await picture(name);
  await picture("s2/8.png");
  const rows = [
    "question_id,segment_id,images,question,answer",
    `q1,s1,"['a.png' 's2/10.png']","Is it green, or ""red""?",Green`,
    `q1,s1,"['a.png' 's2/10.png']","Is it green, or ""red""?",It is green`,
    "q2,s2,,How many cars?,Two",
    "q3,s3,,What now?,Stop",
    "q4,s4,notes.txt,What now?,Stop",
    "q5,s5,none.png,What now?,Stop",
  ];
  await writeFile(join(root, "questions.csv"), `${rows.join("\n")}\n`);
  server = await startScriptedServer({
    answer: ({ text }) => (text.includes("green") ? 'Green, "surely"\nso' : "Two"),
  });
  const out = join(root, "out");
  const result = (await run(["questions.csv"], { out })).data as Data & { answers: string };
  expect(result.results.map((r) => [r.id, r.status])).toEqual([
    ["q1/s1", "done"],
    ["q2/s2", "done"],
    ["q5/s5", "failed"],
  ]);
  expect(result.skipped.map((s) => s.what)).toEqual(["q3/s3", "q4/s4"]);
  expect(result.skipped[0]?.why).toContain("neither a folder nor a video s3 beside the file");
  const numParts = [0, 1].map((n) => userParts(server as ScriptedServer, n).length);
  expect(new Set(numParts)).toEqual(new Set([3, 4]));
  const text = await readFile(result.answers, "utf8");
  expect(readLingoAnswers(parseCsv(text, "answers.csv"))).toEqual({
    answers: new Map([
      ["q1/s1", 'Green, "surely"\nso'],
      ["q2/s2", "Two"],
    ]),
    problems: [],
  });
  const logits = join(root, "logits.csv");
  await writeFile(logits, "question_id,segment_id,logit\nq1,s1,-1\nq1,s1,2\nq2,s2,-3\n");
  const sheet = (
    await scoreLingo(
      { isDryRun: false, progress: silentProgress, signal: new AbortController().signal },
      { answers: result.answers, logits },
      join(root, "questions.csv"),
    )
  ).data as ScoreSheet;
  expect(sheet.metrics.find((m) => m.key === "accuracy")?.estimate.value).toBe(0.5);
});

test("a dry run counts tokens, finds what cannot be asked, and touches neither server nor disk", async () => {
  await picture("a.png", 1920, 1080);
  await writeFile(join(root, "bad.png"), "x");
  server = await startScriptedServer({ answer: () => "no" });
  const before = await readdir(root);
  const { data, text } = await run(["a.png", "bad.png"], { out: join(root, "out") }, true);
  expect(data).toMatchObject({
    dryRun: true,
    plans: [{ id: "a.png", visionTokens: 2040 }],
    cannotBeAsked: [{ id: "bad.png", kind: "input" }],
  });
  expect(text).toContain("Nothing was asked and nothing was written");
  expect(server.requests.length).toBe(0);
  expect(await readdir(root)).toEqual(before);
});

test("replies from a file are read and drawn like a model's, and marked synthetic", async () => {
  await picture("a.png");
  await writeFile(
    join(root, "replies.jsonl"),
    '{"id":"a.png","reply":"[{\\"point_2d\\":[500,500],\\"label\\":\\"gripper trajectory\\"},{\\"point_2d\\":[600,400],\\"label\\":\\"x\\"}]"}\n',
  );
  const { data } = await run(["a.png"], {
    prompt: "trajectory",
    set: { task_instruction: "lift" },
    replies: join(root, "replies.jsonl"),
    out: join(root, "out"),
  });
  expect(data).toMatchObject({
    synthetic: true,
    results: [
      {
        output: {
          points: [
            { x: 160, y: 90 },
            { x: 192, y: 72 },
          ],
        },
      },
    ],
  });
  expect(await readdir(join(root, "out/overlays"))).toEqual(["a.png.png"]);
  expect(await readFile(join(root, "out/report.html"), "utf8")).toContain("Synthetic:");
});

test("what a person got wrong is said in one line", async () => {
  await picture("a.png");
  await expect(run(["nope.png"])).rejects.toThrow(/no such file or folder/);
  await expect(run(["a.png"], { prompt: "capton" })).rejects.toThrow(/Known: caption, /);
  await expect(run(["a.png"], { prompt: "grounding-2d" })).rejects.toThrow(/needs object_name/);
  await expect(run(["a.png"], { context: 4100 })).rejects.toThrow(
    /need \d+ tokens; the context is 4100/,
  );
  await expect(run(["a.png"], { model: "gpt" })).rejects.toThrow(/expected openai:MODEL@URL/);
  await expect(run(["a.png"], { send: "pigeon" })).rejects.toThrow(/expected video or frames/);
});

const hasDecoder = (await findVideoBackend()) !== null;
test.skipIf(!hasDecoder)(
  "a video: sent whole with its sampling, or as frames with their times; spans drawn as a film (skipped without ffmpeg)",
  async () => {
    const frame = (i: number) => ({
      width: 64,
      height: 48,
      pixels: new Uint8Array(64 * 48 * 3).fill(8 * i),
    });
    await writeVideo(
      Array.from({ length: 20 }, (_, i) => frame(i)),
      join(root, "clip.mp4"),
      {
        width: 64,
        height: 48,
        fps: 10,
      },
    );
    server = await startScriptedServer({
      answer: () => '[{"start":"00:00.50","end":"00:01.00","caption":"it gets lighter"}]',
    });
    const options = { prompt: "temporal", fps: 4, out: join(root, "out") };
    const { data } = await run(["clip.mp4"], options);
    expect((data as Data).results[0]).toMatchObject({
      output: { spans: [{ startSecs: 0.5, endSecs: 1, caption: "it gets lighter" }] },
      overlay: join(root, "out/overlays/clip.mp4.mp4"),
    });
    expect(server.requests[0]?.body).toMatchObject({
      mm_processor_kwargs: { fps: 4, do_sample_frames: true },
      media_io_kwargs: { video: { num_frames: -1 } },
    });
    await run(["clip.mp4"], { ...options, send: "frames", out: join(root, "out2") });
    const parts = userParts(server, 1);
    // 2 s at 4 per second: 8 frames, each behind its time.
    expect(parts.filter((p) => p.type === "image_url").length).toBe(8);
    expect(parts[0]?.text).toBe("<0.0 seconds>");
  },
);

test("our own engine, no server: the backbone that ships says what it does and why, about a simulated drive and a video", async () => {
  await (await createDataset(join(root, "sim"), { name: "one" })).addDrive(
    await generateDrive({ kind: "stop_for_light", seed: 1_000_002, durationSecs: 8 }),
  );
  const [drive] = await readdir(join(root, "sim", "drives"));
  const options = { model: "engine:nano", maxTokens: 60 };
  const { data } = await run([`sim/drives/${drive}`], { ...options, at: "5" });
  const [told] = (data as Data).results;
  expect(told).toMatchObject({ status: "done" });
  expect(parseTrace(told?.answer ?? "")).toMatchObject({
    longitudinal: expect.anything() as unknown,
  });
  expect((data as Data).synthetic).toBeUndefined();
  const out = join(root, "planned");
  const planned = await run([`sim/drives/${drive}`], { ...options, at: "1.6", plan: true, out });
  const page = await readFile(join(out, "report.html"), "utf8");
  expect(page).toMatch(/<dt>decision<\/dt><dd>\w+/);
  expect(page).toContain("data:image/jpeg;base64,");
  const { plan } = planned.data as { plan: { path: { x: number[] }; meanErrorM: number } };
  expect(plan.path.x).toHaveLength(64);
  // Standing still for 6.4 s, or driving on at the limit, would be tens of metres off.
  expect(plan.meanErrorM).toBeLessThan(15);
  if (!hasDecoder) return;
  const source = await openDrive(join(root, "sim", "drives", drive as string));
  const frames: RgbImage[] = [];
  for (const { bytes } of await source.frames(
    "camera_front_wide_120fov",
    Array.from({ length: 20 }, (_, i) => 31 + i),
  ))
    frames.push(await decodeImage(bytes));
  await source.close();
  const { width, height } = frames[0] as RgbImage;
  await writeVideo(frames, join(root, "clip.mp4"), { width, height, fps: 10 });
  // Frames that we chose, and the file with the engine's own choice.
  for (const send of ["frames", "video"]) {
    const { results } = (await run(["clip.mp4"], { ...options, send })).data as Data;
    expect(results[0]?.answer, send).toMatch(/\bbecause\b|\bsince\b|\bas\b/);
  }
});
