/** Folders of videos and ego motion whose true motion and frame numbers are known, and bad ones. */
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quatFromYaw, yawOfQuat } from "@causeway/geom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decodeImage,
  detectFormat,
  type Drive,
  findSource,
  findVideoBackend,
  hasMotion,
  importDrives,
  openDataset,
  writeVideo,
} from "../src/index.ts";
import { rigAt, speedMps } from "./fake-logs.ts";
import { numberedFrame, readFrameNumber } from "./numbered-frames.ts";
import { sharedPath } from "./shared.ts";

const hasVideo = (await findVideoBackend()) !== null;
if (!hasVideo) console.warn("video-folder.test.ts: video cases skipped, no video decoder here");

const seconds = 3;
const source = findSource("folder");
let dir = "";
/** 20 frames/s, frame i shown at i / 20 s. */
let clip = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-folder-"));
  clip = join(dir, "clip.mp4");
  if (!hasVideo) return;
  const pictures = Array.from({ length: seconds * 20 }, (_, i) => numberedFrame(i));
  await writeVideo(pictures, clip, { width: 160, height: 96, fps: 20 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function ffmpeg(...args: string[]): void {
  const { stderr } = spawnSync("ffmpeg", ["-nostdin", "-y", "-loglevel", "error", ...args]);
  expect(stderr.toString()).toBe("");
}

type Row = Readonly<Record<string, number>>;
/** The made-up car at 20 Hz, far from the world's origin. */
const rows = (row: (t: number, rig: ReturnType<typeof rigAt>) => Row): Row[] =>
  Array.from({ length: seconds * 20 + 1 }, (_, i) => row(i / 20, rigAt(i / 20, 0.4)));

function csv(table: readonly Row[]): string {
  const names = Object.keys(table[0]);
  return `${[names.join(","), ...table.map((row) => names.map((n) => row[n]).join(","))].join("\r\n")}\r\n`;
}

const plainRows = rows((t, { x, y }) => ({ t: 100 + t, x: x + 700, y: y - 90 }));

async function folder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(dir, name);
  await mkdir(join(path, "cameras"), { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
  return path;
}

async function read(path: string, options = {}): Promise<Drive> {
  for await (const ref of source.list(path)) return source.read(ref, options);
  throw new Error("no recording");
}

async function numbersOf(drive: Drive, camera = 0): Promise<number[]> {
  const { frames } = drive.cameras[camera];
  return Promise.all(frames.map(async (f) => readFrameNumber(await decodeImage(f.bytes))));
}

function worst({ egoMotion: m }: Drive) {
  const out = { position: 0, yaw: 0, velocity: 0 };
  for (let i = 0; i < m.stampUs.length; i++) {
    const truth = rigAt(m.stampUs[i] * 1e-6, 0.4);
    const yaw = yawOfQuat({ w: m.qw[i], x: m.qx[i], y: m.qy[i], z: m.qz[i] });
    out.position = Math.max(out.position, Math.hypot(m.x[i] - truth.x, m.y[i] - truth.y));
    out.yaw = Math.max(out.yaw, Math.abs(yaw - truth.yaw));
    const vx = m.vx[i] - speedMps * Math.cos(truth.yaw);
    const vy = m.vy[i] - speedMps * Math.sin(truth.yaw);
    out.velocity = Math.max(out.velocity, Math.hypot(vx, vy));
  }
  return out;
}

describe("ego motion", () => {
  test("positions alone give heading and velocity by their slope", async () => {
    const drive = await read(await folder("plain", { "ego.csv": csv(plainRows) }));
    const errors = worst(drive);
    expect(errors.position).toBeLessThan(1e-9);
    expect(errors.velocity).toBeLessThan(0.04);
    expect(errors.yaw).toBeLessThan(0.004);
    expect([drive.id, drive.durationUs]).toEqual(["folder-plain", 3_000_000]);
    expect(drive.source.notes.join()).toContain("it is the direction of travel");
  });

  test.each<[string, string]>([
    ["yaw and speed in CSV", "a"],
    ["degrees and velocity in JSON rows", "b"],
    ["quaternions, nanoseconds and other column names in JSON columns", "c"],
  ])("%s", async (_, kind) => {
    const q = (yaw: number) => quatFromYaw(yaw);
    const files: Record<string, Record<string, string>> = {
      a: { "ego.csv": csv(rows((t, { x, y, yaw }) => ({ t_ms: t * 1000, x, y, yaw, speed: 10 }))) },
      b: {
        "ego.json": JSON.stringify(
          rows((t, { x, y, yaw }) => ({
            time_us: 1e6 * t,
            x,
            y,
            yaw_deg: (yaw * 180) / Math.PI,
            vx: speedMps * Math.cos(yaw),
            vy: speedMps * Math.sin(yaw),
          })),
        ),
      },
      c: {
        "pose.json": JSON.stringify({
          stamp: rows((t) => ({ v: 1.7e18 + t * 1e9 })).map((r) => r.v),
          east: rows((_t, { x }) => ({ v: x })).map((r) => r.v),
          north: rows((_t, { y }) => ({ v: y })).map((r) => r.v),
          qw: rows((_t, { yaw }) => ({ v: q(yaw).w })).map((r) => r.v),
          qx: plainRows.map(() => 0),
          qy: plainRows.map(() => 0),
          qz: rows((_t, { yaw }) => ({ v: q(yaw).z })).map((r) => r.v),
          speed: plainRows.map(() => speedMps),
        }),
        "recording.yaml":
          "ego: pose.json\ntime: ns\ncolumns: { t: stamp, x: east, y: north }\nrecording: one trip\nlicence: mine\n",
      },
    };
    const drive = await read(await folder(`ego-${kind}`, files[kind]));
    const errors = worst(drive);
    // A double near 1.7e18 is a multiple of 256 ns.
    expect(errors.position).toBeLessThan(1e-5);
    expect(errors.yaw).toBeLessThan(1e-6);
    expect(errors.velocity).toBeLessThan(1e-5);
    if (kind === "c")
      expect([drive.source.licence, drive.source.recording]).toEqual(["mine", "folder-one_trip"]);
  });

  test("poses of another point of the car are moved to the rear axle", async () => {
    const ahead = rows((t, { x, y, yaw }) => ({
      t,
      x: x + 1.5 * Math.cos(yaw),
      y: y + 1.5 * Math.sin(yaw),
      yaw,
      speed: 99,
    }));
    const drive = await read(
      await folder("moved", {
        "ego.csv": csv(ahead),
        "recording.json": '{ "rig": { "x": -1.5 } }',
      }),
    );
    expect(worst(drive).position).toBeLessThan(1e-9);
    // The speed of the other point is not that of the axle, so it is not taken.
    expect(worst(drive).velocity).toBeLessThan(0.04);
  });

  test("a car that begins standing has the heading of its first metres", async () => {
    const table = Array.from({ length: 60 }, (_, i) => ({
      t: i / 20,
      x: 0,
      y: -(Math.max(0, i / 20 - 1) ** 2),
    }));
    const { egoMotion: m } = await read(await folder("standing", { "ego.csv": csv(table) }));
    for (const i of [0, 10, 59]) {
      expect(yawOfQuat({ w: m.qw[i], x: 0, y: 0, z: m.qz[i] })).toBeCloseTo(-Math.PI / 2, 9);
    }
  });
});

describe.skipIf(!hasVideo)("videos", () => {
  test("presentation times place the frames: H.264 and HEVC with B-frames, by conventional names", async () => {
    const path = await folder("both", { "ego.csv": csv(plainRows) });
    await cp(clip, join(path, "cameras", "front.mp4"));
    const x265 = "bframes=3:keyint=20:log-level=none";
    const rear = join(path, "cameras", "rear.mp4");
    ffmpeg("-i", clip, "-c:v", "libx265", "-x265-params", x265, rear);
    const drive = await read(path);
    expect(drive.cameras.map((c) => c.name)).toEqual(["front", "rear"]);
    const want = [...Array.from({ length: 30 }, (_, k) => 2 * k), 59];
    for (const i of [0, 1]) {
      expect(await numbersOf(drive, i)).toEqual(want);
      const stamps = drive.cameras[i].frames.map((f) => f.stampUs);
      expect(stamps).toEqual(want.map((n) => n * 50_000));
    }
    const one = await read(path, { cameras: ["rear"], maxWidth: 80 });
    expect(one.cameras.map((c) => c.name)).toEqual(["rear"]);
    expect((await decodeImage(one.cameras[0].frames[0].bytes)).width).toBe(80);
    expect(await detectFormat(path)).toEqual([source]);
  });

  test("a table of times, an offset and a pinhole come from the manifest", async () => {
    const times = Array.from({ length: 60 }, (_, i) => ({ timestamp: 99.9 + i * 0.04 }));
    const path = await folder("timed", {
      "ego.csv": csv(plainRows),
      "cameras/left.csv": csv(times),
      "recording.yaml": `
cameras:
  left:
    video: cameras/clip.mp4
    timestamps: cameras/left.csv
    pinhole: { width: 160, height: 96, fx: 90, fy: 90, cx: 80, cy: 48, mount: { x: 1.5, y: 0.2, z: 1.4 } }
  late: { video: cameras/clip.mp4, offsetSecs: 1.02 }
  raw: { video: cameras/clip.h264, fps: 20 }
`,
    });
    await cp(clip, join(path, "cameras", "clip.mp4"));
    ffmpeg("-i", clip, "-c:v", "copy", "-f", "h264", join(path, "cameras", "clip.h264"));
    const drive = await read(path, { picturesHz: null });
    const [left, late, raw] = drive.cameras;
    // Frames 0 … 2 are from before the first pose, at 100 s on the clock of both tables.
    expect(await numbersOf(drive, 0)).toEqual(Array.from({ length: 57 }, (_, i) => i + 3));
    expect([left.frames[0].stampUs, left.frames[56].stampUs]).toEqual([20_000, 2_260_000]);
    expect(left.calibration?.rigFromCamera).toEqual({
      x: 1.5,
      y: 0.2,
      z: 1.4,
      qw: 0.5,
      qx: -0.5,
      qy: 0.5,
      qz: -0.5,
    });
    expect([late.frames[0].stampUs, late.frames.length]).toEqual([1_020_000, 40]);
    expect(await numbersOf(drive, 2)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(raw.frames[59].stampUs).toBe(2_950_000);
  });
});

describe.skipIf(!hasVideo)("videos without a table", () => {
  test("a single video is a drive without ego motion, asked for by name", async () => {
    const path = join(dir, "dashcams");
    await mkdir(join(path, "deeper"), { recursive: true });
    await cp(clip, join(path, "monday.mp4"));
    await cp(clip, join(path, "deeper", "tuesday.mp4"));
    const found = [];
    for await (const ref of source.list(path)) found.push(ref.id);
    expect(found).toEqual(["folder-deeper-tuesday", "folder-dashcams-monday"]);
    expect(await detectFormat(path)).toEqual([]);
    const drive = await read(join(path, "monday.mp4"));
    expect([drive.id, hasMotion(drive), drive.durationUs]).toEqual([
      "folder-dashcams-monday",
      false,
      2_950_000,
    ]);
    // The last frame at or before every tenth of a second.
    expect(await numbersOf(drive)).toEqual(Array.from({ length: 30 }, (_, k) => 2 * k));
    expect(drive.source.notes[0]).toContain("No ego motion: there is no ego.csv");
    await expect(read(join(path, "monday.mp4"), { cameras: [] })).rejects.toThrow(
      "neither ego motion nor pictures",
    );
    const { imported } = await importDrives(source, path, join(dir, "dashcams-set"));
    expect(imported).toBe(2);
  });

  test("cameras with tables of times share their clock; the first picture is time 0", async () => {
    const times = (fromSecs: number) =>
      csv(Array.from({ length: 60 }, (_, i) => ({ t: fromSecs + i / 20 })));
    const path = await folder("two-cameras", {
      "cameras/left.timestamps.csv": times(500.25),
      "cameras/right.timestamps.csv": times(500),
      "poses.csv": "t,x,y\n",
    });
    for (const name of ["left", "right"]) await cp(clip, join(path, "cameras", `${name}.mp4`));
    const drive = await read(path, { picturesHz: null });
    const [left, right] = drive.cameras.map((c) => c.frames.map((f) => f.stampUs));
    expect([left[0], left[59], right[0], right[59]]).toEqual([250_000, 3_200_000, 0, 2_950_000]);
    expect([drive.id, drive.durationUs]).toEqual(["folder-two-cameras", 3_200_000]);
    // It may be the ego motion under a name that nobody looks for.
    expect(drive.source.notes.join()).toContain("Not read: poses.csv. If one holds the ego motion");
  });

  test("a table that is there but broken stays an error, whatever the videos are", async () => {
    const path = await folder("broken-table", { "ego.csv": "t,x,y\n0,1\n" });
    await cp(clip, join(path, "cameras", "front.mp4"));
    await expect(read(path)).rejects.toThrow("ego.csv row 2: 2 columns; expected 3");
  });
});

test("loose pictures are no drive, and the reason says what to do with them", async () => {
  const path = join(dir, "photographs");
  await mkdir(path);
  for (const name of ["a.jpg", "b.png"]) await writeFile(join(path, name), "");
  const { imported, skipped } = await importDrives(source, path, join(dir, "photographs-set"));
  expect(imported).toBe(0);
  expect(skipped).toMatchObject([{ id: "folder-photographs", code: "unsupported" }]);
  expect(skipped[0].error).toContain("2 pictures that nothing says the times of");
  expect(skipped[0].error).toContain("causeway reason a.jpg --prompt caption");
});

const real = sharedPath("data", "real", "udacity-lanelines");
if (real === null) console.warn("video-folder.test.ts: real case skipped, no shared folder");
test.skipIf(real === null || !hasVideo)("the published lane video comes in by name", async () => {
  const out = join(dir, "real-set");
  const { imported, skipped } = await importDrives(source, real as string, out);
  expect([imported, skipped]).toEqual([1, []]);
  const drive = await (await openDataset(out)).read("folder-test_videos-solidWhiteRight");
  expect(hasMotion(drive)).toBe(false);
  // 221 frames at 25 fps: the last one is shown at 8.8 s.
  expect([drive.durationUs, drive.cameras[0].frames.length]).toEqual([8_800_000, 89]);
});

test("a batch goes on over every kind of bad folder and names each once", async () => {
  const batch = join("batch");
  const put = (name: string, files: Readonly<Record<string, string>>) =>
    folder(join(batch, name), files);
  const lines = csv(plainRows).split("\r\n");
  const spoiled = (line: number, change: (cells: string[]) => string[]) =>
    lines.map((l, i) => (i === line ? change(l.split(",")).join(",") : l)).join("\n");
  const ego = { "ego.csv": csv(plainRows) };
  await put("a-good", ego);
  await put("b-empty", { "ego.csv": "" });
  await put("c-head", { "ego.csv": lines.slice(1).join("\n") });
  await put("d-columns", { "ego.csv": "t,lat,lon\n0,1,2\n" });
  await put("e-cut-row", { "ego.csv": spoiled(9, (c) => c.slice(0, 2)) });
  await put("f-nan", { "ego.csv": spoiled(5, ([t, , y]) => [t, "nan", y]) });
  await put("g-back", { "ego.csv": spoiled(7, ([, x, y]) => ["100", x, y]) });
  await put("h-unit", {
    "ego.csv": csv(rows((t, { x, y }) => ({ t: t * 1e6, x, y }))),
  });
  await put("i-right-handed", {
    "ego.csv": csv(rows((t, { x, y, yaw }) => ({ t, x, y: -y, yaw: yaw + 1.2 }))),
  });
  await put("j-json", { "ego.json": '[{ "t": 0, "x": 1' });
  await put("k-json-row", { "ego.json": "[1, 2]" });
  await put("l-two", { ...ego, "ego.json": "[]" });
  await put("m-yaml", { ...ego, "recording.yaml": "cameras: [" });
  await put("n-field", { ...ego, "recording.yaml": "camera: {}" });
  await put("o-outside", { ...ego, "recording.yaml": "ego: ../a-good/ego.csv" });
  await put("p-no-file", { ...ego, "recording.yaml": "ego: missing.csv" });
  await put("q-no-video", {
    ...ego,
    "recording.yaml": "cameras: { a: { video: cameras/none.mp4 } }",
  });
  await put("r-no-quat", {
    "ego.csv": csv(rows((t, { x, y }) => ({ t, x, y, qw: 2, qx: 0, qy: 0, qz: 0 }))),
  });
  const why: Record<string, string> = {
    "b-empty": "ego.csv: is empty; expected a header line",
    "c-head": "row 1: begins with numbers (100, 700",
    "d-columns": "no columns x and y; it has t, lat, lon",
    "e-cut-row": "ego.csv row 10: 2 columns; expected 3",
    "f-nan": "ego.csv row 6: x is no number; expected a finite number",
    "g-back": "ego.csv row 8: t is 100000000 us after 100250000 us",
    "h-unit": "all rows are more than 0.5 s apart (the first two: 50000 s)",
    "i-right-handed": "degrees off its x axis",
    "j-json": "not valid JSON",
    "k-json-row": "ego.json row 1: is no object",
    "l-two": "ego.csv and ego.json; expected",
    "m-yaml": "not valid YAML",
    "n-field": 'recording.yaml: top level: Unrecognized key: "camera"',
    "o-outside": 'names "../a-good/ego.csv", which is outside of the folder',
    "p-no-file": "missing.csv: cannot be opened (ENOENT)",
    "q-no-video": "none.mp4: is not there; expected a video file",
    "r-no-quat": "quaternion has length 2",
  };
  if (hasVideo) {
    const times = csv(Array.from({ length: 50 }, (_, i) => ({ t: 100 + i / 20 })));
    const withClip = async (name: string, files: Readonly<Record<string, string>>) => {
      const path = await put(name, { ...ego, ...files });
      await cp(clip, join(path, "cameras", "front.mp4"));
      return path;
    };
    await withClip("s-count", { "cameras/front.timestamps.csv": times });
    await withClip("t-clock", {
      "cameras/front.timestamps.csv": csv(Array.from({ length: 60 }, (_, i) => ({ t: i / 20 }))),
    });
    await truncate(join(await withClip("u-cut", {}), "cameras", "front.mp4"), 2000);
    await put("v-raw", { ...ego, "cameras/front.hevc": "\0\0\u0001text" });
    Object.assign(why, {
      "s-count": "has 60 frames and 50 times in front.timestamps.csv",
      "t-clock":
        "none of 60 frames is within the drive: they are shown from -100.000 s to -97.050 s after the first pose",
      "u-cut": "front.mp4: ",
      "v-raw": "a raw stream has no times; expected its frame rate",
    });
  }
  const out = join(dir, "set");
  const result = await importDrives(source, join(dir, batch), out);
  expect(result.imported).toBe(1);
  expect(result.skipped.map((s) => s.id)).toEqual(Object.keys(why).map((n) => `folder-${n}`));
  for (const { id, error } of result.skipped) {
    expect(error).toContain(why[id.slice(7)]);
    expect(error).not.toContain("\n");
  }
  const listed = (await readFile(join(out, "skipped.jsonl"), "utf8")).trim().split("\n");
  expect(listed.map((l) => (JSON.parse(l) as { id: string }).id)).toEqual(
    result.skipped.map((s) => s.id),
  );
});
