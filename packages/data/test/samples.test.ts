import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RgbImage } from "@causeway/geom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createDataset,
  type Dataset,
  decodeImage,
  describeDrive,
  type Drive,
  encodeJpeg,
  FormatError,
  handleOfDrive,
  navText,
  openSampleLoader,
  sampleAt,
  SampleError,
  sampleGrid,
} from "../src/index.ts";
import { createMemoryFrameCache, openFileFrameCache } from "../src/sampling/frame-cache.ts";
import { circleDrive, circleMotion } from "./drive-arbitrary.ts";
import { stillDrive } from "./still-drive.ts";
import { unsyncedFs } from "./unsynced-fs.ts";

const width = 16;
const height = 8;

/** A plain picture whose brightness names camera and frame, well apart from JPEG's rounding. */
function plain(camera: number, frame: number): RgbImage {
  const value = (camera * 100 + frame * 3) % 250;
  return { width, height, pixels: new Uint8Array(width * height * 3).fill(value) };
}
const brightness = (image: RgbImage) => image.pixels[width * 5 * 3];

let pictures: Uint8Array[][];
let drive: Drive;
let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  pictures = [];
  for (const c of [0, 1]) {
    pictures.push(
      await Promise.all(Array.from({ length: 201 }, (_, f) => encodeJpeg(plain(c, f), 95))),
    );
  }
  drive = circleDrive("circle", 20, (c, f) => pictures[c][f]);
  folder = await mkdtemp(join(tmpdir(), "samples-"));
  dataset = await createDataset(folder, { fs: unsyncedFs });
  await dataset.addDrive(drive);
  await dataset.addDrive({ ...drive, id: "other", egoMotion: circleMotion(20, 8, -0.02) });
  await dataset.commit();
});
afterAll(() => rm(folder, { recursive: true }));

async function failure(work: Promise<unknown>): Promise<SampleError> {
  try {
    await work;
  } catch (error) {
    expect(error).toBeInstanceOf(SampleError);
    return error as SampleError;
  }
  throw new Error("expected a SampleError");
}
const size = { width, height };

describe("sample grid", () => {
  test("begins with a whole history and ends with a whole future", () => {
    expect(sampleGrid(drive, { strideUs: 4_000_000 })).toEqual([
      1_500_000, 5_500_000, 9_500_000, 13_500_000,
    ]);
    const all = sampleGrid(drive, { strideUs: 100_000 });
    expect([all[0], all[all.length - 1], all.length]).toEqual([1_500_000, 13_600_000, 122]);
  });

  test("adds key frames that have a sample", () => {
    expect(
      sampleGrid(drive, {
        strideUs: null,
        keyframesUs: [9_000_000, 100_000, 2_000_000, 2_000_000],
      }),
    ).toEqual([2_000_000, 9_000_000]);
    expect(sampleGrid(drive, { strideUs: 10_000_000, keyframesUs: [3_000_000] })).toEqual([
      1_500_000, 3_000_000, 11_500_000,
    ]);
  });

  test("leaves out windows with a gap in the poses or without pictures", () => {
    const keep = [...drive.egoMotion.stampUs.keys()].filter((i) => i < 60 || i > 63);
    const egoMotion = Object.fromEntries(
      Object.entries(drive.egoMotion).map(([k, v]: [string, Float64Array]) => [
        k,
        Float64Array.from(keep, (i) => v[i]),
      ]),
    ) as unknown as Drive["egoMotion"];
    const grid = sampleGrid({ ...drive, egoMotion }, { strideUs: 100_000 });
    // The gap is 5.9 … 6.4 s; a window is t0-1.5 … t0+6.4 s.
    expect(grid).toEqual(
      sampleGrid(drive, { strideUs: 100_000 }).filter((t) => t - 1_500_000 >= 6_400_000),
    );
    const dark = {
      ...drive,
      cameras: [{ ...drive.cameras[0], frames: drive.cameras[0].frames.slice(100) }],
    };
    expect(sampleGrid(dark, { strideUs: 100_000 })[0]).toBe(10_300_000);
    expect(sampleGrid(dark, { strideUs: 100_000, cameras: [] })[0]).toBe(1_500_000);
  });

  test("refuses a stride off the grid and an unknown camera", () => {
    expect(() => sampleGrid(drive, { strideUs: 150_000 })).toThrow("positive multiple of 100000");
    expect(() => sampleGrid(drive, { strideUs: 100_000, cameras: ["rear"] })).toThrow(
      "It has: camera_front, camera_left",
    );
  });
});

describe("a drive without ego motion", () => {
  test("has no sample, and asking for one says why", async () => {
    const still = await stillDrive("still");
    expect(sampleGrid(still, { strideUs: 100_000, keyframesUs: [3_000_000] })).toEqual([]);
    const asked = sampleAt(still, 3_000_000, { width, height });
    await expect(asked).rejects.toThrow(SampleError);
    await expect(asked).rejects.toMatchObject({ code: "motion", driveId: "still" });
  });

  test("is described without a motion, its questions by kind", async () => {
    const told = await describeDrive(handleOfDrive(await stillDrive("still")));
    expect([told.motion, told.questions, told.durationSecs]).toEqual([
      null,
      { frames: 2, kinds: { perception: 2, planning: 2 } },
      12,
    ]);
  });
});

describe("a sample", () => {
  test("has the motion in the rig frame at t0", async () => {
    const sample = await sampleAt(drive, 5_000_000, size);
    expect(sample).toMatchObject({ id: "circle@5000000", driveId: "circle", t0Us: 5_000_000 });
    expect(sample.history.x).toHaveLength(16);
    expect(sample.future.x).toHaveLength(64);
    const turn = 8 * 0.02;
    for (let i = 0; i < 64; i++) {
      const yaw = turn * 0.1 * (i + 1);
      expect(sample.future.x[i]).toBeCloseTo(Math.sin(yaw) / 0.02, 9);
      expect(sample.future.y[i]).toBeCloseTo((1 - Math.cos(yaw)) / 0.02, 9);
      expect(sample.future.yaw[i]).toBeCloseTo(yaw, 9);
    }
    expect([sample.history.x[15], sample.history.y[15], sample.history.yaw[15]]).toEqual([0, 0, 0]);
    expect(sample.history.yaw[0]).toBeCloseTo(-1.5 * turn, 9);
    expect(sample.route).toEqual({ stampUs: 500_000, command: "left", distanceM: 11.25 });
    expect(navText(sample.route)).toBe("Turn left in 11m");
  });

  test("has the takeover at t0 as its future, and the log elsewhere", async () => {
    const path = {
      x: new Float64Array(64).map((_, i) => 0.7 * (i + 1)),
      y: new Float64Array(64).fill(0.5),
      z: new Float64Array(64),
      yaw: new Float64Array(64),
    };
    const pushed = { ...drive, takeovers: [{ stampUs: 5_000_000, path }] };
    const at = async (t0Us: number) => (await sampleAt(pushed, t0Us, size)).future;
    expect(await at(5_000_000)).toEqual(path);
    expect(await at(5_100_000)).toEqual((await sampleAt(drive, 5_100_000, size)).future);
  });

  test("has four frames of each camera, oldest first, the last at t0", async () => {
    const sample = await sampleAt(drive, 5_000_000, size);
    expect([...sample.cameras.keys()]).toEqual(["camera_front", "camera_left"]);
    for (const [c, images] of [...sample.cameras.values()].entries()) {
      expect(images.map((image) => [image.width, image.height])).toEqual(Array(4).fill([16, 8]));
      images.forEach((image, k) => {
        expect(Math.abs(brightness(image) - brightness(plain(c, 47 + k)))).toBeLessThanOrEqual(1);
      });
    }
  });

  test("takes the last frame at or before each time", async () => {
    const late = drive.cameras[0].frames
      .map((f) => ({ ...f, stampUs: f.stampUs + 30_000 }))
      .slice(0, 200);
    const shifted = { ...drive, cameras: [{ ...drive.cameras[0], frames: late }] };
    const sample = await sampleAt(shifted, 5_000_000, size);
    const seen = sample.cameras.get("camera_front")?.map(brightness) ?? [];
    expect(seen.map((v) => Math.round(v / 3))).toEqual([46, 47, 48, 49]);
  });

  test("is resized to the size that is asked for", async () => {
    const sample = await sampleAt(drive, 5_000_000, {
      width: 8,
      height: 8,
      cameras: ["camera_left"],
    });
    expect(sample.cameras.size).toBe(1);
    const image = sample.cameras.get("camera_left")?.[3] as RgbImage;
    expect([image.width, image.height, image.pixels.length]).toEqual([8, 8, 192]);
    expect(Math.abs(image.pixels[60] - brightness(plain(1, 50)))).toBeLessThanOrEqual(1);
  });

  test.each<[string, number, SampleError["code"], string]>([
    ["before its history", 1_400_000, "history", "Choose t0 from 1500000 us on"],
    ["after its future", 13_700_000, "future", "Choose t0 up to 13600000 us"],
    ["between microseconds", 2_000_000.5, "grid", "no whole number"],
  ])("does not exist %s", async (_, t0Us, code, message) => {
    const error = await failure(sampleAt(drive, t0Us, size));
    expect([error.code, error.driveId, error.t0Us]).toEqual([code, "circle", t0Us]);
    expect(error.message).toContain(message);
  });

  test("does not exist where a camera missed a frame: no picture stands in for another", async () => {
    const frames = drive.cameras[0].frames.filter((_, i) => i !== 49);
    const missed = { ...drive, cameras: [{ ...drive.cameras[0], frames }] };
    const error = await failure(sampleAt(missed, 5_000_000, size));
    expect(error.code).toBe("frame");
    expect(error.message).toContain("the last one is 100000 us older");
    expect(
      (await sampleAt(missed, 5_000_000, { ...size, frameToleranceUs: 150_000 })).cameras.size,
    ).toBe(1);
  });

  test("of a drive without cameras has none", async () => {
    expect((await sampleAt({ ...drive, cameras: [] }, 5_000_000, size)).cameras.size).toBe(0);
  });

  test("with a damaged picture names the drive, the camera and the time", async () => {
    const frames = drive.cameras[0].frames.map((f) => ({ ...f, bytes: f.bytes.subarray(0, 200) }));
    const damaged = { ...drive, cameras: [{ ...drive.cameras[0], frames }] };
    const error = await sampleAt(damaged, 5_000_000, size).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(
      /^circle camera camera_front at 4\d+ us: cannot be decoded/,
    );
  });
});

describe("images", () => {
  test("grey pictures become RGB", async () => {
    const sharp = (await import("sharp")).default;
    const grey = await sharp(Buffer.alloc(16, 77), { raw: { width: 4, height: 4, channels: 1 } })
      .png()
      .toBuffer();
    expect(await decodeImage(grey)).toEqual({
      width: 4,
      height: 4,
      pixels: new Uint8Array(48).fill(77),
    });
  });
});

describe("the sample loader", () => {
  const keys = [
    { driveId: "circle", t0Us: 5_000_000 },
    { driveId: "other", t0Us: 5_100_000 },
    { driveId: "circle", t0Us: 5_100_000 },
  ];

  test.each([
    ["in memory", null],
    ["in a file", "cache"],
  ])(
    "gives what sampleAt gives, decoding each picture once, with its cache %s",
    async (_, cache) => {
      const loader = await openSampleLoader(dataset, {
        cameras: ["camera_front", "camera_left"],
        ...size,
        cacheDir: cache === null ? null : join(folder, cache),
        maxOpenDrives: 1,
      });
      try {
        const samples = await loader.load(keys);
        for (const [i, { driveId, t0Us }] of keys.entries()) {
          const handle = await dataset.open(driveId);
          expect(samples[i]).toEqual(await sampleAt(handle, t0Us, size));
          await handle.close();
        }
        // 2 drives x 2 cameras; the two samples of "circle" share 3 of 4 frames.
        expect(loader.stats()).toMatchObject({ samples: 3, decodedFrames: 2 * 5 + 2 * 4 });
        await loader.load(keys);
        expect(loader.stats()).toMatchObject({ samples: 6, decodedFrames: 18, cachedFrames: 18 });
        expect(loader.stats().cache).toBe(cache === null ? "memory" : "file");
      } finally {
        await loader.close();
      }
    },
  );

  test("uses the file of an earlier run, and not what is damaged in it", async () => {
    const options = { cameras: ["camera_front"], ...size, cacheDir: join(folder, "again") };
    const first = await openSampleLoader(dataset, options);
    const samples = await first.load(keys);
    await first.close();
    const file = join(folder, "again", "frames-16x8.rgb");
    const bytes = await readFile(file);
    bytes[3] ^= 1;
    await writeFile(file, bytes);
    await truncate(file, bytes.length - 1);
    const second = await openSampleLoader(dataset, options);
    const other = await openSampleLoader(dataset, options);
    expect(await second.load(keys)).toEqual(samples);
    expect(second.stats()).toMatchObject({ decodedFrames: 2, cachedFrames: 7, cache: "file" });
    // Two processes, or two loaders, do not write one file.
    expect(other.stats().cache).toBe("memory");
    await second.close();
    await other.close();
  });

  test("many loads at the same time share pictures and never lose a drive that is in use", async () => {
    const loader = await openSampleLoader(dataset, {
      cameras: ["camera_front"],
      ...size,
      memoryBytes: 0,
      maxOpenDrives: 1,
    });
    const many = Array.from({ length: 12 }, (_, i) => ({
      driveId: i % 2 === 0 ? "circle" : "other",
      t0Us: 5_000_000,
    }));
    const loaded = await Promise.all(many.map((key) => loader.load([key])));
    for (const [i, [sample]] of loaded.entries()) {
      expect(sample.id).toBe(`${many[i].driveId}@5000000`);
      expect(sample.cameras).toEqual(loaded[i % 2][0].cameras);
    }
    expect(loader.stats()).toEqual({
      samples: 12,
      decodedFrames: 8,
      cachedFrames: 0,
      cache: "memory",
      isCacheFull: true,
    });
    await loader.close();
  });

  test("throws the error of the sample that does not exist, and goes on working", async () => {
    const loader = await openSampleLoader(dataset, { cameras: [], ...size });
    const error = await failure(loader.load([keys[0], { driveId: "circle", t0Us: 0 }]));
    expect(error.code).toBe("history");
    expect((await loader.load([keys[0]]))[0].cameras.size).toBe(0);
    await expect(loader.load([{ driveId: "nobody", t0Us: 0 }])).rejects.toThrow(
      'no drive "nobody"',
    );
    await loader.close();
  });
});

describe("frame caches", () => {
  test("memory keeps what fits and stays within its budget", async () => {
    const cache = createMemoryFrameCache(100);
    await cache.put("a", new Uint8Array(60));
    await cache.put("b", new Uint8Array(60));
    await cache.put("c", new Uint8Array(40));
    expect(
      [await cache.get("a"), await cache.get("b"), await cache.get("c")].map((v) => v?.length),
    ).toEqual([60, undefined, 40]);
  });

  test("a file cache ignores an index line that a kill cut", async () => {
    const path = join(folder, "cut.rgb");
    const cache = await openFileFrameCache(path, 4);
    await cache?.put("a", Uint8Array.of(1, 2, 3, 4));
    await cache?.close();
    await writeFile(`${path}.index`, `${await readFile(`${path}.index`, "utf8")}b 1 12`);
    const again = await openFileFrameCache(path, 4);
    expect(await again?.get("a")).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(await again?.get("b")).toBeNull();
    await again?.put("b", Uint8Array.of(5, 6, 7, 8));
    expect(await again?.get("b")).toEqual(Uint8Array.of(5, 6, 7, 8));
    await again?.close();
  });
});

describe("describeDrive", () => {
  test("says what a drive holds", async () => {
    const handle = await dataset.open("circle");
    const d = await describeDrive(handle);
    await handle.close();
    expect(d).toMatchObject({
      id: "circle",
      format: "causeway-sim",
      durationSecs: 20,
      motion: { count: 201, gaps: [] },
      cameras: [
        { name: "camera_front", size: [16, 8], count: 201 },
        { name: "camera_left", size: [16, 8], count: 201 },
      ],
      map: { lanes: 1, crosswalks: 0, stopLines: 1, lights: 1, sizeM: [20, 3.5] },
      actors: { frames: 201, tracks: 1, boxes: 201 },
      decisions: { frames: 201, changes: 0 },
      route: [
        { atSecs: 0, command: "straight" },
        { atSecs: 0.5, command: "left" },
      ],
    });
    expect(d.motion?.hz).toBeCloseTo(10, 9);
    expect(d.motion?.distanceM).toBeCloseTo(160, 1);
    expect(d.motion?.maxSpeedMps).toBeCloseTo(8, 9);
    expect(d.motion?.minSpeedMps).toBeCloseTo(8, 9);
    expect(JSON.parse(JSON.stringify(d))).toEqual(d);
  });

  test("of a bare drive is full of nulls, not of guesses", async () => {
    const bare: Drive = {
      ...drive,
      cameras: [],
      actors: null,
      lights: null,
      map: null,
      route: null,
      decisions: null,
    };
    expect(await describeDrive(handleOfDrive(bare))).toMatchObject({
      path: null,
      cameras: [],
      map: null,
      actors: null,
      lights: null,
      decisions: null,
      route: null,
    });
  });
});
