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

/** Rows of labels/samples.jsonl of the given splits, in file order. */
export async function readSampleRows(
  dataset: Dataset,
  splits: readonly SplitName[],
): Promise<SampleRow[]> {
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

/** The labelled training samples of a dataset; `close` frees files. */
export async function openTrainingSamples(
  dataDir: string,
  settings: LoaderSettings,
): Promise<{
  readonly samples: LabelledSamples;
  readonly fingerprint: string;
  close(): Promise<void>;
}> {
  const dataset = await openDataset(dataDir);
  const rows = (await readSampleRows(dataset, ["train"])).filter((r) => r.cot !== null);
  if (rows.length === 0)
    throw new UserError(
      "LABELS",
      `no training sample of this dataset has a chain of causation. Simulated drives get theirs from the expert; recorded drives need a teacher, which is not there yet (${join(dataDir, "labels")})`,
    );
  const loader = await openLoader(dataset, settings);
  const row = (index: number): SampleRow => rows[index] as SampleRow;
  return {
    fingerprint: dataset.fingerprint,
    samples: {
      length: rows.length,
      id: (index) => row(index).id,
      words: (index) => ({ navText: row(index).navText, cot: row(index).cot as string }),
      async read(index) {
        const { driveId, t0Us, navText, cot } = row(index);
        const [sample] = await loader.load([{ driveId, t0Us }]);
        if (sample === undefined) throw new Error(`loader gave no sample for ${row(index).id}`);
        return {
          input: { cameras: sample.cameras, history: sample.history, navText },
          future: sample.future,
          cot: cot as string,
        };
      },
    },
    close: () => loader.close(),
  };
}
