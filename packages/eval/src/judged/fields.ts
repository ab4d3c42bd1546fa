/**
 * Captions in fields, each scored 1 to 5 by a judge. Series `mean` and one per field (`field:weather`).
 * A field that the caption lacks scores 1; a field that the label lacks has no score.
 */
import {
  addBleuStatistics,
  bleuOfStatistics,
  bleuSignature,
  bleuStatistics,
  pinnedBleu,
} from "../text/bleu.ts";
import { type Estimate, bootstrap } from "../metrics/bootstrap.ts";
import { meanOf, type SheetItem, type SheetMetric, type SheetTable } from "./sheet.ts";

export interface JudgedField {
  readonly score: number | null;
  readonly from: string;
}

export function fieldScores(
  fields: Readonly<Record<string, JudgedField>>,
): Readonly<Record<string, number>> {
  const scored = Object.entries(fields).flatMap(([name, { score }]) =>
    score === null ? [] : [[`field:${name}`, score] as const],
  );
  if (scored.length === 0) return {};
  const mean = scored.reduce((sum, [, v]) => sum + v, 0) / scored.length;
  return { mean, ...Object.fromEntries(scored) };
}

export interface CaptionTexts {
  readonly cluster: string;
  readonly hypothesis: string;
  readonly references: readonly string[];
}

/** Corpus BLEU by the pinned definition; each resample sums the statistics of its clusters. */
export function bleuEstimate(texts: readonly CaptionTexts[]): Estimate {
  const statistics = texts.map((t) => bleuStatistics(t));
  return bootstrap(
    texts.map((t) => t.cluster),
    (weights) =>
      bleuOfStatistics(
        addBleuStatistics(
          statistics.flatMap((s, i) => Array.from({ length: weights[i] }, () => s)),
          pinnedBleu.maxOrder,
        ),
      ).score,
  );
}

export function summariseFields(
  items: readonly SheetItem[],
  judged: ReadonlyMap<string, Readonly<Record<string, JudgedField>>>,
  fields: readonly string[],
  captions: readonly CaptionTexts[],
): {
  readonly metrics: readonly SheetMetric[];
  readonly tables: readonly SheetTable[];
  readonly notes: readonly string[];
} {
  const countOf = (field: string, from: string) =>
    [...judged.values()].filter((f) => f[field]?.from === from).length;
  return {
    metrics: [
      {
        key: "judge",
        label: "Judge, all fields",
        about:
          "Mean over captions of the mean field score, 1 to 5; a missing field is a 1, a field without a label has no score.",
        format: "number",
        isHigherBetter: true,
        estimate: meanOf(items, "mean", false),
      },
      ...(captions.length === 0
        ? []
        : [
            {
              key: "bleu",
              label: "BLEU-4",
              about: `Corpus BLEU of the caption text against the human's, 0 to 1: ${bleuSignature(pinnedBleu)}.`,
              format: "number" as const,
              isHigherBetter: true,
              estimate: bleuEstimate(captions),
            },
          ]),
    ],
    tables: [
      {
        title: "By field",
        columns: ["mean score", "judged", "equal", "missing (1)", "judge unread", "no label"],
        format: "number",
        rows: fields.map((field) => ({
          label: field.replaceAll("_", " "),
          cells: [
            meanOf(items, `field:${field}`, false),
            ...["judge", "equal", "missing", "unread", "no-label"].map((from) =>
              countOf(field, from),
            ),
          ],
        })),
      },
    ],
    notes: [],
  };
}
