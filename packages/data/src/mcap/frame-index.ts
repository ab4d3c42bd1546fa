/** Pictures through the message index: which chunk holds which frame, and a few chunks kept. */
import { FormatError } from "../errors.ts";
import type { CameraFrame } from "../drive.ts";
import { explain, type McapFile } from "./mcap-file.ts";
import { readFields } from "./wire.ts";

const messageOpcode = 0x05;
const messageIndexOpcode = 0x07;
const messageHeadBytes = 9 + 2 + 4 + 8 + 8;

/** Chunks in memory, oldest out first; may be shared by many drives so that their sum is bounded. */
export interface ChunkCache {
  /** The chunk of that name, read only once however many ask for it at the same time. */
  load(key: string, read: () => Promise<Uint8Array>): Promise<Uint8Array>;
}

export function createChunkCache(maxBytes: number): ChunkCache {
  const kept = new Map<string, Uint8Array>();
  const loading = new Map<string, Promise<Uint8Array>>();
  let total = 0;
  const keep = (key: string, bytes: Uint8Array) => {
    kept.set(key, bytes);
    total += bytes.byteLength;
    for (const [oldest, old] of kept) {
      if (total <= maxBytes) break;
      kept.delete(oldest);
      total -= old.byteLength;
    }
  };
  return {
    async load(key, read) {
      const known = kept.get(key);
      if (known !== undefined) {
        kept.delete(key);
        kept.set(key, known);
        return known;
      }
      let chunk = loading.get(key);
      if (chunk === undefined) {
        chunk = read();
        loading.set(key, chunk);
        try {
          keep(key, await chunk);
        } finally {
          loading.delete(key);
        }
      }
      return chunk;
    },
  };
}

export interface FrameIndex {
  readonly channelId: number;
  readonly stampsUs: Float64Array;
  /** Position in `reader.chunkIndexes`. */
  readonly chunk: Int32Array;
  /** Byte of the message record in the unpacked chunk. */
  readonly offset: Float64Array;
}

/** Times and places of all messages of a channel, ordered by time. */
export async function readFrameIndex(file: McapFile, channelId: number): Promise<FrameIndex> {
  const rows: { stampUs: number; chunk: number; offset: number }[] = [];
  const { chunkIndexes } = file.reader;
  for (let chunk = 0; chunk < chunkIndexes.length; chunk++) {
    const at = chunkIndexes[chunk].messageIndexOffsets.get(channelId);
    if (at === undefined) continue;
    const place = { path: file.path, byteOffset: Number(at) };
    const head = await file.read(Number(at), 15);
    const headView = new DataView(head.buffer);
    const bytes = headView.getUint32(11, true);
    if (head[0] !== messageIndexOpcode || headView.getUint16(9, true) !== channelId) {
      throw new FormatError(
        "format",
        place,
        `expected the message index of topic ${channelId}, found opcode ${head[0]}. Write or import the drive again.`,
      );
    }
    const body = await file.read(Number(at) + 15, bytes);
    const view = new DataView(body.buffer);
    for (let i = 0; i + 16 <= bytes; i += 16) {
      rows.push({
        stampUs: Number(view.getBigUint64(i, true)) / 1000,
        chunk,
        offset: Number(view.getBigUint64(i + 8, true)),
      });
    }
  }
  rows.sort((a, b) => a.stampUs - b.stampUs);
  return {
    channelId,
    stampsUs: Float64Array.from(rows, (r) => r.stampUs),
    chunk: Int32Array.from(rows, (r) => r.chunk),
    offset: Float64Array.from(rows, (r) => r.offset),
  };
}

function decodeImage(path: string, stampUs: number, data: Uint8Array): CameraFrame {
  let format = "";
  let bytes: Uint8Array | null = null;
  readFields(data, (r, number) => {
    // A copy: the chunk that this is a part of should not stay in memory for one picture.
    if (number === 2) bytes = new Uint8Array(r.bytes());
    else if (number === 3) format = r.string();
    else return false;
    return true;
  });
  if (bytes === null || (format !== "jpeg" && format !== "png")) {
    throw new FormatError(
      "format",
      { path },
      `picture at ${stampUs} us has format "${format}"; expected jpeg or png.`,
    );
  }
  return { stampUs, encoding: format, bytes };
}

/** The pictures at the given rows of the index. */
export async function readFrames(
  file: McapFile,
  index: FrameIndex,
  rows: readonly number[],
  cache: ChunkCache,
): Promise<CameraFrame[]> {
  const frames: CameraFrame[] = [];
  for (const row of rows) {
    const chunk = file.reader.chunkIndexes[index.chunk[row]];
    const records = await cache.load(`${file.path}\n${index.chunk[row]}`, () =>
      file.chunkRecords(chunk),
    );
    const at = index.offset[row];
    const place = { path: file.path, byteOffset: Number(chunk.chunkStartOffset) };
    frames.push(
      await explain(file.path, () => {
        const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
        const length =
          at + messageHeadBytes <= records.length ? Number(view.getBigUint64(at + 1, true)) : -1;
        const end = at + 9 + length;
        if (
          length < messageHeadBytes - 9 ||
          records[at] !== messageOpcode ||
          end > records.length ||
          view.getUint16(at + 9, true) !== index.channelId ||
          Number(view.getBigUint64(at + 15, true)) / 1000 !== index.stampsUs[row]
        ) {
          throw new FormatError(
            "format",
            place,
            `the index names a picture at byte ${at} of this chunk, where none is. Write or import the drive again.`,
          );
        }
        return decodeImage(
          file.path,
          index.stampsUs[row],
          records.subarray(at + messageHeadBytes, end),
        );
      }),
    );
  }
  return frames;
}
