/**
 * Does a reply have the form that its prompt asked for? The rule belongs to the prompt: a reward that demands answer
 * tags of a model that was told to write none is always 0, and one that demands two line breaks where the prompt
 * shows one space teaches the wrong thing. So the style here is the one that the prompt was built with.
 */
import type { ReasoningStyle } from "../prompts/build-request.ts";

export type ReplyStyle = ReasoningStyle | "plain";

/** One think block without nested tags, one empty line, one answer block, nothing else but a last line break. */
const reason1 =
  /^<think>(?:(?!<\/?think>)[\s\S])*<\/think>\n\n<answer>(?:(?!<\/?answer>)[\s\S])*<\/answer>\n?$/;
/** One think block without nested tags, then the answer alone. */
const reason2 =
  /^<think>(?:(?!<\/?think>)[\s\S])*<\/think>\s*(?!\s)(?:(?!<\/?(?:think|answer)>)[\s\S])+$/;
/** No tags at all. */
const plain = /^(?!\s*$)(?:(?!<\/?(?:think|answer)>)[\s\S])+$/;

const forms: Readonly<Record<ReplyStyle, RegExp>> = { reason1, reason2, plain };

/** 1 when the whole reply has the form of `style`, else 0. */
export const formatReward = (raw: string, style: ReplyStyle): 0 | 1 =>
  forms[style].test(raw) ? 1 : 0;

/** Where the answer of a reply stands, by the rule of the published reward: the answer tag, else the whole text. */
export function taggedAnswer(raw: string): string {
  const tagged = /<answer>([\s\S]*?)<\/answer>/.exec(raw);
  return tagged === null ? raw : (tagged[1] as string);
}
