/** Which frames a video file has and when each is shown, from the container alone: no decoder is needed. */
import { stat } from "node:fs/promises";
import { FormatError } from "../errors.ts";
import { readRawStream } from "./annexb.ts";

/** A day at 30 frames/s. */
const maxFrames = 2_600_000;

export interface VideoIndex {
  readonly path: string;
  readonly codec: string;
  /** Size as shown (turned and with square pixels); 0 for a raw stream, whose header is not read here. */
  readonly width: number;
  readonly height: number;
  /** Presentation times, integer microseconds on the file's timeline, strictly increasing; one per frame. */
  readonly ptsUs: Float64Array;
  /** 1 where decoding can begin, in presentation order. */
  readonly isKey: Uint8Array;
  /** First time of any track; what players count seeks from. */
  readonly startUs: number;
  /** Raw streams have no times of their own: these come from a rate that the caller knows. */
  readonly isRaw: boolean;
}

export interface IndexVideoOptions {
  /** Frames per second of a raw stream (`.hevc`, `.h265`, `.h264`, `.264`). */
  readonly rawFps?: number;
}

const rawCodecs: Readonly<Record<string, "avc" | "hevc">> = {
  hevc: "hevc",
  h265: "hevc",
  "265": "hevc",
  h264: "avc",
  "264": "avc",
};

async function indexRaw(
  path: string,
  codec: "avc" | "hevc",
  fps: number | undefined,
): Promise<VideoIndex> {
  if (fps === undefined || !(fps > 0)) {
    throw new FormatError(
      "unsupported",
      { path },
      "a raw stream has no times; expected its frame rate from the caller. Put it into an mp4, or say the rate.",
    );
  }
  const { numFrames, isKey } = await readRawStream(path, codec);
  return {
    path,
    codec,
    width: 0,
    height: 0,
    ptsUs: Float64Array.from({ length: numFrames }, (_, i) => Math.round((i * 1e6) / fps)),
    isKey,
    startUs: 0,
    isRaw: true,
  };
}

/** Reads the index of an mp4, mov, mkv, webm or MPEG-TS file, or of a raw stream. */
export async function indexVideo(
  path: string,
  options: IndexVideoOptions = {},
): Promise<VideoIndex> {
  const info = await stat(path).catch(() => null);
  if (info === null || !info.isFile() || info.size === 0) {
    throw new FormatError(
      info === null ? "missing" : "truncated",
      { path },
      `${info === null ? "is not there" : info.isFile() ? "is empty" : "is no file"}; expected a video file.`,
    );
  }
  const raw = rawCodecs[path.split(".").pop()?.toLowerCase() ?? ""];
  if (raw !== undefined) return indexRaw(path, raw, options.rawFps);
  const { ALL_FORMATS, EncodedPacketSink, FilePathSource, Input } = await import("mediabunny");
  const input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) {
      throw new FormatError(
        "missing",
        { path },
        "has no video track; expected one. Check which file is meant.",
      );
    }
    const rows: { ptsUs: number; isKey: boolean }[] = [];
    for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, {
      metadataOnly: true,
    })) {
      // Before 0: cut off by the edit list, never shown.
      if (packet.timestamp < 0) continue;
      rows.push({ ptsUs: Math.round(packet.timestamp * 1e6), isKey: packet.type === "key" });
      if (rows.length > maxFrames) {
        throw new FormatError(
          "limit",
          { path },
          `more than ${maxFrames} frames; this reader accepts no more. Cut the video into parts.`,
        );
      }
    }
    if (rows.length === 0) {
      throw new FormatError("truncated", { path }, "has no frames; expected at least one.");
    }
    rows.sort((a, b) => a.ptsUs - b.ptsUs);
    const twice = rows.findIndex((r, i) => i > 0 && r.ptsUs === rows[i - 1].ptsUs);
    if (twice >= 0) {
      throw new FormatError(
        "value",
        { path },
        `frames ${twice - 1} and ${twice} are both shown at ${rows[twice].ptsUs} us; expected one time each. Write the video again.`,
      );
    }
    return {
      path,
      codec: (await track.getCodec()) ?? "unknown",
      width: await track.getDisplayWidth(),
      height: await track.getDisplayHeight(),
      ptsUs: Float64Array.from(rows, (r) => r.ptsUs),
      isKey: Uint8Array.from(rows, (r) => Number(r.isKey)),
      startUs: Math.round((await input.getFirstTimestamp()) * 1e6),
      isRaw: false,
    };
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      "format",
      { path },
      `cannot be read as video: ${(cause as Error).message.split("\n")[0]}. Expected mp4, mov, mkv, webm or MPEG-TS; the file is cut, damaged or of another kind.`,
      { cause },
    );
  } finally {
    input.dispose();
  }
}
