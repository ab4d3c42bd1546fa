/** The page of a batch of answers, in the form of every evaluation: failures first, each with its picture. */
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
import { parseTrace } from "@causeway/label";
import type { BatchResult, FailureKind } from "@causeway/reason";
import { picturesOf } from "../score/frames.ts";
import type { DrivePlan } from "./drive-plan.ts";
import type { ReasonJob } from "./jobs.ts";
import type { ReasonRow } from "./ask-jobs.ts";

/** Items that the page shows. */
const shownItems = 200;

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
    // Nobody said what is right.
    expected: "",
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
    files: ["results.jsonl", "summary.json", "ledger.jsonl"],
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

/** What a driving model planned for the one drive that was asked about. */
function planDetails(plan: DrivePlan): SheetItem["details"] {
  return [
    ["with the drive's motion", plan.reasoning],
    ...(decisionText(plan.reasoning) === null
      ? []
      : [["decision", decisionText(plan.reasoning) as string] as const]),
    ["planned path", pathText(plan)],
  ];
}

/** "54.2 m ahead and 9.1 m to the right after 6.4 s; …". */
export function pathText({ path, meanErrorM }: DrivePlan): string {
  const y = path.y.at(-1) ?? 0;
  return `${path.x.at(-1)?.toFixed(1)} m ahead and ${Math.abs(y).toFixed(1)} m to the ${y >= 0 ? "left" : "right"} after ${(path.x.length / 10).toFixed(1)} s; ${meanErrorM.toFixed(2)} m from the driven one on average`;
}

/** The decision that a sentence states, on both axes; null where it states none. */
export function decisionText(sentence: string): string | null {
  const claims = parseTrace(sentence);
  if (claims.status === "unparsed") return null;
  const side = claims.lateralSide === null ? "" : ` ${claims.lateralSide}`;
  const axes = [claims.longitudinal, claims.lateral === null ? null : `${claims.lateral}${side}`];
  return axes
    .filter((a) => a !== null)
    .join(", ")
    .replaceAll("_", " ");
}

export async function renderReasonReport(
  jobs: readonly ReasonJob[],
  result: BatchResult<ReasonRow>,
  run: ScoredRun,
  { atSecs, plan }: { readonly atSecs: number | null; readonly plan: DrivePlan | null },
): Promise<string> {
  const items =
    plan === null
      ? run.items
      : run.items.map((i) => ({ ...i, details: [...planDetails(plan), ...i.details] }));
  const frames = new Map<string, readonly string[]>();
  const byId = new Map(jobs.map((job) => [job.id, job]));
  for (const { id } of worstFirst(items).slice(0, shownItems)) {
    const drawn = plan?.overlay ?? result.rows.get(id)?.overlay ?? null;
    const own = (byId.get(id)?.media ?? []).slice(0, 4);
    // A picture that cannot be read is why its item failed: the item says so.
    const pictures = await Promise.all(
      (drawn === null ? own : [drawn]).map((path) => picturesOf(path, atSecs).catch(() => [])),
    );
    frames.set(id, pictures.flat());
  }
  return renderScoreReport({ sheet: run.sheet, items }, frames, shownItems);
}
