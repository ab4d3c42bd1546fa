import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  createDataset,
  type Drive,
  importDrives,
  type ImportProgress,
  openDataset,
  readJsonl,
  type SplitDrive,
  splitDrives,
  splitNames,
  splitOf,
  writeDrive,
} from "../src/index.ts";
import { kittiSource } from "../src/sources/kitti.ts";
import { circleDrive } from "./drive-arbitrary.ts";
import { kittiLines } from "./fake-logs.ts";
import { unsyncedFs } from "./unsynced-fs.ts";

const fs = unsyncedFs;
let root: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "dataset-"));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

const tiny = (id: string): Drive => ({ ...circleDrive(id, 0.6), cameras: [] });

describe("data set folder", () => {
  test("lists its drives by id, with sources and a fingerprint of the contents", async () => {
    const set = await createDataset(folder, { name: "tiny", fs });
    await set.addDrive(tiny("b"));
    await set.addDrive({ ...tiny("a"), source: { ...tiny("a").source, format: "other" } });
    await set.commit();
    const again = await openDataset(folder);
    expect(again.drives.map((d) => d.id)).toEqual(["a", "b"]);
    expect(again.fingerprint).toBe(set.fingerprint);
    expect(await again.read("b")).toEqual(tiny("b"));
    const content = JSON.parse(await readFile(join(folder, "dataset.json"), "utf8"));
    expect(content).toMatchObject({
      schemaVersion: 1,
      name: "tiny",
      sources: [
        { format: "causeway-sim", licence: "Apache-2.0", drives: 1 },
        { format: "other", licence: "Apache-2.0", drives: 1 },
      ],
    });
  });

  test("the fingerprint follows contents and ids, not the order or the place", async () => {
    const one = await createDataset(join(folder, "one"), { fs });
    const two = await createDataset(join(folder, "two"), { fs });
    await one.addDrive(tiny("a"));
    await one.addDrive(tiny("b"));
    await two.addDrive(tiny("b"));
    const half = two.fingerprint;
    await two.addDrive(tiny("a"));
    expect(two.fingerprint).toBe(one.fingerprint);
    expect(half).not.toBe(one.fingerprint);
    await two.addDrive({ ...tiny("a"), durationUs: 700_000 });
    expect(two.fingerprint).not.toBe(one.fingerprint);
  });

  test("takes in whole drives that a killed run left unlisted", async () => {
    const set = await createDataset(folder, { fs });
    await set.addDrive(tiny("a"));
    await set.commit();
    await writeDrive(tiny("b"), set.drivePath("b"), { fs, inputHash: "xyz" });
    await writeFile(join(folder, "drives", ".c.mcap.999999999-4.tmp"), "half of a drive");
    const again = await createDataset(folder, { fs });
    expect(again.drives.map((d) => [d.id, d.inputHash])).toEqual([
      ["a", null],
      ["b", "xyz"],
    ]);
  });

  test("a drive that is gone, cut or misnamed is an error that says so", async () => {
    const set = await createDataset(folder, { fs });
    const { bytes } = await set.addDrive(tiny("a"));
    await set.commit();
    await truncate(set.drivePath("a"), bytes - 10);
    await expect(openDataset(folder)).rejects.toThrow(`has ${bytes - 10} bytes`);
    await rm(set.drivePath("a"));
    await expect(openDataset(folder)).rejects.toThrow("listed in");
    await writeDrive(tiny("other"), set.drivePath("x"), { fs });
    await expect(createDataset(folder, { fs })).rejects.toThrow(
      'holds drive "other"; expected "x"',
    );
    await expect(openDataset(join(folder, "nothing"))).rejects.toThrow("no dataset.json");
    await writeFile(join(folder, "dataset.json"), '{"schemaVersion": 1}');
    await expect(openDataset(folder)).rejects.toThrow("dataset.json: name");
    expect(() => set.drivePath("../../etc/passwd")).toThrow("is no file name");
    await expect(async () => set.open("nobody")).rejects.toThrow('no drive "nobody"');
  });
});

describe("splits", () => {
  const drives = (n: number, scenarios: number): SplitDrive[] =>
    Array.from({ length: n }, (_, i) => ({
      id: `drive-${i}`,
      scenario: `kind-${i % scenarios}`,
      format: "sim",
      recording: `drive-${i}`,
    }));

  const driveArbitrary = fc
    .array(
      fc.record({ scenario: fc.option(fc.constantFrom("a", "b", "c")), recording: fc.nat(12) }),
      {
        maxLength: 40,
      },
    )
    .map((rows) =>
      rows.map((r, i) => ({
        id: `d${i}`,
        format: "sim",
        scenario: r.scenario,
        recording: `r${r.recording}`,
      })),
    );

  test("every drive is in exactly one split, and a recording never parts", () => {
    fc.assert(
      fc.property(driveArbitrary, fc.nat(1000), (all, seed) => {
        const splits = splitDrives(all, { seed, val: 0.2, test: 0.3 });
        expect(splitNames.flatMap((n) => splits[n]).sort()).toEqual(all.map((d) => d.id).sort());
        for (const a of all) {
          for (const b of all) {
            if (a.recording === b.recording)
              expect(splitOf(splits, a.id)).toBe(splitOf(splits, b.id));
          }
        }
      }),
    );
  });

  test("order of the drives does not matter, the seed does", () => {
    const all = drives(60, 3);
    const splits = splitDrives(all, { seed: 1 });
    expect(splitDrives([...all].reverse(), { seed: 1 })).toEqual(splits);
    expect(splitDrives(all, { seed: 2 })).not.toEqual(splits);
  });

  test("each scenario has its share", () => {
    const splits = splitDrives(drives(160, 8), { seed: 3, val: 0.1, test: 0.2 });
    for (let k = 0; k < 8; k++) {
      const of = (name: (typeof splitNames)[number]) =>
        splits[name].filter((id) => Number(id.slice(6)) % 8 === k).length;
      expect([of("train"), of("val"), of("test")]).toEqual([14, 2, 4]);
    }
  });

  test("drives that were placed stay where they were when more come", () => {
    const before = splitDrives(drives(50, 2), { seed: 4, val: 0.1, test: 0.1 });
    const after = splitDrives(drives(80, 2), { seed: 4, val: 0.1, test: 0.1, previous: before });
    for (const name of splitNames) {
      for (const id of before[name]) expect(splitOf(after, id)).toBe(name);
    }
    expect(after.test).toHaveLength(8);
  });

  test("shares that leave nothing to train on are refused", () => {
    expect(() => splitDrives([], { seed: 1, val: 0.5, test: 0.5 })).toThrow(
      "leave some for training",
    );
  });

  test("are kept in splits.json and survive a second split", async () => {
    const set = await createDataset(folder, { fs });
    expect(await set.splits()).toBeNull();
    for (const id of ["a", "b", "c", "d", "e"]) await set.addDrive(tiny(id));
    const first = await set.split({ seed: 5, val: 0.2, test: 0.2 });
    expect(await set.splits()).toEqual(first);
    await set.addDrive(tiny("f"));
    const second = await set.split({ seed: 6, val: 0.2, test: 0.2 });
    expect(second.test).toEqual(first.test);
    expect(splitOf(second, "f")).toBe("train");
  });
});

describe("import", () => {
  async function poses(): Promise<string> {
    const input = join(folder, "poses");
    await mkdir(input);
    for (const name of ["00", "01", "02", "03"]) {
      await writeFile(join(input, `${name}.txt`), kittiLines(40, 1).join("\n"));
    }
    return input;
  }
  const set = () => join(folder, "set");

  test("goes on after a bad item, counts it and lists it", async () => {
    const input = await poses();
    await writeFile(join(input, "01.txt"), "1 2 3\n");
    const seen: ImportProgress[] = [];
    const result = await importDrives(kittiSource, input, set(), {
      fs,
      onProgress: (p) => seen.push(p),
    });
    expect(result).toMatchObject({ imported: 3, unchanged: 0 });
    expect(result.skipped).toEqual([
      {
        id: "kitti-odometry-01",
        path: input,
        format: "kitti-odometry",
        code: "format",
        error: expect.stringContaining("01.txt row 1: 3 columns; expected 12"),
      },
    ]);
    const listed = [];
    for await (const row of readJsonl(join(set(), "skipped.jsonl"))) listed.push(row);
    expect(listed).toEqual(result.skipped);
    expect(seen.map((p) => [p.done, p.total, p.outcome])).toEqual([
      [1, 4, "imported"],
      [2, 4, "skipped"],
      [3, 4, "imported"],
      [4, 4, "imported"],
    ]);
    expect((await openDataset(set())).drives).toHaveLength(3);
  });

  test("keeps the skips of other imports, and drops those that import now", async () => {
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    await mkdir(one);
    await mkdir(two);
    await writeFile(join(one, "01.txt"), "bad");
    await writeFile(join(two, "02.txt"), "bad");
    const listed = async () => {
      const ids = [];
      for await (const row of readJsonl(join(set(), "skipped.jsonl")))
        ids.push((row as { id: string }).id);
      return ids;
    };
    await importDrives(kittiSource, one, set(), { fs });
    await importDrives(kittiSource, two, set(), { fs });
    expect(await listed()).toEqual(["kitti-odometry-01", "kitti-odometry-02"]);
    await writeFile(join(one, "01.txt"), kittiLines(40, 1).join("\n"));
    await importDrives(kittiSource, one, set(), { fs });
    expect(await listed()).toEqual(["kitti-odometry-02"]);
  });

  test("a second run does nothing; a changed file alone is done again", async () => {
    const input = await poses();
    const first = await importDrives(kittiSource, input, set(), { fs });
    const second = await importDrives(kittiSource, input, set(), { fs });
    expect(second).toEqual({ ...first, imported: 0, unchanged: 4 });
    await writeFile(join(input, "02.txt"), kittiLines(50, 1).join("\n"));
    const third = await importDrives(kittiSource, input, set(), { fs });
    expect(third).toMatchObject({ imported: 1, unchanged: 3 });
    expect(third.fingerprint).not.toBe(first.fingerprint);
  });

  test("stopping keeps what is done, and the next run goes on", async () => {
    const input = await poses();
    const stop = new AbortController();
    await expect(
      importDrives(kittiSource, input, set(), {
        fs,
        signal: stop.signal,
        onProgress: (p) => {
          if (p.done === 2) stop.abort();
        },
      }),
    ).rejects.toThrow("aborted");
    expect((await openDataset(set())).drives).toHaveLength(2);
    expect(await importDrives(kittiSource, input, set(), { fs })).toMatchObject({
      imported: 2,
      unchanged: 2,
    });
  });

  test("a path without recordings, or none at all, says so", async () => {
    await expect(importDrives(kittiSource, folder, set(), { fs })).rejects.toThrow(
      "no kitti-odometry recording there",
    );
    await expect(importDrives(kittiSource, join(folder, "no"), set(), { fs })).rejects.toThrow(
      "no such file or folder",
    );
  });

  test("two recordings that would share an id are refused before anything is written", async () => {
    const input = await poses();
    await mkdir(join(input, "more"));
    await writeFile(join(input, "more", "00.txt"), kittiLines(40, 1).join("\n"));
    await expect(importDrives(kittiSource, input, set(), { fs })).rejects.toThrow(
      'would both become drive "kitti-odometry-00"',
    );
  });
});
