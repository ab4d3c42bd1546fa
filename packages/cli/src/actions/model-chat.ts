/** `causeway model chat`: questions in, words out as they come. */
import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { createInterface } from "node:readline/promises";
import type { ChatMessage, ChatPart, ChatReply, Sampling } from "@causeway/reason";
import type { CommandContext, Outcome } from "../command.ts";
import type { ChatOptions } from "../commands/model/chat.ts";
import { rateText } from "../draw/rate-text.ts";
import { type LocalChatModel, openLocalChatModel } from "../engine/local-chat-model.ts";
import { readVideoBytes } from "../engine/read-video.ts";
import { StoppedError, UserError } from "../errors.ts";

const mimes: Readonly<Record<string, string>> = {
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".png": "image/png",
  ".webp": "image/webp",
  ".mp4": "video/mp4",
  ".m4v": "video/mp4",
  ".mov": "video/quicktime",
  ".mkv": "video/x-matroska",
  ".webm": "video/webm",
};
/** Largest picture or video file that is read. */
const maxFileBytes = 2 ** 30;

async function partOf(path: string, kind: "image" | "video", fps?: number): Promise<ChatPart> {
  const info = await stat(path).catch(() => null);
  if (info === null || !info.isFile()) throw new UserError("PATH", `no such file (${path})`);
  if (info.size > maxFileBytes)
    throw new UserError(
      "SIZE",
      `the file has ${info.size} bytes; at most ${maxFileBytes} are read. Cut it first (${path})`,
    );
  const mime = mimes[extname(path).toLowerCase()];
  if (mime === undefined || !mime.startsWith(kind))
    throw new UserError(
      "FORMAT",
      `not a known ${kind} file; known: ${Object.keys(mimes)
        .filter((ext) => mimes[ext]?.startsWith(kind))
        .join(", ")} (${path})`,
    );
  const bytes = new Uint8Array(await readFile(path));
  return kind === "image"
    ? { type: "image", bytes, mime }
    : { type: "video", bytes, mime, ...(fps === undefined ? {} : { fps }) };
}

function samplingOf(options: ChatOptions): Sampling {
  const { temperature, topP, topK, repetitionPenalty, presencePenalty } = options;
  return {
    maxTokens: options.maxTokens,
    seed: options.seed,
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(repetitionPenalty === undefined ? {} : { repetitionPenalty }),
    ...(presencePenalty === undefined ? {} : { presencePenalty }),
    ...(options.stop.length === 0 ? {} : { stop: options.stop }),
  };
}

/** Writes an answer as it comes. Reasoning is dimmed on a terminal and left out of a pipe. */
function streamTo(stream: NodeJS.WriteStream) {
  const isTty = stream.isTTY === true;
  let last: "reasoning" | "answer" | null = null;
  return (piece: string, channel: "reasoning" | "answer"): void => {
    if (channel === "reasoning") {
      if (isTty) stream.write(`\x1b[2m${piece}\x1b[22m`);
    } else {
      // Some room between the two.
      if (last === "reasoning" && isTty) stream.write("\n\n");
      stream.write(piece);
    }
    last = channel;
  };
}

const replyText = (reply: ChatReply): string =>
  `${rateText(reply.inputTokens, reply.outputTokens, reply.latencyMs)}${reply.finish === "length" ? ", cut at --max-tokens" : ""}`;

async function standardInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString("utf8").trim();
}

export async function chat(
  folder: string,
  options: ChatOptions,
  { isDryRun, progress, signal }: CommandContext,
): Promise<Outcome> {
  const media: ChatPart[] = [];
  for (const path of options.image) media.push(await partOf(path, "image"));
  for (const path of options.video) media.push(await partOf(path, "video", options.fps));
  const isTalk = options.prompt === undefined && process.stdin.isTTY === true;
  if (isTalk && options.json === true)
    throw new UserError("OPTIONS", "--json answers one question; give it with --prompt");
  if (isDryRun)
    return {
      data: { folder, images: options.image, videos: options.video, sampling: samplingOf(options) },
      text: `would load ${folder} and answer ${isTalk ? "line by line" : "one question"} about ${options.image.length} pictures and ${options.video.length} videos`,
    };
  const model = await openLocalChatModel(folder, {
    readVideo: readVideoBytes,
    ...(options.adapter === undefined ? {} : { adapter: options.adapter }),
    ...(options.backbone === undefined ? {} : { backbone: options.backbone }),
    ...(options.speed === undefined ? {} : { speedMps: options.speed }),
  });
  for (const note of model.notes) progress.line(`note: ${note}`);
  try {
    const start: ChatMessage[] =
      options.system === undefined
        ? []
        : [{ role: "system", content: [{ type: "text", text: options.system }] }];
    if (isTalk) return await talk(model, start, media, options, signal, progress.line);
    const prompt = options.prompt ?? (await standardInput());
    const reply = await model.complete(
      {
        messages: [...start, { role: "user", content: [...media, { type: "text", text: prompt }] }],
        sampling: samplingOf(options),
      },
      { signal, ...(options.json === true ? {} : { onText: streamTo(process.stdout) }) },
    );
    if (options.json !== true) progress.line(`\n${replyText(reply)}`);
    return { data: reply, text: "" };
  } finally {
    await model.dispose();
  }
}

/** One conversation until an empty line or the end of input; pictures belong to its first question. */
async function talk(
  model: LocalChatModel,
  start: readonly ChatMessage[],
  media: readonly ChatPart[],
  options: ChatOptions,
  signal: AbortSignal,
  line: (text: string) => void,
): Promise<Outcome> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const messages: ChatMessage[] = [...start];
  let asked = 0;
  try {
    for (;;) {
      const text = await terminal.question("> ", { signal }).catch(() => "");
      if (signal.aborted) throw new StoppedError();
      if (text.trim() === "") break;
      const content: ChatPart[] = [...(asked === 0 ? media : []), { type: "text", text }];
      messages.push({ role: "user", content });
      const reply = await model.complete(
        { messages, sampling: samplingOf(options) },
        { signal, onText: streamTo(process.stdout) },
      );
      line(`\n${replyText(reply)}`);
      messages.push({ role: "assistant", content: [{ type: "text", text: reply.text }] });
      asked++;
    }
  } finally {
    terminal.close();
  }
  return { data: { questions: asked }, text: "" };
}
