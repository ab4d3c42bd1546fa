/** Trials of a critic per video. Series `score` (share of clean trials) and `unread` (trials without verdict). */
import { meanOf, type SheetItem, type SheetMetric } from "./sheet.ts";

export function summariseCritic(items: readonly SheetItem[]): readonly SheetMetric[] {
  return [
    {
      key: "score",
      label: "Critic score",
      about:
        "Share of trials that found no artefact, mean over videos; a failed or unread trial is not clean.",
      format: "number",
      isHigherBetter: true,
      estimate: meanOf(items, "score", true),
    },
    {
      key: "unread",
      label: "Trials unread",
      about: "Share of trials without a readable verdict.",
      format: "percent",
      isHigherBetter: false,
      estimate: meanOf(items, "unread", true),
    },
  ];
}
