/** Importers on small made-up logs whose true motion is known, and on bad ones. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EgoMotion, yawOfQuat } from "@causeway/geom";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  decodeImage,
  detectFormat,
  type Drive,
  type DriveRef,
  type DriveSource,
  findSource,
  findVideoBackend,
  FormatError,
  writeVideo,
} from "../src/index.ts";
import { argoverse2Source } from "../src/sources/argoverse2.ts";
import { markingOf, middleOf } from "../src/sources/argoverse2-map.ts";
import { smoothedRate } from "../src/sources/camera-poses.ts";
import { comma2k19Source, commaMountM } from "../src/sources/comma2k19.ts";
import { readFeather } from "../src/sources/feather.ts";
import { ecefFromGeodetic, geodeticFromEcef } from "../src/sources/earth.ts";
import { kittiMount, kittiSource, parseKittiPoses } from "../src/sources/kitti.ts";
import { parseNpy } from "../src/sources/npy.ts";
import {
  feather,
  firstNs,
  kittiLines,
  npy,
  rigAt,
  speedMps,
  writeArgoverse2Log,
  writeCommaLog,
  yawRateRadps,
} from "./fake-logs.ts";
import { numberedFrame, readFrameNumber } from "./numbered-frames.ts";

const hasVideo = (await findVideoBackend()) !== null;
if (!hasVideo) console.warn("sources.test.ts: video cases skipped, no video decoder here");

let root: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "sources-"));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

async function refsOf(source: DriveSource, path: string): Promise<DriveRef[]> {
  const refs = [];
  for await (const ref of source.list(path)) refs.push(ref);
  return refs;
}

async function onlyDrive(source: DriveSource, path: string): Promise<Drive> {
  const refs = await refsOf(source, path);
  expect(refs).toHaveLength(1);
  return source.read(refs[0]);
}

async function failure(work: Promise<unknown>): Promise<FormatError> {
  try {
    await work;
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  throw new Error("expected a FormatError");
}

/** Largest distance from the circle that the made-up car drives, turned by its first heading. */
function circleErrors(motion: EgoMotion, yaw0: number) {
  let position = 0;
  let yaw = 0;
  let velocity = 0;
  for (let i = 0; i < motion.stampUs.length; i++) {
    const truth = rigAt(motion.stampUs[i] * 1e-6, yaw0);
    position = Math.max(
      position,
      Math.hypot(motion.x[i] - truth.x, motion.y[i] - truth.y, motion.z[i]),
    );
    const q = { w: motion.qw[i], x: motion.qx[i], y: motion.qy[i], z: motion.qz[i] };
    yaw = Math.max(yaw, Math.abs(Math.sin(yawOfQuat(q) - truth.yaw)));
    velocity = Math.max(
      velocity,
      Math.hypot(
        motion.vx[i] - speedMps * Math.cos(truth.yaw),
        motion.vy[i] - speedMps * Math.sin(truth.yaw),
        motion.vz[i],
      ),
    );
  }
  return { position, yaw, velocity };
}

describe("comma2k19", () => {
  const log = { seconds: 8, turnLeftRad: 0.0157, downRad: 0.02, ...commaMountM };

  test("gives the motion of the rear axle, the camera's turn and place removed", async () => {
    await writeCommaLog(folder, log);
    const drive = await onlyDrive(comma2k19Source, folder);
    const errors = circleErrors(drive.egoMotion, 0.5);
    // On a curve the camera slips outwards by atan(1.9 * 0.1 / 10) = 0.019 rad: the measured turn cannot tell that apart.
    expect(errors.yaw).toBeLessThan(0.0195);
    expect(errors.position).toBeLessThan(0.04);
    expect(errors.velocity).toBeLessThan(0.01);
    expect(drive.durationUs).toBe(7_950_000);
    expect(drive.source.recording).toBe("comma2k19-aaaaaaaaaaaaaaaa_2018-01-01--00-00-00");
    expect(drive.id).toBe("comma2k19-aaaaaaaaaaaaaaaa_2018-01-01--00-00-00-3");
    expect(drive.source.notes.join()).toContain("1.15 degrees below");
  });

  test.skipIf(!hasVideo)(
    "the raw HEVC stream gives one picture per row of the poses, on their clock",
    async () => {
      const segment = await writeCommaLog(folder, log);
      const clip = join(folder, "clip.mp4");
      const pictures = Array.from({ length: 160 }, (_, i) => numberedFrame(i));
      await writeVideo(pictures, clip, { width: 160, height: 96, fps: 20 });
      const encode = (frames: number) => {
        const args = ["-nostdin", "-y", "-loglevel", "error", "-i", clip];
        args.push("-frames:v", String(frames), "-c:v", "libx265");
        args.push("-x265-params", "bframes=0:log-level=none", "-f", "hevc");
        const { stderr } = spawnSync("ffmpeg", [...args, join(segment, "video.hevc")]);
        expect(stderr.toString()).toBe("");
      };
      encode(160);
      const drive = await onlyDrive(comma2k19Source, folder);
      const [camera] = drive.cameras;
      const numbers = await Promise.all(
        camera.frames.map(async (f) => readFrameNumber(await decodeImage(f.bytes))),
      );
      // 20 Hz, of which the 10 Hz grid keeps every other one.
      expect(numbers).toEqual(Array.from({ length: 80 }, (_, k) => 2 * k));
      expect(camera.frames.map((f) => f.stampUs)).toEqual(numbers.map((n) => n * 50_000));
      expect([camera.name, camera.calibration]).toEqual(["camera_front", null]);
      const [ref] = await refsOf(comma2k19Source, folder);
      expect(ref.files).toContain(join(segment, "video.hevc"));
      expect((await comma2k19Source.read(ref, { cameras: [] })).cameras).toEqual([]);
      encode(150);
      const error = await failure(onlyDrive(comma2k19Source, folder));
      expect(error.message).toContain("has 150 frames and 160 rows of frame_times");
      const cut = await comma2k19Source.read(ref, { includeInvalid: true });
      // Every other frame, and the last one for the ticks after it.
      expect(cut.cameras[0].frames).toHaveLength(76);
      await writeFile(join(segment, "video.hevc"), "no video");
      const none = await failure(onlyDrive(comma2k19Source, folder));
      expect(none.message).toContain("no picture in it");
    },
  );

  test("earth coordinates go there and back", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1.5, max: 1.5, noNaN: true }),
        fc.double({ min: -3.1, max: 3.1, noNaN: true }),
        fc.double({ min: -400, max: 9000, noNaN: true }),
        (latRad, lonRad, altM) => {
          const back = geodeticFromEcef(...ecefFromGeodetic({ latRad, lonRad, altM }));
          expect(Math.abs(back.latRad - latRad)).toBeLessThan(1e-11);
          expect(Math.abs(back.lonRad - lonRad)).toBeLessThan(1e-11);
          expect(Math.abs(back.altM - altM)).toBeLessThan(1e-4);
        },
      ),
    );
  });

  test.each(["frame_times", "frame_positions", "frame_velocities", "frame_orientations"])(
    "a folder without %s names the array that is missing",
    async (name) => {
      const segment = await writeCommaLog(folder, log);
      await rm(join(segment, "global_pose", name));
      const error = await failure(onlyDrive(comma2k19Source, folder));
      expect(error.code).toBe("missing");
      expect(error.message).toContain(join("global_pose", name));
    },
  );

  test("a NaN pose names file, row and column", async () => {
    const segment = await writeCommaLog(folder, log);
    const path = join(segment, "global_pose", "frame_positions");
    const bytes = await readFile(path);
    bytes.writeDoubleLE(Number.NaN, 128 + 8 * (3 * 41 + 1));
    await writeFile(path, bytes);
    const error = await failure(onlyDrive(comma2k19Source, folder));
    expect(error.message).toContain(`${path} row 42: column 2 is NaN; expected a finite number`);
  });

  test("times that go back name the row and both values", async () => {
    const segment = await writeCommaLog(folder, log);
    const path = join(segment, "global_pose", "frame_times");
    const bytes = await readFile(path);
    bytes.writeDoubleLE(1000.5, 128 + 8 * 20);
    await writeFile(path, bytes);
    const error = await failure(onlyDrive(comma2k19Source, folder));
    expect(error.message).toContain("row 21: time 1000.5 comes after 1000.95");
  });

  test("arrays of different lengths and positions that are no earth coordinates are refused", async () => {
    const segment = await writeCommaLog(folder, log);
    const times = join(segment, "global_pose", "frame_times");
    const whole = await readFile(times);
    await writeFile(times, npy([2], [1, 2]));
    expect((await failure(onlyDrive(comma2k19Source, folder))).message).toContain(
      "array of shape (160, 3); expected (2, 3)",
    );
    await writeFile(times, whole);
    await writeFile(
      join(segment, "global_pose", "frame_positions"),
      npy(
        [160, 3],
        Array.from({ length: 480 }, () => 1),
      ),
    );
    expect((await failure(onlyDrive(comma2k19Source, folder))).message).toContain("earth-centred");
  });
});

describe("npy", () => {
  test("reads back what was written, and nothing that is cut, longer or pickled", () => {
    expect(parseNpy(npy([2, 3], [1, 2, 3, 4, 5, 6]), "a")).toEqual({
      shape: [2, 3],
      values: Float64Array.of(1, 2, 3, 4, 5, 6),
    });
    const bytes = npy([4], [1, 2, 3, 4]);
    expect(() => parseNpy(bytes.subarray(0, bytes.length - 1), "a")).toThrow(
      "a byte 159: an array of shape (4,) <f8 needs 160 bytes; the file has 159",
    );
    expect(() => parseNpy(Buffer.concat([bytes, Buffer.from([0])]), "a")).toThrow("has 161");
    expect(() => parseNpy(npy([1], [1], "|O"), "a")).toThrow("expected C order and one of");
    expect(() => parseNpy(Buffer.from("PK\x03\x04 something else"), "a")).toThrow(
      "not a NumPy array",
    );
  });

  test("any bytes give an array or a FormatError", () => {
    const good = npy([4], [1, 2, 3, 4]);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = Buffer.from(good);
        bytes[at] = value;
        try {
          parseNpy(bytes, "a");
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});

describe("kitti-odometry", () => {
  test("gives the motion of the rear axle at 10 Hz, axes turned", async () => {
    await writeFile(join(folder, "04.txt"), `${kittiLines(60, kittiMount.aheadM).join("\n")}\n`);
    const drive = await onlyDrive(kittiSource, folder);
    const errors = circleErrors(drive.egoMotion, 0);
    expect(errors.position).toBeLessThan(1e-6);
    expect(errors.yaw).toBeLessThan(1e-6);
    expect(errors.velocity).toBeLessThan(1e-3);
    expect(drive.id).toBe("kitti-odometry-04");
    expect(drive.source.notes.join()).toContain("10 Hz assumed");
  });

  test("slopes of a cubic are exact, at the ends too", () => {
    const t = Float64Array.from({ length: 30 }, (_, i) => i * 0.1);
    const rate = smoothedRate(
      t.map((s) => 2 - s + 3 * s * s - 0.7 * s ** 3),
      0.1,
    );
    for (let i = 0; i < t.length; i++) {
      expect(rate[i]).toBeCloseTo(-1 + 6 * t[i] - 2.1 * t[i] ** 2, 9);
    }
    expect([...smoothedRate(Float64Array.of(0, 1, 4), 1)]).toEqual([1, 2, 3]);
  });

  test.each<[string, (lines: string[]) => void, string]>([
    [
      "11 columns",
      (l) => l.splice(4, 1, l[4].split(" ").slice(1).join(" ")),
      "row 5: 11 columns; expected 12",
    ],
    ["an empty line inside", (l) => l.splice(4, 1, ""), "row 5: 0 columns; expected 12"],
    ["NaN", (l) => l.splice(2, 1, l[2].replace(/^\S+/, "nan")), 'row 3: column 1 is "nan"'],
    [
      "no rotation",
      (l) => l.splice(6, 1, l[6].replace(/^\S+/, "2.0")),
      "row 7: the 3x3 part is no rotation",
    ],
    ["a jump", (l) => l.splice(9, 1, l[9].replace(/\S+$/, "500")), "row 10: position jumps"],
    ["one pose", (l) => l.splice(1), "1 poses; expected at least 2"],
  ])("a file with %s names the line", async (_, spoil, message) => {
    const lines = kittiLines(30, 1);
    spoil(lines);
    await writeFile(join(folder, "04.txt"), lines.join("\n"));
    const error = await failure(onlyDrive(kittiSource, folder));
    expect(error.message).toContain(join(folder, "04.txt"));
    expect(error.message).toContain(message);
  });

  test("a binary file is no pose file", () => {
    expect(() => parseKittiPoses("\x00\x01\x02", "x")).toThrow("1 columns; expected 12");
  });
});

describe("argoverse2", () => {
  test("gives motion, boxes and map in one world around the first pose", async () => {
    await writeArgoverse2Log(folder);
    const drive = await onlyDrive(argoverse2Source, folder);
    // Near-duplicates are 4 cm off: had they stayed, speeds would be wrong by hundreds of m/s.
    const errors = circleErrors(drive.egoMotion, 0);
    expect(errors.position).toBeLessThan(1e-3);
    expect(errors.yaw).toBeLessThan(1e-6);
    // The two ends are one-sided differences over 0.05 s of a car that turns with 1 m/s².
    expect(errors.velocity).toBeLessThan(0.03);
    expect(drive.egoMotion.stampUs[1]).toBe(20_000);
    expect(drive.durationUs).toBe(12_000_000);
    const boxes = drive.actors?.flatMap((f) => f.actors) ?? [];
    expect(boxes).toHaveLength(120);
    for (const box of boxes) {
      expect(box).toMatchObject({ id: 1, kind: "car", lengthM: 4.5, widthM: 1.9, heightM: 1.5 });
      expect(Math.hypot(box.x - 30, box.y - 5, box.z)).toBeLessThan(1e-3);
      expect(box.yaw).toBeCloseTo(0.7, 5);
      expect(box.speedMps).toBeLessThan(0.02);
    }
    expect(drive.map?.lanes).toHaveLength(1);
    const lane = drive.map?.lanes[0];
    expect(lane).toMatchObject({
      id: 7,
      leftMarking: "dashed",
      rightMarking: "solid",
      successors: [99],
    });
    expect(lane?.left).toEqual({ x: [0, 10, 40], y: [2, 2, 2] });
    expect(lane?.centerline.y.every((y) => Math.abs(y) < 1e-9)).toBe(true);
    expect(drive.map?.crosswalks[0]).toEqual({ x: [20, 20, 23, 23], y: [-2, 2, 2, -2] });
    expect(drive.source.notes.join()).toContain("1 bicycle lanes");
  });

  test("pictures come with their calibration when the log has them", async () => {
    const log = await writeArgoverse2Log(folder, 1);
    const camera = join(log, "sensors", "cameras", "ring_front_center");
    await mkdir(camera, { recursive: true });
    await mkdir(join(log, "calibration"));
    for (const [ms, byte] of [
      [-20n, 1],
      [50n, 2],
      [100n, 3],
    ] as const) {
      await writeFile(join(camera, `${firstNs + ms * 1_000_000n}.jpg`), Uint8Array.of(byte));
    }
    await writeFile(
      join(log, "calibration", "intrinsics.feather"),
      feather({
        sensor_name: ["ring_front_center"],
        fx_px: [1776],
        fy_px: [1777],
        cx_px: [778],
        cy_px: [1013],
        width_px: [1550],
        height_px: [2048],
      }),
    );
    await writeFile(
      join(log, "calibration", "egovehicle_SE3_sensor.feather"),
      feather({
        sensor_name: ["up_lidar", "ring_front_center"],
        qw: [1, 0.5],
        qx: [0, -0.5],
        qy: [0, 0.5],
        qz: [0, -0.5],
        tx_m: [0, 1.6],
        ty_m: [0, 0],
        tz_m: [0, 1.4],
      }),
    );
    const drive = await onlyDrive(argoverse2Source, folder);
    expect(drive.cameras).toEqual([
      {
        name: "ring_front_center",
        calibration: {
          model: "pinhole",
          width: 1550,
          height: 2048,
          fx: 1776,
          fy: 1777,
          cx: 778,
          cy: 1013,
          rigFromCamera: { x: 1.6, y: 0, z: 1.4 + 0.33, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 },
        },
        // The first one is from before the first pose.
        frames: [
          { stampUs: 50_000, encoding: "jpeg", bytes: Uint8Array.of(2) },
          { stampUs: 100_000, encoding: "jpeg", bytes: Uint8Array.of(3) },
        ],
      },
    ]);
  });

  test("a gap in the poses stays a gap", async () => {
    const log = await writeArgoverse2Log(folder);
    const rows = Array.from({ length: 300 }, (_, i) => i).filter((i) => i < 100 || i > 200);
    await writeFile(
      join(log, "city_SE3_egovehicle.feather"),
      feather({
        timestamp_ns: rows.map((i) => firstNs + BigInt(i) * 10_000_000n),
        qw: rows.map(() => 1),
        qx: rows.map(() => 0),
        qy: rows.map(() => 0),
        qz: rows.map(() => 0),
        tx_m: rows.map((i) => i * 0.1),
        ty_m: rows.map(() => 0),
        tz_m: rows.map(() => 0),
      }),
    );
    const drive = await onlyDrive(argoverse2Source, folder);
    const stamps = [...drive.egoMotion.stampUs];
    expect(stamps.filter((t) => t > 990_000 && t < 2_010_000)).toEqual([]);
    expect(drive.source.notes.join("\n")).toContain("Gap of 1.04 s after 0.98 s");
  });

  test("centre lines and markings", () => {
    const p = (x: number, y: number) => ({ x, y, z: 0 });
    const middle = middleOf([p(0, 1), p(10, 1)], [p(0, -1), p(2, -1), p(10, -1)]);
    expect(middle[0]).toEqual([0, 0]);
    expect(middle[9]).toEqual([10, 0]);
    expect(
      ["DASHED_WHITE", "SOLID_DASH_WHITE", "NONE", "UNKNOWN", "DOUBLE_SOLID_YELLOW"].map(markingOf),
    ).toEqual(["dashed", "solid", "none", "none", "solid"]);
  });

  test("a cut or malformed feather, a missing column and times that go back name the file", async () => {
    const log = await writeArgoverse2Log(folder);
    const path = join(log, "city_SE3_egovehicle.feather");
    const whole = await readFile(path);
    await truncate(path, whole.length >> 1);
    expect((await failure(onlyDrive(argoverse2Source, folder))).message).toContain(path);
    await writeFile(path, "ARROW1 but nothing else");
    expect((await failure(onlyDrive(argoverse2Source, folder))).code).toBe("format");
    await writeFile(path, feather({ timestamp_ns: [1n, 2n], qw: [1, 1] }));
    expect((await failure(onlyDrive(argoverse2Source, folder))).message).toContain(
      'no column "qx"; it has timestamp_ns, qw',
    );
    const zero = [0, 0, 0];
    await writeFile(
      path,
      feather({
        timestamp_ns: [firstNs, firstNs + 10n ** 8n, firstNs + 10n ** 7n],
        qw: [1, 1, 1],
        qx: zero,
        qy: zero,
        qz: zero,
        tx_m: zero,
        ty_m: zero,
        tz_m: zero,
      }),
    );
    expect((await failure(onlyDrive(argoverse2Source, folder))).message).toContain(
      "row 3: timestamp_ns 315966253582412942 comes after 315966253672412942",
    );
  });

  test("flipped bytes in a feather give columns or a FormatError, also where the reader never ends", async () => {
    const log = await writeArgoverse2Log(folder, 1);
    const path = join(log, "city_SE3_egovehicle.feather");
    const whole = await readFile(path);
    const read = async (maxMs?: number) => {
      const table = await readFeather(path, maxMs);
      for (const name of ["qw", "tx_m"]) table.numbers(name);
      return table.bigints("timestamp_ns");
    };
    await read();
    const positions = [
      9,
      ...Array.from({ length: 12 }, (_, i) => Math.floor((whole.length * (i + 1)) / 13)),
    ];
    for (const at of positions) {
      const bytes = Buffer.from(whole);
      bytes[at] ^= 0x55;
      await writeFile(path, bytes);
      const outcome = await read(300).then(
        () => null,
        (error: unknown) => error,
      );
      if (outcome !== null) expect(outcome).toBeInstanceOf(FormatError);
    }
  });

  test("a map that is no map names what is wrong in it", async () => {
    const log = await writeArgoverse2Log(folder, 1);
    const path = join(log, "map", "log_map_archive_7fab-log.json");
    await writeFile(path, '{"lane_segments": {"7": {"id": "seven"}}}');
    const error = await failure(onlyDrive(argoverse2Source, folder));
    expect(error.message).toContain(path);
    expect(error.message).toContain("lane_segments.7");
    await writeFile(path, "[".repeat(500));
    expect((await failure(onlyDrive(argoverse2Source, folder))).message).toContain(
      "deeper than 64",
    );
  });
});

describe("formats", () => {
  test("are found by what is in the folder", async () => {
    await writeCommaLog(join(folder, "a"), {
      seconds: 1,
      turnLeftRad: 0,
      downRad: 0,
      ...commaMountM,
    });
    await mkdir(join(folder, "b"));
    await writeFile(join(folder, "b", "00.txt"), kittiLines(3, 1).join("\n"));
    expect((await detectFormat(folder)).map((s) => s.format)).toEqual([
      "comma2k19",
      "kitti-odometry",
    ]);
    expect(await detectFormat(join(folder, "b", "00.txt"))).toEqual([kittiSource]);
    await expect(detectFormat(join(folder, "nothing"))).rejects.toThrow("no such file or folder");
  });

  test("have short names, and an unknown one lists them", () => {
    expect(findSource("av2").format).toBe("argoverse2");
    expect(findSource("kitti").format).toBe("kitti-odometry");
    expect(() => findSource("waymo")).toThrow(
      'no importer for "waymo". Known: comma2k19 or comma; argoverse2',
    );
  });

  test("yaw rate of the made-up logs is what they say", () => {
    const a = rigAt(1);
    const b = rigAt(1.1);
    expect(Math.hypot(b.x - a.x, b.y - a.y) / 0.1).toBeCloseTo(speedMps, 3);
    expect((b.yaw - a.yaw) / 0.1).toBeCloseTo(yawRateRadps, 9);
  });
});
