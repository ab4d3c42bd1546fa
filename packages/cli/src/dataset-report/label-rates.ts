/**
 * Rates, samples and disagreements of every file of labels in a dataset. The rule filter is run again on each row, so the
 * page shows what today's rules say. Rows stream; what is shown is bounded.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Dataset, type DriveHandle, FormatError, readJsonl } from "@causeway/data";
import type { LabelRates, ReportDisagreement } from "@causeway/eval";
import {
  type CocLabel,
  cocLabelSchema,
  cocLabelSchemaId,
  evidenceFromMotion,
  inspectMotion,
  type Keyframe,
  verifyLabel,
  type Verdict,
} from "@causeway/label";
import { GeomError } from "@causeway/geom";

export interface PickedLabel {
  readonly label: CocLabel;
  readonly file: string;
}
export interface Disagreement extends PickedLabel {
  readonly severity: number;
  readonly findings: ReportDisagreement["findings"];
}
export interface LabelGathering {
  readonly rates: readonly LabelRates[];
  readonly samples: readonly PickedLabel[];
  readonly disagreements: readonly Disagreement[];
  readonly unreadable: readonly { readonly what: string; readonly why: string }[];
}

const decisionOf = (l: CocLabel): string | null =>
  [
    l.longitudinal,
    l.lateral === null ? null : `${l.lateral}${l.lateralSide === null ? "" : ` ${l.lateralSide}`}`,
  ]
    .filter((t) => t !== null)
    .join(" + ") || null;
export { decisionOf as decisionText };

/** A contradiction that no threshold turns weighs most; a weak fit hardly. */
function severityOf(verdict: Verdict): number {
  return verdict.results.reduce(
    (sum, r) =>
      sum + (r.outcome === "error" ? (r.isSensitive ? 1 : 3) : r.outcome === "warn" ? 0.1 : 0),
    0,
  );
}

interface OpenDrive {
  readonly id: string;
  readonly handle: DriveHandle;
  readonly keyframes: readonly Keyframe[];
}

const mostSamples = 16;
const mostDisagreements = 9;

export async function gatherLabels(dataset: Dataset, signal: AbortSignal): Promise<LabelGathering> {
  const folder = join(dataset.dir, "labels");
  const files = (await readdir(folder).catch(() => [])).filter((f) => f.endsWith(".jsonl")).sort();
  const rates: LabelRates[] = [];
  const samples = new Map<string, PickedLabel>();
  let worst: Disagreement[] = [];
  const unreadable: { what: string; why: string }[] = [];
  const known = new Set(dataset.drives.map((d) => d.id));
  for (const file of files) {
    const name = file.slice(0, -".jsonl".length);
    const counts = { total: 0, accepted: 0, review: 0, rejected: 0, noDecision: 0 };
    const rules = { pass: 0, warn: 0, error: 0, abstain: 0, unparsable: 0 };
    const teachers = new Set<string>();
    const byDecision = new Map<
      string,
      { total: number; accepted: number; review: number; rejected: number }
    >();
    let open: OpenDrive | null = null;
    try {
      for await (const row of readJsonl(join(folder, file))) {
        signal.throwIfAborted();
        // Other tables lie in this folder as well.
        if ((row as { schema?: unknown } | null)?.schema !== cocLabelSchemaId) break;
        const parsed = cocLabelSchema.safeParse(row);
        if (!parsed.success) {
          unreadable.push({
            what: `labels/${file}`,
            why: `row of ${String((row as { id?: unknown }).id)}: ${parsed.error.issues[0]?.message ?? "unreadable"}`,
          });
          continue;
        }
        const label: CocLabel = parsed.data;
        counts.total++;
        teachers.add(label.teacher);
        if (label.status === "no-decision") counts.noDecision++;
        else counts[label.status]++;
        const decision = decisionOf(label);
        if (decision !== null) {
          const cell = byDecision.get(decision) ?? {
            total: 0,
            accepted: 0,
            review: 0,
            rejected: 0,
          };
          cell.total++;
          if (label.status !== "no-decision") cell[label.status]++;
          byDecision.set(decision, cell);
          const key = `${decision}/${label.status}`;
          if (!samples.has(key) && label.trace !== null && known.has(label.driveId))
            samples.set(key, { label, file: name });
        }
        if (!known.has(label.driveId)) {
          rules.abstain++;
          continue;
        }
        if (open?.id !== label.driveId) {
          await open?.handle.close();
          open = null;
          try {
            open = await openFor(dataset, label.driveId);
          } catch (error) {
            if (!(error instanceof FormatError)) throw error;
            // A damaged drive says nothing about its labels; the others still count.
            known.delete(label.driveId);
            unreadable.push({ what: label.driveId, why: error.message });
            rules.abstain++;
            continue;
          }
        }
        const verdict = verifyLabel({
          label,
          evidence: evidenceAt(open.handle, label.t0Us),
          // Only a label that was made for a keyframe is bound to what changes there.
          keyframe: open.keyframes.find((k) => k.t0Us === label.t0Us) ?? null,
        });
        rules[verdict.outcome]++;
        const severity = severityOf(verdict);
        if (severity < 1) continue;
        worst.push({
          label,
          file: name,
          severity,
          findings: verdict.results
            .flatMap((r) =>
              r.outcome === "error" || r.outcome === "warn"
                ? [
                    {
                      outcome: r.outcome,
                      rule: r.rule,
                      claim: r.claim,
                      detail: r.detail,
                      isSensitive: r.isSensitive,
                    },
                  ]
                : [],
            )
            .sort((a, b) => Number(b.outcome === "error") - Number(a.outcome === "error")),
        });
        if (worst.length > 400) worst = mostSevere(withoutRepeats(worst), 100);
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      unreadable.push({ what: `labels/${file}`, why: error.message });
    } finally {
      await open?.handle.close();
    }
    if (counts.total === 0) continue;
    rates.push({
      name,
      teachers: [...teachers].sort(),
      ...counts,
      rules,
      byDecision: [...byDecision]
        .map(([decision, c]) => ({ decision, ...c }))
        .sort((a, b) => b.total - a.total || (a.decision < b.decision ? -1 : 1)),
    });
  }
  return {
    rates,
    samples: [...samples.values()].slice(0, mostSamples),
    disagreements: spread(mostSevere(withoutRepeats(worst), 100)),
    unreadable,
  };
}

/** The same label may lie in several files, as the teacher gave it and as it was verified: the last one is shown. */
function withoutRepeats(found: readonly Disagreement[]): Disagreement[] {
  const byContent = new Map<string, Disagreement>();
  for (const d of found) byContent.set(`${d.label.id} ${decisionOf(d.label)} ${d.label.trace}`, d);
  return [...byContent.values()];
}

function mostSevere(found: readonly Disagreement[], most: number): Disagreement[] {
  return [...found]
    .sort((a, b) => b.severity - a.severity || (a.label.id < b.label.id ? -1 : 1))
    .slice(0, most);
}

/** Neighbouring moments of one drive say the same: one of each drive first. */
function spread(found: readonly Disagreement[]): Disagreement[] {
  const seen = new Set<string>();
  const first = found.filter((d) => !seen.has(d.label.driveId) && seen.add(d.label.driveId));
  const rest = found.filter((d) => !first.includes(d));
  return [...first, ...rest].slice(0, mostDisagreements);
}

async function openFor(dataset: Dataset, id: string): Promise<OpenDrive> {
  const handle = await dataset.open(id);
  return { id, handle, keyframes: inspectMotion(handle.egoMotion).keyframes };
}

function evidenceAt(drive: DriveHandle, t0Us: number) {
  try {
    return evidenceFromMotion(drive.egoMotion, t0Us);
  } catch (error) {
    // The recording ends inside the window: there is no evidence, which is not a contradiction.
    if (error instanceof GeomError) return null;
    throw error;
  }
}
