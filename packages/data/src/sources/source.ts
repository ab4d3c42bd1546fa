/** Importers: one small contract, any format. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { relative } from "node:path";
import type { Drive } from "../drive.ts";
import { FormatError } from "../errors.ts";

/** One recording that an importer found, before anything of it is read. */
export interface DriveRef {
  readonly format: string;
  /** Id that the drive will have; a file name. */
  readonly id: string;
  /** Folder or file of the recording, for people. */
  readonly path: string;
  /** Files that the drive is made from; their content decides whether an import is still fresh. */
  readonly files: readonly string[];
  /** Which recording it is, where the files hold several. */
  readonly entry?: string;
}

/** What a person may choose about an import. */
export interface ReadOptions {
  /**
   * Pictures per second that are kept of a video: at each tick of that grid the last frame at or before it, which is what
   * samples on the grid ask for. null keeps every frame. Default 10.
   */
  readonly picturesHz?: number | null;
  /** Wider pictures are scaled down to this. Default: as they are. */
  readonly maxWidth?: number;
  /** Cameras to import; default all. An empty list leaves pictures out, and then no video decoder is needed. */
  readonly cameras?: readonly string[];
  /** Import recordings that their source marks as not valid. Default false: they are skipped with an error. */
  readonly includeInvalid?: boolean;
  /** YAML file that says which topic or column is what, for formats that need one. */
  readonly mapping?: string;
}

/** How far reading what many recordings share has come. */
export interface PrepareProgress {
  readonly done: number;
  readonly total: number;
  /** Unit of the numbers, and what is being read. */
  readonly note: string;
}

export interface PrepareWatch {
  onProgress?(progress: PrepareProgress): void;
  readonly signal?: AbortSignal;
}

export interface DriveSource {
  /** "comma2k19", "argoverse2", "argoverse2-forecasting", "kitti-odometry". */
  readonly format: string;
  /** Other names that a person may type. */
  readonly aliases: readonly string[];
  /** Raised when the importer gives other drives for the same files. */
  readonly version: number;
  /** Whether `path` looks like this format; looks at names, not at content. */
  recognizes(path: string): Promise<boolean>;
  /** Recordings at or below `path`, in a stable order. */
  list(path: string): AsyncIterable<DriveRef>;
  /**
   * Reads what the recordings below `path` share, where that takes long. Optional to call: `read` does it where it was not
   * done, without a word. Damage is thrown here, and by `read` for each recording that it costs.
   */
  prepare?(path: string, watch: PrepareWatch): Promise<void>;
  /** The drive: right-handed, z up, origin at the first pose, times from 0. Throws a `FormatError` for bad input. */
  read(ref: DriveRef, options?: ReadOptions): Promise<Drive>;
  /** Stands for the content of the input where hashing whole files would read far more than the recording. */
  contentOf?(ref: DriveRef): Promise<string>;
}

/** Hash of the importer's version and the names and bytes of the input files. */
export async function hashInput(
  source: DriveSource,
  ref: DriveRef,
  options: ReadOptions = {},
): Promise<string> {
  const hash = createHash("sha256");
  hash.update(`${source.format} ${source.version}\n`);
  const chosen = Object.entries(options).filter(([, value]) => value !== undefined);
  if (chosen.length > 0) hash.update(`${JSON.stringify(Object.fromEntries(chosen))}\n`);
  if (options.mapping !== undefined) hash.update(await readFile(options.mapping).catch(() => ""));
  if (source.contentOf !== undefined) {
    return hash.update(await source.contentOf(ref)).digest("hex");
  }
  for (const file of ref.files) {
    const info = await stat(file).catch(() => null);
    // A missing file is reported by read(), with what it was needed for.
    hash.update(`${relative(ref.path, file)} ${info?.size ?? "missing"}\n`);
    if (info === null) continue;
    for await (const part of createReadStream(file)) hash.update(part as Uint8Array);
  }
  return hash.digest("hex");
}

/** Seconds below which rows count as one continuous recording. */
export const gapLimitUs = 500_000;

export function requireIncreasing(
  path: string,
  name: string,
  times: ArrayLike<number | bigint>,
): void {
  for (let i = 1; i < times.length; i++) {
    const before = times[i - 1] as number | bigint;
    const now = times[i] as number | bigint;
    if (!(now > before)) {
      throw new FormatError(
        "value",
        { path, row: i + 1 },
        `${name} ${now} comes after ${before}; expected increasing times. Sort the rows, or cut the recording there.`,
      );
    }
  }
}
