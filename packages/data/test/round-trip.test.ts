/** The synthesised recordings of the shared folder: import, export and import again give the same drives. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Dataset,
  type Drive,
  exportDataset,
  findSink,
  findSource,
  findVideoBackend,
  importDrives,
  openDataset,
  type ReadOptions,
} from "../src/index.ts";
import { sharedPath } from "./shared.ts";

const pai = sharedPath("data", "pai-mini");
const carla = sharedPath("data", "carla-mini");
const real = sharedPath("data", "real");
const hasVideo = (await findVideoBackend()) !== null;
if (pai === null || carla === null || real === null)
  console.warn("round-trip.test.ts: skipped, the shared folder is not beside the repository");

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-round-trip-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function imported(format: string, from: string, name: string, read: ReadOptions = {}) {
  const out = join(dir, name);
  const result = await importDrives(findSource(format), from, out, { read });
  return { result, set: await openDataset(out) };
}

const sha = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** Large layers as hashes: comparing them element by element takes minutes. */
const hashed = ({ egoMotion, actors, map, ...drive }: Drive) => ({
  ...drive,
  egoMotion: Object.fromEntries(
    Object.entries(egoMotion as unknown as Record<string, Float64Array>).map(([name, column]) => [
      name,
      sha(new Uint8Array(column.buffer, column.byteOffset, column.byteLength)),
    ]),
  ),
  actors: sha(JSON.stringify(actors)),
  map: sha(JSON.stringify(map)),
  cameras: drive.cameras.map((c) => ({
    ...c,
    frames: c.frames.map((f) => [f.stampUs, f.encoding, sha(f.bytes)]),
  })),
});

async function expectSame(
  a: Dataset,
  b: Dataset,
  change = (drive: Drive): object => hashed(drive),
) {
  expect(b.drives.map((d) => d.id)).toEqual(a.drives.map((d) => d.id));
  for (const { id } of a.drives) expect(change(await b.read(id))).toEqual(change(await a.read(id)));
}

describe.skipIf(carla === null)("carla-mini", () => {
  test("as drive files: everything comes back, pictures too", async () => {
    const { set } = await imported("carla", carla as string, "carla");
    expect(set.drives).toHaveLength(1);
    const out = join(dir, "carla-mcap");
    expect((await exportDataset(set, findSink("mcap"), out)).written).toBe(1);
    const { result, set: again } = await imported("causeway", out, "carla-again");
    expect(result.skipped).toEqual([]);
    await expectSame(set, again);
    const [{ id }] = again.drives;
    const drive = await again.read(id);
    expect(drive.cameras[0].frames).toHaveLength(320);
    expect([drive.actors?.length, drive.lights?.length, drive.decisions?.length]).toEqual([
      320, 320, 320,
    ]);
  });
});

describe.skipIf(pai === null)("pai-mini", () => {
  /** Pictures go through H.264 and the chunk numbers are those of the new folder. */
  const kept = (drive: Drive) => {
    const { chunk: _, ...facts } = drive.source.facts ?? {};
    return {
      ...hashed(drive),
      source: { ...drive.source, notes: [], facts },
      cameras: drive.cameras.map((c) => ({ ...c, frames: c.frames.map((f) => f.stampUs) })),
    };
  };

  test.skipIf(!hasVideo)(
    "as its own layout: motion, times, lenses, size, text and facts",
    async () => {
      const read = { picturesHz: 1, maxWidth: 96, cameras: ["camera_front_wide_120fov"] };
      const { result, set } = await imported("pai", pai as string, "pai", read);
      expect(result.imported).toBe(5);
      expect(result.skipped.map((s) => s.error)[0]).toContain("clip_is_valid");
      const out = join(dir, "pai-layout");
      expect((await exportDataset(set, findSink("pai"), out)).written).toBe(5);
      const { result: back, set: again } = await imported("pai", out, "pai-again", {
        picturesHz: null,
      });
      expect(back.skipped).toEqual([]);
      await expectSame(set, again, kept);
    },
  );

  test("as drive files: to the bit", async () => {
    const { set } = await imported("pai", pai as string, "pai-bare", { cameras: [] });
    const out = join(dir, "pai-mcap");
    expect((await exportDataset(set, findSink("mcap"), out)).written).toBe(5);
    const { set: again } = await imported("causeway", out, "pai-mcap-again");
    await expectSame(set, again);
  });
});

test.skipIf(real === null).each([
  ["comma2k19", 0],
  ["argoverse2", 0],
  ["argoverse2-forecasting", 0],
  ["kitti", 0],
  // Of two scenes one has no pictures here.
  ["drivelm", 1],
] as const)("%s: real logs come back from drive files to the bit", async (format, numSkipped) => {
  const { set, result } = await imported(format, real as string, format);
  expect(result.skipped).toHaveLength(numSkipped);
  const out = join(dir, `${format}-mcap`);
  await exportDataset(set, findSink("mcap"), out);
  const { set: again } = await imported("causeway", out, `${format}-again`);
  await expectSame(set, again);
});
