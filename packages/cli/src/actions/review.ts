/** `causeway review`: the queue as one HTML file, and what came back from it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { atomicWriteFile, type Dataset, parseJson, readJsonl, writeJsonl } from "@causeway/data";
import {
  authorsOf,
  type CocLabel,
  DriveShelf,
  lessonOf,
  mergeReviews,
  parseReviewFile,
  replayReviews,
  reviewerStats,
  reviewItem,
  type ReviewItem,
  reviewOrder,
  reviewPage,
  reviewPageAssets,
  type Verdict,
  type Verified,
} from "@causeway/label";
import { stableFraction } from "@causeway/reason";
import type { Outcome } from "../command.ts";
import { UserError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { readLabels, readReviews } from "./teacher-files.ts";

export interface ReviewOptions {
  readonly out: string;
  readonly limit: number;
  readonly isBlind: boolean;
  readonly auditShare: number;
}

/** Labels with the verdicts that `causeway verify` wrote. */
async function verified(dataset: Dataset): Promise<Verified[]> {
  const labels = await readLabels(dataset, "verified");
  const history = await readReviews(dataset);
  const verdicts = new Map<
    string,
    { verdict: Verdict; critic: Verified["critic"]; reasons: string[] }
  >();
  for await (const raw of readJsonl(join(dataset.dir, "verify", "verdicts.jsonl"))) {
    const row = raw as {
      id: string;
      verdict: Verdict;
      critic: Verified["critic"];
      reasons: string[];
    };
    verdicts.set(row.id, row);
  }
  return labels.flatMap((label): Verified[] => {
    const found = verdicts.get(label.id);
    if (found === undefined) return [];
    const last = history.findLast((h) => h.record.id === label.id);
    // What a person edited waits for a second person.
    const human =
      last === undefined || last.record.verdict === "edit"
        ? null
        : last.record.verdict === "approve"
          ? ("accepted" as const)
          : ("rejected" as const);
    return [{ label, scenario: null, ...found, human }];
  });
}

export async function exportReview(
  dataset: Dataset,
  options: ReviewOptions,
  { isDryRun, progress, signal }: { isDryRun: boolean; progress: Progress; signal: AbortSignal },
): Promise<Outcome> {
  const order = reviewOrder(await verified(dataset), options.auditShare, stableFraction);
  const chosen = order.slice(0, options.limit);
  if (isDryRun)
    return {
      data: { waiting: order.length, chosen: chosen.map((c) => c.row.label.id) },
      text: `${order.length} labels wait for a person; ${chosen.length} would be in the page. Nothing was written (--dry-run).`,
    };
  const history = await readReviews(dataset);
  const shelf = new DriveShelf((id) => dataset.open(id));
  const items: ReviewItem[] = [];
  const skipped: string[] = [];
  try {
    for (const { row, priority } of chosen) {
      signal.throwIfAborted();
      const { id, driveId, t0Us } = row.label;
      try {
        const lesson = await lessonOf(shelf, { id, driveId, t0Us });
        items.push(
          reviewItem(row, lesson.history, await lesson.future(), {
            isBlind: options.isBlind,
            authors: authorsOf(row.label, history),
            priority,
          }),
        );
      } catch (error) {
        skipped.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
      progress.update("review", { done: items.length + skipped.length, total: chosen.length });
    }
  } finally {
    await shelf.close();
  }
  const page = reviewPage(
    items,
    { title: `Review of ${dataset.name}`, isBlind: options.isBlind },
    await reviewPageAssets(),
  );
  await atomicWriteFile(options.out, Buffer.from(page));
  progress.finish("review", `${items.length} labels`);
  return {
    data: { out: options.out, items: items.length, waiting: order.length, skipped },
    text: [
      `${items.length} of ${order.length} waiting labels are in ${options.out}; open it in a browser, save the answers, then: causeway review DATASET --apply FILE`,
      ...skipped.map((s) => `left out: ${s}`),
    ].join("\n"),
  };
}

/** Merges saved answers: appends to labels/reviews.jsonl, updates labels/verified.jsonl. */
export async function applyReviewFile(
  dataset: Dataset,
  path: string,
  isDryRun: boolean,
): Promise<Outcome> {
  const bytes = await readFile(path);
  const file = parseReviewFile(parseJson(bytes, { path }), path);
  const labels = await readLabels(dataset, "verified");
  const history = await readReviews(dataset);
  const current: Map<string, CocLabel> = replayReviews(labels, history);
  const { added, skipped } = mergeReviews(file, current, history);
  if (file.records.length === 0)
    throw new UserError("EMPTY", `the file holds no answers (${path})`);
  const all = [...history, ...added];
  if (!isDryRun && added.length > 0) {
    // History first: labels can be made from it again.
    await writeJsonl(dataset.labelsPath("reviews"), all);
    const after = new Map(added.map((row) => [row.after.id, row.after]));
    await writeJsonl(
      dataset.labelsPath("verified"),
      labels.map((l) => after.get(l.id) ?? l),
    );
  }
  return {
    data: { merged: added.length, skipped, reviewers: reviewerStats(all) },
    text: [
      `${added.length} of ${file.records.length} answers of ${file.reviewer} ${isDryRun ? "would be " : ""}merged`,
      ...skipped.map((s) => `skipped ${s.id}: ${s.reason}`),
      ...(isDryRun ? ["Nothing was written (--dry-run)."] : []),
    ].join("\n"),
  };
}
