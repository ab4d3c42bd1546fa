/** Rewards and score parsers: the exact vectors of the published recipes, and the laws that a reward must keep. */
import { createRng } from "@causeway/geom";
import {
  balanceLabels,
  bestOf,
  builtInRewards,
  closenessReward,
  criticScore,
  formatReward,
  isLingoCorrect,
  lengthRewards,
  lingoText,
  overlongPenalty,
  parseScore,
  parseScoreStrictly,
  parseYesNo,
  probabilityOfNo,
  probeReward,
  type Reward,
  retrySampling,
  reasoningAddOn,
  twoWayProbability,
} from "@causeway/reason";
import { describe, expect, it } from "vitest";

const scoreOf = (raw: string): number | null => {
  const parsed = parseScore(raw);
  return parsed.ok ? parsed.value : null;
};

describe("scores in replies", () => {
  it("the strict rule reads a line with one digit and nothing else", () => {
    expect(parseScoreStrictly("3")).toBe(3);
    expect(parseScoreStrictly("The video scores as follows.\n\n3")).toBe(3);
    expect(parseScoreStrictly("4.")).toBe(4);
    for (const unread of ["Score: 3", "3/5", "6", "**4**"])
      expect(parseScoreStrictly(unread)).toBeNull();
  });
  it("the lenient rule reads what a person would", () => {
    const cases: [string, number | null][] = [
      ["3", 3],
      ["Score: 3", 3],
      ["3/5", 3],
      ["**4**", 4],
      ["<answer>4</answer>", 4],
      ["<think>1 or 2?</think>\n\n5", 5],
      ["I would give it a 2.", 2],
      ["My rating is 4 out of 5.", 4],
      ["6", null],
      ["2.5", null],
      ["There are 3 cars and 1 truck.", null],
      ["Score: 3. Score: 4.", null],
      ["", null],
    ];
    for (const [raw, wanted] of cases) expect(scoreOf(raw), raw).toBe(wanted);
  });
  it("yes and no", () => {
    expect(parseYesNo("No.")).toMatchObject({ ok: true, value: false });
    expect(parseYesNo("<think>no doubt</think>\nYes, the ball vanishes")).toMatchObject({
      value: true,
    });
    expect(parseYesNo("It could be yes or no").ok).toBe(false);
  });
});

describe("reward terms", () => {
  it("form of the Reason 1 style", () => {
    const of = (raw: string) => formatReward(raw, "reason1");
    expect(of("<think>a</think>\n\n<answer>B</answer>")).toBe(1);
    expect(of("<think>a</think>\n\n<answer>B</answer>\n")).toBe(1);
    expect(of("<think>a <b> c</think>\n\n<answer>B</answer>")).toBe(1);
    expect(of("<think>a</think> <answer>B</answer>")).toBe(0);
    expect(of("<think>a</think>\n\n<answer>B</answer>.")).toBe(0);
    expect(of("<think>a<think>b</think></think>\n\n<answer>B</answer>")).toBe(0);
    expect(of("<think>a</think>\n\nB")).toBe(0);
  });
  it("the form belongs to the prompt: each style pays for what its prompt asks", () => {
    expect(reasoningAddOn.reason1).toContain("one empty line");
    expect(reasoningAddOn.reason2).not.toContain("<answer>");
    expect(formatReward("<think>a</think>\n\nB", "reason2")).toBe(1);
    expect(formatReward("<think>a</think>B", "reason2")).toBe(1);
    expect(formatReward("<think>a</think>\n\n<answer>B</answer>", "reason2")).toBe(0);
    expect(formatReward("<think>a</think>\n\n", "reason2")).toBe(0);
    expect(formatReward("B", "plain")).toBe(1);
    expect(formatReward(" ", "plain")).toBe(0);
  });
  it("closeness to 4", () => {
    const of = (answer: string) => closenessReward(answer, "4");
    expect(["4", "3", "2", "4.0", "4 ", "five"].map(of)).toEqual([1, 0.5, 0, 0, 1, 0]);
  });
  it("length within a group", () => {
    expect(lengthRewards([10, 20, 30], [true, true, true])).toEqual([0.5, 0, -0.5]);
    expect(lengthRewards([10, 20, 30], [false, false, false])).toEqual([0, 0, -0.5]);
    expect(lengthRewards([7, 7], [true, false])).toEqual([0, 0]);
  });
  it("overlong replies", () => {
    const of = (n: number) => overlongPenalty(n, { max: 2048, buffer: 512, factor: 1 });
    expect([1536, 1792, 2048, 4000].map(of)).toEqual(
      [0, -0.5, -1, -1].map((v) => expect.closeTo(v, 12)),
    );
  });
  it("two logits and first tokens", () => {
    expect(twoWayProbability({ yes: 1.2, no: 2.0 })).toBeCloseTo(0.6899745, 7);
    const logprob = Math.log;
    expect(
      probabilityOfNo([
        { token: "No", logprob: logprob(0.5) },
        { token: " no", logprob: logprob(0.1) },
        { token: "Yes", logprob: logprob(0.2) },
      ]),
    ).toBeCloseTo(0.6 / 0.8, 12);
    expect(probabilityOfNo([{ token: "Maybe", logprob: 0 }])).toBeNull();
  });
  it("critic trials: the answers No, No, Yes, No are three of four without artefact", () => {
    expect(criticScore([false, false, true, false])).toBe(0.75);
    expect(criticScore([false, null, null, null])).toBe(0.25);
    expect(bestOf([0, 0.75, 0.25, 0.5], (s) => s)).toBe(0.75);
    expect(bestOf([1, 2], () => null)).toBeNull();
  });
});

describe("built-in rewards", () => {
  it("each reaches its maximum on ideal replies, and a worse answer never gains", () => {
    for (const reward of builtInRewards.values()) {
      const references = reward.name.startsWith("mcq") ? ["A", "C"] : ["1", "3", "5"];
      const report = probeReward(reward, references, []);
      expect(report.attainable.share, reward.name).toBe(1);
      expect(report.monotonicity.violations, reward.name).toEqual([]);
    }
  });
  it("a probe names a maximum that cannot be reached, a trick that pays, and groups that teach nothing", () => {
    const reward = builtInRewards.get("videophy2-reason1") as Reward;
    const broken: Reward = {
      ...reward,
      evaluate: (i) => ({ ...reward.evaluate(i), reward: i.reply.includes("ok") ? 2 : 0.5 }),
    };
    const replies = ["a", "b"].map((id) => ({ id, group: "q", reply: "x", reference: "3" }));
    const report = probeReward(broken, ["3", "4"], replies);
    expect(report.attainable.share).toBe(0);
    expect(report.samples.flatGroups).toBe(1);
    expect(report.findings.join("\n")).toMatch(/ideal replies miss the maximum of 2/);
    expect(report.findings.join("\n")).toMatch(/trick "always the middle score" gets 2\.00/);
    expect(report.findings.join("\n")).toMatch(/no gradient/);
  });
});

describe("data and retries", () => {
  it("labels are balanced to floor(N / labels), the same for the same seed", () => {
    const labels = ["4", "4", "4", "4", "4", "4", "1", "5", "5"];
    const chosen = balanceLabels(labels, createRng(42));
    const counts = new Map<string, number>();
    for (const i of chosen)
      counts.set(labels[i] as string, (counts.get(labels[i] as string) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({ 1: 3, 4: 3, 5: 3 });
    expect(balanceLabels(labels, createRng(42))).toEqual(chosen);
  });
  it("the k-th retry has 256 k more tokens and a temperature of at most 0.9", () => {
    const first = { temperature: 0.6, maxTokens: 1024, seed: 1 };
    expect(retrySampling(first, 0)).toBe(first);
    expect(retrySampling(first, 1)).toEqual({ temperature: 0.65, maxTokens: 1280, seed: 1 });
    expect(retrySampling(first, 9)).toEqual({ temperature: 0.9, maxTokens: 3328, seed: 1 });
  });
  it("LingoQA: the classifier's text, and its rule over references", () => {
    expect(lingoText("What now?", " Stop. ", "It STOPS")).toBe(
      "[CLS]\nQuestion: What now?\nAnswer: stop.\nStudent: it stops",
    );
    expect(isLingoCorrect([-3, 0.01])).toBe(true);
    expect(isLingoCorrect([-3, 0])).toBe(false);
    expect(isLingoCorrect([])).toBe(false);
  });
});
