/** Asks about each job, reads the answers, and draws those that can be drawn. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type BatchOptions,
  type BatchResult,
  buildRequest,
  type ChatModel,
  ChatError,
  type CoordinateConvention,
  contextNeed,
  createScriptedModel,
  drawOverlay,
  estimateTextTokens,
  isDrawable,
  type Output,
  type PinholeCamera,
  type PromptTemplate,
  readLog,
  readOutput,
  reasoningStyleOf,
  ReplyFormatError,
  runBatch,
  type Sampling,
} from "@causeway/reason";
import { atomicWriteFile } from "@causeway/data";
import { UserError } from "../errors.ts";
import type { ReasonJob } from "./jobs.ts";
import { type LoadedMedia, loadMedia, type MediaSettings, mediaKey } from "./media.ts";

export interface AskSettings {
  readonly media: MediaSettings;
  readonly prompt: PromptTemplate;
  readonly promptOf: (name: string) => Promise<PromptTemplate>;
  readonly values: Readonly<Record<string, string>>;
  readonly isReasoning: boolean;
  readonly sampling: Partial<Sampling>;
  readonly isAbsolute: boolean;
  /** The model reads its replies from a file and must know which job it is asked about. */
  readonly isReplyFile: boolean;
  readonly camera: PinholeCamera | null;
  /** Folder for pictures with the answers on them; null draws none. */
  readonly overlayFolder: string | null;
  readonly onText: ((piece: string, channel: "reasoning" | "answer") => void) | null;
}

/** What becomes of one job; plain JSON. */
export interface ReasonRow {
  readonly media: readonly string[];
  readonly prompt: string;
  readonly promptHash: string;
  readonly model: string;
  readonly sampling: Sampling;
  readonly answer: string;
  readonly reasoning: string | null;
  readonly raw: string;
  readonly output: Output;
  readonly notes: readonly string[];
  readonly visionTokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly latencyMs: number;
  /** Path of the picture, or null. */
  readonly overlay: string | null;
}

type Job = ReasonJob & { readonly inputKey: string };

/** One job as it would be asked. */
async function prepare(job: ReasonJob, model: ChatModel, settings: AskSettings) {
  const media = await loadMedia(job.media, settings.media);
  const prompt = job.prompt === null ? settings.prompt : await settings.promptOf(job.prompt);
  // Values of the command line reach the prompts that have a place for them.
  const known = new Set(prompt.placeholders.map((p) => p.name));
  const shared = Object.fromEntries(
    Object.entries(settings.values).filter(([name]) => job.prompt === null || known.has(name)),
  );
  const built = buildRequest(prompt, {
    values: { ...shared, ...job.values },
    media: media.parts,
    isReasoning: settings.isReasoning,
    style: reasoningStyleOf(model.id),
    sampling: settings.sampling,
    ...(media.extraBody === null && !settings.isReplyFile
      ? {}
      : {
          extraBody: {
            ...media.extraBody,
            ...(settings.isReplyFile ? { causewayItem: job.id } : {}),
          },
        }),
  });
  const plans = media.plans.map((p) => p.plan);
  const textTokens = estimateTextTokens(built.request);
  const context = {
    ...settings.media.context,
    textTokens,
    maxTokens: built.request.sampling.maxTokens,
  };
  return { media, prompt, ...built, textTokens, need: contextNeed(plans, context), plans };
}

export type Prepared = Awaited<ReturnType<typeof prepare>>;

function conventionOf(settings: AskSettings, media: LoadedMedia): CoordinateConvention {
  const plan = media.plans.at(-1)?.plan;
  return settings.isAbsolute && plan !== undefined
    ? { kind: "absolute", seen: { width: plan.width, height: plan.height } }
    : { kind: "relative-1000" };
}

export async function askJobs(
  jobs: readonly ReasonJob[],
  model: ChatModel,
  settings: AskSettings,
  batch: Partial<BatchOptions<Job, ReasonRow>> &
    Pick<BatchOptions<Job, ReasonRow>, "folder" | "cacheFolder">,
  onPrepared: (job: ReasonJob, prepared: Prepared) => void = () => {},
): Promise<BatchResult<ReasonRow>> {
  const keyed: Job[] = [];
  for (const job of jobs) {
    const key = await mediaKey(job.media).catch(() => "unreadable");
    const rest = JSON.stringify([key, job.prompt, job.values]);
    keyed.push({ ...job, inputKey: createHash("sha256").update(rest).digest("hex").slice(0, 32) });
  }
  return runBatch<Job, ReasonRow>({
    ...batch,
    items: keyed,
    model,
    identity: {
      task: "reason",
      prompt: settings.prompt.name,
      promptUser: settings.prompt.userPrompt,
      values: settings.values,
      isReasoning: settings.isReasoning,
      sampling: settings.sampling,
      media: settings.media,
      isAbsolute: settings.isAbsolute,
    },
    work: async (job, { ask }) => {
      const prepared = await prepare(job, model, settings);
      onPrepared(job, prepared);
      const { media, prompt, request, promptHash, plans, need } = prepared;
      const { maxModelLen } = settings.media.context;
      if (need > maxModelLen)
        throw new ChatError(
          "context-length",
          `${job.id}: pictures, text and answer need ${need} tokens; the context is ${maxModelLen}. Use fewer frames (--fps, --frames), fewer pixels (--max-pixels), or a longer --context`,
        );
      const visionTokens = plans.reduce((sum, plan) => sum + plan.tokens, 0);
      const frame = {
        image: media.image ?? { width: 1000, height: 1000 },
        convention: conventionOf(settings, media),
      };
      const { value, reply } = await ask(request, {
        promptHash,
        inputTokens: visionTokens + prepared.textTokens,
        ...(settings.onText === null ? {} : { onText: settings.onText }),
        read: (r) => {
          const parsed = readOutput(prompt.output, r.raw, {
            frame,
            durationSecs: media.durationSecs,
          });
          if (!parsed.ok) throw new ReplyFormatError(parsed.reason);
          return parsed;
        },
      });
      const overlay = await drawRow(job, media, value.value, model.isSynthetic, settings);
      return {
        media: job.media,
        prompt: prompt.name,
        promptHash,
        model: model.id,
        sampling: request.sampling,
        answer: reply.text,
        reasoning: reply.reasoning ?? null,
        raw: reply.raw,
        output: value.value,
        notes: [...media.changes, ...value.notes],
        visionTokens,
        inputTokens: reply.inputTokens,
        outputTokens: reply.outputTokens,
        latencyMs: Math.round(reply.latencyMs),
        overlay,
      };
    },
  });
}

async function drawRow(
  job: ReasonJob,
  media: LoadedMedia,
  output: Output,
  isSynthetic: boolean,
  settings: AskSettings,
): Promise<string | null> {
  const { overlayFolder, camera } = settings;
  const options = { isSynthetic, ...(camera === null ? {} : { camera }) };
  if (overlayFolder === null || !isDrawable(output, options)) return null;
  const name = job.id.replace(/[^\w.-]+/g, "_").slice(-120);
  if (output.kind === "spans" || media.picture === null) {
    const clip = job.media.at(-1);
    if (clip === undefined) return null;
    const { drawClip } = await import("./draw-clip.ts");
    return drawClip(clip, output, options, join(overlayFolder, `${name}.mp4`));
  }
  const path = join(overlayFolder, `${name}.png`);
  await atomicWriteFile(path, await drawOverlay(media.picture, output, options));
  return path;
}

/**
 * A model whose replies come from a file of `{"id", "reply"}` rows: to read, draw and score answers that were made
 * elsewhere. No model is asked, so everything is marked synthetic.
 */
export async function openReplyFile(
  path: string,
): Promise<{ readonly model: ChatModel; readonly ids: ReadonlySet<string> }> {
  const text = await readFile(path).catch(() => null);
  if (text === null) throw new UserError("REPLIES", `no such file (${path})`);
  const { rows, damagedLines } = await readLog(path);
  const replies = new Map<string, string>();
  for (const row of rows) {
    const { id, reply } = row as { id?: unknown; reply?: unknown };
    if ((typeof id === "string" || typeof id === "number") && typeof reply === "string")
      replies.set(String(id), reply);
  }
  if (replies.size === 0 || damagedLines.length > 0)
    throw new UserError(
      "REPLIES",
      `${damagedLines.length > 0 ? `line ${damagedLines[0]} is no JSON` : "no row has an id and a reply"}; expected one {"id": "frame.png", "reply": "…"} per line (${path})`,
    );
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  return {
    ids: new Set(replies.keys()),
    model: createScriptedModel({
      name: `replies-${hash}`,
      script: (request) => {
        const id = request.extraBody?.causewayItem;
        const reply = typeof id === "string" ? replies.get(id) : undefined;
        return (
          reply ??
          new ChatError("bad-reply", `the reply file has no reply for ${JSON.stringify(id)}`)
        );
      },
    }),
  };
}
