/**
 * Splits by recording, never by frame. Within each stratum (by default the scenario) recordings are ordered by a seeded
 * hash and dealt out by share; who was placed before stays, so a data set may grow.
 */
import { createRng, hash32 } from "@causeway/geom";
import { DataConfigError } from "../errors.ts";

export const splitNames = ["train", "val", "test"] as const;
export type SplitName = (typeof splitNames)[number];
export type Splits = Readonly<Record<SplitName, readonly string[]>>;

/** What a split needs to know of a drive. */
export interface SplitDrive {
  readonly id: string;
  readonly scenario: string | null;
  readonly format: string;
  /** Drives with the same recording stay together. */
  readonly recording: string;
}

export interface SplitOptions {
  readonly seed: number;
  /** Shares of val and test; the rest trains. Default 0.1 each. */
  readonly val?: number;
  readonly test?: number;
  /** Default: strata by scenario, or by format where there is none. */
  readonly stratumOf?: (drive: SplitDrive) => string;
  /** Placements that stay. */
  readonly previous?: Splits;
}

/** 32 well-mixed bits of seed and text; FNV alone orders similar names alike. */
const order = (seed: number, text: string) =>
  createRng((hash32(`${seed}/${text}`) ^ 0x5bd1e995) >>> 0).next();

export function splitDrives(drives: readonly SplitDrive[], options: SplitOptions): Splits {
  const { seed, val = 0.1, test = 0.1 } = options;
  if (!(val >= 0 && test >= 0 && val + test < 1)) {
    throw new DataConfigError(
      `splits: val ${val} and test ${test}; expected shares of at least 0 that leave some for training.`,
    );
  }
  const stratumOf = options.stratumOf ?? ((d) => d.scenario ?? d.format);
  const recordings = new Map<string, SplitDrive[]>();
  for (const drive of drives) {
    const members = recordings.get(drive.recording) ?? [];
    members.push(drive);
    recordings.set(drive.recording, members);
  }
  const placed = new Map<string, SplitName>();
  const recordingOf = new Map(drives.map((d) => [d.id, d.recording]));
  for (const name of splitNames) {
    for (const id of options.previous?.[name] ?? []) {
      const recording = recordingOf.get(id);
      if (recording !== undefined) placed.set(recording, name);
    }
  }
  const strata = new Map<string, string[]>();
  for (const [recording, [first]] of recordings) {
    const stratum = stratumOf(first);
    const list = strata.get(stratum) ?? [];
    strata.set(stratum, list);
    list.push(recording);
  }
  for (const members of strata.values()) {
    const free = members
      .filter((r) => !placed.has(r))
      .map((r) => ({ r, key: order(seed, r) }))
      .sort((a, b) => a.key - b.key || (a.r < b.r ? -1 : 1))
      .map(({ r }) => r);
    const want = (share: number, name: SplitName) =>
      Math.max(
        0,
        Math.round(share * members.length) - members.filter((r) => placed.get(r) === name).length,
      );
    const numTest = want(test, "test");
    const numVal = want(val, "val");
    free.forEach((recording, i) => {
      placed.set(recording, i < numTest ? "test" : i < numTest + numVal ? "val" : "train");
    });
  }
  const out: Record<SplitName, string[]> = { train: [], val: [], test: [] };
  for (const [recording, members] of recordings) {
    out[placed.get(recording) ?? "train"].push(...members.map((d) => d.id));
  }
  for (const name of splitNames) out[name].sort();
  return out;
}
