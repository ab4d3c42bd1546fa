/**
 * Stage: list the drives as a dataset, split them by recording, and label them.
 *
 *   dataset.json, splits.json
 *   labels/meta-actions.jsonl  per drive: meta-actions, keyframes and why candidates were dropped
 *   labels/keyframes.jsonl     over all drives: which keyframes are worth a label, balanced by quota, and which not
 *   labels/oracle.jsonl        per sample: the chain of causation, where the drive has the expert's truth
 *   labels/samples.jsonl       per sample: split, navigation text and sentence, what training needs to know of it
 */
import { resolve } from "node:path";
import {
  createDataset,
  type DriveHandle,
  navText,
  routeAt,
  sampleGrid,
  type SplitName,
  writeJsonl,
} from "@causeway/data";
import {
  type CocLabel,
  columnsOf,
  findScenarios,
  inspectMotion,
  oracleLabel,
} from "@causeway/label";
import type { Work, WorkContext } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import type { DataSetting } from "./drives.ts";
import { writeKeyframes } from "./keyframe-choice.ts";
import { type PerceptionRow, perceptionOf } from "./perception-rows.ts";

export interface LabelsOptions {
  /** Drives of each split by id; null: split by recording with the default shares. */
  readonly splits: Readonly<Record<SplitName, readonly string[]>> | null;
  readonly seed: number;
  readonly trainEverySecs: number;
  readonly heldOutEverySecs: number;
  readonly name: string;
  /** Keyframes of each stratum at most, over the whole dataset; left out or null: all. */
  readonly keyframesPerStratum?: number | null;
}

/** A row of labels/samples.jsonl. */
export interface SampleRow {
  readonly id: string;
  readonly driveId: string;
  readonly t0Us: number;
  readonly split: SplitName;
  readonly navText: string | null;
  /** The sentence to learn, or null where nobody labelled this moment. */
  readonly cot: string | null;
  /** Decision ids of that sentence, so that wordings of one meaning can be told apart from meanings. */
  readonly meaning: string | null;
  /** Where the truth is known: per camera, what stands in which cell. */
  readonly perception: PerceptionRow | null;
}

export interface LabelsResult {
  readonly drives: number;
  readonly samples: number;
  readonly labelled: number;
  readonly keyframes: number;
  readonly fingerprint: string;
}

const stepsOf = (secs: number): number => Math.round(secs * 10) * 100_000;

const meaningOf = (label: CocLabel | undefined): string | null =>
  label === undefined ? null : [label.longitudinal, label.lateral, label.lateralSide].join();

/** Stamps at least so far apart. */
function spaced(rows: readonly { readonly stampUs: number }[], strideUs: number): number[] {
  const out: number[] = [];
  for (const { stampUs } of rows)
    if (stampUs - (out.at(-1) ?? Number.NEGATIVE_INFINITY) >= strideUs) out.push(stampUs);
  return out;
}

/** Labels of one drive. */
export async function labelDrive(
  drive: DriveHandle,
  split: SplitName,
  options: Pick<LabelsOptions, "seed" | "trainEverySecs" | "heldOutEverySecs">,
): Promise<{
  readonly meta: Record<string, unknown> & { readonly numKeyframes: number };
  readonly oracle: readonly CocLabel[];
  readonly samples: readonly SampleRow[];
}> {
  const map = await drive.map();
  const { series, metaActions, manoeuvres, keyframes, droppedKeyframes } = inspectMotion(
    drive.egoMotion,
    undefined,
    map,
  );
  const strideUs = stepsOf(split === "train" ? options.trainEverySecs : options.heldOutEverySecs);
  const takeovers = await drive.takeovers();
  // Where the log is not the driver's own, only moments that tell what it would do are worth learning.
  const times = sampleGrid(
    drive,
    takeovers === null
      ? { strideUs }
      : { strideUs: null, keyframesUs: spaced(takeovers, strideUs) },
  );
  const decisions = await drive.decisions();
  const scenarios = findScenarios({
    columns: columnsOf(series),
    meta: metaActions,
    decisions,
    map,
  });
  const perceive = await perceptionOf(drive);
  const truth = { id: drive.id, decisions, egoMotion: drive.egoMotion };
  const oracle =
    decisions === null ? [] : times.map((t0Us) => oracleLabel(truth, t0Us, { seed: options.seed }));
  return {
    meta: {
      driveId: drive.id,
      metaActions,
      manoeuvres,
      scenarios,
      keyframes,
      droppedKeyframes,
      numKeyframes: keyframes.length,
    },
    oracle,
    samples: times.map(
      (t0Us, i): SampleRow => ({
        perception: perceive(t0Us),
        id: `${drive.id}@${t0Us}`,
        driveId: drive.id,
        t0Us,
        split,
        navText: navText(routeAt(drive.route, t0Us)),
        cot: oracle[i]?.trace ?? null,
        meaning: meaningOf(oracle[i]),
      }),
    ),
  };
}

export async function labelDataset(
  dataDir: string,
  options: LabelsOptions,
  context: Pick<WorkContext, "signal" | "progress">,
): Promise<LabelsResult> {
  const dataset = await createDataset(dataDir, { name: options.name });
  await dataset.commit();
  const splits = await dataset.split({
    seed: options.seed,
    ...(options.splits === null ? {} : { previous: options.splits }),
  });
  const splitOf = new Map(
    (["train", "val", "test"] as const).flatMap((name) => splits[name].map((id) => [id, name])),
  );
  const result = { drives: 0, samples: 0, labelled: 0, keyframes: 0 };
  const oracle: CocLabel[] = [];
  const samples: SampleRow[] = [];
  async function* metaRows(): AsyncGenerator<unknown> {
    for (const [i, { id }] of dataset.drives.entries()) {
      context.signal.throwIfAborted();
      const drive = await dataset.open(id);
      try {
        const labels = await labelDrive(drive, splitOf.get(id) ?? "train", options);
        oracle.push(...labels.oracle);
        samples.push(...labels.samples);
        result.drives++;
        result.keyframes += labels.meta.numKeyframes;
        yield labels.meta;
      } finally {
        await drive.close();
      }
      context.progress({ done: i + 1, total: dataset.drives.length });
    }
  }
  await writeJsonl(dataset.labelsPath("meta-actions"), metaRows());
  const quota = await writeKeyframes(
    dataset.labelsPath("meta-actions"),
    dataset.labelsPath("keyframes"),
    options.keyframesPerStratum ?? null,
    options.seed,
  );
  result.keyframes = quota.chosen;
  await writeJsonl(dataset.labelsPath("oracle"), oracle);
  // Last: training looks for this file, so its presence means that all labels are there.
  await writeJsonl(dataset.labelsPath("samples"), samples);
  result.samples = samples.length;
  result.labelled = samples.filter((s) => s.cot !== null).length;
  return { ...result, fingerprint: dataset.fingerprint };
}

export const work: Work<WorkInput<LabelsOptions, DataSetting>, LabelsResult> = (
  { runDir, options, setting },
  context,
) => labelDataset(resolve(runDir, setting.dataDir), options, context);
