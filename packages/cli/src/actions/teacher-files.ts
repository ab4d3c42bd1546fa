/** Where labels of a teacher lie in a data set, and how they are read. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Dataset, readJsonl, writeJsonl } from "@causeway/data";
import {
  type CocLabel,
  collectTaught,
  defaultWindow,
  historyRowSchema,
  labelFromTeacher,
  parseCocLabel,
  type ReviewHistoryRow,
  teacherPromptHash,
} from "@causeway/label";
import { z } from "zod";
import { UserError } from "../errors.ts";

/** Ledgers of one teacher with one prompt: `labels/teachers/<model>-<prompt>/`. */
export const teacherFolder = (dataset: Dataset, modelId: string): string =>
  join(
    dataset.dir,
    "labels",
    "teachers",
    `${modelId.replaceAll(/[^\w.-]+/g, "-")}-${teacherPromptHash.slice(0, 8)}`,
  );

const keyframeSchema = z.object({
  driveId: z.string(),
  t0Us: z.number().int(),
  isChosen: z.boolean(),
});

export interface KeyframeRow {
  readonly driveId: string;
  readonly t0Us: number;
}

/** Keyframes that `causeway label` chose, drive by drive. */
export async function keyframesOf(dataset: Dataset): Promise<KeyframeRow[]> {
  const path = dataset.labelsPath("keyframes");
  if ((await stat(path).catch(() => null)) === null)
    throw new UserError(
      "NO_LABELS",
      `no keyframes yet; run "causeway label" on this data set first (${path})`,
    );
  const out: KeyframeRow[] = [];
  let row = 0;
  for await (const raw of readJsonl(path)) {
    const parsed = keyframeSchema.safeParse(raw);
    row++;
    if (!parsed.success)
      throw new UserError(
        "FORMAT",
        `row ${row} is no keyframe; run "causeway label" again (${path})`,
      );
    if (parsed.data.isChosen) out.push(parsed.data);
  }
  return out.sort((a, b) =>
    a.driveId < b.driveId ? -1 : a.driveId > b.driveId ? 1 : a.t0Us - b.t0Us,
  );
}

export interface Taught {
  readonly labels: readonly CocLabel[];
  /** Keyframes without a label, by kind of failure. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Reads the ledgers of all processes again and writes labels/teacher.jsonl and labels/teacher-failed.jsonl. */
export async function writeTaught(dataset: Dataset, folder: string): Promise<Taught> {
  const { teacher, rows, failures, isSynthetic } = await collectTaught(folder);
  const labels = [...rows.values()]
    .map((row) => labelFromTeacher(row, teacher ?? "unknown", defaultWindow))
    .map((l) =>
      isSynthetic
        ? { ...l, statusReason: `${l.statusReason}; SYNTHETIC: a scripted model answered` }
        : l,
    )
    .sort((a, b) => (a.driveId < b.driveId ? -1 : a.driveId > b.driveId ? 1 : a.t0Us - b.t0Us));
  await writeJsonl(dataset.labelsPath("teacher"), labels);
  await writeJsonl(
    dataset.labelsPath("teacher-failed"),
    [...failures].map(([id, f]) => ({ id, ...f })),
  );
  return { labels, failures: countKinds([...failures.values()]) };
}

export function countKinds(failures: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of failures) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Labels of `labels/<name>.jsonl`. */
export async function readLabels(dataset: Dataset, name: string): Promise<CocLabel[]> {
  const path = dataset.labelsPath(name);
  if ((await stat(path).catch(() => null)) === null) {
    const there =
      (await readdir(join(dataset.dir, "labels")).catch(() => [])).join(", ") || "nothing";
    throw new UserError(
      "NO_LABELS",
      `there are no labels "${name}" (labels holds ${there}); run "causeway label --teacher ..." first (${path})`,
    );
  }
  const labels: CocLabel[] = [];
  let row = 0;
  for await (const raw of readJsonl(path))
    labels.push(parseCocLabel(JSON.stringify(raw), `${path} row ${++row}`));
  return labels;
}

/** What people said so far; an empty list when nobody did. */
export async function readReviews(dataset: Dataset): Promise<ReviewHistoryRow[]> {
  const path = dataset.labelsPath("reviews");
  if ((await stat(path).catch(() => null)) === null) return [];
  const rows: ReviewHistoryRow[] = [];
  for await (const raw of readJsonl(path)) {
    const parsed = historyRowSchema.safeParse(raw);
    if (!parsed.success)
      throw new UserError(
        "FORMAT",
        `row ${rows.length + 1} is no review; restore the file (${path})`,
      );
    rows.push(parsed.data);
  }
  return rows;
}
