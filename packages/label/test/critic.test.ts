/** Questions, controls, policy and the sums over a data set. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import {
  agreementOf,
  aggregate,
  type CocLabel,
  type CriticScore,
  defaultPolicy,
  defaultWindow,
  drawControls,
  findNearDuplicates,
  judgeLabel,
  labelFromTeacher,
  questionsFor,
  rateOf,
  readAnswers,
  readPolicy,
  runCritic,
  scoreOf,
  type Verdict,
  type Verified,
  verifyLabel,
} from "@causeway/label";
import { createScriptedModel, ReplyFormatError } from "@causeway/reason";
import { goodComponents, goodDecision } from "./lesson-answers.ts";
import { openLesson } from "./lesson-drives.ts";

const base = labelFromTeacher(
  {
    id: "lesson-001@9000000",
    driveId: "lesson-001",
    t0Us: 9_000_000,
    promptVersion: "p",
    promptHash: "h",
    sampling: { maxTokens: 10 },
    inputs: { history: "a", future: "b" },
    components: goodComponents.components,
    decision: goodDecision,
    calls: [],
  },
  "openai:teacher",
  defaultWindow,
);
const label = (change: Partial<CocLabel> = {}): CocLabel => ({ ...base, ...change });
const at = (i: number, change: Partial<CocLabel> = {}): CocLabel =>
  label({ id: `lesson-00${i}@9000000`, driveId: `lesson-00${i}`, ...change });

const sided = at(2, {
  lateral: "turn",
  lateralSide: "left",
  trace: "Slow down behind the car ahead and turn left because the car ahead is braking.",
});
const lit = at(3, {
  longitudinal: "stop_static_constraint",
  components: [
    {
      id: "l1",
      category: "traffic_light",
      kind: "red_light",
      attributes: { state: "red", text: "the light is red" },
    },
  ],
  causeIds: ["l1"],
  trace: "Slow down and stop at the line while keeping the lane because the light ahead is red.",
});

/** Answers to the questions in a critic's request. */
const answersTo = (text: string, answer: (question: string) => string): string => {
  const questions = [...text.matchAll(/^- (q\d+): (.*)$/gm)];
  return JSON.stringify({
    answers: questions.map(([, id, question]) => ({
      id,
      answer: answer(question),
      frame: 3,
      quote: "seen",
    })),
  });
};

describe("questions", () => {
  test("each cause, each axis, the side both ways, and three on the link", () => {
    const questions = questionsFor(sided);
    expect(questions.map((q) => [q.task, q.expected])).toEqual([
      ["causes", "yes"],
      ["decision", "yes"],
      ["decision", "yes"],
      ["decision", "no"],
      ["link", "yes"],
      ["link", "no"],
      ["link", "no"],
    ]);
    expect(questions[0].text).toContain("the car ahead is braking");
    expect(
      questionsFor(label({ longitudinal: null, lateral: null, trace: null, causeIds: [] })),
    ).toEqual([]);
  });

  test("an answer needs a quote; missing and made-up answers are said", () => {
    const questions = questionsFor(label()).slice(0, 2);
    const reply = (answers: unknown[]) => JSON.stringify({ answers });
    const a = { id: "q1", answer: "yes", frame: 2, quote: "brake lights" };
    const read = readAnswers(reply([a, { ...a, id: "q2", quote: " " }]), questions, 5);
    expect(read.map((r) => r.answer)).toEqual(["yes", "cannot_see"]);
    expect(
      readAnswers(
        reply([
          { ...a, frame: 9 },
          { ...a, id: "q2" },
        ]),
        questions,
        5,
      )[0].answer,
    ).toBe("cannot_see");
    expect(() => readAnswers(reply([a, { ...a, id: "q7" }]), questions, 5)).toThrow(
      ReplyFormatError,
    );
    expect(() => readAnswers(reply([a, { ...a, id: "q7" }]), questions, 5)).toThrow(
      /missing: q2.*q7/,
    );
  });

  test("always saying yes is not a perfect score", () => {
    const yes = questionsFor(sided).map((question) => ({
      question,
      answer: "yes" as const,
      frame: 0,
      quote: "x",
    }));
    expect(scoreOf(yes).score).toBeCloseTo(4 / 7);
    expect(scoreOf(yes).byTask).toEqual({ causes: 1, decision: 2 / 3, link: 1 / 3 });
    const none = yes.map((a) => ({ ...a, answer: "cannot_see" as const }));
    expect(scoreOf(none)).toEqual({
      score: null,
      coverage: 0,
      byTask: { causes: null, decision: null, link: null },
    });
  });
});

describe("controls", () => {
  test("each kind plants its fault in words and ids and leaves the rest", () => {
    const controls = drawControls([sided, lit, label(), at(4)], 12, createRng(1));
    const byKind = new Map(controls.map((c) => [c.kind, c.label]));
    expect([...byKind.keys()].sort()).toEqual(["flipped-direction", "shuffled", "swapped-colour"]);
    expect(byKind.get("flipped-direction")).toMatchObject({
      lateralSide: "right",
      t0Us: sided.t0Us,
    });
    expect(byKind.get("flipped-direction")?.trace).toContain("turn right");
    const green = byKind.get("swapped-colour");
    expect(green?.components[0]).toMatchObject({
      kind: "green_light",
      attributes: { state: "green", text: "the light is green" },
    });
    expect(green?.trace).toContain("is green");
    for (const { label: l, kind } of controls) expect(l.id.endsWith(`#control-${kind}`)).toBe(true);
    expect(drawControls([sided, lit, label()], 12, createRng(1))).toEqual(
      drawControls([sided, lit, label()], 12, createRng(1)),
    );
  });
});

describe("a critic's run", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "critic-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("labels and controls go the same way; the teacher's own model is refused", async () => {
    const asked: string[] = [];
    const model = createScriptedModel({
      name: "critic",
      script: (request) => {
        const last = request.messages.at(-1)?.content.at(-1);
        const text = last?.type === "text" ? last.text : "";
        asked.push(text);
        return answersTo(text, (q) =>
          /^Is |^Does the sentence|more direct/.test(q) ? "no" : "yes",
        );
      },
    });
    const controls = drawControls([sided, label()], 1, createRng(1));
    const run = {
      labels: [label(), sided, ...controls.map((c) => c.label)],
      open: openLesson,
      model,
      folder,
      cacheFolder: null,
    };
    const { rows } = await runCritic(run);
    expect(rows.size).toBe(3);
    expect(scoreOf(rows.get(sided.id)?.answers ?? []).score).toBe(1);
    expect(asked.join()).not.toContain("control");
    // The critic sees history and future; each picture once.
    expect(asked[0]).toContain("t = -2.0 s");
    expect(asked[0]).toContain("t = +6.0 s");
    await expect(runCritic({ ...run, labels: [label({ teacher: model.id })] })).rejects.toThrow(
      /is the teacher of these labels/,
    );
  });
});

describe("policy", () => {
  const verdict = (results: Partial<Verdict["results"][number]>[], coverage = 1): Verdict => ({
    outcome: results.some((r) => r.outcome === "error") ? "error" : "pass",
    coverage,
    isSensitive: results.some((r) => r.isSensitive === true),
    thresholds: "t",
    results: results.map((r) => ({
      rule: "R1",
      ruleVersion: 1,
      claim: "c",
      outcome: "pass",
      detail: "d",
      isSensitive: false,
      ...r,
    })),
  });
  const score = (value: number | null, coverage = 1, link = value): CriticScore => ({
    score: value,
    coverage,
    byTask: { causes: value, decision: value, link },
  });
  const status = (v: Verdict, c: CriticScore | null, policy = defaultPolicy) =>
    judgeLabel(policy, label(), v, c).status;

  test("the worst word decides", () => {
    const pass = verdict([{}]);
    expect(status(pass, null)).toBe("accepted");
    expect(status(verdict([{ outcome: "error" }]), score(1))).toBe("rejected");
    expect(status(verdict([{ outcome: "error", isSensitive: true }]), score(1))).toBe("review");
    expect(status(pass, score(0.9))).toBe("accepted");
    expect(status(pass, score(0.7))).toBe("review");
    expect(status(pass, score(0.2))).toBe("rejected");
    expect(status(pass, score(0.9, 0.3))).toBe("review");
    expect(status(pass, score(0.9, 1, 0.5))).toBe("review");
    expect(status(verdict([{}], 0.1), null)).toBe("review");
    expect(
      judgeLabel(defaultPolicy, label({ longitudinal: null, lateral: null }), pass, null).status,
    ).toBe("no-decision");
  });

  test("a policy file changes what it names and nothing else; mistakes are named", () => {
    const policy = readPolicy(
      { rules: { reviewOnly: ["R1"] }, critic: { isRequired: true } },
      "p.json",
    );
    expect(policy.critic.accept).toBe(defaultPolicy.critic.accept);
    expect(status(verdict([{ outcome: "error" }]), score(1), policy)).toBe("review");
    expect(status(verdict([{}]), null, policy)).toBe("review");
    expect(() => readPolicy({ critic: { accept: 2 } }, "p.json")).toThrow(
      /p\.json: field "critic\.accept"/,
    );
    expect(() => readPolicy({ rules: { onEror: "reject" } }, "p.json")).toThrow(/rules/);
    expect(() => readPolicy([], "p.json")).toThrow(/no object/);
  });
});

describe("sums", () => {
  test("Wilson intervals and kappa are the textbook's", () => {
    const r = rateOf(8, 10);
    expect(r.low).toBeCloseTo(0.4902, 4);
    expect(r.high).toBeCloseTo(0.9433, 4);
    expect(rateOf(0, 0)).toEqual({ count: 0, of: 0, rate: null, low: null, high: null });
    // Cohen's example: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no gives 0.4.
    const pairs = [
      ...Array<readonly [string, string]>(20).fill(["y", "y"]),
      ...Array<readonly [string, string]>(5).fill(["y", "n"]),
      ...Array<readonly [string, string]>(10).fill(["n", "y"]),
      ...Array<readonly [string, string]>(15).fill(["n", "n"]),
    ];
    expect(agreementOf(pairs)).toEqual({
      pairs: 50,
      observed: 0.7,
      kappa: expect.closeTo(0.4, 9) as number,
    });
    expect(agreementOf([["y", "y"]]).kappa).toBeNull();
  });

  test("groups, agreement with people, and disagreements worst first", () => {
    const row = (l: CocLabel, change: Partial<Verified>): Verified => ({
      label: l,
      scenario: "stop_for_light",
      verdict: verifyLabel({ label: l, evidence: null, keyframe: null }),
      critic: null,
      reasons: [],
      human: null,
      ...change,
    });
    const rows = [
      row(at(1, { status: "accepted" }), { human: "accepted" }),
      row(at(2, { status: "accepted" }), { human: "rejected", scenario: null }),
      row(at(3, { status: "rejected" }), {
        critic: { score: 0.1, coverage: 1, byTask: { causes: null, decision: null, link: null } },
      }),
      row(at(4, { status: "no-decision" }), {}),
    ];
    const report = aggregate(rows, {
      policy: "p",
      failures: { refusal: 2 },
      duplicates: [],
      critic: {
        model: "m",
        controls: [
          { kind: "shuffled", isAccepted: false },
          { kind: "shuffled", isAccepted: true },
        ],
      },
    });
    expect(report.byStatus).toEqual({ accepted: 2, review: 0, rejected: 1, "no-decision": 1 });
    expect(report.accepted.all).toMatchObject({ count: 2, of: 3 });
    expect(report.accepted.byScenario).toMatchObject({
      stop_for_light: { count: 1, of: 2 },
      unknown: { count: 1, of: 1 },
    });
    expect(report.humans.all).toMatchObject({ pairs: 2, observed: 0.5 });
    expect(report.critic?.falseAccepts.all).toMatchObject({ count: 1, of: 2, rate: 0.5 });
    expect(report.disagreements.map((d) => d.id)).toEqual([rows[1].label.id, rows[2].label.id]);
  });

  test("near-duplicates are grouped; different sentences are not", () => {
    const trace = (i: number, text: string) => ({ id: `l${i}`, driveId: `d${i}`, trace: text });
    const common =
      "Slow down and stop at the line while keeping the lane because the light ahead is red.";
    const groups = findNearDuplicates([
      ...Array.from({ length: 9 }, (_, i) => trace(i, common)),
      trace(9, common.replace("light ahead is red", "light ahead is red now")),
      trace(10, "Turn left and follow the truck ahead since the route turns left."),
      { id: "none", driveId: "d", trace: null },
    ]);
    expect(groups).toHaveLength(1);
    expect(groups[0].ids).toHaveLength(10);
    expect(groups[0].isTemplate).toBe(true);
  });
});
