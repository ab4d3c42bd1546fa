/**
 * Our own engine behind `ChatModel`: a Hugging Face folder of a Qwen3-VL model (Cosmos-Reason2), or of a driving model
 * (Alpamayo, or the small one that a quickstart run leaves in `checkpoints`). One answer at a time.
 */
import { createRng } from "@causeway/geom";
import {
  AlpamayoModel,
  type ChatTemplate,
  ConfigError,
  FormatError,
  type GenerateOptions,
  type Generation,
  mergeLora,
  Qwen3VLModel,
  readFolderJson,
  readLora,
} from "@causeway/models";
import {
  ChatError,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  ReasoningStream,
  splitReasoning,
} from "@causeway/reason";
import { UserError } from "../errors.ts";
import { conversationOf } from "./conversation.ts";
import { answerAsDriver, drivingNotes } from "./driving-answer.ts";
import type { ReadVideo } from "./media-parts.ts";
import { modelFolder } from "./model-folder.ts";

export interface LocalChatOptions {
  /** Decodes video files; without it only pictures and frames are looked at. */
  readonly readVideo?: ReadVideo;
  /** Folder of a LoRA adapter in PEFT's form, merged in before use. */
  readonly adapter?: string;
  /** Of an Alpamayo release: folder of its backbone, for its tokenizer and sizes. */
  readonly backbone?: string;
  /** Speed that a driving model is told to have come with, straight ahead: a chat has no ego motion. */
  readonly speedMps?: number;
}

export interface LocalChatModel extends ChatModel {
  /** What a person should know about the answers of this folder. */
  readonly notes: readonly string[];
  /** Frees the engine; the model can be used again. */
  dispose(): Promise<void>;
}

/** Sampling of one request as the generator takes it; what the request leaves out is the folder's own. */
export type RequestSampling = Pick<GenerateOptions, "rng" | "maxTokens"> & Partial<GenerateOptions>;

/** How a folder answers: prompt and generation, before reasoning and answer are told apart. */
interface Answerer {
  readonly name: string;
  readonly notes: readonly string[];
  /** What the prompt already wrote of the answer: "<think>\n" in Thinking templates, else "". */
  readonly opened: string;
  answer(request: ChatRequest, sampling: RequestSampling): Promise<Generation>;
  dispose(): Promise<void>;
}

/** Loads a model folder, or the last checkpoint of a run folder. @throws UserError, ConfigError or FormatError with what is wrong with it. */
export async function openLocalChatModel(
  folder: string,
  options: LocalChatOptions = {},
): Promise<LocalChatModel> {
  const answerer = await openAnswerer(await modelFolder(folder), options);
  let last: Promise<unknown> = Promise.resolve();
  const { name, notes } = answerer;
  return {
    id: `local:${name}`,
    isSynthetic: false,
    notes,
    complete(request, given = {}) {
      // One engine holds one sequence: requests wait for each other.
      const turn = last.then(() => completeOne(answerer, request, given));
      last = turn.catch(() => {});
      return turn;
    },
    dispose: () => answerer.dispose(),
  };
}

async function openAnswerer(folder: string, options: LocalChatOptions): Promise<Answerer> {
  const readVideo = options.readVideo ?? null;
  const config = await readFolderJson(folder, "config.json", { expected: "a model folder" });
  const type = (config as { model_type?: unknown } | null)?.model_type;
  if (type === "qwen3_vl") {
    const { adapter } = options;
    const model = await Qwen3VLModel.load(
      folder,
      adapter === undefined
        ? {}
        : { change: async (weights) => mergeLora(weights, await readLora(adapter)) },
    );
    return {
      name: modelName(folder),
      notes: [],
      opened: openedText(model.parts.template),
      answer: async (request, sampling) =>
        model.generate(model.prepare(await conversationOf(request, readVideo)), sampling),
      dispose: () => model.dispose(),
    };
  }
  if (type === "alpamayo_r1" || type === "alpamayo1_5") {
    const { adapter, backbone } = options;
    const model = await AlpamayoModel.load(folder, {
      ...(backbone === undefined ? {} : { backbone }),
      ...(adapter === undefined
        ? {}
        : { change: async (weights) => mergeLora(weights, await readLora(adapter), "vlm.") }),
    });
    const speedMps = options.speedMps ?? 10;
    return {
      name: model.codec.manifest.name,
      notes: drivingNotes(model, speedMps),
      opened: "",
      answer: (request, sampling) =>
        answerAsDriver(model, request, { sampling, readVideo, speedMps }),
      dispose: () => model.dispose(),
    };
  }
  throw new UserError(
    "MODEL",
    `config.json: model_type is ${JSON.stringify(type)}; known: "qwen3_vl", "alpamayo_r1", "alpamayo1_5" (${folder})`,
  );
}

/** Thinking templates end with an open tag, so that the text begins inside the reasoning. */
function openedText(template: ChatTemplate): string {
  const rendered = template.render([{ role: "user", content: "?" }], { addGenerationPrompt: true });
  return /<think>\s*$/.exec(rendered)?.[0] ?? "";
}

/** The last part of the path: identity for cache keys, no machine path. */
function modelName(folder: string): string {
  return (
    folder
      .split(/[\\/]/)
      .filter((part) => part !== "" && part !== ".")
      .at(-1) ?? "model"
  );
}

async function completeOne(
  answerer: Answerer,
  request: ChatRequest,
  {
    signal,
    onText,
  }: {
    readonly signal?: AbortSignal;
    readonly onText?: (piece: string, channel: "reasoning" | "answer") => void;
  },
): Promise<ChatReply> {
  const start = performance.now();
  const { sampling } = request;
  const stream = onText === undefined ? null : new ReasoningStream(onText);
  stream?.push(answerer.opened);
  try {
    const generation = await answerer.answer(request, {
      maxTokens: sampling.maxTokens,
      rng: createRng(sampling.seed ?? 0),
      ...(sampling.temperature === undefined ? {} : { temperature: sampling.temperature }),
      ...(sampling.topP === undefined ? {} : { topP: sampling.topP }),
      // vLLM writes "all" as 0 or -1.
      ...(sampling.topK === undefined ? {} : { topK: Math.max(0, sampling.topK) }),
      ...(sampling.repetitionPenalty === undefined
        ? {}
        : { repetitionPenalty: sampling.repetitionPenalty }),
      ...(sampling.presencePenalty === undefined
        ? {}
        : { presencePenalty: sampling.presencePenalty }),
      ...(sampling.stop === undefined ? {} : { stop: sampling.stop }),
      ...(request.topLogprobs === undefined ? {} : { topLogprobs: request.topLogprobs }),
      ...(signal === undefined ? {} : { signal }),
      onText: (piece) => stream?.push(piece),
    });
    stream?.end();
    const raw = answerer.opened + generation.text;
    const { reasoning, answer } = splitReasoning(raw);
    if (answer === "") {
      throw generation.finish === "length"
        ? new ChatError(
            "truncated",
            `model ${answerer.name}: ${sampling.maxTokens} tokens held no answer; raise maxTokens`,
          )
        : new ChatError("empty", `model ${answerer.name}: the answer is empty`);
    }
    return {
      text: answer,
      ...(reasoning === null ? {} : { reasoning }),
      raw,
      finish: generation.finish,
      inputTokens: generation.promptTokens,
      outputTokens: generation.ids.length,
      latencyMs: performance.now() - start,
      model: answerer.name,
      ...(request.topLogprobs === undefined ? {} : { topLogprobs: generation.topLogprobs }),
    };
  } catch (error) {
    if (error instanceof ChatError) throw error;
    if (signal?.aborted === true)
      throw new ChatError("stopped", `model ${answerer.name}: stopped`, { cause: error });
    if (error instanceof ConfigError || error instanceof FormatError)
      throw new ChatError("bad-request", `model ${answerer.name}: ${error.message}`, {
        cause: error,
      });
    throw error;
  }
}
