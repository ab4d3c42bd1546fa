/** Counts over clips as they pass by: for plots, and to see what a policy did to the mix. */
import { type ClipRecord, type ClipTags, curvatureEdges, speedEdges } from "./clip.ts";
import { type FilterName, filterNames } from "./filters.ts";

export const tagNames = [
  "manoeuvre",
  "longitudinal",
  "speed",
  "curvature",
  "decision",
  "scenario",
  "light",
  "place",
  "time",
] as const satisfies readonly (keyof ClipTags)[];

export interface Inventory {
  clips: number;
  drives: number;
  secs: number;
  distanceM: number;
  /** 10 Hz ticks per bin. */
  speedTicks: number[];
  curvatureTicks: number[];
  /** Tag -> word -> clips; "unknown" where nobody knows. */
  tags: Record<(typeof tagNames)[number], Record<string, number>>;
}

export function newInventory(): Inventory {
  return {
    clips: 0,
    drives: 0,
    secs: 0,
    distanceM: 0,
    speedTicks: Array.from({ length: speedEdges.length }, (): number => 0),
    curvatureTicks: Array.from({ length: curvatureEdges.length + 1 }, (): number => 0),
    tags: Object.fromEntries(tagNames.map((name) => [name, {}])) as Inventory["tags"],
  };
}

/** Words of one tag beyond this many are counted together, so that memory does not grow with free text. */
const mostWords = 200;

/** @param isNewDrive whether this is the first clip of its drive that is counted */
export function countClip(inventory: Inventory, clip: ClipRecord, isNewDrive: boolean): void {
  inventory.clips++;
  if (isNewDrive) inventory.drives++;
  inventory.secs += (clip.endUs - clip.startUs) / 1e6;
  inventory.distanceM += clip.distanceM;
  clip.speedTicks.forEach((n, i) => {
    inventory.speedTicks[i] += n;
  });
  clip.curvatureTicks.forEach((n, i) => {
    inventory.curvatureTicks[i] += n;
  });
  for (const name of tagNames) {
    const words = inventory.tags[name];
    // Of a time, the day is enough.
    const raw = clip.tags[name] ?? "unknown";
    const day = name === "time" ? raw.slice(0, 10) : raw;
    const word = words[day] === undefined && Object.keys(words).length >= mostWords ? "other" : day;
    words[word] = (words[word] ?? 0) + 1;
  }
}

/** Histogram of one score over all clips, with even bins between its 1st and 99th percentile of a sample. */
export interface ScoreHistogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
  readonly measured: number;
  readonly unmeasured: number;
}

/** Collects scores; keeps every n-th once there are many, so that memory has a bound. */
export function scoreCollector(mostKept = 4096) {
  const kept = new Map<FilterName, number[]>(filterNames.map((n) => [n, []]));
  const measured = new Map<FilterName, number>();
  const unmeasured = new Map<FilterName, number>();
  const every = new Map<FilterName, number>();
  return {
    add(clip: ClipRecord): void {
      for (const name of filterNames) {
        const value = clip.scores[name];
        if (value === null) {
          unmeasured.set(name, (unmeasured.get(name) ?? 0) + 1);
          continue;
        }
        const seen = measured.get(name) ?? 0;
        measured.set(name, seen + 1);
        const step = every.get(name) ?? 1;
        if (seen % step !== 0) continue;
        const values = kept.get(name) as number[];
        values.push(value);
        if (values.length > mostKept) {
          kept.set(
            name,
            values.filter((_, i) => i % 2 === 0),
          );
          every.set(name, 2 * step);
        }
      }
    },
    histograms(bins = 24): Record<FilterName, ScoreHistogram> {
      return Object.fromEntries(
        filterNames.map((name): [FilterName, ScoreHistogram] => {
          const values = (kept.get(name) as number[]).slice().sort((a, b) => a - b);
          const at = (q: number) => values[Math.round(q * (values.length - 1))] ?? 0;
          const [least, top] = [at(0.01), at(0.99)];
          // One value is one bin in the middle of a little room.
          const room = top - least < 1e-9 ? Math.max(0.05, Math.abs(least) * 0.1) : 0;
          // Scores that cannot be negative have no room below 0.
          const low = least < 0 ? least - room : Math.max(0, least - room);
          const high = top + room;
          const counts = Array.from({ length: bins }, (): number => 0);
          for (const v of values) {
            const bin = Math.floor(((v - low) / (high - low)) * bins);
            counts[Math.min(bins - 1, Math.max(0, bin))]++;
          }
          return [
            name,
            {
              low,
              high,
              counts,
              measured: measured.get(name) ?? 0,
              unmeasured: unmeasured.get(name) ?? 0,
            },
          ];
        }),
      ) as Record<FilterName, ScoreHistogram>;
    },
  };
}
