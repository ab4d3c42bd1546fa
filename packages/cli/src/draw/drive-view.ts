/** What `inspect` and the label report show of one drive, gathered once and drawn as text or as a page. */
import { cameraSummary, type CameraSummary } from "./camera-summary.ts";
import { countQuestions, type DriveHandle, type QuestionFrame, type RoadMap } from "@causeway/data";
import { type InspectSeries, inspectMotion } from "@causeway/label";
import type { Band } from "./terminal-plot.ts";

export interface DriveView {
  readonly id: string;
  readonly path: string | null;
  readonly format: string;
  readonly licence: string;
  readonly scenario: string | null;
  readonly notes: readonly string[];
  readonly durationSecs: number;
  /** Null where the drive has no ego motion; `motion` is empty then. */
  readonly distanceM: number | null;
  readonly cameras: readonly CameraSummary[];
  /** "actors", "lights", "map", "route", "decisions" …: those that the drive has. */
  readonly layers: readonly string[];
  readonly motion: InspectSeries;
  readonly map: RoadMap | null;
  /** Decision of the privileged driver as bands, where there is one. */
  readonly decisions: readonly Band[];
  /** That came with the recording. */
  readonly questions: readonly QuestionFrame[];
}

/** "435 questions about 5 moments (188 perception, …)". */
export function questionsText(frames: readonly QuestionFrame[]): string {
  const kinds = Object.entries(countQuestions(frames));
  const total = kinds.reduce((sum, [, n]) => sum + n, 0);
  const each = kinds.map(([kind, n]) => `${n} ${kind}`).join(", ");
  return `${total} questions about ${frames.length} moments (${each})`;
}

export async function viewDrive(drive: DriveHandle): Promise<DriveView> {
  const map = await drive.map();
  const motion = inspectMotion(drive.egoMotion, undefined, map);
  const { series } = motion;
  let distanceM = 0;
  for (let i = 1; i < series.x.length; i++)
    distanceM += Math.hypot(
      (series.x[i] as number) - (series.x[i - 1] as number),
      (series.y[i] as number) - (series.y[i - 1] as number),
    );
  const layers = (
    ["actors", "lights", "map", "decisions", "reasoning", "questions"] as const
  ).filter((l) => drive.has[l]);
  return {
    id: drive.id,
    path: drive.path,
    format: drive.source.format,
    licence: drive.source.licence,
    scenario: drive.source.scenario,
    notes: drive.source.notes,
    durationSecs: drive.durationUs / 1e6,
    distanceM: drive.has.motion ? distanceM : null,
    cameras: drive.cameras.map(cameraSummary),
    layers: drive.route === null ? layers : [...layers, "route"],
    motion,
    map,
    decisions: await decisionBands(drive, series.stampUs),
    questions: (await drive.questions()) ?? [],
  };
}

/** Meta-actions of one axis as bands; empty when the axis could not be computed. */
export function metaActionBands(
  motion: InspectSeries,
  axis: "longitudinal" | "lateral" | "lane",
): Band[] {
  const found = motion.metaActions.axes[axis];
  if (!found.isAvailable) return [];
  return found.intervals.map((i) => ({
    label: i.action,
    startTick: i.startTick,
    endTick: i.endTick,
  }));
}

async function decisionBands(drive: DriveHandle, stampUs: Float64Array): Promise<Band[]> {
  const frames = await drive.decisions();
  if (frames === null || frames.length === 0) return [];
  const bands: { label: string; startTick: number; endTick: number }[] = [];
  let at = 0;
  for (let tick = 0; tick < stampUs.length; tick++) {
    while (at + 1 < frames.length && (frames[at + 1]?.stampUs ?? 0) <= (stampUs[tick] as number))
      at++;
    const decision = frames[at]?.decision;
    const side = decision?.lateralSide == null ? "" : ` ${decision.lateralSide}`;
    for (const label of [
      decision?.longitudinal,
      decision?.lateral == null ? null : decision.lateral + side,
    ]) {
      if (label == null) continue;
      const last = bands.findLast((b) => b.label === label);
      if (last !== undefined && last.endTick === tick) last.endTick = tick + 1;
      else bands.push({ label, startTick: tick, endTick: tick + 1 });
    }
  }
  return bands;
}
