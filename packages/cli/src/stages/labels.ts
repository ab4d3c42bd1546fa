/**
 * Stage: list the drives as a dataset, split them by recording, and label them.
 *
 *   dataset.json, splits.json
 *   labels/meta-actions.jsonl  per drive: meta-actions, keyframes and why candidates were dropped
 *   labels/keyframes.jsonl     over all drives: which keyframes are worth a label, balanced by quota, and which not
 *   labels/oracle.jsonl        per sample: the chain of causation, where the drive has the expert's truth
 *   labels/questions.jsonl     per question that came with a recording: split, moment, answer
 *   labels/samples.jsonl       per sample: split, navigation text and sentence, what training needs to know of it
 *   labels/skipped.jsonl       drives that could not be read, with the reason
 *
 * A drive without ego motion has a row of meta-actions in which every axis says so, no samples, and its questions.
 */
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  createDataset,
  type Dataset,
  type DriveHandle,
  FormatError,
  navText,
  type PutRow,
  type QuestionAnswer,
  questionIdOf,
  removeStaleTemporaries,
  routeAt,
  sampleGrid,
  type SkippedDrive,
  type SplitName,
  writeJsonl,
  writeRows,
} from "@causeway/data";
import {
  type CocLabel,
  columnsOf,
  findScenarios,
  inspectMotion,
  LabelError,
  oracleLabel,
} from "@causeway/label";
import { UserError } from "../errors.ts";
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

/** A row of labels/questions.jsonl. */
export interface QuestionRow extends QuestionAnswer {
  /** As in exports. */
  readonly id: string;
  readonly driveId: string;
  readonly t0Us: number;
  readonly split: SplitName;
}

export interface LabelsResult {
  /** Drives that got labels. */
  readonly drives: number;
  /** Drives that could not be read. */
  readonly skipped: readonly SkippedDrive[];
  /** Ids of those of `drives` that have no ego motion, and so neither samples nor keyframes. */
  readonly withoutMotion: readonly string[];
  readonly samples: number;
  readonly labelled: number;
  readonly keyframes: number;
  readonly questions: number;
  readonly fingerprint: string;
}

const stepsOf = (secs: number): number => Math.round(secs * 10) * 100_000;

const meaningOf = (label: CocLabel | null): string | null =>
  label === null ? null : [label.longitudinal, label.lateral, label.lateralSide].join();

/** Stamps at least so far apart. */
function spaced(rows: readonly { readonly stampUs: number }[], strideUs: number): number[] {
  const out: number[] = [];
  for (const { stampUs } of rows)
    if (stampUs - (out.at(-1) ?? Number.NEGATIVE_INFINITY) >= strideUs) out.push(stampUs);
  return out;
}

/** The oracle's label, or null where the driver's decisions have a gap: such a moment is a sample without a sentence. */
function oracleAt(
  drive: Parameters<typeof oracleLabel>[0],
  t0Us: number,
  seed: number,
): CocLabel | null {
  try {
    return oracleLabel(drive, t0Us, { seed });
  } catch (error) {
    if (error instanceof LabelError && error.code !== "format") return null;
    throw error;
  }
}

/** Rows of one drive. */
export interface DriveLabels {
  readonly meta: unknown;
  readonly oracle: readonly CocLabel[];
  readonly samples: readonly SampleRow[];
  readonly questions: readonly QuestionRow[];
}

export async function labelDrive(
  drive: DriveHandle,
  split: SplitName,
  options: Pick<LabelsOptions, "seed" | "trainEverySecs" | "heldOutEverySecs">,
): Promise<DriveLabels> {
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
  const scenarios = drive.has.motion
    ? findScenarios({ columns: columnsOf(series), meta: metaActions, decisions, map })
    : [];
  const perceive = await perceptionOf(drive);
  const truth = { id: drive.id, decisions, egoMotion: drive.egoMotion };
  const oracle = times.map((t0Us) =>
    decisions === null ? null : oracleAt(truth, t0Us, options.seed),
  );
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
    oracle: oracle.filter((label) => label !== null),
    samples: times.map(
      (t0Us, i): SampleRow => ({
        perception: perceive(t0Us),
        id: `${drive.id}@${t0Us}`,
        driveId: drive.id,
        t0Us,
        split,
        navText: navText(routeAt(drive.route, t0Us)),
        cot: oracle[i]?.trace ?? null,
        meaning: meaningOf(oracle[i] ?? null),
      }),
    ),
    questions: await questionRows(drive, split),
  };
}

async function questionRows(drive: DriveHandle, split: SplitName): Promise<QuestionRow[]> {
  return ((await drive.questions()) ?? []).flatMap(({ stampUs, questions }) =>
    questions.map((asked, i) => ({
      id: questionIdOf(drive.id, stampUs, asked.kind, i),
      driveId: drive.id,
      t0Us: stampUs,
      split,
      ...asked,
    })),
  );
}

/**
 * Labels every drive in one pass: rows go to their files as they are found, so memory holds one drive, whatever the dataset.
 * A drive that cannot be read is left out and named in labels/skipped.jsonl.
 */
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
  const result = { drives: 0, samples: 0, labelled: 0, keyframes: 0, questions: 0 };
  const skipped: SkippedDrive[] = [];
  const hasMotion = new Map(dataset.drives.map((d) => [d.id, d.hasMotion ?? true]));
  const withoutMotion: string[] = [];
  const labelAll = async (
    putMeta: PutRow,
    putOracle: PutRow,
    putQuestion: PutRow,
    putSample: PutRow,
  ): Promise<void> => {
    const total = dataset.drives.length;
    for (const [i, { id }] of dataset.drives.entries()) {
      context.signal.throwIfAborted();
      const labels = await tryToLabel(dataset, id, splitOf.get(id) ?? "train", options);
      if ("error" in labels) skipped.push(labels);
      else {
        for (const row of labels.oracle) await putOracle(row);
        for (const row of labels.questions) await putQuestion(row);
        for (const row of labels.samples) {
          await putSample(row);
          if (row.cot !== null) result.labelled++;
        }
        await putMeta(labels.meta);
        result.drives++;
        result.questions += labels.questions.length;
        if (hasMotion.get(id) === false) withoutMotion.push(id);
        result.samples += labels.samples.length;
      }
      context.progress({ done: i + 1, total });
    }
    const [first] = skipped;
    if (result.drives === 0 && first !== undefined)
      throw new UserError(
        "DATA",
        `none of ${total} drives could be labelled; the first: ${first.error}`,
      );
  };
  const pathOf = (name: string) => dataset.labelsPath(name);
  await mkdir(dirname(pathOf("samples")), { recursive: true });
  await removeStaleTemporaries(dirname(pathOf("samples")));
  // Outermost, so it appears last: training looks for samples, so its presence means that all labels are there.
  await writeRows(pathOf("samples"), (putSample) =>
    writeRows(pathOf("oracle"), async (putOracle) => {
      await writeRows(pathOf("questions"), (putQuestion) =>
        writeRows(pathOf("meta-actions"), (putMeta) =>
          labelAll(putMeta, putOracle, putQuestion, putSample),
        ).then(() => undefined),
      );
      const quota = await writeKeyframes(
        pathOf("meta-actions"),
        pathOf("keyframes"),
        options.keyframesPerStratum ?? null,
        options.seed,
      );
      result.keyframes = quota.chosen;
      await writeJsonl(pathOf("skipped"), skipped);
    }).then(() => undefined),
  );
  return { ...result, skipped, withoutMotion, fingerprint: dataset.fingerprint };
}

/** The labels of a drive, or why it has none: bad input costs its drive, a full disk or a stop the run. */
async function tryToLabel(
  dataset: Dataset,
  id: string,
  split: SplitName,
  options: LabelsOptions,
): Promise<DriveLabels | SkippedDrive> {
  try {
    const drive = await dataset.open(id);
    try {
      return await labelDrive(drive, split, options);
    } finally {
      await drive.close();
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { id, error: error.message };
  }
}

export const work: Work<WorkInput<LabelsOptions, DataSetting>, LabelsResult> = (
  { runDir, options, setting },
  context,
) => labelDataset(resolve(runDir, setting.dataDir), options, context);
