/** Importers: one small contract, any format. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
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
  /** The drive: right-handed, z up, origin at the first pose, times from 0. Throws a `FormatError` for bad input. */
  read(ref: DriveRef): Promise<Drive>;
}

/** Hash of the importer's version and the names and bytes of the input files. */
export async function hashInput(source: DriveSource, ref: DriveRef): Promise<string> {
  const hash = createHash("sha256");
  hash.update(`${source.format} ${source.version}\n`);
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
