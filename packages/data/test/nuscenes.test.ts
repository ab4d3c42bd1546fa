/** nuScenes tables with DriveLM questions whose true motion is known; and DriveLM alone, which has no poses. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng, quatFromYaw, yawOfQuat } from "@causeway/geom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decodeImage,
  type Drive,
  encodeJpeg,
  findSource,
  hasMotion,
  importDrives,
  openDataset,
  type PrepareProgress,
  type ReadOptions,
} from "../src/index.ts";
import { rigAt, speedMps } from "./fake-logs.ts";
import { numberedFrame, readFrameNumber } from "./numbered-frames.ts";
import { sharedPath } from "./shared.ts";

const source = findSource("drivelm");
const startUs = 1_533_280_036_162_460;
const seconds = 4;
/** The first pose in the city's coordinates. */
const place = [600, 1600, 0] as const;

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-nuscenes-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Row = Record<string, unknown>;
type Tables = Record<string, Row[]>;

function poseRow(token: string, us: number, rig: ReturnType<typeof rigAt>): Row {
  const q = quatFromYaw(rig.yaw);
  return {
    token,
    timestamp: us,
    rotation: [q.w, q.x, q.y, q.z],
    translation: [rig.x + place[0], rig.y + place[1], place[2]],
  };
}

/** Scene `a` with a lidar at 20 Hz, a front camera at 12 Hz and boxes at 2 Hz; scene `b` holds nothing but its name. */
function makeTables(): Tables {
  const tables: Tables = {
    scene: ["a", "b"].map((s) => ({
      token: `scene-${s}`,
      log_token: "log",
      first_sample_token: `${s}-0`,
      name: `scene-000${s}`,
      description: "turns left",
    })),
    sample: [],
    sample_data: [],
    ego_pose: [],
    calibrated_sensor: [
      {
        token: "cal-lidar",
        sensor_token: "lidar",
        translation: [0.9, 0, 1.8],
        rotation: [1, 0, 0, 0],
        camera_intrinsic: [],
      },
      {
        token: "cal-front",
        sensor_token: "front",
        translation: [1.7, 0.02, 1.5],
        rotation: [0.5, -0.5, 0.5, -0.5],
        camera_intrinsic: [
          [126, 0, 81],
          [0, 127, 49],
          [0, 0, 1],
        ],
      },
    ],
    sensor: [
      { token: "lidar", channel: "LIDAR_TOP", modality: "lidar" },
      { token: "front", channel: "CAM_FRONT", modality: "camera" },
    ],
    log: [{ token: "log", location: "singapore-onenorth", date_captured: "2018-08-03" }],
    sample_annotation: [],
    instance: [
      { token: "i1", category_token: "c1" },
      { token: "i2", category_token: "c2" },
    ],
    category: [
      { token: "c1", name: "vehicle.bus.rigid" },
      { token: "c2", name: "human.pedestrian.adult" },
    ],
  };
  for (let k = 0; k <= seconds * 2; k++) {
    const us = startUs + k * 500_000;
    tables.sample.push({ token: `a-${k}`, timestamp: us, scene_token: "scene-a" });
    const box = (instance: string, x: number, height: number) => ({
      token: `${instance}-${k}`,
      sample_token: `a-${k}`,
      instance_token: instance,
      translation: [place[0] + x, place[1] + 7, place[2] + height / 2],
      size: [2.5, 11, height],
      rotation: [Math.SQRT1_2, 0, 0, Math.SQRT1_2],
    });
    tables.sample_annotation.push(box("i1", 20 + 3 * k * 0.5, 3.2));
    if (k > 0) tables.sample_annotation.push(box("i2", 9, 1.8));
  }
  const add = (sensor: string, i: number, us: number, filename: string) => {
    const t = (us - startUs) * 1e-6;
    const token = `${sensor}-${i}`;
    // A camera's pose differs by noise from the lidar's at the same time.
    const rig = rigAt(t, 0.4);
    const noise = sensor === "front" ? 0.05 * (-1) ** i : 0;
    tables.ego_pose.push(poseRow(token, us, { ...rig, x: rig.x + noise }));
    tables.sample_data.push({
      token,
      sample_token: `a-${Math.min(Math.round(t * 2), seconds * 2)}`,
      ego_pose_token: token,
      calibrated_sensor_token: `cal-${sensor}`,
      timestamp: us,
      width: 160,
      height: 96,
      filename,
      is_key_frame: false,
    });
  };
  for (let i = 0; i <= seconds * 20; i++)
    add("lidar", i, startUs + i * 50_000, `sweeps/L/${i}.bin`);
  for (let i = 0; i < seconds * 12; i++) {
    const us = startUs + 10_000 + Math.round((i * 1e6) / 12);
    add("front", i, us, `${i % 6 === 0 ? "samples" : "sweeps"}/CAM_FRONT/${us}.jpg`);
  }
  return tables;
}

const drivelm = {
  "scene-a": {
    scene_description: "The ego vehicle turns left.",
    key_frames: {
      "a-2": {
        key_object_infos: {
          "<c1,CAM_FRONT,80.5,48.0>": {
            Category: "Vehicle",
            Status: null,
            Visual_description: "White bus.",
            "2d_bbox": [60, 30, 101, 66.5],
          },
          "<c2,CAM_FRONT,1,1>": { Category: 7, "2d_bbox": [1, 2] },
        },
        QA: {
          perception: [{ Q: "What is there?", A: "A bus." }],
          behavior: [{ Q: "Predict the behavior.", A: "The ego vehicle is steering to the left." }],
        },
        image_paths: {},
      },
      "a-99": { QA: { behavior: [{ Q: "?", A: "Not of this scene." }] } },
    },
  },
  "scene-c": { key_frames: {} },
};

async function write(
  name: string,
  tables: Tables | null,
  answers: unknown = null,
): Promise<string> {
  const path = join(dir, name);
  await mkdir(join(path, "v1.0-mini"), { recursive: true });
  for (const [table, rows] of Object.entries(tables ?? {})) {
    await writeFile(join(path, "v1.0-mini", `${table}.json`), JSON.stringify(rows, null, 1));
  }
  if (answers !== null) {
    const text = typeof answers === "string" ? answers : JSON.stringify(answers);
    await writeFile(join(path, "v1_1_train_nus.json"), text);
  }
  return path;
}

async function writePictures(path: string, tables: Tables, isKept: (i: number) => boolean) {
  const rows = tables.sample_data.filter((r) => r.calibrated_sensor_token === "cal-front");
  for (const [i, row] of rows.entries()) {
    if (!isKept(i)) continue;
    const file = join(path, row.filename as string);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, await encodeJpeg(numberedFrame(i)));
  }
}

async function read(path: string, entry: string, options: ReadOptions = {}): Promise<Drive> {
  for await (const ref of source.list(path))
    if (ref.entry === entry) return source.read(ref, options);
  throw new Error(`no ${entry}`);
}

describe("nuScenes", () => {
  let path = "";
  const tables = makeTables();
  beforeAll(async () => {
    path = await write("whole", tables, drivelm);
    // Two sweeps are not on the disk.
    await writePictures(path, tables, (i) => i !== 7 && i !== 8);
  });

  test("motion is that of the lidar's poses, from the first one on", async () => {
    const drive = await read(path, "scene-a");
    const { egoMotion: m } = drive;
    expect([drive.id, drive.durationUs, m.stampUs.length]).toEqual([
      "nuscenes-scene-000a",
      4e6,
      81,
    ]);
    for (let i = 0; i < m.stampUs.length; i++) {
      const rig = rigAt(i / 20, 0.4);
      expect(Math.hypot(m.x[i] - rig.x, m.y[i] - rig.y, m.z[i])).toBeLessThan(1e-9);
      expect(yawOfQuat({ w: m.qw[i], x: 0, y: 0, z: m.qz[i] })).toBeCloseTo(rig.yaw, 9);
      expect(Math.hypot(m.vx[i], m.vy[i])).toBeCloseTo(speedMps, 1);
    }
    expect(drive.source.recording).toBe("nuscenes-log");
    expect(drive.source.facts).toEqual({
      location: "singapore-onenorth",
      date: "2018-08-03",
      description: "The ego vehicle turns left.",
    });
  });

  test("pictures have their own times and lens; those that are not there are counted", async () => {
    const drive = await read(path, "scene-a");
    const [camera] = drive.cameras;
    expect(drive.cameras).toHaveLength(1);
    expect(camera.calibration).toEqual({
      model: "pinhole",
      width: 160,
      height: 96,
      fx: 126,
      fy: 127,
      cx: 81,
      cy: 49,
      rigFromCamera: { x: 1.7, y: 0.02, z: 1.5, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 },
    });
    for (const { stampUs, bytes } of camera.frames) {
      const number = readFrameNumber(await decodeImage(bytes));
      expect(stampUs).toBe(10_000 + Math.round((number * 1e6) / 12));
    }
    expect(drive.source.notes.join("\n")).toContain(
      "2 pictures of the tables are not on this disk",
    );
  });

  test("boxes stand on the ground with their speed; classes become kinds", async () => {
    const { actors } = await read(path, "scene-a");
    expect(actors).toHaveLength(9);
    expect(actors?.[4].actors[0]).toMatchObject({
      id: 1,
      kind: "truck",
      x: 26,
      y: 7,
      z: 0,
      lengthM: 11,
      widthM: 2.5,
      heightM: 3.2,
    });
    expect(actors?.[4].actors[0].speedMps).toBeCloseTo(3, 9);
    expect(actors?.[4].actors[0].yaw).toBeCloseTo(Math.PI / 2, 9);
    expect(actors?.map((f) => f.actors.length)).toEqual([1, 2, 2, 2, 2, 2, 2, 2, 2]);
    expect(actors?.[1].actors[1]).toMatchObject({ id: 2, kind: "pedestrian", speedMps: 0 });
  });

  test("DriveLM's questions are part of the drive, its answers on behaviour the reasoning too", async () => {
    const drive = await read(path, "scene-a");
    const text = "The ego vehicle is steering to the left.";
    expect(drive.reasoning).toEqual([{ stampUs: 1_000_000, text }]);
    expect(drive.questions).toEqual([
      {
        stampUs: 1_000_000,
        questions: [
          { kind: "perception", question: "What is there?", answer: "A bus." },
          { kind: "behavior", question: "Predict the behavior.", answer: text },
        ],
        objects: [
          {
            name: "<c1,CAM_FRONT,80.5,48.0>",
            category: "Vehicle",
            status: null,
            description: "White bus.",
            boxPx: [60, 30, 101, 66.5],
          },
          // What is no word and no box is left out, and the file is still read.
          {
            name: "<c2,CAM_FRONT,1,1>",
            category: null,
            status: null,
            description: null,
            boxPx: null,
          },
        ],
      },
    ]);
    expect(drive.source.notes.join("\n")).toContain("1 key frames outside the scene left out");
  });

  test("a question keeps the picture of its moment at any picture rate", async () => {
    const { cameras } = await read(path, "scene-a", { picturesHz: 0.3 });
    // Ticks at 0 s (before the first picture) and 3.33 s; the question is at 1 s, between frames 11 and 12.
    const numbers = cameras[0].frames.map((f) => Math.round(((f.stampUs - 10_000) * 12) / 1e6));
    expect(numbers).toEqual([11, 39]);
  });

  test("without a DriveLM file all scenes of the tables are listed; drives are stored and read back", async () => {
    const plain = await write("plain", tables);
    const result = await importDrives(source, plain, join(dir, "plain-set"));
    expect([result.imported, result.skipped.map((s) => s.id)]).toEqual([
      1,
      ["nuscenes-scene-000b"],
    ]);
    const drive = await (await openDataset(join(dir, "plain-set"))).read("nuscenes-scene-000a");
    expect([drive.reasoning, drive.cameras, drive.actors?.length]).toEqual([undefined, [], 9]);
    const again = await importDrives(source, plain, join(dir, "plain-set"));
    expect(again.unchanged).toBe(1);
  });

  test("the order of rows in the tables does not matter", async () => {
    const mixed = makeTables();
    const rng = createRng(3);
    for (const name of ["sample", "sample_data", "ego_pose"]) {
      mixed[name] = mixed[name]
        .map((row) => ({ row, key: rng.next() }))
        .sort((a, b) => a.key - b.key)
        .map(({ row }) => row);
    }
    const other = await read(await write("mixed", mixed), "scene-a");
    const plain = await read(await write("in-order", makeTables()), "scene-a");
    expect(other).toEqual(plain);
  });

  test("the scenes are listed without the large tables; these are read once and say how far they are", async () => {
    const tables = makeTables();
    const folder = await write("watched", tables);
    const size = await Promise.all(
      ["sample_data", "ego_pose", "sample_annotation"].map(
        async (name) => (await stat(join(folder, "v1.0-mini", `${name}.json`))).size,
      ),
    );
    const seen: PrepareProgress[] = [];
    await importDrives(source, folder, join(dir, "watched-set"), {
      onPrepare: (progress) => seen.push(progress),
    });
    const [data, poses, boxes] = size.map((bytes) => bytes / 1e6);
    expect(seen.map((p) => p.note)).toEqual([
      "MB, sample_data.json",
      "MB, ego_pose.json",
      "MB, sample_annotation.json",
    ]);
    expect(seen.map((p) => p.done)).toEqual(
      [data, data + poses, data + poses + boxes].map((mb) => expect.closeTo(mb, 9)),
    );
    const without = await write("not-there", { scene: tables.scene, ego_pose: [] });
    const ids: string[] = [];
    for await (const { id } of source.list(without)) ids.push(id);
    expect(ids).toEqual(["nuscenes-scene-000a", "nuscenes-scene-000b"]);
  });

  test("a stop while tables are read ends the import; the next one reads them", async () => {
    const folder = await write("stopped", makeTables());
    const out = join(dir, "stopped-set");
    const stop = new AbortController();
    const signal = stop.signal;
    const onPrepare = () => stop.abort();
    await expect(importDrives(source, folder, out, { onPrepare, signal })).rejects.toThrow(
      /abort/i,
    );
    expect((await importDrives(source, folder, out)).imported).toBe(1);
  });
});

describe("DriveLM without tables", () => {
  const cameras = ["CAM_FRONT", "CAM_BACK_LEFT", "CAM_BACK"];
  const laterUs = { CAM_FRONT: 8_000, CAM_BACK_LEFT: 0, CAM_BACK: 43_000 };
  const nameOf = (camera: string, frame: number) => {
    const at = startUs + frame * 3_000_000 + laterUs[camera as keyof typeof laterUs];
    return `samples/${camera}/n015-2018-08-03-15-00-36+0800__${camera}__${at}.jpg`;
  };
  /** Key frame `k`: a question that names its number, and three pictures that show it. */
  const keyFrame = (k: number) => ({
    key_object_infos: {},
    QA: {
      planning: [{ Q: `What now, <c1,CAM_BACK,${k}.0,9.5>?`, A: `Brake ${k}.` }],
      behavior: [{ Q: "Predict.", A: `Going straight ${k}.` }],
    },
    image_paths: Object.fromEntries(cameras.map((c) => [c, `../nuscenes/${nameOf(c, k)}`])),
  });
  const scenes = {
    seen: {
      scene_description: "It halts.",
      // Not in time order, as in the published file.
      key_frames: { k1: keyFrame(1), k0: keyFrame(0), k2: keyFrame(2), k3: keyFrame(3) },
    },
    unseen: { key_frames: { u0: keyFrame(70) } },
  };
  let path = "";
  beforeAll(async () => {
    path = await write("pictures", null, scenes);
    for (const k of [0, 1, 2])
      for (const [c, camera] of cameras.entries()) {
        // One picture of the last key frame is not there, and none of key frame 3.
        if (k === 2 && camera === "CAM_FRONT") continue;
        const file = join(path, "challenge", "nuscenes", nameOf(camera, k));
        await mkdir(join(file, ".."), { recursive: true });
        await writeFile(file, await encodeJpeg(numberedFrame(10 * k + c)));
      }
  });

  test("key frames are a drive without ego motion, timed by the names of the files", async () => {
    const drive = await read(path, "seen");
    expect(hasMotion(drive)).toBe(false);
    expect(drive.cameras.map((c) => [c.name, ...c.frames.map((f) => f.stampUs)])).toEqual([
      ["CAM_BACK", 43_000, 3_043_000, 6_043_000],
      ["CAM_BACK_LEFT", 0, 3_000_000, 6_000_000],
      ["CAM_FRONT", 8_000, 3_008_000],
    ]);
    const [back] = drive.cameras;
    const shown = await Promise.all(
      back.frames.map(async (f) => readFrameNumber(await decodeImage(f.bytes))),
    );
    expect(shown).toEqual([2, 12, 22]);
    expect(drive.durationUs).toBe(6_043_000);
    expect(drive.source.recording).toBe("nuscenes-n015-2018-08-03-15-00-36_0800");
    const notes = drive.source.notes.join("\n");
    expect(notes).toContain("No ego motion");
    expect(notes).toContain("4 pictures of the key frames are not on this disk");
    expect(notes).toContain("1 key frames without a picture left out");
  });

  test("questions are at the last camera of their key frame, so that it is the one shown", async () => {
    const { questions, reasoning } = await read(path, "seen");
    expect(questions?.map((q) => [q.stampUs, q.questions[0].answer])).toEqual([
      [43_000, "Brake 0."],
      [3_043_000, "Brake 1."],
      [6_043_000, "Brake 2."],
    ]);
    expect(reasoning?.map((r) => r.text)).toEqual([0, 1, 2].map((k) => `Going straight ${k}.`));
    expect(questions?.[1].questions).toEqual([
      { kind: "planning", question: "What now, <c1,CAM_BACK,1.0,9.5>?", answer: "Brake 1." },
      { kind: "behavior", question: "Predict.", answer: "Going straight 1." },
    ]);
  });

  test("a scene without pictures is skipped, and the batch says what it is that lacks", async () => {
    const out = join(dir, "pictures-set");
    const { imported, skipped } = await importDrives(source, path, out);
    expect([imported, skipped.map((s) => [s.id, s.code])]).toEqual([
      1,
      [["nuscenes-unseen", "missing"]],
    ]);
    expect(skipped[0].error).toContain("neither ego poses nor pictures here");
    const set = await openDataset(out);
    expect(set.drives).toMatchObject([{ id: "nuscenes-seen", hasMotion: false, questions: 6 }]);
    expect(await set.read("nuscenes-seen")).toEqual(await read(path, "seen"));
    expect((await importDrives(source, path, out)).unchanged).toBe(1);
  });

  test("a picture that changed is imported again", async () => {
    const out = join(dir, "changed-set");
    await importDrives(source, path, out);
    const file = join(path, "challenge", "nuscenes", nameOf("CAM_BACK", 1));
    await writeFile(file, await encodeJpeg(numberedFrame(500)));
    expect(await importDrives(source, path, out)).toMatchObject({ imported: 1, unchanged: 0 });
  });

  test("without any of its pictures nothing would be left", async () => {
    await expect(read(path, "seen", { cameras: [] })).rejects.toThrow("nothing would be left");
    const one = await read(path, "seen", { cameras: ["CAM_BACK"] });
    expect(one.cameras.map((c) => c.name)).toEqual(["CAM_BACK"]);
  });
});

describe("bad input", () => {
  test("a batch with DriveLM scenes that the tables lack names each of them", async () => {
    const path = await write("lacking", makeTables(), drivelm);
    const out = join(dir, "lacking-set");
    const result = await importDrives(source, path, out);
    expect(result.imported).toBe(1);
    expect(result.skipped).toMatchObject([{ id: "nuscenes-scene-c", code: "missing" }]);
    expect(result.skipped[0].error).toContain("has no scene scene-c, which the DriveLM file names");
    expect((await readFile(join(out, "skipped.jsonl"), "utf8")).trim().split("\n")).toHaveLength(1);
  });

  test("DriveLM alone, without pictures: every scene says what to get", async () => {
    const path = await write("alone", null, drivelm);
    const result = await importDrives(source, path, join(dir, "alone-set"));
    expect(result.imported).toBe(0);
    expect(result.skipped).toHaveLength(2);
    for (const { error } of result.skipped) {
      expect(error).toContain("Expected tables or the folder samples");
      expect(error).not.toContain("\n");
    }
  });

  test.each<[string, (t: Tables) => void, string]>([
    ["a pose that is not there", (t) => t.ego_pose.splice(9, 1), "no row lidar-9"],
    [
      "a time that is text",
      (t) => (t.ego_pose[3].timestamp = "x"),
      "ego_pose.json row 4: timestamp",
    ],
    [
      "a rotation of no unit length",
      (t) => (t.ego_pose[3].rotation = [2, 0, 0, 0]),
      "quaternion has length 2",
    ],
    ["a jump", (t) => (t.ego_pose[30].translation = [0, 0, 0]), "position jumps"],
    ["a channel that is not there", (t) => t.sensor.splice(0, 1), "no row lidar"],
    [
      "two poses of one token",
      (t) => t.ego_pose.push({ ...t.ego_pose[3] }),
      "ego_pose.json row 130: token lidar-3 is that of row 4 too",
    ],
    [
      "two rows of one picture",
      (t) => t.sample_data.splice(1, 0, { ...t.sample_data[0] }),
      "sample_data.json row 2: token lidar-0 is that of row 1 too",
    ],
    [
      "a box that is counted twice",
      (t) => t.sample_annotation.push({ ...t.sample_annotation[0] }),
      "sample_annotation.json row 18: token i1-0 is that of row 1 too",
    ],
    [
      "a scene that is there twice",
      (t) => t.scene.push({ ...t.scene[0] }),
      "scene.json row 3: token scene-a is that of row 1 too",
    ],
    [
      "no table of poses",
      (t) => (t.ego_pose = null as never),
      "ego_pose.json byte 0: holds no list",
    ],
    ["a box of two numbers", (t) => (t.sample_annotation[5].size = [1, 2]), "row 6: size"],
  ])("tables with %s", async (name, spoil, why) => {
    const tables = makeTables();
    spoil(tables);
    const path = await write(name.replaceAll(" ", "-"), tables);
    const { imported, skipped } = await importDrives(source, path, join(dir, `${name}-set`));
    expect(imported).toBe(0);
    expect(skipped[0].error).toContain(why);
    expect(skipped[0].error).not.toContain("\n");
  });

  test("a table that was cut, or holds something else, costs each scene and is named by it", async () => {
    for (const [i, [name, text, why]] of (
      [
        [
          "sample_data",
          '[{"token": "a", ',
          /sample_data\.json row 1 byte 16: the file ends inside/,
        ],
        ["ego_pose", '{"rows": []}', /ego_pose\.json byte 0: holds no list/],
        ["sample", "[{]}]", /sample\.json row 1: not valid JSON/],
        ["sample_annotation", "", /sample_annotation\.json byte 0: the file is empty/],
      ] as const
    ).entries()) {
      const path = await write(`cut-${i}`, makeTables());
      await writeFile(join(path, "v1.0-mini", `${name}.json`), text);
      const { imported, skipped } = await importDrives(source, path, join(dir, `cut-${i}-set`));
      expect([imported, skipped.map((s) => s.id)]).toEqual([
        0,
        ["nuscenes-scene-000a", "nuscenes-scene-000b"],
      ]);
      for (const { error } of skipped) expect(error).toMatch(why);
    }
  });

  test("a file that is not DriveLM's says which field is wrong", async () => {
    for (const [i, text] of [
      '{"s": 1}',
      "{",
      '{"s": {"key_frames": {"k": {"QA": {"behavior": [1]}}}}}',
    ].entries()) {
      const path = await write(`text-${i}`, null, text);
      const { skipped } = await importDrives(source, path, join(dir, `text-${i}-set`));
      expect(skipped.map((s) => s.id)).toEqual([`nuscenes-text-${i}`]);
      expect(skipped[0].error).toMatch(
        /v1_1_train_nus\.json: (s: Invalid|not valid JSON|s\.key_frames\.k\.QA\.behavior\.0)/,
      );
    }
  });
});

const real = sharedPath("data", "real", "drivelm-nuscenes");
if (real === null) console.warn("nuscenes.test.ts: real case skipped, no shared folder");
test.skipIf(real === null)(
  "the published DriveLM sample: one scene with pictures comes in, the other says what it lacks",
  async () => {
    const out = join(dir, "real-set");
    const { imported, skipped } = await importDrives(source, real as string, out);
    expect(imported).toBe(1);
    expect(skipped.map((s) => s.id)).toEqual(["nuscenes-f0f120e4d4b0441da90ec53b16ee169d"]);
    const drive = await (await openDataset(out)).read("nuscenes-54cdaaae372d421fa4734d66f51a8c48");
    expect(drive.cameras.map((c) => [c.name, c.frames.length])).toEqual(
      ["BACK", "BACK_LEFT", "BACK_RIGHT", "FRONT", "FRONT_LEFT", "FRONT_RIGHT"].map((c) => [
        `CAM_${c}`,
        5,
      ]),
    );
    // Key frames begin at CAM_FRONT_LEFT …036154844 and end at CAM_BACK_LEFT …048197442.
    expect([drive.cameras[4].frames[0].stampUs, drive.durationUs]).toEqual([0, 12_042_598]);
    // Counted in the file with jq.
    const count = (kind: string) =>
      drive.questions?.map((f) => f.questions.filter((q) => q.kind === kind).length);
    expect(count("behavior")).toEqual([1, 1, 1, 1, 1]);
    expect(drive.questions?.flatMap((f) => f.questions)).toHaveLength(479);
    expect(drive.reasoning).toHaveLength(5);
    for (const frame of drive.questions ?? [])
      for (const { frames } of drive.cameras) {
        const last = frames.findLast((f) => f.stampUs <= frame.stampUs);
        expect(frame.stampUs - (last?.stampUs ?? -1e9)).toBeLessThan(50_000);
      }
  },
);
