/**
 * Tests a reward before anybody trains on it: can the maximum be reached, does it separate replies, does a worse
 * answer ever gain, and do tricks pay that hold no answer.
 */
import { groupBy } from "../group-by.ts";
import type { Reward } from "./reward.ts";

export interface ProbeReply {
  readonly id: string;
  /** Replies to the same question form a group; advantages are taken within it. */
  readonly group: string;
  readonly reply: string;
  readonly reference: string;
}

export interface Trick {
  readonly name: string;
  readonly reply: string;
}

/** Replies without knowledge that careless rewards pay for. */
export const tricks: readonly Trick[] = [
  { name: "empty", reply: "" },
  { name: "form without content", reply: "<think></think>\n\n<answer></answer>" },
  { name: "always the middle score", reply: "<think>ok</think>\n\n<answer>3</answer>" },
  { name: "all scores at once", reply: "<think>ok</think>\n\n<answer>1 2 3 4 5</answer>" },
  { name: "all letters at once", reply: "<think>ok</think>\n\n<answer>A B C D</answer>" },
  {
    name: "several answer blocks",
    reply:
      "<think>ok</think>\n\n<answer>1</answer><answer>2</answer><answer>3</answer><answer>4</answer><answer>5</answer>",
  },
  { name: "answer only in the thoughts", reply: "<think>A, or 4</think>" },
  {
    name: "very long thoughts",
    reply: `<think>${"I look again. ".repeat(400)}</think>\n\n<answer>4</answer>`,
  },
];

export interface ProbeReport {
  readonly reward: string;
  readonly range: readonly [number, number];
  readonly references: number;
  /** Ideal replies to the references: the share that gets the maximum. */
  readonly attainable: { readonly share: number; readonly failing: readonly string[] };
  /** Of the sample replies. */
  readonly samples: {
    readonly n: number;
    readonly mean: number | null;
    readonly standardDeviation: number | null;
    readonly unread: number;
    /** Groups whose replies all get the same: they teach nothing. */
    readonly flatGroups: number;
    readonly groups: number;
  };
  /** Mean reward of each trick over the references, highest first; compare with the mean of real replies. */
  readonly tricks: readonly {
    readonly name: string;
    readonly mean: number;
    readonly share: number;
  }[];
  /** Steps of worsening answers in which the reward rose. */
  readonly monotonicity: { readonly steps: number; readonly violations: readonly string[] };
  /** What to mend before training, in words; empty when nothing was found. */
  readonly findings: readonly string[];
}

/** The policy that learned nothing but which answer is the most frequent. */
const commonest = (reward: Reward, references: readonly string[]): readonly Trick[] => {
  const [most] = [...groupBy(references, (r) => r)].sort(([, a], [, b]) => b.length - a.length);
  return most === undefined
    ? []
    : [{ name: `always the most common answer, ${most[0]}`, reply: reward.idealReply(most[0]) }];
};

const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

export function probeReward(
  reward: Reward,
  references: readonly string[],
  samples: readonly ProbeReply[],
): ProbeReport {
  const [low, high] = reward.range;
  const failing = references.filter(
    (reference) =>
      reward.evaluate({ reply: reward.idealReply(reference), reference }).reward < high,
  );
  const values = samples.map((s) => ({ group: s.group, ...reward.evaluate(s) }));
  const groups = groupBy(values, (v) => v.group);
  const isFlat = (group: readonly { reward: number }[]): boolean =>
    group.every((v) => v.reward === group[0]?.reward);
  const flatGroups = [...groups.values()].filter((g) => g.length > 1 && isFlat(g)).length;
  const rewards = values.map((v) => v.reward);
  const average = rewards.length > 0 ? mean(rewards) : null;
  const paid = [...tricks, ...commonest(reward, references)]
    .map(({ name, reply }) => {
      const values = references.map((reference) => reward.evaluate({ reply, reference }).reward);
      const value = values.length > 0 ? mean(values) : 0;
      return { name, mean: value, share: (value - low) / (high - low) };
    })
    .sort((a, b) => b.mean - a.mean);
  const violations: string[] = [];
  let steps = 0;
  for (const reference of new Set(references)) {
    const ladder = reward.ladder(reference).map((answer) => ({
      answer,
      value: reward.evaluate({ reply: reward.idealReply(answer), reference }).reward,
    }));
    for (let i = 1; i < ladder.length; i++) {
      steps += 1;
      if (ladder[i].value > ladder[i - 1].value)
        violations.push(
          `reference ${reference}: answer ${ladder[i].answer} gets ${ladder[i].value}, more than the better answer ${ladder[i - 1].answer} (${ladder[i - 1].value})`,
        );
    }
  }
  const multiple = [...groups.values()].filter((g) => g.length > 1).length;
  const findings = [
    ...(failing.length > 0
      ? [
          `${failing.length} of ${references.length} ideal replies miss the maximum of ${high} (first reference: ${failing[0]})`,
        ]
      : []),
    ...violations.slice(0, 3),
    ...paid
      .filter((t) => t.share >= 0.5 || (average !== null && t.mean >= average && average > low))
      .map(
        (t) =>
          `the trick "${t.name}" gets ${t.mean.toFixed(2)} of ${high} on average${average === null ? "" : `; real replies get ${average.toFixed(2)}`}`,
      ),
    ...(multiple > 0 && flatGroups / multiple > 0.5
      ? [`${flatGroups} of ${multiple} groups have equal rewards: no gradient comes from them`]
      : []),
  ];
  return {
    reward: reward.name,
    range: reward.range,
    references: references.length,
    attainable: {
      share: references.length > 0 ? 1 - failing.length / references.length : 0,
      failing,
    },
    samples: {
      n: samples.length,
      mean: average,
      standardDeviation:
        average === null ? null : Math.sqrt(mean(rewards.map((r) => (r - average) ** 2))),
      unread: values.filter((v) => v.problem !== null).length,
      flatGroups,
      groups: groups.size,
    },
    tricks: paid,
    monotonicity: { steps, violations },
    findings,
  };
}
