/** A probed reward in the form of every evaluation: what it pays for, real replies worst first. */
import { meanOf, type ScoredRun, shareOfAll, type SheetItem } from "@causeway/eval/judged";
import type { ProbeReply, ProbeReport, Reward } from "@causeway/reason";

function itemOf(reward: Reward, sample: ProbeReply): SheetItem {
  const [low, high] = reward.range;
  const value = reward.evaluate(sample);
  const share = (value.reward - low) / (high - low);
  return {
    id: sample.id,
    cluster: sample.group,
    group: sample.group === sample.id ? null : sample.group,
    status: value.problem === null ? "answered" : "unread",
    failure: null,
    problem: value.problem,
    scores: { reward: value.reward },
    question: null,
    expected: sample.reference,
    answered: value.problem === null ? `gets ${value.reward} of ${high}` : null,
    reasoning: null,
    raw: sample.reply,
    media: [],
    details: Object.entries(value.parts).map(([part, v]) => [part, String(v)] as const),
    badness: 1 - share,
  };
}

export function probeRun(
  reward: Reward,
  report: ProbeReport,
  references: readonly string[],
  samples: readonly ProbeReply[],
): ScoredRun {
  const items = samples.map((sample) => itemOf(reward, sample));
  const ideal = references.map((reference, i): SheetItem => {
    const input = { reply: reward.idealReply(reference), reference };
    const isMost = reward.evaluate(input).reward >= reward.range[1];
    return {
      ...itemOf(reward, { ...input, id: String(i), group: String(i) }),
      scores: { isMost: Number(isMost) },
    };
  });
  const { attainable, monotonicity, findings, tricks } = report;
  const s = report.samples;
  return {
    items,
    sheet: {
      schema: "causeway-score/1",
      benchmark: "reward probe",
      title: `Reward ${reward.name}`,
      subject: reward.about,
      isSynthetic: false,
      settings: {
        range: reward.range.join(" to "),
        references: String(references.length),
        "real replies": s.n === 0 ? "none were given" : `${s.n} in ${s.groups} groups`,
        monotonicity: `${monotonicity.violations.length} of ${monotonicity.steps} steps to a worse answer gain`,
      },
      files: ["probe.json"],
      counts: {
        items: items.length,
        answered: items.length - s.unread,
        unread: s.unread,
        failed: 0,
        pending: 0,
        failedByKind: {},
        skippedEntries: 0,
      },
      metrics: [
        {
          key: "attainable",
          label: "Maximum attainable",
          about: "Share of references whose ideal reply gets the maximum.",
          format: "percent",
          isHigherBetter: true,
          estimate: shareOfAll(ideal, "isMost"),
        },
        {
          key: "reward",
          label: "Mean of real replies",
          about: "Mean reward of the given replies; the interval is over their groups.",
          format: "number",
          isHigherBetter: true,
          estimate: meanOf(items, "reward", false),
        },
        ...(s.standardDeviation === null
          ? []
          : [
              {
                key: "deviation",
                label: "Standard deviation",
                about: "Over the given replies; 0 teaches nothing.",
                format: "number" as const,
                isHigherBetter: true,
                estimate: {
                  value: s.standardDeviation,
                  interval: null,
                  n: s.n,
                  clusters: s.groups,
                },
              },
            ]),
      ],
      tables: [
        {
          title: `Replies without knowledge, mean over ${references.length} references`,
          columns: ["mean reward", "share of the maximum"],
          format: "number",
          rows: tricks.map((t) => ({
            label: t.name,
            cells: [t.mean.toFixed(3), `${(100 * t.share).toFixed(0)} %`],
          })),
        },
      ],
      notes: [
        ...findings.map((f) => `To mend: ${f}.`),
        ...(findings.length === 0 ? ["Nothing to mend was found."] : []),
        ...(attainable.failing.length > 0
          ? [`References out of reach: ${attainable.failing.slice(0, 5).join(", ")}.`]
          : []),
        ...(s.n > 0 ? [`${s.flatGroups} of ${s.groups} groups have equal rewards.`] : []),
      ],
    },
  };
}
