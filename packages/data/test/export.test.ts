/** Exports: what goes out comes in again the same, and every format holds the sentence and the right pictures. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createDataset,
  type Dataset,
  decodeImage,
  defaultExportOptions,
  type Drive,
  encodeJpeg,
  exportDataset,
  findSink,
  findSource,
  findVideoBackend,
  importDrives,
  openDataset,
} from "../src/index.ts";
import { circleDrive, circleMotion } from "./drive-arbitrary.ts";
import { numberedFrame, readFrameNumber } from "./numbered-frames.ts";
import { stillDrive } from "./still-drive.ts";

const backend = await findVideoBackend();
if (backend === null)
  console.warn("export.test.ts: parts skipped, no video decoder on this machine");

let dir = "";
let dataset: Dataset;

const lens = {
  model: "ftheta",
  width: 160,
  height: 96,
  cx: 80.5,
  cy: 47.5,
  forward: [0, 80.25, 0, -2.5, 0],
  backward: [0, 0.0125, 0, 6e-8, 0],
  rigFromCamera: { x: 1.7, y: 0.1, z: 1.4, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 },
} as const;

/** A clip with rows before its time 0, as the PhysicalAI-AV importer gives it. */
async function clip(id: string, curvature: number): Promise<Drive> {
  const egoMotion = circleMotion(6, 8, curvature);
  const frames = [];
  for (let i = 0; i <= 60; i++) {
    const bytes = await encodeJpeg(numberedFrame(i), 95);
    frames.push({ stampUs: i * 100_000, encoding: "jpeg" as const, bytes });
  }
  return {
    id,
    source: {
      format: "physicalai-av",
      licence: "test",
      scenario: null,
      seed: null,
      recording: id,
      clockOffsetUs: 1_200_000,
      facts: {
        split: "val",
        chunk: 0,
        clipIsValid: true,
        country: "Nowhere",
        month: 8,
        hourOfDay: 9,
        platformClass: "p",
        radarConfig: "r",
        eventCluster: "curve",
        reasoningFeature: "f",
      },
      notes: [],
    },
    durationUs: 6_000_000,
    egoMotion,
    egoSize: { lengthM: 4.6, widthM: 1.9, heightM: 1.6, rearAxleToCenterM: 1.3 },
    cameras:
      backend === null
        ? []
        : [{ name: "camera_front_wide_120fov", calibration: null, lens, frames }],
    actors: null,
    lights: null,
    map: null,
    route: null,
    decisions: null,
    reasoning: [{ stampUs: 3_000_000, text: "Keep the lane because the road ahead is clear." }],
  };
}

const sentence = "turn left because the route turns left";

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-export-"));
  dataset = await createDataset(join(dir, "set"));
  for (const [id, k] of [
    ["one", 0.02],
    ["two", -0.01],
  ] as const) {
    const frame = async (i: number) => encodeJpeg(numberedFrame(i), 95);
    const pictures = await Promise.all(Array.from({ length: 101 }, (_, i) => frame(i)));
    const drive = circleDrive(id, 10, (_, f) => pictures[f] as Uint8Array);
    await dataset.addDrive({ ...drive, egoMotion: circleMotion(10, 8, k) });
  }
  await dataset.commit();
  const row = (driveId: string, t0Us: number, more: object = {}) => ({
    id: `${driveId}@${t0Us}`,
    driveId,
    t0Us,
    trace: sentence,
    status: "accepted",
    longitudinal: null,
    lateral: "turn",
    lateralSide: "left",
    teacher: "oracle",
    ...more,
  });
  await mkdir(join(dataset.dir, "labels"), { recursive: true });
  const rows = [
    row("one", 2_000_000),
    row("two", 3_000_000),
    row("one", 2_500_000, { status: "rejected" }),
    // No room for four pictures before it.
    row("two", 100_000),
    row("one", 3_000_000, { trace: null }),
  ];
  await writeFile(dataset.labelsPath("oracle"), rows.map((r) => JSON.stringify(r)).join("\n"));
  await dataset.split({ seed: 1, val: 0, test: 0 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** The drive with its pictures as hashes: comparing megabytes element by element takes minutes. */
const hashed = (drive: Drive) => ({
  ...drive,
  cameras: drive.cameras.map((c) => ({
    ...c,
    frames: c.frames.map((f) => ({
      ...f,
      bytes: createHash("sha256").update(f.bytes).digest("hex"),
    })),
  })),
});

const readLines = async (path: string) =>
  (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l));

describe("formats of text-and-picture trainers", () => {
  test("chats hold the question, the four pictures of each camera in time order, and the sentence", async () => {
    const out = join(dir, "chat");
    const result = await exportDataset(dataset, findSink("trl"), out, { cameras: ["camera_left"] });
    expect([result.written, result.notAccepted]).toEqual([2, 2]);
    expect(result.skipped).toMatchObject([{ id: "two@100000", code: "frame" }]);
    expect(await readLines(join(out, "skipped.jsonl"))).toHaveLength(1);
    const rows = await readLines(join(out, "train.jsonl"));
    expect(rows.map((r) => r.id)).toEqual(["one@2000000", "two@3000000"]);
    const [system, user, assistant] = rows[0].messages;
    expect([system.role, user.role, assistant.role]).toEqual(["system", "user", "assistant"]);
    expect(assistant.content).toEqual([{ type: "text", text: sentence }]);
    const images = user.content.filter((c: { type: string }) => c.type === "image");
    expect(images.map((c: { image: string }) => c.image)).toEqual(rows[0].images);
    const numbers = await Promise.all(
      rows[0].images.map(async (path: string) =>
        readFrameNumber(await decodeImage(await readFile(join(out, path)))),
      ),
    );
    expect(numbers).toEqual([17, 18, 19, 20]);
  });

  test("LLaVA rows have one place per picture", async () => {
    const out = join(dir, "llava");
    await exportDataset(dataset, findSink("llava"), out);
    const rows = JSON.parse(await readFile(join(out, "train.json"), "utf8"));
    expect(rows).toHaveLength(2);
    expect(rows[1].image).toHaveLength(8);
    expect(rows[1].conversations[0].value.match(/<image>\n/g)).toHaveLength(8);
    expect(rows[1].conversations[1]).toEqual({ from: "gpt", value: sentence });
    expect(JSON.parse(await readFile(join(out, "val.json"), "utf8"))).toEqual([]);
  });

  test("reasoning rows hold the plan: actions of a circle are its curvature, left positive", async () => {
    const out = join(dir, "sft");
    await exportDataset(dataset, findSink("sft"), out);
    const rows = await readLines(join(out, "samples_reasoning_sft.jsonl"));
    expect(rows.map((r) => r.sample_id)).toEqual(["one@2000000", "two@3000000"]);
    const [left, right] = rows;
    expect([left.action.length, left.gt_waypoints.length, left.dt]).toEqual([128, 64, 0.1]);
    const curvature = (row: { action: number[] }) =>
      row.action[61] * 0.026148280660833106 + 0.0002692167976330542;
    expect(curvature(left)).toBeCloseTo(0.02, 3);
    expect(curvature(right)).toBeCloseTo(-0.01, 3);
    expect(left.v0).toBeCloseTo(8, 1);
    // 6.4 s at 8 m/s on a radius of 50 m.
    expect(left.gt_waypoints[63][0]).toBeCloseTo(Math.sin(1.024) * 50, 6);
    expect(left.gt_waypoints[63][1]).toBeCloseTo((1 - Math.cos(1.024)) * 50, 6);
    expect(left.ego_history_xyz[15].map((v: number) => v + 0)).toEqual([0, 0, 0]);
    expect(left.ego_history_rot).toHaveLength(16);
    const image = await decodeImage(await readFile(join(out, left.image_path)));
    expect(readFrameNumber(image)).toBe(20);
    expect(left).toMatchObject({
      reasoning_text: sentence,
      decision_lateral: "turn",
      split: "train",
    });
  });

  test("WebDataset shards are plain tar files with one key a sample", async () => {
    const out = join(dir, "wds");
    await exportDataset(dataset, findSink("wds"), out, { chunkSize: 1, cameras: ["camera_front"] });
    const shards = (await readdir(join(out, "train"))).sort();
    expect(shards).toEqual(["shard-000000.tar", "shard-000001.tar"]);
    const tar = await readFile(join(out, "train", "shard-000000.tar"));
    const members = new Map<string, Buffer>();
    for (let at = 0; tar[at] !== 0; ) {
      const name = tar.toString("utf8", at, tar.indexOf(0, at));
      const size = Number.parseInt(tar.toString("utf8", at + 124, at + 135), 8);
      const head = Buffer.from(tar.subarray(at, at + 512));
      const sum = Number.parseInt(head.toString("utf8", 148, 154), 8);
      head.fill(32, 148, 156);
      expect(head.reduce((a, b) => a + b, 0)).toBe(sum);
      members.set(name, tar.subarray(at + 512, at + 512 + size));
      at += 512 + Math.ceil(size / 512) * 512;
    }
    expect([...members.keys()]).toEqual([
      ...[0, 1, 2, 3].map((k) => `one@2000000.camera_front.${k}.jpg`),
      "one@2000000.json",
      "one@2000000.txt",
      "one@2000000.question.txt",
    ]);
    expect(members.get("one@2000000.txt")?.toString()).toBe(sentence);
    const picture = members.get("one@2000000.camera_front.3.jpg") as Buffer;
    expect(readFrameNumber(await decodeImage(picture))).toBe(20);
  });
});

describe("questions that came with a recording", () => {
  const prefix = "images/still";
  const picturesOf = (k: number) => {
    const t0 = k * 3_000_000 + 50_000;
    return [`${prefix}/${t0}_CAM_FRONT_3.jpg`, `${prefix}/${t0}_CAM_BACK_3.jpg`];
  };
  let asked: Dataset;
  beforeAll(async () => {
    asked = await createDataset(join(dir, "asked"));
    await asked.addDrive(await stillDrive("still"));
    await asked.commit();
  });

  test("chats show one picture a camera, named, then the question; each picture is one file", async () => {
    const out = join(dir, "asked-chat");
    const result = await exportDataset(asked, findSink("chat"), out);
    expect(result).toMatchObject({ written: 4, skipped: [] });
    const rows = (await readFile(join(out, "train.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l));
    const text = (value: string) => ({ type: "text", text: value });
    const [front, back] = picturesOf(1);
    expect(rows[3]).toEqual({
      id: "still@3050000-planning-2",
      messages: [
        { role: "system", content: [text(defaultExportOptions.questionSystemPrompt)] },
        {
          role: "user",
          content: [
            text("CAM_FRONT: "),
            { type: "image", image: front },
            text("CAM_BACK: "),
            { type: "image", image: back },
            text("Could <c1,CAM_BACK,80.5,40.0> matter?"),
          ],
        },
        { role: "assistant", content: [text("No 1.")] },
      ],
      images: [front, back],
    });
    expect(await readdir(join(out, prefix))).toHaveLength(4);
    for (const [c, path] of [front, back].entries())
      expect(readFrameNumber(await decodeImage(await readFile(join(out, path))))).toBe(10 + c);
  });

  test("LLaVA rows have the name before each place", async () => {
    const out = join(dir, "asked-llava");
    expect((await exportDataset(asked, findSink("llava"), out)).written).toBe(4);
    const rows = JSON.parse(await readFile(join(out, "train.json"), "utf8"));
    expect(rows[0]).toEqual({
      id: "still@50000-perception-1",
      image: picturesOf(0),
      conversations: [
        { from: "human", value: "CAM_FRONT: <image>\nCAM_BACK: <image>\nWhat is ahead 0?" },
        { from: "gpt", value: "A bus." },
      ],
    });
  });

  test("a question about a camera that is not exported is skipped by name", async () => {
    const options = { cameras: ["CAM_FRONT"] };
    const result = await exportDataset(asked, findSink("chat"), join(dir, "asked-one"), options);
    expect(result.written).toBe(2);
    expect(result.skipped.map((s) => s.id)).toEqual([
      "still@50000-planning-2",
      "still@3050000-planning-2",
    ]);
    expect(result.skipped[0].error).toContain("camera CAM_BACK, which it names");
  });

  test.each(["reasoning-sft", "physicalai-av"])(
    "%s needs motion and names the drive",
    async (format) => {
      const result = await exportDataset(asked, findSink(format), join(dir, `asked-${format}`));
      expect([result.written, result.skipped.map((s) => [s.id, s.code])]).toEqual([
        0,
        [["still", "missing"]],
      ]);
      expect(result.skipped[0].error).toContain(`has no ego motion, and ${format} is about`);
    },
  );

  test("WebDataset says that it leaves them out", async () => {
    const result = await exportDataset(asked, findSink("wds"), join(dir, "asked-wds"));
    expect([result.written, result.skipped.map((s) => s.id)]).toEqual([0, ["still"]]);
  });

  test("mcap: questions and the missing motion come in again", async () => {
    const out = join(dir, "asked-mcap");
    expect((await exportDataset(asked, findSink("mcap"), out)).written).toBe(1);
    await importDrives(findSource("causeway"), out, join(dir, "asked-again"));
    const again = await openDataset(join(dir, "asked-again"));
    expect(await again.read("still")).toEqual(await asked.read("still"));
    expect(again.drives).toMatchObject([{ hasMotion: false, questions: 4 }]);
  });
});

describe("round trips", () => {
  test("mcap: export, import, export gives the same drives and the same bytes", async () => {
    const out = join(dir, "mcap");
    const { written } = await exportDataset(dataset, findSink("mcap"), out);
    expect(written).toBe(2);
    const again = join(dir, "mcap-set");
    const result = await importDrives(findSource("causeway"), out, again);
    expect([result.imported, result.skipped]).toEqual([2, []]);
    const copy = await openDataset(again);
    for (const { id } of dataset.drives)
      expect(hashed(await copy.read(id))).toEqual(hashed(await dataset.read(id)));
    const handle = await copy.open("one");
    expect(handle.topics.map((t) => t.name)).not.toContain("/labels/text");
    await handle.close();
    const { openDrive } = await import("../src/index.ts");
    const shown = await openDrive(join(out, "one.mcap"));
    const count = (topic: string) => shown.topics.find((t) => t.name === topic)?.messages;
    expect([count("/labels/text"), count("/labels/scene")]).toEqual([1, 1]);
    await shown.close();
  });

  test("PhysicalAI-AV: clips come back with motion, times, lenses, size, text and facts", async () => {
    const set = await createDataset(join(dir, "clips"));
    const clips = [await clip("pai-aaaa-1", 0.01), await clip("pai-bbbb-2", -0.02)];
    for (const c of clips) await set.addDrive(c);
    await set.commit();
    let from = set;
    for (const round of [1, 2]) {
      const out = join(dir, `pai-${round}`);
      const result = await exportDataset(from, findSink("pai"), out, {
        chunkSize: 1,
        textKey: round === 1 ? "coc" : "cot",
      });
      expect([result.written, result.skipped]).toEqual([2, []]);
      expect((await readdir(out)).filter((n) => n.startsWith("."))).toEqual([]);
      const again = join(dir, `pai-set-${round}`);
      const back = await importDrives(findSource("pai"), out, again);
      expect([back.imported, back.skipped]).toEqual([2, []]);
      from = await openDataset(again);
      for (const want of clips) {
        const got = await from.read(want.id);
        expect(got.egoMotion).toEqual(want.egoMotion);
        expect([got.egoSize, got.reasoning, got.durationUs]).toEqual([
          want.egoSize,
          want.reasoning,
          want.durationUs,
        ]);
        const { chunk: _a, ...facts } = got.source.facts ?? {};
        const { chunk: _b, ...wanted } = want.source.facts ?? {};
        expect(facts).toEqual(wanted);
        expect(got.source.clockOffsetUs).toBe(want.source.clockOffsetUs);
        expect(got.cameras.map((c) => [c.name, c.lens])).toEqual(
          want.cameras.map((c) => [c.name, c.lens]),
        );
        for (const [i, camera] of got.cameras.entries()) {
          const frames = want.cameras[i]?.frames ?? [];
          expect(camera.frames.map((f) => f.stampUs)).toEqual(frames.map((f) => f.stampUs));
          for (const k of [0, 1, 57, 60]) {
            const bytes = camera.frames[k]?.bytes as Uint8Array;
            expect(readFrameNumber(await decodeImage(bytes))).toBe(k);
          }
        }
      }
    }
  });
});

test("a damaged drive is skipped by name and the others are exported; nothing to say is an error", async () => {
  const path = join(dir, "damaged");
  const set = await createDataset(path);
  for (const id of ["good", "late"]) await set.addDrive(circleDrive(id, 10));
  await set.commit();
  const open = await openDataset(path);
  await truncate(open.drivePath("late"), 4000);
  const result = await exportDataset(open, findSink("mcap"), join(dir, "damaged-out"));
  expect(result.written).toBe(1);
  expect(result.skipped).toMatchObject([{ id: "late", code: "truncated" }]);
  expect(result.skipped[0]?.error).not.toContain("\n");
  expect(await readLines(join(dir, "damaged-out", "skipped.jsonl"))).toHaveLength(1);
  const plain = await createDataset(join(dir, "plain"));
  await plain.addDrive(circleDrive("only", 10));
  await plain.commit();
  await expect(exportDataset(plain, findSink("chat"), join(dir, "no"))).rejects.toThrow(
    "no accepted sentence",
  );
  expect(() => findSink("lava")).toThrow("Known: chat or messages");
});
