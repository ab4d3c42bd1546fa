/** Append-only JSON Lines of a run: metrics (truncated back when a run resumes) and events (never). */
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";

import { storageFailure } from "./storage-failure.ts";

export interface MetricsRow {
  /** Optimiser steps done after this row. */
  readonly step: number;
  /** Null in the file: the value was not finite. */
  readonly [name: string]: number;
}

/**
 * `metrics.jsonl`, one row per step. Opening drops rows after `lastStep` and a torn last line, so that a resumed run
 * writes the rows that an uninterrupted one would have.
 */
export class MetricsLog {
  readonly #file: number;
  readonly #path: string;

  constructor(path: string, lastStep: number) {
    this.#path = path;
    this.#file = openSync(path, "a+");
    const bytes = readFileSync(path);
    let keep = 0;
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(0x0a, start);
      if (end < 0) break;
      let step = Number.POSITIVE_INFINITY;
      try {
        step = (JSON.parse(bytes.toString("utf8", start, end)) as MetricsRow).step;
      } catch {
        // A torn line: what follows was written by the same killed process.
      }
      if (!(step <= lastStep)) break;
      start = end + 1;
      keep = start;
    }
    ftruncateSync(this.#file, keep);
  }

  /**
   * @param lastCheckpoint  Step of the newest checkpoint, for the message when the disk is full.
   */
  append(row: MetricsRow, lastCheckpoint: number | null): void {
    const bytes = Buffer.from(`${JSON.stringify(row)}\n`);
    try {
      // A short write is not an error of the system call: the next one reports ENOSPC.
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    } catch (error) {
      throw storageFailure(this.#path, error, lastCheckpoint);
    }
  }

  /** Makes all rows durable; called before a checkpoint that they belong to appears. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** All whole rows of a metrics file. */
export function readMetrics(path: string): MetricsRow[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as MetricsRow);
}

export type RunEvent =
  | { readonly type: "started"; readonly step: number }
  | { readonly type: "resumed"; readonly step: number }
  | { readonly type: "checkpoint"; readonly step: number }
  | { readonly type: "skipped"; readonly step: number; readonly reason: string }
  | { readonly type: "stopped"; readonly step: number }
  | { readonly type: "finished"; readonly step: number };

/** Appends to `events.jsonl`. `timeMs` is the caller's clock. */
export function appendEvent(path: string, event: RunEvent, timeMs: number): void {
  appendFileSync(path, `${JSON.stringify({ time: new Date(timeMs).toISOString(), ...event })}\n`);
}
