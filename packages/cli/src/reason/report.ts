/** The page of a batch of answers, in the form of every evaluation: failures first, each with its picture. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import {
  countItems,
  renderScoreReport,
  type ScoredRun,
  type ScoreSheet,
  type SheetItem,
  shareOfAll,
  worstFirst,
} from "@causeway/eval/judged";
import type { BatchResult, FailureKind } from "@causeway/reason";
import { kindOfFile, type ReasonJob } from "./jobs.ts";
import type { ReasonRow } from "./ask-jobs.ts";

/** Items that the page shows, and the width of their pictures. */
const shownItems = 200;
const pictureWidth = 420;

/** Kinds where the model replied, but not with what was asked for. */
const unreadKinds: ReadonlySet<FailureKind> = new Set(["bad-reply", "truncated", "refusal"]);

function itemOf(job: ReasonJob, result: BatchResult<ReasonRow>, question: string): SheetItem {
  const row = result.rows.get(job.id);
  const failure = result.failures.get(job.id);
  const isUnread = failure !== undefined && unreadKinds.has(failure.kind);
  const common = {
    id: job.id,
    cluster: job.id,
    group: job.prompt,
    question: job.values.question ?? question,
    expected: "no reference was given",
    media: job.media,
  };
  if (row === undefined)
    return {
      ...common,
      status: failure === undefined ? "pending" : isUnread ? "unread" : "failed",
      failure: failure !== undefined && !isUnread ? failure.kind : null,
      problem:
        failure === undefined
          ? null
          : isUnread
            ? `${failure.kind}: ${failure.message}`
            : failure.message,
      scores: isUnread ? { answered: 0 } : {},
      answered: null,
      reasoning: null,
      raw: null,
      details: [],
      badness: failure === undefined ? 0.5 : 1,
    };
  return {
    ...common,
    status: "answered",
    failure: null,
    problem: null,
    scores: { answered: 1 },
    answered: row.answer,
    reasoning: row.reasoning,
    raw: row.raw,
    details: [
      ["vision tokens", String(row.visionTokens)],
      ["input and output tokens", `${row.inputTokens} and ${row.outputTokens}`],
      ...row.notes.map((note) => ["note", note] as const),
    ],
    // Answers with notes come before those without.
    badness: row.notes.length > 0 ? 0.1 : 0,
  };
}

async function picture(path: string): Promise<string | null> {
  const { default: sharp } = await import("sharp");
  try {
    const jpeg = await sharp(await readFile(path))
      .rotate()
      .resize({ width: pictureWidth, withoutEnlargement: true })
      .jpeg({ quality: 80 })
      .toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  } catch {
    // A picture that cannot be read is why its item failed: the item says so.
    return null;
  }
}

export interface ReasonReport {
  readonly model: string;
  readonly prompt: string;
  readonly question: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

/** The evaluation of a batch of answers: which were answered, with counts that add up. */
export function reasonSheet(
  jobs: readonly ReasonJob[],
  result: BatchResult<ReasonRow>,
  { model, prompt, question, settings, skipped }: ReasonReport,
): ScoredRun {
  const items = jobs.map((job) => itemOf(job, result, question));
  const { summary, stop } = result;
  const sheet: ScoreSheet = {
    schema: "causeway-score/1",
    benchmark: `prompt ${prompt}`,
    title: `Answers of ${model}`,
    subject: model,
    isSynthetic: summary.isSynthetic,
    settings,
    counts: countItems(items, skipped.length),
    metrics: [
      {
        key: "answered",
        label: "Answered",
        about:
          "Share of ended items whose reply could be read; refusals and unreadable replies count as not answered.",
        format: "percent",
        isHigherBetter: true,
        estimate: shareOfAll(items, "answered"),
      },
    ],
    tables: [],
    notes: [
      `${summary.spent.requests} requests, ${summary.spent.inputTokens} input and ${summary.spent.outputTokens} output tokens over all sessions.`,
      ...(stop === null ? [] : [`Ended early: ${stop.message}.`]),
      ...skipped.slice(0, 20).map(({ what, why }) => `Skipped ${basename(what)}: ${why}.`),
    ],
  };
  return { sheet, items };
}

export async function renderReasonReport(
  jobs: readonly ReasonJob[],
  result: BatchResult<ReasonRow>,
  run: ScoredRun,
): Promise<string> {
  const { items } = run;
  const frames = new Map<string, readonly string[]>();
  const byId = new Map(jobs.map((job) => [job.id, job]));
  for (const { id } of worstFirst(items).slice(0, shownItems)) {
    const overlay = result.rows.get(id)?.overlay ?? null;
    const drawn = overlay !== null && kindOfFile(overlay) === "image" ? [overlay] : null;
    const own = (byId.get(id)?.media ?? []).filter((m) => kindOfFile(m) === "image").slice(0, 4);
    const pictures = await Promise.all((drawn ?? own).map(picture));
    frames.set(
      id,
      pictures.filter((p) => p !== null),
    );
  }
  return renderScoreReport(run, frames, shownItems);
}
