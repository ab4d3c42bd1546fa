/** Right or wrong answers: multiple choice, LingoQA. Series `correct`. */
import { bootstrapMean } from "../metrics/bootstrap.ts";
import {
  groupTable,
  macroOf,
  meanOf,
  type SheetItem,
  type SheetMetric,
  type SheetTable,
  shareOfAll,
  withScore,
} from "./sheet.ts";

/** The published "mean per video ± sd" beside the pooled accuracy. */
function perCluster(items: readonly SheetItem[]): { means: number[]; ids: string[] } {
  const byCluster = new Map<string, number[]>();
  for (const item of withScore(items, "correct")) {
    const list = byCluster.get(item.cluster) ?? [];
    list.push(item.scores.correct);
    byCluster.set(item.cluster, list);
  }
  const ids = [...byCluster.keys()];
  return {
    ids,
    means: ids.map((id) => {
      const values = byCluster.get(id) as number[];
      return values.reduce((a, b) => a + b, 0) / values.length;
    }),
  };
}

export function summariseChoices(items: readonly SheetItem[]): {
  readonly metrics: readonly SheetMetric[];
  readonly tables: readonly SheetTable[];
  readonly notes: readonly string[];
} {
  const { means, ids } = perCluster(items);
  const mean = means.reduce((a, b) => a + b, 0) / means.length;
  const deviation = Math.sqrt(means.reduce((s, v) => s + (v - mean) ** 2, 0) / means.length);
  const replied = items.filter((i) => i.status === "answered" || i.status === "unread");
  const readable = replied.map((i) => ({
    ...i,
    scores: { readable: Number(i.status === "answered") },
  }));
  const groups = groupTable(items, "correct", "By group", "percent");
  return {
    metrics: [
      {
        key: "accuracy",
        label: "Accuracy",
        about: "Right answers over all items that got a reply; an unread reply is wrong (micro).",
        format: "percent",
        isHigherBetter: true,
        estimate: meanOf(items, "correct", true),
      },
      {
        key: "accuracy-macro",
        label: "Macro accuracy",
        about: "Mean of the accuracies of the groups.",
        format: "percent",
        isHigherBetter: true,
        estimate: macroOf(items, "correct"),
      },
      {
        key: "accuracy-all",
        label: "Of all items",
        about: "The same with items that got no reply counted as wrong.",
        format: "percent",
        isHigherBetter: true,
        estimate: shareOfAll(items, "correct"),
      },
      {
        key: "accuracy-clusters",
        label: "Mean per video",
        about: "Mean over videos of the share of right answers, each video once.",
        format: "percent",
        isHigherBetter: true,
        estimate: bootstrapMean(means, ids),
      },
      {
        key: "readable",
        label: "Readable",
        about: "Replies that an answer could be read from, over all replies.",
        format: "percent",
        isHigherBetter: true,
        estimate: meanOf(readable, "readable", true),
      },
    ],
    tables: groups === null ? [] : [groups],
    notes:
      means.length > 1
        ? [
            `Standard deviation over ${means.length} videos: ${(100 * deviation).toFixed(1)} points.`,
          ]
        : [],
  };
}
