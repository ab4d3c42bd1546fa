/**
 * Decoded pictures that are all of one size, kept so that an epoch decodes nothing: in memory up to a budget, or in a file
 * (about 46 kB per 160x96 picture; the page cache does the rest). Such a file only grows; delete it at any time.
 */
import { type FileHandle, mkdir, open, readFile, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";

export interface FrameCache {
  get(key: string): Promise<Uint8Array | null>;
  put(key: string, pixels: Uint8Array): Promise<void>;
  /** Whether it takes no more: its budget or the disk is used up. What it has stays. */
  isFull(): boolean;
  close(): Promise<void>;
}

/** Keeps the first pictures that fit. Nothing is thrown out: with passes over all data, throwing out would hit nothing. */
export function createMemoryFrameCache(maxBytes: number): FrameCache {
  const kept = new Map<string, Uint8Array>();
  let total = 0;
  let isFull = false;
  return {
    get: async (key) => kept.get(key) ?? null,
    async put(key, pixels) {
      if (kept.has(key)) return;
      if (total + pixels.byteLength > maxBytes) {
        isFull = true;
        return;
      }
      total += pixels.byteLength;
      kept.set(key, pixels);
    },
    isFull: () => isFull,
    async close() {
      kept.clear();
    },
  };
}

interface Slot {
  readonly slot: number;
  readonly crc: number;
}

/** Index lines: key, slot, checksum. A line that was cut by a kill is the last one and is dropped. */
async function readIndex(path: string): Promise<Map<string, Slot>> {
  const slots = new Map<string, Slot>();
  const text = await readFile(path, "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const match = /^(\S+) (\d+) ([0-9a-f]+);$/.exec(line);
    if (match === null) continue;
    slots.set(match[1], { slot: Number(match[2]), crc: Number.parseInt(match[3], 16) });
  }
  return slots;
}

async function lock(path: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(path, String(process.pid), { flag: "wx" });
      return true;
    } catch {
      const pid = Number(await readFile(path, "utf8").catch(() => "0"));
      if (pid > 0 && isAlive(pid)) return false;
      await unlink(path).catch(() => undefined);
    }
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * A cache in `path` and `path`.index. Pictures from an earlier run are used again; each is checked when read.
 * Null when another process has it open: use memory then.
 */
export async function openFileFrameCache(
  path: string,
  frameBytes: number,
): Promise<FrameCache | null> {
  await mkdir(dirname(path), { recursive: true });
  const lockPath = `${path}.lock`;
  if (!(await lock(lockPath))) return null;
  const indexPath = `${path}.index`;
  const slots = await readIndex(indexPath);
  // Cut lines and slots that never got a line are written over.
  let nextSlot = 0;
  for (const { slot } of slots.values()) nextSlot = Math.max(nextSlot, slot + 1);
  const data: FileHandle = await open(path, "a+").then(async (handle) => {
    await handle.close();
    return open(path, "r+");
  });
  const index = await open(indexPath, "a");
  await index.write("\n");
  const pending = new Set<string>();
  let isFull = false;
  const append = async (file: FileHandle, bytes: Uint8Array, at: number | null) => {
    const { bytesWritten } = await file.write(bytes, 0, bytes.byteLength, at);
    if (bytesWritten < bytes.byteLength)
      throw Object.assign(new Error("short"), { code: "ENOSPC" });
  };
  return {
    isFull: () => isFull,
    async get(key) {
      const entry = slots.get(key);
      if (entry === undefined) return null;
      const pixels = new Uint8Array(frameBytes);
      const { bytesRead } = await data.read(pixels, 0, frameBytes, entry.slot * frameBytes);
      if (bytesRead !== frameBytes || crc32(pixels) !== entry.crc) {
        // A crash of the machine can lose the picture and keep its line: decode it again.
        slots.delete(key);
        return null;
      }
      return pixels;
    },
    async put(key, pixels) {
      if (isFull || slots.has(key) || pending.has(key)) return;
      pending.add(key);
      const slot = nextSlot++;
      try {
        await append(data, pixels, slot * frameBytes);
        const crc = crc32(pixels);
        await append(index, Buffer.from(`${key} ${slot} ${crc.toString(16)};\n`), null);
        slots.set(key, { slot, crc });
      } catch (error) {
        // A cache may end early: the pictures are decoded again, which `stats` shows.
        if (!["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? ""))
          throw error;
        isFull = true;
      } finally {
        pending.delete(key);
      }
    },
    async close() {
      await data.close();
      await index.close();
      await unlink(lockPath).catch(() => undefined);
    },
  };
}
