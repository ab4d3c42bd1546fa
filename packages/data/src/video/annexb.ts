/**
 * Frames of a raw H.264 or HEVC stream (start codes, no container), as dash cameras write: comma2k19's `video.hevc`.
 * Only NAL unit headers are looked at. Such a stream has no times; it is read as constant rate in stream order, which holds
 * for encoders without B-frames (all live recorders).
 */
import { createReadStream } from "node:fs";
import { FormatError } from "../errors.ts";

export interface RawStreamFrames {
  readonly numFrames: number;
  /** 1 where decoding can begin. */
  readonly isKey: Uint8Array;
}

/** A unit that starts a picture: 1 plain, 2 decoding can begin here, 0 something else. */
function pictureStart(codec: "avc" | "hevc", unit: Uint8Array): 0 | 1 | 2 {
  if (codec === "hevc") {
    const type = (unit[0] >> 1) & 0x3f;
    // VCL units are 0 … 31; the first bit after the two header bytes says that a picture begins.
    if (type > 31 || (unit[2] & 0x80) === 0) return 0;
    return type >= 16 && type <= 21 ? 2 : 1;
  }
  const type = unit[0] & 0x1f;
  // first_mb_in_slice = 0 is the single bit 1 in exponential Golomb code.
  if ((type !== 1 && type !== 5) || (unit[1] & 0x80) === 0) return 0;
  return type === 5 ? 2 : 1;
}

/** Streams the file once and lists its pictures. */
export async function readRawStream(path: string, codec: "avc" | "hevc"): Promise<RawStreamFrames> {
  const keys: number[] = [];
  let zeros = 0;
  let head: number[] | null = null;
  let startCodes = 0;
  const headBytes = 3;
  try {
    for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
      for (const byte of part as Uint8Array) {
        if (head !== null && head.length < headBytes) head.push(byte);
        if (head !== null && head.length === headBytes) {
          const start = pictureStart(codec, Uint8Array.from(head));
          if (start > 0) keys.push(start - 1);
          head = null;
        }
        if (byte === 0) zeros++;
        else {
          if (byte === 1 && zeros >= 2) {
            head = [];
            startCodes++;
          }
          zeros = 0;
        }
      }
    }
  } catch (cause) {
    throw new FormatError(
      "missing",
      { path },
      `cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)}); expected a video file.`,
      { cause },
    );
  }
  if (keys.length === 0) {
    throw new FormatError(
      "format",
      { path },
      `no picture in it (${startCodes} start codes); expected a raw ${codec === "hevc" ? "HEVC" : "H.264"} stream. The file is empty, cut or of another kind.`,
    );
  }
  return { numFrames: keys.length, isKey: Uint8Array.from(keys) };
}

/** Whether decoding can begin with this access unit. */
export function hasKeyPicture(codec: "avc" | "hevc", unit: Uint8Array): boolean {
  for (let i = 0; i + 5 < unit.length; i++) {
    if (unit[i] !== 0 || unit[i + 1] !== 0 || unit[i + 2] !== 1) continue;
    if (pictureStart(codec, unit.subarray(i + 3, i + 6)) === 2) return true;
  }
  return false;
}
