/** Writes on a disk that fails. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type AtomicFs,
  atomicWriteFile,
  createDataset,
  importDrives,
  openDataset,
  readJsonl,
  StorageError,
  writeDrive,
  writeJsonl,
} from "../src/index.ts";
import { nodeAtomicFs, removeStaleTemporaries } from "../src/io/atomic.ts";
import { kittiSource } from "../src/sources/kitti.ts";
import { circleDrive } from "./drive-arbitrary.ts";
import { kittiLines } from "./fake-logs.ts";
import { unsyncedFs } from "./unsynced-fs.ts";

let root: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "storage-"));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

const systemError = (code: string) => Object.assign(new Error(`${code}: made up`), { code });

/** A disk with room for so many bytes; `failing` names the step that fails instead. */
function smallDisk(
  room: number,
  failing: "write" | "sync" | "rename" = "write",
  code = "ENOSPC",
): AtomicFs {
  let left = room;
  return {
    ...unsyncedFs,
    async create(path) {
      const file = await unsyncedFs.create(path);
      return {
        ...file,
        async write(bytes) {
          if (failing === "write" && bytes.byteLength > left) {
            await file.write(bytes.subarray(0, left));
            left = 0;
            throw systemError(code);
          }
          left -= bytes.byteLength;
          await file.write(bytes);
        },
        async sync() {
          if (failing === "sync") throw systemError(code);
        },
      };
    },
    async rename(from, to) {
      if (failing === "rename") throw systemError(code);
      await unsyncedFs.rename(from, to);
    },
  };
}

async function storageFailure(work: Promise<unknown>): Promise<StorageError> {
  try {
    await work;
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    return error as StorageError;
  }
  throw new Error("expected a StorageError");
}

describe("atomic writes", () => {
  test("replace a file whole", async () => {
    const path = join(folder, "deep", "file.txt");
    await atomicWriteFile(path, "old");
    await atomicWriteFile(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readdir(join(folder, "deep"))).toEqual(["file.txt"]);
  });

  test.each(["write", "sync", "rename"] as const)(
    "a disk that is full at %s leaves the old file and nothing else",
    async (step) => {
      const path = join(folder, "file.txt");
      await atomicWriteFile(path, "old");
      const error = await storageFailure(
        atomicWriteFile(path, "much longer text", { fs: smallDisk(5, step) }),
      );
      expect(error.code).toBe("no-space");
      expect(error.message).toContain(path);
      expect(error.message).toContain("nothing was changed. Free some space and run again");
      expect(await readFile(path, "utf8")).toBe("old");
      expect(await readdir(folder)).toEqual(["file.txt"]);
    },
  );

  test("other failures say what they are", async () => {
    const path = join(folder, "file.txt");
    const denied = await storageFailure(
      atomicWriteFile(path, "text", { fs: smallDisk(0, "write", "EROFS") }),
    );
    expect([denied.code, denied.message]).toEqual([
      "not-writable",
      expect.stringContaining("cannot be written (EROFS)"),
    ]);
    const broken = await storageFailure(
      atomicWriteFile(path, "text", { fs: smallDisk(0, "write", "EIO") }),
    );
    expect(broken.code).toBe("io");
  });

  test("an error of the content is passed on as it is, and leaves nothing", async () => {
    async function* rows() {
      yield { a: 1 };
      // A code of its own must not make it an error of the disk.
      throw Object.assign(new RangeError("row 2 is bad"), { code: "EACCES" });
    }
    await expect(writeJsonl(join(folder, "rows.jsonl"), rows())).rejects.toThrow(RangeError);
    expect(await readdir(folder)).toEqual([]);
  });

  test("temporary files of dead writers are removed, those of living ones stay", async () => {
    const mine = `.a.mcap.${process.pid}-1.tmp`;
    for (const name of [mine, ".a.mcap.999999999-1.tmp", "a.mcap", ".gitignore"]) {
      await writeFile(join(folder, name), "");
    }
    expect(await removeStaleTemporaries(folder)).toEqual([".a.mcap.999999999-1.tmp"]);
    expect((await readdir(folder)).sort()).toEqual([mine, ".gitignore", "a.mcap"].sort());
  });
});

describe("JSON Lines", () => {
  test("round trip, and a bad line is named", async () => {
    const path = join(folder, "rows.jsonl");
    const rows = Array.from({ length: 3000 }, (_, i) => ({ i, text: "ü".repeat(100) }));
    expect(await writeJsonl(path, rows)).toBe(3000);
    const back = [];
    for await (const row of readJsonl(path)) back.push(row);
    expect(back).toEqual(rows);
    await writeFile(path, '{"a":1}\n\n{"a":');
    await expect(async () => {
      for await (const _ of readJsonl(path));
    }).rejects.toThrow(`${path} row 3: not valid JSON`);
  });
});

describe("a full disk", () => {
  test("while a drive is written: no drive, no temporary file", async () => {
    const path = join(folder, "drives", "a.mcap");
    const error = await storageFailure(
      writeDrive(circleDrive("a", 20), path, { fs: smallDisk(10_000) }),
    );
    expect(error.code).toBe("no-space");
    expect(await readdir(join(folder, "drives"))).toEqual([]);
  });

  test("in the middle of an import: what is finished is kept, and the next run goes on", async () => {
    const input = join(folder, "poses");
    await mkdir(input);
    for (const name of ["00", "01", "02"]) {
      await writeFile(join(input, `${name}.txt`), kittiLines(100, 1).join("\n"));
    }
    const dataset = join(folder, "set");
    const size = (await writeDriveSize(input)) * 2.5;
    const error = await storageFailure(
      importDrives(kittiSource, input, dataset, { fs: smallDisk(Math.round(size)) }),
    );
    expect(error.code).toBe("no-space");
    expect((await readdir(join(dataset, "drives"))).sort()).toEqual([
      "kitti-odometry-00.mcap",
      "kitti-odometry-01.mcap",
    ]);
    const again = await importDrives(kittiSource, input, dataset, { fs: unsyncedFs });
    expect(again).toMatchObject({ imported: 1, unchanged: 2, skipped: [] });
    expect((await openDataset(dataset)).drives).toHaveLength(3);
  });

  async function writeDriveSize(input: string): Promise<number> {
    const set = await createDataset(join(folder, "size"), { fs: unsyncedFs });
    for await (const ref of kittiSource.list(input)) {
      const entry = await set.addDrive(await kittiSource.read(ref));
      return entry.bytes;
    }
    return 0;
  }

  test("the real file system reports what it should", async () => {
    await expect(nodeAtomicFs.create(join(folder, "no", "such", "folder"))).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
});
