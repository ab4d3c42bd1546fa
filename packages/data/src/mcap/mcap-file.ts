/**
 * Opens an MCAP file for indexed reading, with limits: what a header claims is checked against the file's size before
 * anything is allocated, and a file that was cut is named with the byte where it breaks.
 */
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { McapIndexedReader, type McapTypes } from "@mcap/core";
import { FormatError } from "../errors.ts";
import { loadLz4, type UnpackLz4 } from "./lz4.ts";
import { loadZstd } from "./zstd.ts";

export interface McapLimits {
  readonly maxFileBytes: number;
  /** Largest single read: a chunk, an index or a metadata record. */
  readonly maxReadBytes: number;
  /** Largest chunk after decompression. */
  readonly maxChunkBytes: number;
  readonly maxChannels: number;
}
export const mcapLimits: McapLimits = {
  maxFileBytes: 64 * 2 ** 30,
  maxReadBytes: 128 * 2 ** 20,
  maxChunkBytes: 128 * 2 ** 20,
  maxChannels: 1000,
};

export interface McapFile {
  readonly path: string;
  readonly size: number;
  readonly reader: McapIndexedReader;
  /** Exactly `length` bytes, or a `FormatError`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Decompressed records of a chunk, its checksum verified. */
  chunkRecords(chunk: McapTypes.ChunkIndex): Promise<Uint8Array>;
  close(): Promise<void>;
}

const magic = Buffer.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a]);
const recordHeadBytes = 9;
const chunkOpcode = 0x06;
const damagedAdvice = "Write or import the drive again, or fetch the file again.";

async function readExactly(
  handle: FileHandle,
  path: string,
  size: number,
  offset: number,
  length: number,
  limits: McapLimits,
): Promise<Uint8Array> {
  if (length > limits.maxReadBytes) {
    throw new FormatError(
      "limit",
      { path, byteOffset: offset },
      `a record claims ${length} bytes; this reader accepts at most ${limits.maxReadBytes}. ${damagedAdvice}`,
    );
  }
  if (offset < 0 || length < 0 || offset + length > size) {
    throw new FormatError(
      "truncated",
      { path, byteOffset: offset },
      `a record claims ${length} bytes but the file ends at byte ${size}. ${damagedAdvice}`,
    );
  }
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) {
      throw new FormatError(
        "truncated",
        { path, byteOffset: offset + done },
        `the file became shorter while it was read. ${damagedAdvice}`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}

/** Byte after the last whole record: where a cut file breaks. */
async function lastWholeRecordEnd(handle: FileHandle, size: number): Promise<number> {
  const head = new Uint8Array(recordHeadBytes);
  const view = new DataView(head.buffer);
  let offset = magic.length;
  while (offset + recordHeadBytes <= size) {
    await handle.read(head, 0, recordHeadBytes, offset);
    const length = view.getBigUint64(1, true);
    const end = BigInt(offset + recordHeadBytes) + length;
    if (head[0] === 0 || end > BigInt(size)) break;
    offset = Number(end);
  }
  return offset;
}

async function checkEnds(handle: FileHandle, path: string, size: number): Promise<void> {
  const start = new Uint8Array(magic.length);
  if (size >= magic.length) await handle.read(start, 0, magic.length, 0);
  if (size < magic.length || !magic.equals(start)) {
    throw new FormatError(
      size === 0 ? "truncated" : "format",
      { path, byteOffset: 0 },
      size === 0
        ? `the file is empty; expected an MCAP drive. ${damagedAdvice}`
        : `not an MCAP file: it begins with ${Buffer.from(start.subarray(0, Math.min(8, size))).toString("hex")}, expected ${magic.toString("hex")}. Give a .mcap drive.`,
    );
  }
  const end = new Uint8Array(magic.length);
  await handle.read(end, 0, magic.length, size - magic.length);
  if (size < 2 * magic.length || !magic.equals(end)) {
    const broken = await lastWholeRecordEnd(handle, size);
    throw new FormatError(
      "truncated",
      { path, byteOffset: broken },
      `the file ends after ${size} bytes without a footer; the last whole record ends at byte ${broken}. It was cut while written or copied. ${damagedAdvice}`,
    );
  }
}

function parseChunkRecord(path: string, at: number, bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = (what: string) =>
    new FormatError("format", { path, byteOffset: at }, `${what}. ${damagedAdvice}`);
  if (bytes.byteLength < 49 || bytes[0] !== chunkOpcode) {
    throw bad(`expected a chunk record, found opcode ${bytes[0]}`);
  }
  const uncompressedSize = Number(view.getBigUint64(25, true));
  const crc = view.getUint32(33, true);
  const nameLength = view.getUint32(37, true);
  const recordsAt = 41 + nameLength + 8;
  if (recordsAt > bytes.byteLength) throw bad("the chunk header is longer than the chunk");
  const compression = Buffer.from(bytes.subarray(41, 41 + nameLength)).toString();
  const length = Number(view.getBigUint64(41 + nameLength, true));
  if (recordsAt + length > bytes.byteLength) throw bad("chunk data are longer than the chunk");
  return {
    compression,
    crc,
    uncompressedSize,
    records: bytes.subarray(recordsAt, recordsAt + length),
  };
}

/** Opens the file and its index. `close()` it. */
export async function openMcap(path: string, limits: McapLimits = mcapLimits): Promise<McapFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    throw new FormatError(
      "missing",
      { path },
      `cannot be opened (${(cause as NodeJS.ErrnoException).code ?? String(cause)}); expected an MCAP drive.`,
      { cause },
    );
  }
  try {
    const { size } = await handle.stat();
    if (size > limits.maxFileBytes) {
      throw new FormatError(
        "limit",
        { path },
        `file of ${size} bytes; this reader accepts at most ${limits.maxFileBytes}.`,
      );
    }
    await checkEnds(handle, path, size);
    const zstd = await loadZstd();
    const decompressZstd = (bytes: Uint8Array, uncompressedSize: number, at: number) => {
      if (uncompressedSize > limits.maxChunkBytes) {
        throw new FormatError(
          "limit",
          { path, byteOffset: at },
          `a chunk claims ${uncompressedSize} bytes when unpacked; this reader accepts at most ${limits.maxChunkBytes}. ${damagedAdvice}`,
        );
      }
      const out = zstd.decompress(bytes, uncompressedSize);
      // Not a Buffer: its slice() would share memory with the whole chunk.
      return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
    };
    let lz4: UnpackLz4 | null = null;
    const decompressLz4 = (bytes: Uint8Array, uncompressedSize: number): Uint8Array => {
      if (uncompressedSize > limits.maxChunkBytes || lz4 === null) {
        throw new FormatError(
          "limit",
          { path },
          `a chunk claims ${uncompressedSize} bytes when unpacked; this reader accepts at most ${limits.maxChunkBytes}. ${damagedAdvice}`,
        );
      }
      return lz4(bytes, uncompressedSize);
    };
    const read = (offset: number, length: number) =>
      readExactly(handle, path, size, offset, length, limits);
    const reader = await explain(path, () =>
      McapIndexedReader.Initialize({
        readable: {
          size: async () => BigInt(size),
          read: (offset, length) => read(Number(offset), Number(length)),
        },
        decompressHandlers: {
          zstd: (bytes, uncompressed) => decompressZstd(bytes, Number(uncompressed), 0),
          lz4: (bytes, uncompressed) => decompressLz4(bytes, Number(uncompressed)),
        },
      }),
    );
    // Drive files are zstd; recorders of others write LZ4 too.
    if (reader.chunkIndexes.some((c) => c.compression === "lz4")) lz4 = await loadLz4();
    if (reader.channelsById.size > limits.maxChannels) {
      throw new FormatError(
        "limit",
        { path },
        `${reader.channelsById.size} topics; this reader accepts at most ${limits.maxChannels}.`,
      );
    }
    return {
      path,
      size,
      reader,
      read,
      async chunkRecords(chunk) {
        const at = Number(chunk.chunkStartOffset);
        const bytes = await read(at, Number(chunk.chunkLength));
        const parsed = parseChunkRecord(path, at, bytes);
        let records = parsed.records;
        if (parsed.compression === "zstd") {
          records = await explain(path, () =>
            decompressZstd(parsed.records, parsed.uncompressedSize, at),
          );
        } else if (parsed.compression !== "") {
          throw new FormatError(
            "unsupported",
            { path, byteOffset: at },
            `chunk compression "${parsed.compression}"; expected zstd or none. Convert the file with "mcap compress --compression zstd".`,
          );
        }
        if (parsed.crc !== 0) {
          const crc = crc32(records);
          if (crc !== parsed.crc) {
            throw new FormatError(
              "format",
              { path, byteOffset: at },
              `chunk checksum is ${crc.toString(16)}, expected ${parsed.crc.toString(16)}. ${damagedAdvice}`,
            );
          }
        }
        return records;
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Errors of the MCAP library say what but not which file. */
export async function explain<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    const code = /Unsupported compression|not indexed/.test(message) ? "unsupported" : "format";
    throw new FormatError(code, { path }, `${message}. ${damagedAdvice}`, { cause });
  }
}
