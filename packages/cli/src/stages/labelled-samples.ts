import { join } from "node:path";
import {
  type Dataset,
  openDataset,
  openSampleLoader,
  readJsonl,
  type SampleLoader,
  type SplitName,
} from "@causeway/data";
import type { LabelledSamples } from "@causeway/train";
import { UserError } from "../errors.ts";
import type { SampleRow } from "./labels.ts";
import { perceptionArray } from "./perception-rows.ts";

/** Stops where no drive tells how the car moved: labelling such a dataset again would not help. */
export function requireMotion({ drives, dir }: Dataset): void {
  if (drives.length === 0 || drives.some((d) => d.hasMotion !== false)) return;
  throw new UserError(
    "MOTION",
    `none of the ${drives.length} drives of this dataset has ego motion, so there is no path to learn or to score. Their questions train a vision-language model: \`causeway export chat ${dir} --out DIR\``,
  );
}

/** Rows of labels/samples.jsonl of the given splits, in file order. */
export async function readSampleRows(
  dataset: Dataset,
  splits: readonly SplitName[],
): Promise<SampleRow[]> {
  requireMotion(dataset);
  const path = dataset.labelsPath("samples");
  const rows: SampleRow[] = [];
  try {
    for await (const row of readJsonl(path)) {
      const sample = row as SampleRow;
      if (splits.includes(sample.split)) rows.push(sample);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new UserError(
        "LABELS",
        `this dataset has no labels yet. Run \`causeway label ${dataset.dir}\` first (${path})`,
      );
    throw error;
  }
  return rows;
}

export interface LoaderSettings {
  readonly cameras: readonly string[];
  readonly width: number;
  readonly height: number;
}

export function openLoader(dataset: Dataset, settings: LoaderSettings): Promise<SampleLoader> {
  return openSampleLoader(dataset, {
    ...settings,
    cacheDir: dataset.cacheDir,
  });
}

export interface OpenSamples {
  readonly train: LabelledSamples;
  /** Held-out moments, spread evenly; empty when none were asked for or none are there. */
  readonly heldOut: LabelledSamples;
  readonly fingerprint: string;
  close(): Promise<void>;
}

/** The labelled samples of a dataset; `close` frees files. */
export async function openLabelledSamples(
  dataDir: string,
  settings: LoaderSettings,
  numHeldOut: number,
): Promise<OpenSamples> {
  const dataset = await openDataset(dataDir);
  const labelled = async (split: SplitName): Promise<SampleRow[]> =>
    (await readSampleRows(dataset, [split])).filter((r) => r.cot !== null);
  const train = await labelled("train");
  if (train.length === 0)
    throw new UserError(
      "LABELS",
      `no training sample of this dataset has a chain of causation. Simulated drives get theirs from the expert; recorded drives need a teacher, which is not there yet (${join(dataDir, "labels")})`,
    );
  const heldOut = await labelled("test");
  const kept = Math.min(numHeldOut, heldOut.length);
  const spread = Array.from(
    { length: kept },
    (_, i) => heldOut[Math.floor(((i + 0.5) * heldOut.length) / kept)] as SampleRow,
  );
  const loader = await openLoader(dataset, settings);
  return {
    fingerprint: dataset.fingerprint,
    train: samplesOf(train, loader, settings.cameras),
    heldOut: samplesOf(spread, loader, settings.cameras),
    close: () => loader.close(),
  };
}

function samplesOf(
  rows: readonly SampleRow[],
  loader: SampleLoader,
  cameras: readonly string[],
): LabelledSamples {
  const row = (index: number): SampleRow => rows[index] as SampleRow;
  const perception = (index: number) => perceptionArray(row(index).perception, cameras);
  return {
    length: rows.length,
    id: (index) => row(index).id,
    words: (index) => ({
      navText: row(index).navText,
      cot: row(index).cot as string,
      meaning: row(index).meaning ?? "",
    }),
    perception,
    async read(index) {
      const { driveId, t0Us, navText, cot } = row(index);
      const [sample] = await loader.load([{ driveId, t0Us }]);
      if (sample === undefined) throw new Error(`loader gave no sample for ${row(index).id}`);
      return {
        input: { cameras: sample.cameras, history: sample.history, navText },
        future: sample.future,
        cot: cot as string,
        perception: perception(index),
      };
    },
  };
}
