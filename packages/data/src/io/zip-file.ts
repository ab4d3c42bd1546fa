/**
 * Zip archives by their directory, so that one file of a large archive is read without the rest (fflate, which unpacks
 * here, wants a whole archive in memory). Stored and deflated entries, zip64; checksums are verified.
 */
import { createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { once } from "node:events";
import { crc32 } from "node:zlib";
import { FormatError } from "../errors.ts";

export interface ZipEntry {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
  readonly packedBytes: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  /** Byte of the local header. */
  readonly at: number;
}

export interface ZipFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Unpacked content of an entry, or a `FormatError` that names the archive and the entry. */
  read(name: string): Promise<Uint8Array>;
  /** Copies a stored entry to a file in pieces (a video need not fit in memory). */
  extract(name: string, path: string): Promise<void>;
  close(): Promise<void>;
}

const maxEntryBytes = 512 * 2 ** 20;
const maxDirectoryBytes = 256 * 2 ** 20;
const endBytes = 22;
const advice = "Fetch the archive again.";

async function readAt(handle: FileHandle, path: string, at: number, length: number) {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) {
      throw new FormatError(
        "truncated",
        { path, byteOffset: at + done },
        `the archive ends where ${length - done} more bytes were expected. ${advice}`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}

interface Directory {
  readonly at: number;
  readonly bytes: number;
}

async function findDirectory(handle: FileHandle, path: string, size: number): Promise<Directory> {
  const tailAt = Math.max(0, size - endBytes - 0xffff);
  const tail = await readAt(handle, path, tailAt, size - tailAt);
  let end = tail.length - endBytes;
  while (end >= 0 && tail.readUInt32LE(end) !== 0x06054b50) end--;
  if (end < 0) {
    throw new FormatError(
      "truncated",
      { path },
      `no zip directory at its end (${size} bytes); expected a zip archive. It was cut or is of another kind. ${advice}`,
    );
  }
  const bytes = tail.readUInt32LE(end + 12);
  const at = tail.readUInt32LE(end + 16);
  if (at !== 0xffffffff && bytes !== 0xffffffff) return { at, bytes };
  const locator = end - 20;
  if (locator < 0 || tail.readUInt32LE(locator) !== 0x07064b50) {
    throw new FormatError("format", { path }, `its zip64 directory is not there. ${advice}`);
  }
  const record = await readAt(handle, path, Number(tail.readBigUInt64LE(locator + 8)), 56);
  return { bytes: Number(record.readBigUInt64LE(40)), at: Number(record.readBigUInt64LE(48)) };
}

function parseDirectory(path: string, directory: Buffer): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at + 46 <= directory.length; ) {
    if (directory.readUInt32LE(at) !== 0x02014b50) break;
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((o) =>
      directory.readUInt16LE(at + o),
    );
    const name = directory.toString("utf8", at + 46, at + 46 + nameBytes);
    const wide = {
      bytes: directory.readUInt32LE(at + 24),
      packedBytes: directory.readUInt32LE(at + 20),
      at: directory.readUInt32LE(at + 42),
    };
    const extraEnd = at + 46 + nameBytes + extraBytes;
    for (let e = at + 46 + nameBytes; e + 4 <= extraEnd; ) {
      const fieldEnd = e + 4 + directory.readUInt16LE(e + 2);
      if (directory.readUInt16LE(e) === 1) {
        let v = e + 4;
        for (const key of ["bytes", "packedBytes", "at"] as const) {
          if (wide[key] !== 0xffffffff || v + 8 > fieldEnd) continue;
          wide[key] = Number(directory.readBigUInt64LE(v));
          v += 8;
        }
      }
      e = fieldEnd;
    }
    const flags = directory.readUInt16LE(at + 8);
    const method = directory.readUInt16LE(at + 10);
    if ((flags & 1) !== 0 || (method !== 0 && method !== 8)) {
      throw new FormatError(
        "unsupported",
        { path },
        `entry ${name} is ${(flags & 1) !== 0 ? "encrypted" : `packed by method ${method}`}; expected stored or deflated. Pack it again.`,
      );
    }
    entries.set(name, { name, crc: directory.readUInt32LE(at + 16), method, ...wide });
    at = extraEnd + commentBytes;
  }
  return entries;
}

export async function openZip(path: string): Promise<ZipFile> {
  const handle = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    throw new FormatError(
      "missing",
      { path },
      `cannot be opened (${cause.code}); expected a zip archive. Fetch it, or leave out what needs it.`,
      { cause },
    );
  });
  try {
    const { size } = await handle.stat();
    const directory = await findDirectory(handle, path, size);
    if (directory.bytes > maxDirectoryBytes || directory.at + directory.bytes > size) {
      throw new FormatError(
        "format",
        { path },
        `its directory claims ${directory.bytes} bytes at ${directory.at} of ${size}. ${advice}`,
      );
    }
    const entries = parseDirectory(path, await readAt(handle, path, directory.at, directory.bytes));
    const entryOf = (name: string): ZipEntry => {
      const entry = entries.get(name);
      if (entry === undefined) {
        throw new FormatError(
          "missing",
          { path },
          `has no entry ${name} (${entries.size} entries); expected it there. ${advice}`,
        );
      }
      return entry;
    };
    const dataAt = async (entry: ZipEntry): Promise<number> => {
      const head = await readAt(handle, path, entry.at, 30);
      if (head.readUInt32LE(0) !== 0x04034b50) {
        throw new FormatError(
          "format",
          { path, byteOffset: entry.at },
          `entry ${entry.name} is not where the directory says. ${advice}`,
        );
      }
      return entry.at + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
    };
    const check = (entry: ZipEntry, crc: number) => {
      if (crc === entry.crc) return;
      throw new FormatError(
        "format",
        { path },
        `entry ${entry.name} has checksum ${crc.toString(16)}, expected ${entry.crc.toString(16)}. The archive is damaged: fetch it again.`,
      );
    };
    const zip: ZipFile = {
      path,
      entries,
      async read(name) {
        const entry = entryOf(name);
        if (entry.bytes > maxEntryBytes || entry.packedBytes > maxEntryBytes) {
          throw new FormatError(
            "limit",
            { path },
            `entry ${name} has ${entry.bytes} bytes; this reader accepts at most ${maxEntryBytes}.`,
          );
        }
        const packed = await readAt(handle, path, await dataAt(entry), entry.packedBytes);
        let content: Uint8Array = new Uint8Array(packed);
        if (entry.method === 8) {
          const { inflateSync } = await import("fflate");
          try {
            content = inflateSync(packed, { out: new Uint8Array(entry.bytes) });
          } catch (cause) {
            throw new FormatError(
              "format",
              { path },
              `entry ${name} cannot be unpacked (${(cause as Error).message}). ${advice}`,
              { cause },
            );
          }
        }
        check(entry, crc32(content));
        return content;
      },
      async extract(name, to) {
        const entry = entryOf(name);
        if (entry.method !== 0) {
          const out = createWriteStream(to);
          out.end(await zip.read(name));
          await once(out, "finish");
          return;
        }
        const start = await dataAt(entry);
        const out = await open(to, "w");
        let crc = 0;
        try {
          for (let done = 0; done < entry.bytes; ) {
            const part = await readAt(
              handle,
              path,
              start + done,
              Math.min(1 << 20, entry.bytes - done),
            );
            crc = crc32(part, crc);
            await out.write(part);
            done += part.length;
          }
        } finally {
          await out.close();
        }
        check(entry, crc);
      },
      close: () => handle.close(),
    };
    return zip;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
