/** Exporters: one small contract, any format. A sink pulls drives one at a time, so memory does not grow with the data set. */
import type { DriveEntry } from "../dataset/dataset.ts";
import type { SplitName } from "../dataset/splits.ts";
import type { LateralDecision, LongitudinalDecision, Side } from "../decision.ts";
import type { DriveHandle } from "../drive-handle.ts";
import { FormatError } from "../errors.ts";

/** What an exporter needs of a label, whoever wrote it. */
export interface ExportLabel {
  readonly t0Us: number;
  /** The sentence to learn. */
  readonly trace: string;
  readonly longitudinal: LongitudinalDecision | null;
  readonly lateral: LateralDecision | null;
  readonly lateralSide: Side | null;
  /** "oracle", a model's name, or "source" for text that came with the recording. */
  readonly teacher: string;
}

export interface ExportSkip {
  readonly id: string;
  readonly code: string;
  readonly error: string;
}

export interface ExportItem {
  readonly entry: DriveEntry;
  readonly drive: DriveHandle;
  readonly split: SplitName;
  /** In time order. */
  readonly labels: readonly ExportLabel[];
}

/** Skips a drive that a format has no place for. */
export function requireMotion(drive: DriveHandle, format: string): void {
  if (drive.has.motion) return;
  throw new FormatError(
    "missing",
    { path: drive.path ?? drive.id },
    `has no ego motion, and ${format} is about what the car drove. Its pictures and questions go into chat, llava or mcap.`,
  );
}

export interface ExportInput {
  readonly name: string;
  readonly fingerprint: string;
  readonly drives: readonly DriveEntry[];
  splitOf(driveId: string): SplitName;
  /**
   * Opens drives one after the other, calls `work`, and closes them. What a damaged drive or a missing sample throws skips
   * that drive, named in the result; nothing of it may have been given out yet.
   */
  each<T>(
    drives: readonly DriveEntry[],
    work: (item: ExportItem) => Promise<T>,
  ): AsyncGenerator<T, void, void>;
  skip(item: ExportSkip): void;
}

export interface ExportOptions {
  /** Cameras to export; default all of a drive. */
  readonly cameras?: readonly string[];
  /** What the user turn asks. */
  readonly question: string;
  readonly systemPrompt: string;
  /** The same for questions that came with the recording. */
  readonly questionSystemPrompt: string;
  /** Key of the text in the PhysicalAI-AV reasoning table. */
  readonly textKey: "coc" | "cot";
  /** Drives in one chunk or shard. */
  readonly chunkSize: number;
}

export const defaultExportOptions: ExportOptions = {
  question: "What should the car do next, and why?",
  systemPrompt: "You are the driver of the car. Say what to do next and why, in one sentence.",
  questionSystemPrompt:
    "You are shown pictures of the cameras of a car, taken at one moment. Answer the question about them. An object may be named <id,camera,x,y>: its centre in pixels of that camera's picture.",
  textKey: "coc",
  chunkSize: 100,
};

export interface DatasetSink {
  readonly format: string;
  readonly aliases: readonly string[];
  /** One line for people. */
  readonly about: string;
  /** Whether drives without a label have a place in it. */
  readonly takesUnlabelled: boolean;
  /** Writes everything below `out`; returns how many samples or clips were written. */
  write(input: ExportInput, out: string, options: ExportOptions): Promise<number>;
}
