/** Every command that takes a dataset, on drives without ego motion: DriveLM key frames with questions, and a bare video. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeJpeg, findVideoBackend, writeVideo } from "@causeway/data";
import { afterAll, beforeAll, expect, test } from "vitest";
import { causeway, type Ended } from "./fixtures/run-command.ts";

const hasVideo = (await findVideoBackend()) !== null;
if (!hasVideo) console.warn("no-motion.test.ts: without the video, no video decoder here");

const driveId = "nuscenes-seen";
let dir = "";
let set = "";
const at = (...names: string[]) => join(dir, ...names);
const lines = async <T>(path: string): Promise<T[]> =>
  (await readFile(path, "utf8"))
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l) as T);

/** Stripes, so that no picture counts as out of focus. */
const picture = (phase: number) => ({
  width: 96,
  height: 54,
  pixels: Uint8Array.from(
    { length: 96 * 54 * 3 },
    (_, i) => 128 + 100 * Math.sin(Math.floor(i / 3) * 0.9 + phase),
  ),
});

function expectClean({ code, err }: Ended, wanted = 0): void {
  expect(err).not.toContain("    at ");
  expect(code, err).toBe(wanted);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-no-motion-"));
  set = at("set");
  const nameOf = (camera: string, k: number) =>
    `samples/${camera}/n1-2018-08-03__${camera}__${1_533_280_036_100_000 + k * 3_000_000}.jpg`;
  const cameras = ["CAM_FRONT", "CAM_BACK"];
  const keyFrame = (k: number) => ({
    QA: {
      perception: [{ Q: "What is <c1,CAM_BACK,4.0,5.0>?", A: `Car ${k}.` }],
      behavior: [{ Q: "Predict the behavior.", A: "Going straight." }],
    },
    image_paths: Object.fromEntries(cameras.map((c) => [c, `../nuscenes/${nameOf(c, k)}`])),
  });
  const scene = (from: number) => ({
    key_frames: Object.fromEntries([0, 1, 2].map((k) => [`${from + k}`, keyFrame(from + k)])),
  });
  await mkdir(at("drivelm", "data"), { recursive: true });
  await writeFile(
    at("drivelm", "data", "train_sample.json"),
    JSON.stringify({ seen: scene(0), unseen: scene(100) }),
  );
  for (const camera of cameras)
    for (const k of [0, 1, 2]) {
      const file = at("drivelm", "nuscenes", nameOf(camera, k));
      await mkdir(join(file, ".."), { recursive: true });
      await writeFile(file, await encodeJpeg(picture(k)));
    }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test("import says what came in without ego motion, and skips the scene without pictures", async () => {
  const ended = await causeway("import", "drivelm", at("drivelm"), "--out", set);
  expectClean(ended);
  expect(ended.out).toContain("1 imported, 0 unchanged, 1 skipped");
  expect(ended.out).toContain("1 of its 1 drives have no ego motion");
  expect(await lines(join(set, "skipped.jsonl"))).toMatchObject([{ id: "nuscenes-unseen" }]);
});

test("inspect lists and draws them: pictures and questions, no plots", async () => {
  const listed = await causeway("inspect", set);
  expectClean(listed);
  expect(listed.out).toContain("1 without ego motion, 6 questions");
  const page = at("page.html");
  const drawn = await causeway("inspect", set, "--drive", driveId, "--html", page);
  expectClean(drawn);
  expect(drawn.out).toContain("6 s, no ego motion");
  expect(drawn.out).toContain("6 questions about 3 moments (3 perception, 3 behavior)");
  expect(drawn.out).not.toContain("keyframes");
  const html = await readFile(page, "utf8");
  expect(html).toContain("No ego motion");
  expect(html).toContain("What is &lt;c1,CAM_BACK,4.0,5.0&gt;?");
  // Three on the page's strip, two cameras under each of three moments.
  expect(html.match(/<figure>/g)).toHaveLength(9);
});

test("label lists the questions, and says of each drive and in sum what there is not", async () => {
  const ended = await causeway("label", set);
  expectClean(ended);
  expect(ended.err).toContain(`${driveId}: no ego motion, so no meta-actions`);
  expect(ended.out).toContain("6 questions came with the recordings");
  expect(ended.out).toContain("1 drives have no ego motion");
  expect(ended.out).not.toContain("get chains of causation from a teacher");
  const questions = await lines<{ id: string }>(join(set, "labels", "questions.jsonl"));
  expect(questions[1]).toEqual({
    id: `${driveId}@0-behavior-2`,
    driveId,
    t0Us: 0,
    split: expect.stringMatching(/^(train|val|test)$/),
    kind: "behavior",
    question: "Predict the behavior.",
    answer: "Going straight.",
  });
  const [meta] = await lines<{ metaActions: { axes: object } }>(
    join(set, "labels", "meta-actions.jsonl"),
  );
  const missing = { isAvailable: false, reason: "the drive has no ego motion" };
  expect(meta).toMatchObject({ driveId, keyframes: [], scenarios: [] });
  expect(meta?.metaActions.axes).toEqual({
    longitudinal: missing,
    lateral: missing,
    lane: missing,
  });
  expect(await lines(join(set, "labels", "samples.jsonl"))).toEqual([]);
  const index = await readFile(join(set, "report", "index.html"), "utf8");
  expect(index).toContain("questions <b>6</b>");
  expect(index).toContain("without ego motion <b>1</b>");
});

test("a teacher, the filter and training have nothing to work on, and say so", async () => {
  for (const model of ["oracle", "openai:any@http://127.0.0.1:9"]) {
    const taught = await causeway("label", set, "--teacher", model, "--dry-run");
    expectClean(taught, 1);
    expect(taught.err).toContain("none of the 1 drives of this dataset has ego motion: a teacher");
  }
  const verified = await causeway("verify", set);
  expectClean(verified, 1);
  expect(verified.err).toContain('there are no labels "teacher"');
  const trained = await causeway("train", "smoke", "--data", set, "--out", at("run"));
  expectClean(trained, 1);
  expect(trained.err).toContain("no path to learn");
});

test("curate judges the pictures and counts the clips without motion", async () => {
  const policy = at("policy.yaml");
  await writeFile(
    policy,
    "windows: { kind: drive }\nfilters: { frameGap: null, blur: null }\nsplits: { val: 0, test: 0 }\n",
  );
  const ended = await causeway("curate", set, "--policy", policy, "--out", at("version"));
  expectClean(ended);
  expect(ended.out).toContain("1 clips: 1 kept");
  expect(ended.out).toContain("1 clips are of drives without ego motion");
  const version = await causeway("inspect", at("version"));
  expect(version.out).toContain("1 without ego motion, 6 questions");
});

// Frames count in pairs.
test("a reasoning model is shown the camera that looks ahead, at the size of its pictures", async () => {
  const asked = await causeway("reason", join(set, "drives", `${driveId}.mcap`), "--dry-run");
  expectClean(asked);
  expect(asked.out).toContain("CAM_FRONT: 2 frames at 512x288");
  expect(asked.out).not.toContain("NaN");
});

test("the report of the dataset counts them", async () => {
  expectClean(await causeway("report", set));
  const html = await readFile(join(set, "report.html"), "utf8");
  expect(html).toContain("without ego motion <b>1</b>");
  expect(html).toContain("questions <b>6</b>");
});

test("every export takes the questions, or names the drive", async () => {
  const exported = async (format: string) => {
    const ended = await causeway("export", format, set, "--out", at(`out-${format}`), "--json");
    expectClean(ended);
    return JSON.parse(ended.out) as { written: number; skipped: { id: string; error: string }[] };
  };
  for (const format of ["chat", "llava"]) {
    const { written, skipped } = await exported(format);
    expect(written).toBe(6);
    // The answers on behaviour are sentences too; these need four pictures 0.1 s apart.
    expect(skipped).toHaveLength(3);
    expect(skipped[0]?.error).toContain("has no frame for");
  }
  for (const format of ["sft", "pai"]) {
    const { written, skipped } = await exported(format);
    expect([written, skipped.map((s) => s.id)]).toEqual([0, [driveId]]);
  }
  expect((await exported("webdataset")).written).toBe(0);
  expect((await exported("mcap")).written).toBe(1);
});

test.skipIf(!hasVideo)(
  "a video alone goes the same way, and a drive with motion beside it keeps its own",
  async () => {
    const frames = Array.from({ length: 40 }, (_, k) => picture(k / 5));
    await mkdir(at("videos"));
    await writeVideo(frames, at("videos", "dashcam.mp4"), { width: 96, height: 54, fps: 20 });
    await mkdir(at("videos", "trip"));
    const rows = Array.from({ length: 121 }, (_, i) => `${i / 10},${i},0`);
    await writeFile(at("videos", "trip", "ego.csv"), `t,x,y\n${rows.join("\n")}\n`);
    const mixed = at("mixed");
    const imported = await causeway("import", "folder", at("videos"), "--out", mixed);
    expectClean(imported);
    expect(imported.out).toContain("1 of its 2 drives have no ego motion");
    const labelled = await causeway("label", mixed);
    expectClean(labelled);
    // 1.5 … 5.6 s every 0.5 s, of the trip alone.
    expect(labelled.out).toContain("2 drives: 0 keyframes, 0 of 9 samples");
    expect(labelled.out).toContain("1 drives have no ego motion");
    const drawn = await causeway("inspect", mixed, "--drive", "folder-videos-dashcam");
    expectClean(drawn);
    expect(drawn.out).toContain("camera: 20 frames");
    const taught = await causeway("label", mixed, "--teacher", "oracle", "--dry-run");
    expectClean(taught);
    expect(taught.out).toContain("1 drives have no ego motion: nothing to tell a teacher");
  },
);
