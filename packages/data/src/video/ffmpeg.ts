/** Video through the system's ffmpeg: a child process per run of frames, raw RGB through a pipe. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { RgbImage } from "@causeway/geom";
import { DataConfigError, FormatError, StorageError } from "../errors.ts";
import type { DecodeRequest, EncodeOptions, VideoBackend, VideoFrame } from "./backend.ts";
import type { VideoIndex } from "./video-index.ts";

/** Further apart than this, a new process that seeks is cheaper than decoding what lies between. */
const longestDecodeGap = 300;
/** Bound on the length of the filter text. */
const maxFramesPerProcess = 2000;
const keptErrorChars = 2000;

/** First line of `ffmpeg -version`, or null when it cannot be started. */
export async function ffmpegVersion(command: string): Promise<string | null> {
  const child = spawn(command, ["-version"], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  return new Promise((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => {
      const version = /^ffmpeg version (\S+)/.exec(text)?.[1];
      resolve(code === 0 && version !== undefined ? version : null);
    });
  });
}

/** Newer programs know `-fps_mode`, older ones only `-vsync`. */
function everyFrameOption(version: string): string {
  const [major, minor] = version.replace(/^n/, "").split(/[.-]/).map(Number);
  const isOld = major < 5 || (major === 5 && minor < 1);
  return isOld ? "-vsync" : "-fps_mode";
}

/** Runs of wanted frames that one process decodes. */
function runsOf(indices: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const index of indices) {
    const run = runs.at(-1);
    const isNear = run !== undefined && index - (run.at(-1) as number) <= longestDecodeGap;
    if (isNear && run.length < maxFramesPerProcess) run.push(index);
    else runs.push([index]);
  }
  return runs;
}

/** ffmpeg's `select` expression over frame numbers counted from `first`; a tree, as its long sums fail. */
function selectText(run: readonly number[], first: number): string {
  const terms: { readonly from: number; readonly to: number }[] = [];
  for (const row of run) {
    const last = terms.at(-1);
    const at = row - first;
    if (last !== undefined && last.to + 1 === at) terms[terms.length - 1] = { ...last, to: at };
    else terms.push({ from: at, to: at });
  }
  const tree = (from: number, to: number): string => {
    if (to - from === 1) return `between(n\\,${terms[from].from}\\,${terms[from].to})`;
    const middle = (from + to) >> 1;
    return `if(lt(n\\,${terms[middle].from})\\,${tree(from, middle)}\\,${tree(middle, to)})`;
  };
  return tree(0, terms.length);
}

interface Running<Child> {
  readonly child: Child;
  /** Exit code; the text is the last of what it wrote to stderr. */
  readonly done: Promise<{ code: number | null; text: string }>;
}

function start<Child extends ChildProcessByStdio<Writable | null, Readable | null, Readable>>(
  child: Child,
): Running<Child> {
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    text = (text + part).slice(-keptErrorChars);
  });
  const done = new Promise<{ code: number | null; text: string }>((resolve) => {
    child.on("error", (error) => resolve({ code: null, text: error.message }));
    child.on("close", (code) => resolve({ code, text }));
  });
  return { child, done };
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim() ?? "";

async function* decodeRun(
  command: string,
  frameOption: string,
  index: VideoIndex,
  run: readonly number[],
  { width, height, signal }: DecodeRequest,
): AsyncGenerator<VideoFrame, void, void> {
  // Half a frame early: the seek then gives the wanted frame first, however times are rounded.
  let first = index.isRaw ? 0 : run[0];
  let seek: string[] = [];
  if (first > 0) {
    const fromUs = (index.ptsUs[first - 1] + index.ptsUs[first]) / 2 - index.startUs;
    if (fromUs > 0) seek = ["-ss", (fromUs * 1e-6).toFixed(6)];
    else first = 0;
  }
  const size = width > 0 ? `,scale=${width}:${height}:flags=bicubic` : "";
  const { child, done } = start(
    spawn(
      command,
      [
        "-nostdin",
        "-hide_banner",
        "-loglevel",
        "error",
        ...seek,
        "-i",
        `file:${index.path}`,
        "-map",
        "0:v:0",
        "-an",
        "-sn",
        "-dn",
        "-vf",
        `select='${selectText(run, first)}'${size}`,
        "-frames:v",
        String(run.length),
        frameOption,
        "passthrough",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "pipe:1",
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    ),
  );
  const stop = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  const frameBytes = width * height * 3;
  let given = 0;
  try {
    let pixels = new Uint8Array(frameBytes);
    let filled = 0;
    for await (const part of child.stdout as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < part.byteLength; ) {
        const take = Math.min(frameBytes - filled, part.byteLength - at);
        pixels.set(part.subarray(at, at + take), filled);
        filled += take;
        at += take;
        if (filled < frameBytes) continue;
        const frame = run[given];
        if (frame === undefined) break;
        given++;
        yield { index: frame, ptsUs: index.ptsUs[frame], image: { width, height, pixels } };
        pixels = new Uint8Array(frameBytes);
        filled = 0;
      }
    }
    const { code, text } = await done;
    signal?.throwIfAborted();
    if (code !== 0 || given < run.length) {
      throw new FormatError(
        code === null ? "unsupported" : "format",
        { path: index.path },
        `ffmpeg gave ${given} of ${run.length} frames from frame ${run[0]} on (${lastLine(text) || `exit ${code}`}); expected all. The video is damaged or cut: encode it again.`,
      );
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    if (child.exitCode === null) child.kill("SIGKILL");
  }
}

async function write(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (!stream.write(bytes)) await once(stream, "drain");
}

async function encode(
  command: string,
  frames: Iterable<RgbImage> | AsyncIterable<RgbImage>,
  path: string,
  options: EncodeOptions,
): Promise<number> {
  const { width, height, fps, gop = 15, crf = 20, signal } = options;
  if (width % 2 !== 0 || height % 2 !== 0 || !(width > 0 && height > 0 && fps > 0)) {
    throw new DataConfigError(
      `encode ${path}: ${width}x${height} at ${fps} frames/s; expected even sizes (4:2:0 colour) and a positive rate. Resize the pictures.`,
    );
  }
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${Date.now()}.tmp`);
  const { child, done } = start(
    spawn(
      command,
      [
        "-nostdin",
        "-hide_banner",
        "-loglevel",
        "error",
        "-y",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        `${width}x${height}`,
        "-r",
        String(fps),
        "-i",
        "pipe:0",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        String(crf),
        "-bf",
        "0",
        "-g",
        String(gop),
        "-pix_fmt",
        "yuv420p",
        "-threads",
        "2",
        "-fflags",
        "+bitexact",
        "-flags:v",
        "+bitexact",
        "-map_metadata",
        "-1",
        "-movflags",
        "+faststart",
        "-f",
        "mp4",
        temporary,
      ],
      { stdio: ["pipe", "ignore", "pipe"] },
    ),
  );
  // When the encoder dies its exit says why; the broken pipe says nothing.
  child.stdin.on("error", () => undefined);
  let count = 0;
  try {
    for await (const { width: w, height: h, pixels } of frames) {
      signal?.throwIfAborted();
      if (w !== width || h !== height) {
        throw new DataConfigError(
          `encode ${path}: frame ${count} is ${w}x${h}; expected ${width}x${height} like the others.`,
        );
      }
      if (child.exitCode !== null) break;
      await Promise.race([write(child.stdin, pixels), done]);
      count++;
    }
    child.stdin.end();
    const { code, text } = await done;
    if (/No space left/.test(text)) {
      throw new StorageError(
        "no-space",
        path,
        "no space left on the disk; nothing was changed. Free some space and run again.",
      );
    }
    if (code !== 0) {
      throw new DataConfigError(
        `encode ${path}: ffmpeg failed (${lastLine(text) || `exit ${code}`}); expected an ffmpeg with libx264 and a disk with space.`,
      );
    }
    const handle = await open(temporary, "r");
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
    return count;
  } catch (error) {
    if (child.exitCode === null) child.kill("SIGKILL");
    await done;
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Size of a raw stream's pictures, which its index does not know. */
async function probeSize(
  command: string,
  path: string,
): Promise<{ width: number; height: number }> {
  const { child, done } = start(
    spawn(
      command,
      [
        "-nostdin",
        "-hide_banner",
        "-loglevel",
        "error",
        "-i",
        `file:${path}`,
        "-map",
        "0:v:0",
        "-frames:v",
        "1",
        "-f",
        "image2pipe",
        "-c:v",
        "ppm",
        "pipe:1",
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    ),
  );
  const parts: Uint8Array[] = [];
  for await (const part of child.stdout as AsyncIterable<Uint8Array>) parts.push(part);
  const { text } = await done;
  const match = /^P6\s+(\d+)\s+(\d+)\s/.exec(
    Buffer.concat(parts).subarray(0, 64).toString("latin1"),
  );
  if (match === null) {
    throw new FormatError(
      "format",
      { path },
      `ffmpeg cannot decode its first frame (${lastLine(text)}). The video is damaged or cut.`,
    );
  }
  return { width: Number(match[1]), height: Number(match[2]) };
}

/** The backend for a command that `ffmpegVersion` found. */
export function ffmpegBackend(command: string, version: string): VideoBackend {
  const frameOption = everyFrameOption(version);
  return {
    name: "ffmpeg",
    version,
    probeSize: (path) => probeSize(command, path),
    async *decode(index, request) {
      for (const run of runsOf(request.indices)) {
        request.signal?.throwIfAborted();
        yield* decodeRun(command, frameOption, index, run, request);
      }
    },
    encode: (frames, path, options) => encode(command, frames, path, options),
  };
}
