import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { McapIndexedReader, McapWriter } from "@mcap/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Drive, FormatError, openDrive, readDrive, writeDrive } from "../src/index.ts";
import { loadZstd } from "../src/mcap/zstd.ts";
import { unsyncedFs } from "./unsynced-fs.ts";
import { anyDrive, anyStillDrive, circleDrive } from "./drive-arbitrary.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "drive-file-"));
});
afterAll(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

/** The file as any MCAP library sees it. */
async function mcapReader(path: string): Promise<McapIndexedReader> {
  const bytes = await readFile(path);
  const zstd = await loadZstd();
  return McapIndexedReader.Initialize({
    readable: {
      size: async () => BigInt(bytes.length),
      read: async (offset, size) => bytes.subarray(Number(offset), Number(offset + size)),
    },
    decompressHandlers: { zstd: (b, n) => zstd.decompress(b, Number(n)) },
  });
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

describe("a drive file gives back what was written", () => {
  test("a drive with every layer", async () => {
    const drive = circleDrive("circle", 3);
    await writeDrive(drive, at("circle.mcap"));
    expect(await readDrive(at("circle.mcap"))).toEqual(drive);
  });

  test("any drive, to the bit", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anyDrive, async (drive) => {
        await writeDrive(drive, at("any.mcap"), { fs: unsyncedFs });
        expect(await readDrive(at("any.mcap"))).toEqual(drive);
      }),
      { numRuns: 60 },
    );
  });

  test("any drive without ego motion, to the bit", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anyStillDrive, async (drive) => {
        await writeDrive(drive, at("still.mcap"), { fs: unsyncedFs });
        expect(await readDrive(at("still.mcap"))).toEqual(drive);
      }),
      { numRuns: 30 },
    );
  });

  test("a file that lost its motion is damaged, not one without motion", async () => {
    await writeDrive(circleDrive("lost", 2), at("lost.mcap"));
    const reader = await mcapReader(at("lost.mcap"));
    const parts: Uint8Array[] = [];
    let position = 0n;
    const mcap = new McapWriter({
      writable: {
        position: () => position,
        async write(part: Uint8Array) {
          parts.push(part.slice());
          position += BigInt(part.length);
        },
      },
    });
    await mcap.start({ profile: "", library: "test" });
    for await (const metadata of reader.readMetadata()) await mcap.addMetadata(metadata);
    const ids = new Map<number, number>();
    for (const [id, channel] of reader.channelsById) {
      if (channel.topic === "/ego/motion") continue;
      const schema = reader.schemasById.get(channel.schemaId);
      if (schema === undefined) throw new Error(channel.topic);
      const schemaId = await mcap.registerSchema(schema);
      ids.set(id, await mcap.registerChannel({ ...channel, schemaId }));
    }
    for await (const message of reader.readMessages()) {
      const channelId = ids.get(message.channelId);
      if (channelId !== undefined) await mcap.addMessage({ ...message, channelId });
    }
    await mcap.end();
    await writeFile(at("lost.mcap"), Buffer.concat(parts));
    const error = await failure(openDrive(at("lost.mcap")));
    expect(error.message).toContain("/ego/motion: 0 poses; expected at least 2");
  });

  test("without cameras when they are not asked for", async () => {
    const drive = circleDrive("blind", 2);
    await writeDrive(drive, at("blind.mcap"));
    expect(await readDrive(at("blind.mcap"), { cameras: false })).toEqual({
      ...drive,
      cameras: [],
    });
  });

  test("layers that are absent stay null and layers that are empty stay empty", async () => {
    const drive: Drive = {
      ...circleDrive("layers", 2),
      actors: [],
      lights: null,
      map: null,
      route: [],
      decisions: null,
      egoSize: null,
    };
    await writeDrive(drive, at("layers.mcap"));
    expect(await readDrive(at("layers.mcap"))).toEqual(drive);
  });

  test("the same drive is the same bytes, and the hash is of the file", async () => {
    const first = await writeDrive(circleDrive("same", 2), at("same.mcap"));
    const bytes = await readFile(at("same.mcap"));
    const second = await writeDrive(circleDrive("same", 2), at("same-again.mcap"));
    expect(await readFile(at("same-again.mcap"))).toEqual(bytes);
    expect(second).toEqual(first);
    expect(first.bytes).toBe(bytes.byteLength);
  });
});

describe("openDrive", () => {
  test("finds pictures by position without reading the others", async () => {
    const drive = circleDrive("window", 120, (c, f) =>
      new Uint8Array(3000).fill(c * 100 + (f % 90)),
    );
    await writeDrive(drive, at("window.mcap"));
    const handle = await openDrive(at("window.mcap"));
    try {
      expect([...handle.cameras[1].stampsUs].slice(-2)).toEqual([119_900_000, 120_000_000]);
      const frames = await handle.frames("camera_left", [1200, 7, 600]);
      expect(frames).toEqual([1200, 7, 600].map((i) => drive.cameras[1].frames[i]));
      expect(handle.has).toEqual({
        motion: true,
        actors: true,
        lights: true,
        map: true,
        decisions: true,
        reasoning: false,
        questions: false,
        takeovers: false,
      });
      expect(handle.topics).toContainEqual({ name: "/ego/motion", messages: 1201 });
      await expect(handle.frames("camera_left", [1201])).rejects.toThrow("it has 0 … 1200");
      await expect(handle.frames("camera_rear", [0])).rejects.toThrow(
        "It has: camera_front, camera_left",
      );
    } finally {
      await handle.close();
    }
  });

  test("keeps the hash of the input that an importer read", async () => {
    await writeDrive(circleDrive("hash", 1), at("hash.mcap"), { inputHash: "abc" });
    const handle = await openDrive(at("hash.mcap"));
    expect(handle.inputHash).toBe("abc");
    await handle.close();
  });
});

describe("what viewers see", () => {
  /** Decodes every protobuf message with the descriptors in the file, as a viewer does. */
  async function viewerMessages(path: string) {
    const reader = await mcapReader(path);
    const out = new Map<string, unknown[]>();
    for await (const m of reader.readMessages()) {
      const channel = reader.channelsById.get(m.channelId);
      const schema = reader.schemasById.get(channel?.schemaId ?? 0);
      if (channel === undefined || schema === undefined) throw new Error("no channel");
      let value: unknown;
      if (channel.messageEncoding === "protobuf") {
        const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, schema.data));
        const message = registry.getMessage(schema.name);
        if (message === undefined) throw new Error(`no ${schema.name} in its own descriptor`);
        const decoded = fromBinary(message, m.data);
        expect(
          decoded.$unknown,
          `${channel.topic} has fields that its schema lacks`,
        ).toBeUndefined();
        value = toJson(message, decoded, {
          registry,
          alwaysEmitImplicit: true,
          useProtoFieldName: true,
        });
      } else {
        value = JSON.parse(Buffer.from(m.data).toString());
      }
      out.set(channel.topic, [...(out.get(channel.topic) ?? []), value]);
    }
    return out;
  }

  test("every message decodes with the schema in the file", async () => {
    await writeDrive(circleDrive("viewer", 0.6), at("viewer.mcap"));
    const seen = await viewerMessages(at("viewer.mcap"));
    expect([...seen.keys()].sort()).toEqual([
      "/calibration/camera_front",
      "/calibration/camera_left",
      "/camera/camera_front",
      "/camera/camera_left",
      "/ego/motion",
      "/map",
      "/route",
      "/scene/actors",
      "/scene/ego",
      "/scene/lights",
      "/scene/map",
      "/scene/objects",
      "/text/decision",
      "/text/notes",
      "/tf",
      "/truth/decision",
    ]);
    expect(seen.get("/ego/motion")?.[1]).toMatchObject({
      timestamp: "1970-01-01T00:00:00.100Z",
      vx_mps: 8 * Math.cos(0.016),
      speed_mps: expect.closeTo(8, 9),
      acceleration_mps2: expect.closeTo(0, 9),
      curvature_per_m: expect.closeTo(0.02, 9),
    });
    expect(seen.get("/scene/objects")?.[1]).toMatchObject({
      entities: [
        {
          frame_id: "world",
          id: "actor:3",
          lifetime: "0.100s",
          cubes: [
            {
              pose: {
                position: { x: 20.1, y: 2, z: 0.75 },
                orientation: { z: Math.sin(0.05), w: Math.cos(0.05) },
              },
              size: { x: 4.5, y: 1.8, z: 1.5 },
            },
          ],
        },
      ],
    });
    expect(seen.get("/camera/camera_left")?.[0]).toMatchObject({
      format: "jpeg",
      frame_id: "camera_left",
      data: Buffer.from([1, 0, 0]).toString("base64"),
    });
    expect(seen.get("/calibration/camera_front")?.[0]).toMatchObject({
      width: 16,
      height: 8,
      K: [9.5, 0, 8, 0, 9.25, 4, 0, 0, 1],
      frame_id: "camera_front",
    });
    expect(seen.get("/tf")?.[0]).toMatchObject({
      parent_frame_id: "rig",
      child_frame_id: "camera_front",
      rotation: { x: -0.5, y: 0.5, z: -0.5, w: 0.5 },
    });
    expect(seen.get("/text/decision")).toHaveLength(1);
    expect(seen.get("/text/decision")?.[0]).toMatchObject({
      level: "INFO",
      message: "stop_static_constraint, lane_keep because of red_light (light:1)",
    });
    expect(seen.get("/map")?.[0]).toMatchObject({
      lanes: [{ id: "38109167", left_marking: "MARKING_DASHED", successors: ["4", "5"] }],
      stop_lines: [{ light_id: "1" }],
    });
  });
});

describe("bad files", () => {
  test("a cut file names the byte where it breaks and what to do", async () => {
    await writeDrive(circleDrive("cut", 20), at("cut.mcap"));
    const { size } = await stat(at("cut.mcap"));
    await truncate(at("cut.mcap"), size - 5000);
    const error = await failure(openDrive(at("cut.mcap")));
    expect(error.code).toBe("truncated");
    expect(error.place.path).toBe(at("cut.mcap"));
    expect(error.place.byteOffset).toBeGreaterThan(0);
    expect(error.place.byteOffset).toBeLessThanOrEqual(size - 5000);
    expect(error.message).toContain(`ends after ${size - 5000} bytes without a footer`);
    expect(error.message).toContain("Write or import the drive again");
  });

  test("any cut and any flipped byte is an error or the same drive, never a wrong one", async () => {
    const drive = circleDrive("flip", 1);
    await writeDrive(drive, at("flip.mcap"));
    const whole = await readFile(at("flip.mcap"));
    let unnoticed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (position, mask, isCut) => {
          const bytes = Buffer.from(isCut ? whole.subarray(0, position) : whole);
          if (!isCut) bytes[position] ^= mask;
          await writeFile(at("flipped.mcap"), bytes);
          try {
            expect(await readDrive(at("flipped.mcap"))).toEqual(drive);
            unnoticed++;
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
            expect((error as FormatError).message).toContain("flipped.mcap");
          }
        },
      ),
      { numRuns: 150, seed: 5 },
    );
    // Bytes outside of checksums exist (repeated index entries), but they are few.
    expect(unnoticed).toBeLessThan(75);
  });

  test("an empty file, a text file, a missing file and a foreign MCAP are told apart", async () => {
    await writeFile(at("empty.mcap"), "");
    expect((await failure(openDrive(at("empty.mcap")))).message).toContain("file is empty");
    await writeFile(at("text.mcap"), "this is not a drive at all");
    expect((await failure(openDrive(at("text.mcap")))).message).toContain("not an MCAP file");
    const missing = await failure(openDrive(at("missing.mcap")));
    expect([missing.code, missing.message]).toEqual(["missing", expect.stringContaining("ENOENT")]);
  });

  test("a header that claims more than the file holds allocates nothing", async () => {
    await writeDrive(circleDrive("claim", 1), at("claim.mcap"));
    const bytes = await readFile(at("claim.mcap"));
    bytes.writeBigUInt64LE(2n ** 40n, 9);
    await writeFile(at("claim.mcap"), bytes);
    expect(["limit", "truncated"]).toContain((await failure(openDrive(at("claim.mcap")))).code);
  });

  test.each<[string, (drive: Drive) => Drive, string]>([
    ["NaN pose", (d) => set(d, "x", 4, Number.NaN), "row 5: x is NaN; expected a finite number"],
    [
      "time that goes back",
      (d) => set(d, "stampUs", 4, 1),
      "row 5: time 1 us comes after 300000 us",
    ],
    ["quaternion that is no rotation", (d) => set(d, "qw", 2, 3), "row 3: quaternion has length 3"],
    [
      "impossible speed",
      (d) => set(d, "vx", 2, 300),
      "row 3: speed is 300.0 m/s; expected at most 80",
    ],
    ["jump", (d) => set(d, "x", 9, 500), "row 10: position jumps"],
    ["path in its id", (d) => ({ ...d, id: "../x" }), "is no file name"],
    ["infinite lane", (d) => badLane(d), "map lane 38109167 left point 0 is (Infinity, 1)"],
  ])("a drive with a %s is not written", async (_, spoil, message) => {
    const error = await failure(writeDrive(spoil(circleDrive("bad", 2)), at("bad.mcap")));
    expect(error.message).toContain(message);
    expect(await readdir(folder)).not.toContain("bad.mcap");
  });
});

function set(
  drive: Drive,
  column: "x" | "vx" | "qw" | "stampUs",
  row: number,
  value: number,
): Drive {
  const values = Float64Array.from(drive.egoMotion[column]);
  values[row] = value;
  return { ...drive, egoMotion: { ...drive.egoMotion, [column]: values } };
}

function badLane(drive: Drive): Drive {
  if (drive.map === null) throw new Error("needs a map");
  const left = { x: [Number.POSITIVE_INFINITY], y: [1] };
  return { ...drive, map: { ...drive.map, lanes: [{ ...drive.map.lanes[0], left }] } };
}
