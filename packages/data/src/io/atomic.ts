/**
 * Writes that are whole or absent: a temporary file beside the target, fsync, rename, fsync of the folder.
 * A full disk, a kill or a crash leaves the old file, or none, never half of one.
 */
import { mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { StorageError } from "../errors.ts";

export interface AtomicFile {
  /** Writes all bytes or throws. */
  write(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The part of a file system that atomic writes need; tests pass one that fails. */
export interface AtomicFs {
  /** Creates the file; fails if it exists. */
  create(path: string): Promise<AtomicFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes a rename in this folder durable. */
  syncFolder(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
}

export const nodeAtomicFs: AtomicFs = {
  async create(path) {
    const handle = await open(path, "wx");
    return {
      async write(bytes) {
        // A short write is not an error of the system call: the next one reports ENOSPC.
        for (let done = 0; done < bytes.byteLength; ) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done);
          done += bytesWritten;
        }
      },
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename,
  unlink,
  async syncFolder(path) {
    // Windows cannot open folders; there the rename itself is what we get.
    if (process.platform === "win32") return;
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
};

export interface AtomicOptions {
  readonly fs?: AtomicFs;
}

/** Where the content of an atomic write goes. */
export interface AtomicSink {
  write(bytes: Uint8Array): Promise<void>;
}

let temporaryCount = 0;
const temporaryName = /^\..+\.(\d+)-\d+\.tmp$/;

function storageError(path: string, cause: unknown): Error {
  if (!(cause instanceof Error) || !("code" in cause)) {
    return cause instanceof Error ? cause : new Error(String(cause));
  }
  const code = String(cause.code);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StorageError(
      "no-space",
      path,
      `no space left on the disk; nothing was changed. Free some space and run again: finished files are kept.`,
      { cause },
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new StorageError(
      "not-writable",
      path,
      `cannot be written (${code}); nothing was changed. Check the owner of the folder, or choose another one.`,
      { cause },
    );
  }
  return new StorageError("io", path, `write failed (${code}); nothing was changed.`, { cause });
}

/** Calls `fill` with a sink; the file appears under `path` only when `fill` and the fsync succeeded. Returns its size. */
export async function atomicWrite(
  path: string,
  fill: (sink: AtomicSink) => Promise<void>,
  options: AtomicOptions = {},
): Promise<number> {
  const fs = options.fs ?? nodeAtomicFs;
  const folder = dirname(path);
  temporaryCount += 1;
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${temporaryCount}.tmp`);
  let bytes = 0;
  let file: AtomicFile | null = null;
  let isCreated = false;
  /** Only what the file system says is about this file; errors of `fill` are its own. */
  const stored = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw storageError(path, cause);
    }
  };
  try {
    await stored(fs.makeFolder(folder));
    const target = await stored(fs.create(temporary));
    file = target;
    isCreated = true;
    await fill({
      async write(part) {
        await stored(target.write(part));
        bytes += part.byteLength;
      },
    });
    await stored(target.sync());
    file = null;
    await stored(target.close());
    await stored(fs.rename(temporary, path));
    isCreated = false;
    await stored(fs.syncFolder(folder));
    return bytes;
  } catch (error) {
    // The first error is the one to report; failures of the clean-up follow from it.
    await file?.close().catch(() => undefined);
    if (isCreated) await fs.unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Writes text (UTF-8) or bytes as one whole file. */
export async function atomicWriteFile(
  path: string,
  data: string | Uint8Array,
  options: AtomicOptions = {},
): Promise<void> {
  const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
  await atomicWrite(path, (sink) => sink.write(bytes), options);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Removes temporary files of writers that no longer run. Returns their names. */
export async function removeStaleTemporaries(folder: string): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(folder)) {
    const pid = temporaryName.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await unlink(join(folder, name));
    removed.push(name);
  }
  return removed;
}
