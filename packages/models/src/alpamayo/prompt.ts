/**
 * Prompts of the Alpamayo releases as text, token ids and spans (layouts r1 and r1_5, research notes 1.4).
 * Qwen chat turns, parts joined without separators; images first, then history, route, request; the assistant turn
 * holds reasoning, meta actions and the future. Text goes through the tokenizer in the same stretches as if the whole
 * prompt were encoded at once, since added tokens split it anyway.
 */
import { ConfigError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import {
  type DrivingTokenName,
  drivingId,
  drivingTokenText,
  type PromptVersion,
  type VocabularyMap,
} from "./vocabulary.ts";

export const systemText = "You are a driving assistant that generates safe and accurate actions.";

export const requestTexts = {
  cot: "output the chain-of-thought reasoning of the driving process",
  meta_action: "output meta actions",
  traj_future: "output the future trajectory",
} as const;
export type RequestItem = keyof typeof requestTexts;

export type PromptComponent =
  | "image"
  | "traj_history"
  | "route"
  | "question"
  | "prompt"
  | "cot"
  | "meta_action"
  | "traj_future"
  | "answer";
const assistantComponents = ["cot", "meta_action", "traj_future", "answer"] as const;
export type LabelComponent = (typeof assistantComponents)[number];

export interface PromptLayout {
  readonly version: PromptVersion;
  /** Components in order. In generation mode the last assistant component is opened and left open. */
  readonly order: readonly PromptComponent[];
  /** What the request sentence asks for. */
  readonly request: readonly RequestItem[];
  readonly generation: boolean;
  /** "Front left camera: " once per camera. */
  readonly cameraLabels: boolean;
  /** "frame k " before each picture. */
  readonly frameNumbers: boolean;
}

/** The layout that asks for reasoning and a trajectory: the release default. `route` is skipped when there is no text. */
export function drivingLayout(
  version: PromptVersion,
  options: { generation: boolean; labels?: boolean },
): PromptLayout {
  return {
    version,
    order: [
      "image",
      "traj_history",
      ...(version === "r1_5" ? (["route"] as const) : []),
      "prompt",
      "cot",
      ...(options.generation ? [] : (["traj_future"] as const)),
    ],
    request: ["cot", "traj_future"],
    generation: options.generation,
    cameraLabels: options.labels ?? false,
    frameNumbers: options.labels ?? false,
  };
}

/** One placeholder run: a picture, or a group of frames that share one grid. */
export interface PromptImage {
  /** Position in the release's camera list; cameras come in ascending order. */
  readonly cameraIndex: number;
  /** Merged visual tokens. */
  readonly tokens: number;
}

/** Display names of camera indices, as 1.5 prompts spell them. */
export const cameraDisplayNames: readonly string[] = [
  "Front left camera",
  "Front camera",
  "Front right camera",
  "Rear left camera",
  "Rear camera",
  "Rear right camera",
  "Front telephoto camera",
];
/** Names of the same cameras in the PhysicalAI-AV data. */
export const cameraNames: readonly string[] = [
  "camera_cross_left_120fov",
  "camera_front_wide_120fov",
  "camera_cross_right_120fov",
  "camera_rear_left_70fov",
  "camera_rear_tele_30fov",
  "camera_rear_right_70fov",
  "camera_front_tele_30fov",
];

export interface PromptContent {
  readonly images: readonly PromptImage[];
  /** Local history bins; null leaves `<|traj_history|>` placeholders (`historyTokens` of them). */
  readonly history: ArrayLike<number> | null;
  readonly historyTokens: number;
  readonly navText?: string | null;
  readonly question?: string | null;
  readonly cot?: string | null;
  readonly metaAction?: string | null;
  readonly answer?: string | null;
  /** Local future bins; null leaves `<|traj_future|>` placeholders (`futureTokens` of them). */
  readonly future?: ArrayLike<number> | null;
  readonly futureTokens: number;
}

/** Half-open range of token indices. */
export interface TokenSpan {
  readonly start: number;
  readonly end: number;
}

export interface RenderedPrompt {
  /** One `<|image_pad|>` per picture, placeholders for trajectories: what a chat template would print. */
  readonly text: string;
  readonly ids: readonly number[];
  /** Runs of image ids, without the vision start and end tokens. */
  readonly imageSpans: readonly TokenSpan[];
  readonly historySpan: TokenSpan | null;
  /** From `<|route_start|>` to `<|route_end|>` inclusive. */
  readonly routeSpan: TokenSpan | null;
  /** Assistant components with their start and end tokens; an open last one ends at the prompt's end. */
  readonly componentSpans: ReadonlyMap<LabelComponent, TokenSpan>;
  /** Index of the `<|im_end|>` that closes the assistant turn; null when it is open. */
  readonly assistantEnd: number | null;
}

/** Collects text and ids; encoded stretches are remembered, since prompts repeat theirs. */
class Builder {
  text = "";
  readonly ids: number[] = [];
  #pending = "";
  readonly #encode: (text: string) => readonly number[];
  constructor(encode: (text: string) => readonly number[]) {
    this.#encode = encode;
  }
  words(text: string): void {
    this.text += text;
    this.#pending += text;
  }
  token(text: string, ids: readonly number[]): void {
    this.flush();
    this.text += text;
    this.ids.push(...ids);
  }
  flush(): number {
    if (this.#pending !== "") this.ids.push(...this.#encode(this.#pending));
    this.#pending = "";
    return this.ids.length;
  }
}

/** Renders prompts of one tokenizer. Deterministic and free of state but for a cache of encoded stretches. */
export class PromptRenderer {
  readonly #tokenizer: Tokenizer;
  readonly #vocabulary: VocabularyMap;
  readonly #encoded = new Map<string, readonly number[]>();

  constructor(tokenizer: Tokenizer, vocabulary: VocabularyMap) {
    this.#tokenizer = tokenizer;
    this.#vocabulary = vocabulary;
  }

  encodeText(text: string): readonly number[] {
    const known = this.#encoded.get(text);
    if (known !== undefined) return known;
    const ids = this.#tokenizer.encode(text);
    const added = ids.find((id) => this.#tokenizer.isAdded(id));
    if (added !== undefined) {
      throw new ConfigError(
        `prompt: the text holds the control token ${JSON.stringify(this.#tokenizer.decode([added]))}; write it without control tokens: ${JSON.stringify(text.slice(0, 80))}`,
      );
    }
    // Free texts are many; the fixed stretches come first and stay.
    if (this.#encoded.size < 4096) this.#encoded.set(text, ids);
    return ids;
  }

  render(layout: PromptLayout, content: PromptContent): RenderedPrompt {
    const vocabulary = this.#vocabulary;
    const { base } = vocabulary;
    const out = new Builder((text) => this.encodeText(text));
    const driving = (name: DrivingTokenName) =>
      out.token(drivingTokenText(name, layout.version), [drivingId(vocabulary, name)]);
    const wrapped = (name: "route" | "question", text: string): TokenSpan => {
      const start = out.flush();
      driving(`${name}_start`);
      out.words(text);
      driving(`${name}_end`);
      return { start, end: out.ids.length };
    };
    const bins = (
      name: "traj_history" | "traj_future",
      first: number,
      limit: number,
      values: ArrayLike<number> | null,
      count: number,
    ) => {
      if (values !== null && values.length !== count) {
        throw new ConfigError(`prompt: ${values.length} ${name} bins; expected ${count}`);
      }
      const ids = Array.from({ length: count }, (_, i) => {
        if (values === null) return drivingId(vocabulary, name);
        const bin = values[i] as number;
        if (!Number.isInteger(bin) || bin < 0 || bin >= limit) {
          throw new ConfigError(`prompt: ${name} bin ${i} is ${bin}; expected 0..${limit - 1}`);
        }
        return first + bin;
      });
      out.token(drivingTokenText(name, layout.version).repeat(count), ids);
    };
    const turn = (role: string) => {
      out.token("<|im_start|>", [base.imStart]);
      out.words(`${role}\n`);
    };
    const endTurn = (): number => {
      out.token("<|im_end|>", [base.imEnd]);
      const at = out.ids.length - 1;
      out.words("\n");
      return at;
    };

    turn("system");
    out.words(systemText);
    endTurn();
    turn("user");
    const imageSpans: TokenSpan[] = [];
    let historySpan: TokenSpan | null = null;
    let routeSpan: TokenSpan | null = null;
    for (const component of layout.order) {
      if (component === "image") this.#images(out, layout, content, imageSpans);
      else if (component === "traj_history") {
        driving("traj_history_start");
        const start = out.ids.length;
        bins(
          "traj_history",
          vocabulary.historyFirst,
          vocabulary.historyBins,
          content.history,
          content.historyTokens,
        );
        historySpan = { start, end: out.ids.length };
        driving("traj_history_end");
      } else if (component === "route") {
        // r1 has no route; a missing text leaves the span out, an empty one leaves it empty.
        if (layout.version === "r1_5" && content.navText != null)
          routeSpan = wrapped("route", content.navText);
      } else if (component === "question")
        wrapped("question", required(content.question, "question"));
      else if (component === "prompt") {
        out.words(`${layout.request.map((item) => requestTexts[item]).join(", then ")}.`);
      }
    }
    endTurn();

    turn("assistant");
    const componentSpans = new Map<LabelComponent, TokenSpan>();
    const answers = assistantComponents.filter((name) => layout.order.includes(name));
    const ordered = layout.order.filter((name): name is LabelComponent =>
      answers.includes(name as LabelComponent),
    );
    for (const [i, name] of ordered.entries()) {
      const start = out.flush();
      driving(`${name}_start`);
      const isOpen = layout.generation && i === ordered.length - 1;
      if (!isOpen) {
        if (name === "traj_future") {
          bins(
            "traj_future",
            vocabulary.futureFirst,
            vocabulary.futureBins,
            content.future ?? null,
            content.futureTokens,
          );
        } else {
          const texts = {
            cot: content.cot,
            meta_action: content.metaAction,
            answer: content.answer,
          };
          out.words(required(texts[name], name));
        }
        driving(`${name}_end`);
      }
      componentSpans.set(name, { start, end: out.ids.length });
    }
    const assistantEnd = layout.generation ? null : endTurn();
    out.flush();
    return {
      text: out.text,
      ids: out.ids,
      imageSpans,
      historySpan,
      routeSpan,
      componentSpans,
      assistantEnd,
    };
  }

  #images(out: Builder, layout: PromptLayout, content: PromptContent, spans: TokenSpan[]): void {
    const { base } = this.#vocabulary;
    let camera = -1;
    let frame = 0;
    for (const image of content.images) {
      if (image.cameraIndex !== camera) {
        if (image.cameraIndex < camera) {
          throw new ConfigError(
            `prompt: camera ${image.cameraIndex} comes after camera ${camera}; cameras must ascend`,
          );
        }
        camera = image.cameraIndex;
        frame = 0;
        if (layout.cameraLabels) out.words(`${cameraDisplayNames[camera] ?? `Camera ${camera}`}: `);
      }
      if (layout.frameNumbers) out.words(`frame ${frame} `);
      frame++;
      out.token("<|vision_start|>", [base.visionStart]);
      const start = out.ids.length;
      out.token(
        "<|image_pad|>",
        Array.from({ length: image.tokens }, () => base.imagePad),
      );
      spans.push({ start, end: out.ids.length });
      out.token("<|vision_end|>", [base.visionEnd]);
    }
  }
}

function required(text: string | null | undefined, name: string): string {
  if (text == null)
    throw new ConfigError(`prompt: the layout has "${name}" but no text was given for it`);
  return text;
}

/**
 * Tokens that a training row learns: each chosen component from its start to its end token inclusive, and the
 * `<|im_end|>` of assistant turns. Row by row; a start without an end labels nothing (upstream pairs starts and ends
 * over the whole batch, so one open span shifts every later row).
 */
export function labelMask(
  ids: readonly number[],
  vocabulary: VocabularyMap,
  assistantIds: readonly number[],
  components: readonly LabelComponent[],
): boolean[] {
  const mask = ids.map(() => false);
  for (const component of components) {
    const start = drivingId(vocabulary, `${component}_start`);
    const end = drivingId(vocabulary, `${component}_end`);
    let open: number | null = null;
    for (const [i, id] of ids.entries()) {
      if (id === start) open = i;
      else if (id === end && open !== null) {
        mask.fill(true, open, i + 1);
        open = null;
      }
    }
  }
  for (const at of assistantEnds(ids, vocabulary, assistantIds)) mask[at] = true;
  return mask;
}

/** Indices of `<|im_end|>` tokens that close an assistant turn. */
export function assistantEnds(
  ids: readonly number[],
  { base }: VocabularyMap,
  assistantIds: readonly number[],
): number[] {
  const out: number[] = [];
  let inAssistant = false;
  for (const [i, id] of ids.entries()) {
    if (id === base.imStart) inAssistant = assistantIds.every((part, k) => ids[i + 1 + k] === part);
    else if (id === base.imEnd) {
      if (inAssistant) out.push(i);
      inAssistant = false;
    }
  }
  return out;
}
