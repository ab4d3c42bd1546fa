import { ConfigError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * Where the driving tokens sit in the vocabulary (Alpamayo R1, NVlabs/alpamayo 1cba38c): after the base tokens come
 * `<i0>` … `<iN>` (future action bins first, history bins after them), then named special tokens in a fixed order.
 */
export const baseTokens = {
  endOfText: "<|endoftext|>",
  imStart: "<|im_start|>",
  imEnd: "<|im_end|>",
  visionStart: "<|vision_start|>",
  visionEnd: "<|vision_end|>",
  imagePad: "<|image_pad|>",
  videoPad: "<|video_pad|>",
} as const;
export type BaseTokenName = keyof typeof baseTokens;

/** In upstream's order. `image_pad` is in the base vocabulary and adds nothing. */
export const drivingTokenNames = [
  "prompt_start",
  "prompt_end",
  "image_start",
  "image_pre_tkn",
  "image_end",
  "traj_history_start",
  "traj_history_pre_tkn",
  "traj_history_end",
  "cot_start",
  "cot_end",
  "meta_action_start",
  "meta_action_end",
  "traj_future_start",
  "traj_future_pre_tkn",
  "traj_future_end",
  "traj_history",
  "traj_future",
  "image_pad",
  "vectorized_wm",
  "vectorized_wm_start",
  "vectorized_wm_end",
  "vectorized_wm_pre_tkn",
  "route_start",
  "route_pad",
  "route_end",
  "question_start",
  "question_end",
  "answer_start",
  "answer_end",
] as const;
export type DrivingTokenName = (typeof drivingTokenNames)[number];

/** 1.5 keeps the ids of names that it does not use but spells them `<|_padding_N|>`. */
const unusedIn1_5: readonly DrivingTokenName[] = [
  "image_pre_tkn",
  "traj_history_pre_tkn",
  "meta_action_start",
  "meta_action_end",
  "traj_future_pre_tkn",
  "vectorized_wm",
  "vectorized_wm_start",
  "vectorized_wm_end",
  "vectorized_wm_pre_tkn",
];
/** All that is added when `add_special_tokens` is false, in this order. */
const minimalNames: readonly DrivingTokenName[] = [
  "traj_history",
  "traj_future",
  "traj_history_start",
  "traj_future_start",
  "traj_history_end",
  "traj_future_end",
];

export type PromptVersion = "r1" | "r1_5";

export function drivingTokenText(name: DrivingTokenName, version: PromptVersion): string {
  const unused = version === "r1_5" ? unusedIn1_5.indexOf(name) : -1;
  return unused >= 0 ? `<|_padding_${unused}|>` : `<|${name}|>`;
}

/** Adds the 7 base tokens that every layout needs; a released Qwen tokenizer has them already. */
export function withBaseTokens(tokenizer: Tokenizer): Tokenizer {
  return tokenizer.withAddedTokens(
    Object.values(baseTokens).map((content) => ({ content, special: true })),
  );
}

/** Adds `<i0>`.. and the special tokens in the order that gives upstream's ids. */
export function withDrivingTokens(
  tokenizer: Tokenizer,
  options: { trajectoryTokens: number; version: PromptVersion; addSpecialTokens?: boolean },
): Tokenizer {
  const names = options.addSpecialTokens === false ? minimalNames : drivingTokenNames;
  return tokenizer.withAddedTokens([
    ...Array.from({ length: options.trajectoryTokens }, (_, i) => ({
      content: `<i${i}>`,
      special: false,
    })),
    ...names.map((name) => ({ content: drivingTokenText(name, options.version), special: true })),
  ]);
}

/** Ids that prompts, losses and samplers use. Every id was looked up in the tokenizer, none computed. */
export interface VocabularyMap {
  /** Ids run from 0 to size - 1; the embedding may have more rows. */
  readonly size: number;
  readonly base: Readonly<Record<BaseTokenName, number>>;
  readonly driving: Readonly<Partial<Record<DrivingTokenName, number>>>;
  /** Id of future bin 0 (`<i0>`), number of future bins, id of history bin 0, number of history bins. */
  readonly futureFirst: number;
  readonly futureBins: number;
  readonly historyFirst: number;
  readonly historyBins: number;
}

/** Reads the map from a tokenizer and checks that trajectory ids are contiguous. */
export function vocabularyMap(
  tokenizer: Tokenizer,
  options: { futureBins: number; historyBins: number; version: PromptVersion },
): VocabularyMap {
  const { futureBins, historyBins, version } = options;
  const first = tokenizer.id("<i0>");
  for (let i = 0; i < futureBins + historyBins; i++) {
    const token = `<i${i}>`;
    const id = tokenizer.has(token) ? tokenizer.id(token) : null;
    if (id !== first + i) {
      throw new ConfigError(
        `vocabulary: ${token} has id ${id}, expected ${first + i}: ${futureBins} future and ${historyBins} history bins must be contiguous from <i0>`,
      );
    }
  }
  const base = Object.fromEntries(
    Object.entries(baseTokens).map(([name, content]) => [name, tokenizer.id(content)]),
  ) as Record<BaseTokenName, number>;
  const driving: Partial<Record<DrivingTokenName, number>> = {};
  for (const name of drivingTokenNames) {
    const text = drivingTokenText(name, version);
    if (tokenizer.has(text)) driving[name] = tokenizer.id(text);
  }
  return {
    size: tokenizer.size,
    base,
    driving,
    futureFirst: first,
    futureBins,
    historyFirst: first + futureBins,
    historyBins,
  };
}

/** A named id that must exist. */
export function drivingId(vocabulary: VocabularyMap, name: DrivingTokenName): number {
  const id = vocabulary.driving[name];
  if (id === undefined) {
    throw new ConfigError(
      `vocabulary: the tokenizer has no <|${name}|> token, which this prompt needs`,
    );
  }
  return id;
}
