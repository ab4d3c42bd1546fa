/**
 * `causeway verify`: rules, critic and policy over a teacher's labels.
 *
 *   labels/verified.jsonl  the labels with their status
 *   verify/verdicts.jsonl  per label: every rule's finding, the critic's answers, the reasons of the status
 *   verify/skipped.jsonl   drives that could not be read, whose labels are not checked
 *   verify/report.json     accept rates with intervals, agreement with people, disagreements
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  atomicWriteFile,
  DataConfigError,
  type Dataset,
  FormatError,
  parseJson,
  readJsonl,
  type SkippedDrive,
  writeJsonl,
} from "@causeway/data";
import { createRng } from "@causeway/geom";
import {
  aggregate,
  type CocLabel,
  type Control,
  type CriticRow,
  defaultPolicy,
  drawControls,
  evidenceFromMotion,
  findNearDuplicates,
  inspectMotion,
  judgeLabel,
  type Judgement,
  type MotionEvidence,
  type Policy,
  readPolicy,
  replayReviews,
  type ReviewHistoryRow,
  runCritic,
  sceneEvidence,
  sceneLayers,
  scoreOf,
  type Verdict,
  type Verified,
  verifyLabel,
  type VerifyReport,
} from "@causeway/label";
import { type BatchSummary, isScripted, summaryText } from "@causeway/reason";
import {
  type BatchCommandOptions,
  batchSettings,
  openAskedModel,
} from "../asking/model-options.ts";
import type { Outcome } from "../command.ts";
import { UserError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { readLabels, readReviews } from "./teacher-files.ts";

export interface VerifyOptions {
  readonly labels: string;
  readonly critic: string | null;
  readonly allowSameModel: boolean;
  readonly policyPath: string | null;
  readonly controls: number;
  readonly batch: BatchCommandOptions;
  readonly seed: number;
}

export interface VerifyContext {
  readonly isDryRun: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Verdicts of the rules on every label, drive by drive. */
async function ruleVerdicts(
  dataset: Dataset,
  labels: readonly CocLabel[],
  context: VerifyContext,
): Promise<{ verdicts: Map<string, Verdict>; skipped: SkippedDrive[] }> {
  const skipped: SkippedDrive[] = [];
  const byDrive = new Map<string, CocLabel[]>();
  for (const l of labels) byDrive.set(l.driveId, [...(byDrive.get(l.driveId) ?? []), l]);
  const verdicts = new Map<string, Verdict>();
  for (const [driveId, some] of byDrive) {
    context.signal.throwIfAborted();
    try {
      for (const [id, verdict] of await driveVerdicts(dataset, driveId, some))
        verdicts.set(id, verdict);
    } catch (error) {
      // A drive that is damaged or gone takes its own labels along, not the others.
      if (!(error instanceof FormatError || error instanceof DataConfigError)) throw error;
      skipped.push({ id: driveId, error: error.message });
    }
    context.progress.update("rules", { done: verdicts.size, total: labels.length });
  }
  const [first] = skipped;
  if (verdicts.size === 0 && first !== undefined)
    throw new UserError("DATA", `no label could be checked; the first drive: ${first.error}`);
  context.progress.finish("rules", `${verdicts.size} labels`);
  return { verdicts, skipped };
}

async function driveVerdicts(
  dataset: Dataset,
  driveId: string,
  labels: readonly CocLabel[],
): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  const drive = await dataset.open(driveId);
  try {
    const layers = await sceneLayers(drive);
    const { keyframes } = inspectMotion(drive.egoMotion, undefined, layers.map);
    for (const label of labels) {
      let evidence: MotionEvidence | null = null;
      try {
        evidence = evidenceFromMotion(drive.egoMotion, label.t0Us);
      } catch (error) {
        // A window that leaves the recording: structure and scene are judged, motion is not.
        if (!(error instanceof Error) || error.name !== "GeomError") throw error;
      }
      verdicts.set(
        label.id,
        verifyLabel({
          label,
          evidence,
          keyframe: keyframes.find((k) => k.t0Us === label.t0Us) ?? null,
          scene: sceneEvidence(drive.egoMotion, layers, label.t0Us),
        }),
      );
    }
  } finally {
    await drive.close();
  }
  return verdicts;
}

async function loadPolicy(path: string | null): Promise<Policy> {
  if (path === null) return defaultPolicy;
  return readPolicy(parseJson(await readFile(path), { path }), path);
}

/** What people last said of a label as it is now; a label that was made anew has not been looked at. */
function humanWord(
  label: CocLabel,
  reviewed: ReadonlyMap<string, CocLabel>,
  history: readonly ReviewHistoryRow[],
): Verified["human"] {
  if (reviewed.get(label.id) === label) return null;
  const last = history.findLast((h) => h.record.id === label.id);
  if (last === undefined) return null;
  return last.record.verdict === "approve" ? "accepted" : "rejected";
}

/** What a scripted model wrote or judged is never accepted: training reads accepted labels. */
function withoutSynthetic(
  judgement: Judgement,
  teacher: string,
  isCriticSynthetic: boolean,
): Judgement {
  if (isScripted(teacher))
    return {
      status: "rejected",
      reasons: ["SYNTHETIC: a scripted model wrote this label", ...judgement.reasons],
    };
  if (isCriticSynthetic && judgement.status === "accepted")
    return { status: "review", reasons: ["SYNTHETIC: a scripted critic answered"] };
  return judgement;
}

export async function verifyDataset(
  dataset: Dataset,
  options: VerifyOptions,
  context: VerifyContext,
): Promise<Outcome> {
  const policy = await loadPolicy(options.policyPath);
  const found = await readLabels(dataset, options.labels);
  if (found.length === 0)
    throw new UserError("NO_LABELS", `labels/${options.labels}.jsonl holds no label`);
  if (context.isDryRun)
    return {
      data: { labels: found.length, policy: policy.version, critic: options.critic },
      text: `${found.length} labels would be checked by rules (${policy.version})${options.critic === null ? "" : ` and, with ${options.controls} controls, by ${options.critic}`}. Nothing was written (--dry-run).`,
    };
  const { verdicts, skipped } = await ruleVerdicts(dataset, found, context);
  const labels = found.filter((l) => verdicts.has(l.id));
  const controls =
    options.critic === null
      ? []
      : drawControls(labels, options.controls, createRng(options.seed).fork("controls"));
  const critic =
    options.critic === null ? null : await askCritic(dataset, labels, controls, options, context);
  const history = await readReviews(dataset);
  const reviewed = replayReviews(labels, history);
  const scenarios = new Map(dataset.drives.map((d) => [d.id, d.scenario]));

  const rows = labels.map((label): Verified => {
    const verdict = verdicts.get(label.id) as Verdict;
    const answers = critic?.rows.get(label.id)?.answers;
    const score = answers === undefined ? null : scoreOf(answers);
    const judgement = withoutSynthetic(
      judgeLabel(policy, label, verdict, score),
      label.teacher,
      critic?.isSynthetic === true,
    );
    return {
      label: {
        ...label,
        status: judgement.status,
        statusReason: judgement.reasons.join("; ") || null,
      },
      scenario: scenarios.get(label.driveId) ?? null,
      verdict,
      critic: score,
      reasons: judgement.reasons,
      human: humanWord(label, reviewed, history),
    };
  });
  const report = aggregate(rows, {
    policy: policy.version,
    failures: await failuresOf(dataset),
    duplicates: findNearDuplicates(labels),
    critic:
      critic === null
        ? null
        : {
            model: critic.model,
            controls: controls.flatMap(({ kind, label }) => {
              const answers = critic.rows.get(label.id)?.answers;
              if (answers === undefined) return [];
              // The rules must not help: the rate is the critic's own.
              const { score, coverage } = scoreOf(answers);
              const isAccepted =
                score !== null &&
                coverage >= policy.critic.leastCoverage &&
                score >= policy.critic.accept;
              return [{ kind, isAccepted }];
            }),
          },
  });
  // What people decided stands above what the policy says.
  const final = rows.map(({ label }, i) => {
    const after = reviewed.get(label.id);
    return after === undefined || after === labels[i] ? label : after;
  });
  const isSynthetic = critic?.isSynthetic === true || labels.some((l) => isScripted(l.teacher));
  const mark = isSynthetic ? { synthetic: true } : {};
  await mkdir(join(dataset.dir, "verify"), { recursive: true });
  await writeJsonl(
    join(dataset.dir, "verify", "verdicts.jsonl"),
    rows.map((r) => ({
      id: r.label.id,
      ...mark,
      status: r.label.status,
      reasons: r.reasons,
      verdict: r.verdict,
      critic: r.critic,
      answers: critic?.rows.get(r.label.id)?.answers ?? null,
    })),
  );
  await atomicWriteFile(
    join(dataset.dir, "verify", "report.json"),
    Buffer.from(`${JSON.stringify({ ...mark, ...report }, null, 2)}\n`),
  );
  await writeJsonl(join(dataset.dir, "verify", "skipped.jsonl"), skipped);
  await writeJsonl(dataset.labelsPath("verified"), final);
  const samples = await labelSamples(dataset, final);
  return {
    data: { ...mark, ...report, samples, skipped, criticRun: critic?.summary ?? null },
    text: [
      ...skipped.map((k) => `not checked, labels of ${k.id}: ${k.error}`),
      ...(isSynthetic
        ? ["SYNTHETIC: a scripted model wrote or judged these labels; none is accepted"]
        : []),
      ...reportLines(report),
      ...(critic === null ? [] : [summaryText(critic.summary)]),
      samples,
    ].join("\n"),
  };
}

async function askCritic(
  dataset: Dataset,
  labels: readonly CocLabel[],
  controls: readonly Control[],
  options: VerifyOptions,
  context: VerifyContext,
): Promise<{
  model: string;
  isSynthetic: boolean;
  rows: ReadonlyMap<string, CriticRow>;
  summary: BatchSummary;
}> {
  const { model } = await openAskedModel({ model: options.critic ?? "" });
  const batch = await batchSettings(
    options.batch,
    context,
    "critic",
    join(dataset.cacheDir, "replies"),
  );
  const { rows, summary, stop } = await runCritic({
    ...batch,
    labels: [...labels, ...controls.map((c) => c.label)],
    open: (id) => dataset.open(id),
    model,
    allowSameModel: options.allowSameModel,
    folder: join(dataset.dir, "verify", "critics", model.id.replaceAll(/[^\w.-]+/g, "-")),
  });
  context.signal.throwIfAborted();
  if (stop !== null) throw new UserError("CRITIC", `the critic stopped: ${stop.message}`);
  context.progress.finish("critic", `${rows.size} labels and controls`);
  return { model: model.id, isSynthetic: model.isSynthetic, rows, summary };
}

async function failuresOf(dataset: Dataset): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  try {
    for await (const raw of readJsonl(dataset.labelsPath("teacher-failed"))) {
      const kind = String((raw as { kind?: unknown }).kind);
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return counts;
}

/** Gives accepted sentences to the samples that training reads; a sentence that lost its acceptance is taken out again. */
async function labelSamples(dataset: Dataset, labels: readonly CocLabel[]): Promise<string> {
  const path = dataset.labelsPath("samples");
  const splits = await dataset.splits();
  const known = new Map<string, Record<string, unknown>>();
  try {
    for await (const raw of readJsonl(path)) {
      const row = raw as Record<string, unknown>;
      known.set(String(row["id"]), row);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (splits === null) return "no splits yet: samples were left alone";
  const splitOf = new Map(
    (["train", "val", "test"] as const).flatMap((name) => splits[name].map((id) => [id, name])),
  );
  let accepted = 0;
  for (const label of labels) {
    const isAccepted = label.status === "accepted";
    if (isAccepted) accepted++;
    const row = known.get(label.id);
    if (row === undefined && !isAccepted) continue;
    known.set(label.id, {
      navText: null,
      perception: null,
      ...row,
      id: label.id,
      driveId: label.driveId,
      t0Us: label.t0Us,
      split: splitOf.get(label.driveId) ?? "train",
      cot: isAccepted ? label.trace : null,
      meaning: isAccepted ? [label.longitudinal, label.lateral, label.lateralSide].join() : null,
    });
  }
  await writeJsonl(path, known.values());
  return `${accepted} accepted sentences are in labels/samples.jsonl, for training`;
}

function reportLines(report: VerifyReport): string[] {
  const percent = ({ rate, low, high, count, of }: VerifyReport["sensitive"]): string =>
    rate === null || low === null || high === null
      ? "none"
      : `${(rate * 100).toFixed(1)} % [${(low * 100).toFixed(1)}, ${(high * 100).toFixed(1)}] (${count} of ${of})`;
  const { byStatus, accepted, critic, humans } = report;
  const worst = Object.entries(report.rules)
    .filter(([, c]) => c.error > 0)
    .sort(([, a], [, b]) => b.error - a.error)
    .slice(0, 5)
    .map(([rule, c]) => `${rule} ${c.error}`);
  return [
    `${report.labels} labels: ${byStatus.accepted} accepted, ${byStatus.review} for review, ${byStatus.rejected} rejected, ${byStatus["no-decision"]} without a decision`,
    `accepted: ${percent(accepted.all)}; hangs on a threshold: ${percent(report.sensitive)}`,
    ...(worst.length === 0 ? [] : [`rules that found errors: ${worst.join(", ")}`]),
    ...(critic === null
      ? []
      : [
          `critic ${critic.model}: mean score ${critic.meanScore?.toFixed(2) ?? "none"}, false accepts of controls ${percent(critic.falseAccepts.all)}`,
        ]),
    ...(humans.all.pairs === 0
      ? []
      : [
          `people agree on ${humans.all.pairs} labels with kappa ${humans.all.kappa?.toFixed(2) ?? "undefined"}`,
        ]),
    `details: verify/report.json, verify/verdicts.jsonl`,
  ];
}
