/** `causeway label --teacher`: keyframes through the oracle or a chat model. */
import { join } from "node:path";
import { type Dataset, type DriveHandle, FormatError, writeJsonl } from "@causeway/data";
import {
  type CocLabel,
  componentsRequest,
  decisionRequest,
  DriveShelf,
  estimateCost,
  type Overlay,
  LabelError,
  lessonOf,
  oracleLabel,
  requestTokens,
  runTeacher,
  shardOf,
  type TeacherItem,
  teacherPromptVersion,
  workParts,
} from "@causeway/label";
import { type ChatModel, type Shard, summaryText } from "@causeway/reason";
import type { Estimate } from "@causeway/eval/judged";
import type { Outcome } from "../command.ts";
import { UserError } from "../errors.ts";
import {
  type BatchCommandOptions,
  batchSettings,
  openAskedModel,
  priceOf,
} from "../asking/model-options.ts";
import type { Progress } from "../progress.ts";
import { countKinds, keyframesOf, teacherFolder, writeTaught } from "./teacher-files.ts";

export interface TeachOptions {
  readonly teacher: string;
  readonly seed: number;
  readonly shard: string | null;
  readonly queue: string | null;
  readonly parts: number;
  readonly limit: number | null;
  readonly batch: BatchCommandOptions;
  readonly overlay: Overlay;
}

export interface TeachContext {
  readonly isDryRun: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function teachDataset(
  dataset: Dataset,
  options: TeachOptions,
  context: TeachContext,
): Promise<Outcome> {
  const still = dataset.drives.filter((d) => d.hasMotion === false).length;
  if (still > 0 && still === dataset.drives.length)
    throw new UserError(
      "NO_MOTION",
      `none of the ${still} drives of this dataset has ego motion: a teacher is told what the car did, and here is nothing to tell. Questions that came with the drives go out with \`causeway export chat ${dataset.dir} --out DIR\``,
    );
  const outcome = await taughtBy(dataset, options, context);
  return still === 0
    ? outcome
    : {
        data: { ...(outcome.data as object), withoutMotion: still },
        text: `${outcome.text}\n${still} drives have no ego motion: nothing to tell a teacher, so it is not asked about them`,
      };
}

async function taughtBy(
  dataset: Dataset,
  options: TeachOptions,
  context: TeachContext,
): Promise<Outcome> {
  const hashes = new Map(dataset.drives.map((d) => [d.id, d.sha256]));
  const all = (await keyframesOf(dataset)).map(
    ({ driveId, t0Us }): TeacherItem => ({
      id: `${driveId}@${t0Us}`,
      driveId,
      t0Us,
      inputKey: hashes.get(driveId) ?? "",
    }),
  );
  const items = options.limit === null ? all : all.slice(0, options.limit);
  if (options.teacher === "oracle") return askOracle(dataset, items, options, context);
  const { model } = await openAskedModel({ model: options.teacher });
  return context.isDryRun
    ? dryRun(dataset, items, model, options)
    : askModel(dataset, items, model, options, context);
}

async function askOracle(
  dataset: Dataset,
  items: readonly TeacherItem[],
  { seed }: TeachOptions,
  { isDryRun, progress, signal }: TeachContext,
): Promise<Outcome> {
  if (isDryRun)
    return {
      data: { keyframes: items.length, requests: 0 },
      text: `${items.length} keyframes would be labelled from the truth of their drives, at no cost. Nothing was written (--dry-run).`,
    };
  const labels: CocLabel[] = [];
  const failed: { id: string; kind: string; message: string }[] = [];
  let done = 0;
  for (const driveId of new Set(items.map((i) => i.driveId))) {
    signal.throwIfAborted();
    const some = items.filter((i) => i.driveId === driveId);
    let drive: DriveHandle;
    try {
      drive = await dataset.open(driveId);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      for (const { id } of some) failed.push({ id, kind: error.code, message: error.message });
      done += some.length;
      continue;
    }
    try {
      const truth = { id: driveId, decisions: await drive.decisions(), egoMotion: drive.egoMotion };
      for (const { id, t0Us } of some) {
        try {
          labels.push(oracleLabel(truth, t0Us, { seed }));
        } catch (error) {
          if (!(error instanceof LabelError)) throw error;
          failed.push({ id, kind: error.code, message: error.message });
        }
        progress.update("teacher", { done: ++done, total: items.length });
      }
    } finally {
      await drive.close();
    }
  }
  await writeJsonl(dataset.labelsPath("teacher"), labels);
  await writeJsonl(dataset.labelsPath("teacher-failed"), failed);
  progress.finish("teacher", `${labels.length} labels`);
  return {
    data: { teacher: "oracle", labels: labels.length, failed: countKinds(failed) },
    text: `${labels.length} of ${items.length} keyframes labelled by the oracle${failed.length > 0 ? `, ${failed.length} not: labels/teacher-failed.jsonl says why` : ""}`,
  };
}

/** Looks at a few keyframes, sends nothing. */
async function dryRun(
  dataset: Dataset,
  items: readonly TeacherItem[],
  model: ChatModel,
  { batch, overlay }: TeachOptions,
): Promise<Outcome> {
  const shelf = new DriveShelf((id) => dataset.open(id));
  const tokens: number[] = [];
  const problems: string[] = [];
  try {
    const step = Math.max(1, Math.floor(items.length / 5));
    for (const item of items.filter((_, i) => i % step === 0).slice(0, 5)) {
      try {
        const { history, future } = await lessonOf(shelf, item, undefined, overlay);
        tokens.push(
          requestTokens(componentsRequest(history)) +
            requestTokens(decisionRequest([], history.navText, await future())),
        );
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
  } finally {
    await shelf.close();
  }
  const mean = tokens.length === 0 ? 0 : tokens.reduce((a, b) => a + b, 0) / tokens.length;
  const { concurrency } = batch;
  const price = priceOf(batch);
  const estimate = estimateCost(items.length, mean, { price, secsPerRequest: 6, concurrency });
  return {
    data: { model: model.id, prompt: teacherPromptVersion, ...estimate, problems },
    text: [
      `${items.length} keyframes in ${new Set(items.map((i) => i.driveId)).size} drives would be shown to ${model.id} (${teacherPromptVersion})`,
      `about ${estimate.requests} requests, ${estimate.inputTokens} input and ${estimate.outputTokens} output tokens, pictures counted as 800 tokens each`,
      estimate.costUsd === null
        ? "cost: unknown without --price-in and --price-out"
        : `cost: about ${estimate.costUsd.toFixed(2)} US$`,
      `time: about ${Math.ceil(estimate.secs / 60)} min at 6 s per answer and ${concurrency} at once`,
      ...problems.map((p) => `would fail: ${p}`),
      "Nothing was sent or written (--dry-run).",
    ].join("\n"),
  };
}

async function askModel(
  dataset: Dataset,
  items: readonly TeacherItem[],
  model: ChatModel,
  options: TeachOptions,
  context: TeachContext,
): Promise<Outcome> {
  const folder = teacherFolder(dataset, model.id);
  const lines: string[] = [];
  const summaries: unknown[] = [];
  const batch = await batchSettings(
    options.batch,
    context,
    "teacher",
    join(dataset.cacheDir, "replies"),
  );
  const run = async (shard: Shard | null): Promise<void> => {
    const { summary, stop } = await runTeacher({
      ...batch,
      items,
      open: (id) => dataset.open(id),
      model,
      folder,
      shard,
      overlay: options.overlay,
    });
    summaries.push(summary);
    lines.push(summaryText(summary));
    if (stop !== null) lines.push(`ended early: ${stop.message}`);
    context.signal.throwIfAborted();
    if (stop !== null && stop.reason !== "budget")
      throw new UserError("TEACHER", `the teacher stopped: ${stop.message}`);
  };
  if (options.queue !== null) {
    const url = options.queue === "env" ? context.env["CAUSEWAY_REDIS_URL"] : options.queue;
    if (url === undefined || url === "")
      throw new UserError("OPTION", "--queue env: CAUSEWAY_REDIS_URL is not set");
    const { done, failed } = await workParts(
      {
        url,
        name: `causeway-${dataset.fingerprint.slice(0, 12)}-${folder.slice(-30)}`,
        parts: options.parts,
        signal: context.signal,
      },
      run,
    );
    lines.push(`this worker did ${done} of ${options.parts} parts`);
    lines.push(...failed.map((f) => `part ${f.part} failed: ${f.reason}`));
  } else await run(options.shard === null ? null : shardOf(options.shard, context.env));
  const { labels, failures } = await writeTaught(dataset, folder);
  context.progress.finish("teacher", `${labels.length} labels`);
  const labelled = await shareLabelled(items, labels);
  const range = labelled.interval?.map((v) => (100 * v).toFixed(1)).join(", ");
  return {
    data: {
      ...(model.isSynthetic ? { synthetic: true } : {}),
      teacher: model.id,
      labels: labels.length,
      labelled,
      failures,
      folder,
      runs: summaries,
    },
    text: [
      ...lines,
      `${labels.length} of ${items.length} keyframes have a label so far${range === undefined ? "" : ` (${(100 * (labelled.value ?? 0)).toFixed(1)} % [${range}])`}; check them with: causeway verify ${dataset.dir}`,
    ].join("\n"),
  };
}

/** Share of the keyframes that have a label, with an interval over drives. */
async function shareLabelled(
  items: readonly TeacherItem[],
  labels: readonly CocLabel[],
): Promise<Estimate> {
  const { bootstrapShare } = await import("@causeway/eval/judged");
  const known = new Set(labels.map((l) => l.id));
  return bootstrapShare(
    items.map((i) => Number(known.has(i.id))),
    items.map((i) => i.driveId),
  );
}
