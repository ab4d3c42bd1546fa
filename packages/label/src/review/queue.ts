/** Which labels a person should look at first, and what the page shows of each. */
import type { CocLabel } from "../coc/schema.ts";
import { disagreement, type Verified } from "../verify/aggregate.ts";
import type { EgoRow, FutureEvidence, HistoryEvidence } from "../teacher/window.ts";

export interface ReviewPicture {
  readonly secs: number;
  /** data: address, so that the page needs no other file. */
  readonly src: string;
}

/** One label with its evidence in the two halves that the page opens one after the other. */
export interface ReviewItem {
  readonly label: CocLabel;
  /** Who made or last changed it: they may not check it. */
  readonly authors: readonly string[];
  readonly priority: number;
  /** Hidden in blind mode. */
  readonly verdict: {
    readonly outcome: string;
    readonly findings: readonly string[];
    readonly critic: number | null;
    readonly reasons: readonly string[];
  } | null;
  readonly history: {
    readonly ego: readonly EgoRow[];
    readonly pictures: readonly ReviewPicture[];
  };
  readonly future: { readonly ego: readonly EgoRow[]; readonly pictures: readonly ReviewPicture[] };
  readonly navText: string | null;
}

const pictureOf = (p: { secs: number; bytes: Uint8Array; mime: string }): ReviewPicture => ({
  secs: p.secs,
  src: `data:${p.mime};base64,${Buffer.from(p.bytes).toString("base64")}`,
});

export function reviewItem(
  row: Verified,
  history: HistoryEvidence,
  future: FutureEvidence,
  options: {
    readonly isBlind: boolean;
    readonly authors: readonly string[];
    readonly priority: number;
  },
): ReviewItem {
  const pictures = (half: HistoryEvidence | FutureEvidence) =>
    half.cameras.flatMap((c) => c.pictures.map(pictureOf));
  return {
    label: row.label,
    authors: options.authors,
    priority: options.priority,
    verdict: options.isBlind
      ? null
      : {
          outcome: row.verdict.outcome,
          findings: row.verdict.results
            .filter((r) => r.outcome === "error" || r.outcome === "warn")
            .map((r) => `${r.rule} ${r.outcome}: ${r.detail}`),
          critic: row.critic?.score ?? null,
          reasons: row.reasons,
        },
    history: { ego: history.ego, pictures: pictures(history) },
    future: { ego: future.ego, pictures: pictures(future) },
    navText: history.navText,
  };
}

/**
 * Most useful first: labels in doubt, opinions that differ, rare decisions; then a seeded few of the accepted ones as an audit.
 *
 * @param auditShare share of accepted labels that are looked at anyway
 * @param draw a number in [0, 1) per id, the same in every run
 */
export function reviewOrder(
  rows: readonly Verified[],
  auditShare: number,
  draw: (id: string) => number,
): { readonly row: Verified; readonly priority: number }[] {
  const key = ({ label }: Verified) =>
    `${label.longitudinal} ${label.lateral} ${label.lateralSide}`;
  const counts = new Map<string, number>();
  for (const r of rows) counts.set(key(r), (counts.get(key(r)) ?? 0) + 1);
  return rows
    .filter(({ label }) => label.status !== "no-decision")
    .filter(
      ({ label, human }) =>
        human === null && (label.status !== "accepted" || draw(label.id) < auditShare),
    )
    .map((row) => {
      const doubt = row.label.status === "review" ? 2 : row.label.status === "rejected" ? 1 : 0;
      const rarity = 1 / (counts.get(key(row)) ?? 1);
      return { row, priority: doubt + disagreement(row) + rarity };
    })
    .sort((a, b) => b.priority - a.priority || (a.row.label.id < b.row.label.id ? -1 : 1));
}
