/** What a reviewer sends back, and how it becomes part of the labels: appended, never overwritten. */
import { lateralDecisions, longitudinalDecisions } from "@causeway/data";
import { z } from "zod";
import { cocLabelSchema, type CocLabel, LabelError } from "../coc/schema.ts";
import { hashJson } from "../hash.ts";

export const reviewFileSchemaId = "causeway/review/1";

export const reviewChecks = [
  "components_seen",
  "decision_right",
  "cause_explains",
  "no_future",
] as const;

const recordSchema = z
  .object({
    id: z.string(),
    /** Hash of the label that was shown; a label that has changed since is not touched. */
    labelHash: z.string(),
    verdict: z.enum(["approve", "edit", "reject"]),
    checks: z.record(z.enum(reviewChecks), z.boolean()),
    /** Ids of the components that were confirmed on the history alone. */
    confirmed: z.array(z.string()),
    /** Changes of that choice after the future had been opened: a leak, kept on record. */
    lateChanges: z.array(z.string()),
    /** What an edit sets. */
    edit: z
      .object({
        longitudinal: z.enum(longitudinalDecisions).nullable(),
        lateral: z.enum(lateralDecisions).nullable(),
        lateralSide: z.enum(["left", "right"]).nullable(),
        causeIds: z.array(z.string()),
        trace: z.string().max(400).nullable(),
      })
      .strict()
      .nullable(),
    note: z.string().max(2000),
    secs: z.number().min(0),
    at: z.string(),
  })
  .strict();
export type ReviewRecord = z.infer<typeof recordSchema>;

export const reviewFileSchema = z
  .object({
    schema: z.literal(reviewFileSchemaId),
    reviewer: z.string().min(1).max(80),
    records: z.array(recordSchema),
  })
  .strict();
export type ReviewFile = z.infer<typeof reviewFileSchema>;

/** Hash of what a person judges; the status that rules gave it does not count. */
export const labelContentHash = (label: CocLabel): string =>
  hashJson([
    label.id,
    label.longitudinal,
    label.lateral,
    label.lateralSide,
    label.components,
    label.causeIds,
    label.trace,
  ]);

export function parseReviewFile(value: unknown, place: string): ReviewFile {
  const result = reviewFileSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new LabelError(
    "format",
    `${place}: field "${issue.path.join(".")}": ${issue.message}; expected a file that the review page saved.`,
  );
}

export const historyRowSchema = z
  .object({
    reviewer: z.string(),
    record: recordSchema,
    before: cocLabelSchema,
    after: cocLabelSchema,
  })
  .strict();
/** One line of labels/reviews.jsonl: what was, who said what, what is. */
export type ReviewHistoryRow = z.infer<typeof historyRowSchema>;

export interface MergeResult {
  readonly added: readonly ReviewHistoryRow[];
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** Everyone who wrote or changed a label, in order. */
export function authorsOf(label: CocLabel, history: readonly ReviewHistoryRow[]): string[] {
  const people = history
    .filter((h) => h.record.id === label.id && h.record.verdict === "edit")
    .map((h) => h.reviewer);
  return [label.teacher, ...people];
}

/** The label after a review. */
export function applyReview(label: CocLabel, record: ReviewRecord, reviewer: string): CocLabel {
  switch (record.verdict) {
    case "approve":
      return { ...label, origin: "auto+human", status: "accepted", statusReason: null };
    case "reject":
      return {
        ...label,
        status: "rejected",
        statusReason: `rejected by ${reviewer}${record.note === "" ? "" : `: ${record.note}`}`,
      };
    case "edit":
      return {
        ...label,
        ...record.edit,
        origin: "auto+human",
        // A second person must look at what one person wrote.
        status: "review",
        statusReason: `edited by ${reviewer}`,
      };
  }
}

/**
 * Merges what a reviewer saved. Records on labels that are gone or have changed, by their own author, or that came before are
 * skipped with the reason; the same file applied twice changes nothing.
 *
 * @param current labels as they are now, earlier reviews applied
 */
export function mergeReviews(
  file: ReviewFile,
  current: ReadonlyMap<string, CocLabel>,
  history: readonly ReviewHistoryRow[],
): MergeResult {
  const labels = new Map(current);
  const all = [...history];
  const added: ReviewHistoryRow[] = [];
  const skipped: { id: string; reason: string }[] = [];
  for (const record of file.records) {
    const { id } = record;
    const skip = (reason: string) => skipped.push({ id, reason });
    const known = all.some(
      (h) => h.reviewer === file.reviewer && hashJson(h.record) === hashJson(record),
    );
    if (known) {
      skip("is merged already");
      continue;
    }
    const before = labels.get(id);
    if (before === undefined) {
      skip("no such label");
      continue;
    }
    if (labelContentHash(before) !== record.labelHash) {
      skip("the label has changed since it was shown; export the queue again");
      continue;
    }
    if (authorsOf(before, all).includes(file.reviewer)) {
      skip(`${file.reviewer} is an author of this label; another person must check it`);
      continue;
    }
    if (record.verdict === "edit" && record.edit === null) {
      skip("an edit without its fields");
      continue;
    }
    const after = applyReview(before, record, file.reviewer);
    const strange = after.causeIds.filter((c) => !after.components.some((x) => x.id === c));
    if (strange.length > 0) {
      skip(`causes ${strange.join(", ")} are not among the components`);
      continue;
    }
    const row = { reviewer: file.reviewer, record, before, after };
    labels.set(id, after);
    all.push(row);
    added.push(row);
  }
  return { added, skipped };
}

/** Labels with all reviews applied, as far as they still fit: a label that was made anew starts without them. */
export function replayReviews(
  labels: readonly CocLabel[],
  history: readonly ReviewHistoryRow[],
): Map<string, CocLabel> {
  const out = new Map(labels.map((l) => [l.id, l]));
  for (const { record, after } of history) {
    const now = out.get(record.id);
    if (now !== undefined && labelContentHash(now) === record.labelHash) out.set(record.id, after);
  }
  return out;
}

/** Records of one reviewer that a second look is drawn from; also their pace. */
export function reviewerStats(history: readonly ReviewHistoryRow[]): {
  readonly reviewer: string;
  readonly records: number;
  readonly edits: number;
  readonly rejects: number;
  readonly lateChanges: number;
  readonly medianSecs: number;
}[] {
  const by = new Map<string, ReviewRecord[]>();
  for (const h of history) by.set(h.reviewer, [...(by.get(h.reviewer) ?? []), h.record]);
  return [...by].map(([reviewer, records]) => {
    const secs = records.map((r) => r.secs).sort((a, b) => a - b);
    return {
      reviewer,
      records: records.length,
      edits: records.filter((r) => r.verdict === "edit").length,
      rejects: records.filter((r) => r.verdict === "reject").length,
      lateChanges: records.filter((r) => r.lateChanges.length > 0).length,
      medianSecs: secs[secs.length >> 1],
    };
  });
}
