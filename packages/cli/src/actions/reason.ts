/** `causeway reason`: options to settings, the batch, and what to say about it. */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { atomicWriteFile } from "@causeway/data";
import {
  builtInPrompts,
  createScriptedModel,
  factorOf,
  type ModelSpec,
  isInShard,
  parseModelSpec,
  parsePromptFile,
  parseShard,
  type PinholeCamera,
  planVideo,
  promptHash,
  type PromptTemplate,
  promptToYaml,
  summaryText,
  timeText,
  type Output,
  type VideoRequest,
  VisionPlanError,
} from "@causeway/reason";
import {
  type AskingOptions,
  batchSettings,
  namedValues,
  openAskedModel,
  priceOf,
} from "../asking/model-options.ts";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { describeError, UserError } from "../errors.ts";
import {
  type AskSettings,
  askJobs,
  openReplyFile,
  type Prepared,
  type ReasonRow,
} from "../reason/ask-jobs.ts";
import type { DrivePlan } from "../reason/drive-plan.ts";
import { findJobs, kindOfFile, type ReasonJob } from "../reason/jobs.ts";
import { answersCsv } from "../reason/question-csv.ts";

export interface ReasonOptions extends CommonOptions, AskingOptions {
  readonly prompt: string;
  readonly ask?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly listPrompts?: boolean;
  readonly showPrompt?: string;
  readonly reasoning?: boolean;
  readonly together?: boolean;
  readonly fps?: number;
  readonly frames?: number;
  readonly start?: number;
  readonly end?: number;
  readonly minPixels?: number;
  readonly maxPixels?: number;
  readonly totalPixels?: number;
  readonly context: number;
  readonly shrink: boolean;
  readonly send?: string;
  readonly camera?: string;
  readonly at?: string;
  readonly plan?: boolean;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly coordinates: string;
  readonly intrinsics?: string;
  readonly replies?: string;
}

const defined = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never;

export async function runReason(
  context: CommandContext,
  options: ReasonOptions,
  inputs: readonly string[],
  cwd: string,
): Promise<Outcome> {
  if (options.listPrompts === true) return listPrompts();
  if (options.showPrompt !== undefined) {
    const prompt = await loadPrompt(options.showPrompt);
    return { data: prompt, text: promptToYaml(prompt).trimEnd() };
  }
  if (inputs.length === 0)
    throw new UserError(
      "INPUT",
      "name pictures, videos, drives, a folder or a job file (--help has examples)",
    );
  const found = await findJobs(inputs, cwd);
  const all = options.together === true ? [joined(found.jobs)] : found.jobs;
  const shard = options.shard === undefined ? null : parseShard(options.shard);
  const jobs = shard === null ? all : all.filter((job) => isInShard(job.id, shard));
  const spec = parseModelSpec(options.model);
  const settings = await settingsOf(
    options,
    spec.kind === "openai",
    jobs.length === 1 && !context.isDryRun,
  );
  const toPlan = options.plan === true ? plannable(spec, jobs, settings) : null;
  if (context.isDryRun) return dryRun(context, options, jobs, settings, found.skipped);

  const opened =
    options.replies === undefined
      ? await openAskedModel(options)
      : { model: (await openReplyFile(resolve(options.replies))).model, notes: [] };
  for (const note of opened.notes) context.progress.line(`note: ${note}`);
  const stream = settings.onText === null ? null : newStream(options.json === true);
  const batch = await batchSettings(options, context, "reason");
  const result = await askJobs(
    jobs,
    opened.model,
    { ...settings, onText: stream === null ? null : stream.write },
    { ...batch, ...(jobs.length === 1 ? { onProgress: () => {} } : {}) },
  );
  stream?.end();
  const planned = toPlan === null ? null : await planOf(toPlan, options, settings);
  const plan = planned === null || "problem" in planned ? null : planned;
  const planProblem = planned !== null && "problem" in planned ? planned.problem : null;
  const rows = jobs.map((job) => {
    const row = result.rows.get(job.id);
    const failure = result.failures.get(job.id);
    if (row !== undefined) return { id: job.id, status: "done", ...row };
    return failure === undefined
      ? { id: job.id, status: "pending" }
      : { id: job.id, status: "failed", ...failure };
  });
  const mark = result.summary.isSynthetic ? { synthetic: true } : {};
  const lines: string[] = [];
  const { decisionText, pathText, reasonSheet, renderReasonReport } = await import(
    "../reason/report.ts"
  );
  if (jobs.length === 1) {
    const [job] = jobs as [ReasonJob];
    const row = result.rows.get(job.id);
    const failure = result.failures.get(job.id);
    if (row === undefined)
      throw new UserError(
        (failure?.kind ?? result.stop?.reason ?? "stopped").toUpperCase(),
        failure?.message ?? result.stop?.message ?? "stopped",
      );
    if (stream === null || !stream.hasWritten())
      lines.push(...answerLines(row, options.reasoning === true));
    lines.push(...outputLines(row));
    if (plan !== null) {
      const decision = decisionText(plan.reasoning);
      lines.push(
        `with the drive's own motion: ${plan.reasoning}`,
        ...(decision === null ? [] : [`decision: ${decision}`]),
        `planned path: ${pathText(plan)}`,
        ...(plan.overlay === null ? [] : [`drawn: ${plan.overlay}`]),
      );
    }
  }
  if (planProblem !== null) lines.push(`no path was planned: ${planProblem}`);
  lines.push(summaryText(result.summary));
  if (result.stop !== null) lines.push(`ended early: ${result.stop.message}`);
  for (const { what, why } of found.skipped) lines.push(`skipped ${what}: ${why}`);
  if (jobs.length > 1)
    for (const [id, { kind, message }] of [...result.failures].slice(0, 10))
      lines.push(`failed ${id} (${kind}): ${message}`);
  const run = reasonSheet(jobs, result, {
    model: opened.model.id,
    prompt: settings.prompt.name,
    question: options.ask ?? settings.prompt.userPrompt,
    settings: Object.fromEntries(
      Object.entries({
        model: opened.model.id,
        prompt: `${settings.prompt.name} (${promptHash(settings.prompt)})`,
        reasoning: settings.isReasoning ? "yes" : "no",
        sampling: namedValues({ ...settings.prompt.sampling, ...settings.sampling }),
        videos: `as ${settings.media.send === "video" ? "files" : "frames"}${settings.media.atSecs === null ? "" : `, up to ${settings.media.atSecs} s`}; ${namedValues(settings.media.video)}`,
        context: `${settings.media.context.maxModelLen} tokens, ${settings.media.canShrink ? "made smaller to fit" : "refused where too large"}`,
      }),
    ),
    skipped: found.skipped,
  });
  let report: string | null = null;
  let answers: string | null = null;
  if (result.resultsPath !== null && batch.folder !== null) {
    // Shards write side by side; the run that joins them writes report.html.
    report = join(
      batch.folder,
      basename(result.resultsPath)
        .replace("results", "report")
        .replace(/jsonl$/, "html"),
    );
    await atomicWriteFile(
      report,
      await renderReasonReport(jobs, result, run, { atSecs: settings.media.atSecs, plan }),
    );
    lines.push(`results: ${result.resultsPath}`, `report: ${report}`);
    const csv = answersCsv(jobs, result.rows);
    if (csv !== null) {
      answers = report.replace(/report([^\\/]*)html$/, "answers$1csv");
      await atomicWriteFile(answers, Buffer.from(csv));
      lines.push(`answers, for causeway score lingoqa --answers: ${answers}`);
    }
  }
  if (planProblem !== null) process.exitCode = 1;
  // 130 as for every command that the user stopped.
  if (result.stop !== null) process.exitCode = result.stop.reason === "stopped" ? 130 : 1;
  return {
    data: {
      ...mark,
      model: opened.model.id,
      summary: result.summary,
      metrics: run.sheet.metrics,
      stop: result.stop,
      skipped: found.skipped,
      ...(plan === null ? {} : { plan: { ...plan, decision: decisionText(plan.reasoning) } }),
      ...(planProblem === null ? {} : { planProblem }),
      results: rows,
      resultsPath: result.resultsPath,
      report,
      ...(answers === null ? {} : { answers }),
    },
    text: lines.join("\n"),
  };
}

interface ToPlan {
  readonly folder: string;
  readonly drive: string;
  readonly atSecs: number;
}

/** What --plan is to plan; refused before anything is asked. */
function plannable(spec: ModelSpec, jobs: readonly ReasonJob[], settings: AskSettings): ToPlan {
  const [job] = jobs;
  const [drive] = job?.media ?? [];
  const { atSecs } = settings.media;
  const isDrive = drive !== undefined && kindOfFile(drive) === "drive";
  if (spec.kind !== "engine" || jobs.length !== 1 || !isDrive || atSecs === null)
    throw new UserError("OPTION", "--plan needs one drive (.mcap), --at and --model engine:FOLDER");
  return { folder: resolve(spec.folder), drive, atSecs };
}

/** A plan that cannot be made does not lose the answer: it is said beside it. */
async function planOf(
  { folder, drive, atSecs }: ToPlan,
  options: ReasonOptions,
  settings: AskSettings,
): Promise<DrivePlan | { readonly problem: string }> {
  const { planOnDrive } = await import("../reason/drive-plan.ts");
  const overlay = settings.overlayFolder === null ? null : join(settings.overlayFolder, "plan.png");
  try {
    return await planOnDrive(folder, drive, atSecs, options.seed ?? 0, overlay);
  } catch (error) {
    return { problem: describeError(error) };
  }
}

const joined = (jobs: readonly ReasonJob[]): ReasonJob => ({
  id: jobs.map((j) => j.id).join("+"),
  media: jobs.flatMap((j) => j.media),
  prompt: null,
  values: {},
});

async function settingsOf(
  options: ReasonOptions,
  isServer: boolean,
  canStream: boolean,
): Promise<AskSettings> {
  const { send = isServer ? "video" : "frames", coordinates } = options;
  if (send !== "video" && send !== "frames")
    throw new UserError("OPTION", `--send is "${send}"; expected video or frames`);
  if (coordinates !== "relative" && coordinates !== "absolute")
    throw new UserError(
      "OPTION",
      `--coordinates is "${coordinates}"; expected relative or absolute`,
    );
  if (options.fps !== undefined && options.frames !== undefined)
    throw new UserError("OPTION", "give --fps or --frames, not both");
  const at = options.at === undefined ? null : Number(options.at);
  if (at !== null && !(at >= 0))
    throw new UserError("OPTION", `--at is "${options.at}"; expected seconds`);
  const video: VideoRequest = defined({
    fps: options.fps,
    numFrames: options.frames,
    startSecs: options.start,
    endSecs: options.end,
    minPixels: options.minPixels,
    maxPixels: options.maxPixels,
    totalPixels: options.totalPixels,
  });
  const isQuestion = options.ask !== undefined;
  return {
    media: {
      video,
      send,
      camera: options.camera ?? null,
      atSecs: at,
      factor: factorOf(options.model),
      context: {
        maxModelLen: options.context,
        maxTokens: options.maxTokens ?? 4096,
        textTokens: 400,
      },
      canShrink: options.shrink,
    },
    prompt: await loadPrompt(isQuestion ? "vqa" : options.prompt),
    promptOf: loadPrompt,
    values: { ...options.set, ...(options.ask === undefined ? {} : { question: options.ask }) },
    isReasoning: options.reasoning === true,
    sampling: defined({
      maxTokens: options.maxTokens,
      temperature: options.temperature,
      topP: options.topP,
      seed: options.seed,
    }),
    isAbsolute: coordinates === "absolute",
    isReplyFile: options.replies !== undefined,
    camera: cameraOf(options.intrinsics),
    overlayFolder: options.out === undefined ? null : join(resolve(options.out), "overlays"),
    onText: canStream ? () => {} : null,
  };
}

function cameraOf(text: string | undefined): PinholeCamera | null {
  if (text === undefined) return null;
  const values = text.split(",").map(Number);
  const [fx, fy, cx, cy] = values as [number, number, number, number];
  if (values.length !== 4 || values.some((v) => !Number.isFinite(v)))
    throw new UserError("OPTION", `--intrinsics is "${text}"; expected four numbers fx,fy,cx,cy`);
  return { fx, fy, cx, cy };
}

async function loadPrompt(name: string): Promise<PromptTemplate> {
  const known = builtInPrompts.get(name);
  if (known !== undefined) return known;
  if (/\.ya?ml$/i.test(name)) {
    const text = await readFile(resolve(name), "utf8").catch(() => null);
    if (text === null) throw new UserError("PROMPT", `no such prompt file (${name})`);
    return parsePromptFile(text, name);
  }
  throw new UserError(
    "PROMPT",
    `prompt "${name}" is not known. Known: ${[...builtInPrompts.keys()].join(", ")}; or name a .yaml file`,
  );
}

function listPrompts(): Outcome {
  const prompts = [...builtInPrompts.values()];
  const wide = Math.max(...prompts.map((p) => p.name.length)) + 2;
  const rows = prompts.map((p) => {
    const values = p.placeholders.map((v) => `--set ${v.name}=…`).join(" ");
    return `${p.name.padEnd(wide)}${p.about} → ${p.output}${values === "" ? "" : `   ${values}`}`;
  });
  return { data: prompts, text: rows.join("\n") };
}

/** Writes an answer as it comes: thoughts dimmed where the terminal can. */
function newStream(isJson: boolean) {
  const isTty = process.stdout.isTTY === true;
  let channel: "reasoning" | "answer" | null = null;
  let hasWritten = false;
  const write = (piece: string, to: "reasoning" | "answer"): void => {
    if (isJson) return;
    if (channel !== to) {
      if (channel !== null) process.stdout.write(isTty ? "\x1b[0m\n\n" : "\n\n");
      if (to === "reasoning") process.stdout.write(isTty ? "\x1b[2m" : "Reasoning: ");
      else if (channel !== null && !isTty) process.stdout.write("Answer: ");
      channel = to;
    }
    hasWritten = true;
    process.stdout.write(piece);
  };
  return {
    write,
    hasWritten: () => hasWritten,
    end: (): void => {
      if (hasWritten) process.stdout.write(isTty ? "\x1b[0m\n" : "\n");
    },
  };
}

const answerLines = (row: ReasonRow, isReasoning: boolean): string[] => [
  ...(isReasoning && row.reasoning !== null ? [`Reasoning: ${row.reasoning}`, ""] : []),
  row.answer,
];

/** What was read from the answer, where that is more than its text. */
function outputLines(row: ReasonRow): string[] {
  return [
    "",
    ...outputText(row.output),
    ...row.notes.map((note) => `note: ${note}`),
    ...(row.overlay === null ? [] : [`drawn: ${row.overlay}`]),
  ];
}

function outputText(output: Output): string[] {
  const round = (values: readonly number[]): string => values.map((v) => v.toFixed(1)).join(", ");
  switch (output.kind) {
    case "boxes":
      return [
        `${output.boxes.length === 1 ? "1 box" : `${output.boxes.length} boxes`} in pixels (left, top, right, bottom):`,
        ...output.boxes.map((b) => `  ${b.label || "-"}: ${round([b.x1, b.y1, b.x2, b.y2])}`),
      ];
    case "boxes3d":
      return output.boxes.map(
        (b) => `  ${b.label || "-"}: at ${round(b.centre)} m, size ${round(b.size)} m`,
      );
    case "points":
      return [
        `${output.points.length} points in pixels:`,
        ...output.points.map((p) => `  ${p.label || "-"}: ${round([p.x, p.y])}`),
      ];
    case "spans":
      return output.spans.map(
        (s) => `  ${timeText(s.startSecs)} to ${timeText(s.endSecs)}: ${s.caption}`,
      );
    case "choice":
      return [`choice: ${output.letter}`];
    default:
      return [];
  }
}

/**
 * Everything but the question: media are read, prompts filled, tokens counted for the three paths, and a scripted model
 * answers in memory so that the readers run too. Nothing is asked, nothing is written.
 */
async function dryRun(
  context: CommandContext,
  options: ReasonOptions,
  jobs: readonly ReasonJob[],
  settings: AskSettings,
  skipped: readonly { what: string; why: string }[],
): Promise<Outcome> {
  const prepared = new Map<string, Prepared>();
  const batch = await batchSettings(options, context, "plan");
  const result = await askJobs(
    jobs,
    createScriptedModel({ name: "dry-run" }),
    { ...settings, overlayFolder: null, onText: null, isReplyFile: false },
    { ...batch, budget: {}, pace: {}, folder: null, cacheFolder: null },
    (job, p) => prepared.set(job.id, p),
  );
  const plans = [...prepared].map(([id, p]) => ({
    id,
    prompt: p.prompt.name,
    promptHash: p.promptHash,
    textTokens: p.textTokens,
    maxTokens: p.request.sampling.maxTokens,
    visionTokens: p.plans.reduce((sum, plan) => sum + plan.tokens, 0),
    needed: p.need,
    context: settings.media.context.maxModelLen,
    media: p.media.plans.map(({ name, plan }) => ({
      name,
      width: plan.width,
      height: plan.height,
      frames: plan.indices.length,
      tokens: plan.tokens,
      path: plan.path,
      otherPaths: p.media.videos
        .filter((v) => v.name === name)
        .flatMap((v) => otherPaths(v.info, v.asked, settings.media.factor)),
    })),
    changes: p.media.changes,
  }));
  const unusable = [...result.failures].filter(([, f]) =>
    ["input", "context-length", "internal"].includes(f.kind),
  );
  const total = plans.reduce((sum, p) => sum + p.visionTokens + p.textTokens, 0);
  const most = plans.reduce((sum, p) => sum + p.maxTokens, 0);
  const price = priceOf(options);
  const cost =
    price === null ? null : (total * price.inputPerMTok + most * price.outputPerMTok) / 1e6;
  const lines = plans
    .slice(0, 20)
    .flatMap((p) => [
      `${p.id}: prompt ${p.prompt}, ${p.visionTokens} vision + about ${p.textTokens} text + ${p.maxTokens} answer tokens; ${p.needed} of ${p.context} of the context`,
      ...p.media.flatMap((m) => [
        `  ${m.name}: ${m.frames > 0 ? `${m.frames} frames at ` : ""}${m.width}x${m.height}, ${m.tokens} tokens (${m.path})`,
        ...m.otherPaths.map((o) => `    as asked, by ${o.path}: ${o.text}`),
      ]),
      ...p.changes.map((change) => `  made to fit: ${change}`),
    ]);
  if (plans.length > 20) lines.push(`… and ${plans.length - 20} more`);
  for (const [id, f] of unusable) lines.push(`cannot be asked: ${id} (${f.kind}): ${f.message}`);
  for (const { what, why } of skipped) lines.push(`skipped ${what}: ${why}`);
  lines.push(
    `${plans.length} requests to ${options.model}: about ${total} input tokens, at most ${most} output tokens${cost === null ? "" : `, at most ${cost.toFixed(4)} US$`}`,
    "Nothing was asked and nothing was written (--dry-run).",
  );
  return {
    data: {
      dryRun: true,
      model: options.model,
      plans,
      cannotBeAsked: unusable.map(([id, f]) => ({ id, ...f })),
      skipped,
      inputTokens: total,
      maxOutputTokens: most,
      maxCostUsd: cost,
    },
    text: lines.join("\n"),
  };
}

/** What the same request costs on each path, before anything is made to fit. */
function otherPaths(
  info: Parameters<typeof planVideo>[0],
  request: VideoRequest,
  factor: number,
): { readonly path: string; readonly tokens: number | null; readonly text: string }[] {
  return (["utils", "transformers", "server"] as const).map((path) => {
    try {
      const plan = planVideo(info, request, path, factor);
      const over = plan.budget?.isOver === true ? ", over its own pixel budget" : "";
      return {
        path,
        tokens: plan.tokens,
        text: `${plan.indices.length} frames at ${plan.width}x${plan.height}, ${plan.tokens} tokens${over}`,
      };
    } catch (error) {
      if (!(error instanceof VisionPlanError)) throw error;
      return { path, tokens: null, text: error.message };
    }
  });
}
