/**
 * Named rewards: a reply and a reference to a number with its parts. The same functions serve over HTTP, score a
 * benchmark and are probed before anybody trains on them.
 */
import { parseChoice } from "../parse/choice.ts";
import { parseScore } from "../parse/score.ts";
import { formatReward, type ReplyStyle, taggedAnswer } from "./format.ts";
import { closenessReward } from "./values.ts";

export interface RewardInput {
  /** The reply as it came, tags included. */
  readonly reply: string;
  /** What is right: a score as text, a letter. */
  readonly reference: string;
}

export interface RewardValue {
  readonly reward: number;
  readonly parts: Readonly<Record<string, number>>;
  /** Why a part is 0 although the reply is not wrong: it could not be read. */
  readonly problem: string | null;
}

export interface Reward {
  readonly name: string;
  readonly about: string;
  /** Least and greatest value. */
  readonly range: readonly [number, number];
  readonly style: ReplyStyle;
  /** A reply that should get the maximum. */
  idealReply(reference: string): string;
  /** References that are wrong by more and more, for checks that a worse answer never gains; empty where none are. */
  ladder(reference: string): readonly string[];
  evaluate(input: RewardInput): RewardValue;
}

export class RewardError extends Error {
  override readonly name = "RewardError";
  readonly code = "REWARD";
}

const inForm = (answer: string, style: ReplyStyle): string => {
  if (style === "reason1")
    return `<think>I compare what I see.</think>\n\n<answer>${answer}</answer>`;
  return style === "reason2" ? `<think>I compare what I see.</think>\n\n${answer}` : answer;
};

function scoreReward(style: ReplyStyle): Reward {
  return {
    name: `videophy2-${style}`,
    about: `physics score 1-5: closeness (0, 0.5, 1) + form (0, 1) of ${style} replies`,
    range: [0, 2],
    style,
    idealReply: (reference) => inForm(reference, style),
    ladder: (reference) => {
      const truth = Number(reference);
      const step = truth >= 3 ? -1 : 1;
      return [0, 1, 2].map((k) => String(truth + step * k));
    },
    evaluate: ({ reply, reference }) => {
      // The answer is read leniently, the form strictly: a right answer in a wrong form loses the form's point alone.
      const score = parseScore(reply);
      const answer = score.ok ? String(score.value) : taggedAnswer(reply);
      const parts = {
        closeness: closenessReward(answer, reference),
        format: formatReward(reply, style),
      };
      return {
        reward: parts.closeness + parts.format,
        parts,
        problem: score.ok ? null : score.reason,
      };
    },
  };
}

function choiceReward(style: ReplyStyle): Reward {
  return {
    name: `mcq-${style}`,
    about: `right letter (0, 1) + form (0, 1) of ${style} replies`,
    range: [0, 2],
    style,
    idealReply: (reference) => inForm(reference, style),
    ladder: (reference) => [reference, reference === "A" ? "B" : "A"],
    evaluate: ({ reply, reference }) => {
      const choice = parseChoice(reply);
      const parts = {
        choice: choice.ok && choice.value === reference.trim().toUpperCase() ? 1 : 0,
        format: formatReward(reply, style),
      };
      return {
        reward: parts.choice + parts.format,
        parts,
        problem: choice.ok ? null : choice.reason,
      };
    },
  };
}

const styles: readonly ReplyStyle[] = ["reason1", "reason2", "plain"];

export const builtInRewards: ReadonlyMap<string, Reward> = new Map(
  styles.flatMap((style) => [scoreReward(style), choiceReward(style)]).map((r) => [r.name, r]),
);

export function rewardNamed(name: string): Reward {
  const reward = builtInRewards.get(name);
  if (reward === undefined)
    throw new RewardError(
      `reward "${name}" is not known; expected one of ${[...builtInRewards.keys()].join(", ")}.`,
    );
  return reward;
}
