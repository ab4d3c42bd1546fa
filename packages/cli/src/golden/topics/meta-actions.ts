/**
 * Longitudinal and lateral meta-actions against the public autolabeler's: `ego.json` (10 Hz states) and `expected.json`
 * (segments before and after cleaning, intervals, raw strings, text) beside a case.json of schema `meta-actions-reference`.
 * Everything is compared exactly except the statistics (1e-9 relative or absolute, as the case says).
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringField, type GoldenTopic } from "../topic.ts";

const name = "meta-actions";
const tolerance = "intervals, strings and text exact; statistics 1e-9 relative or absolute";

interface ReferenceSegment {
  readonly caption: string;
  readonly segment_start_time: number;
  readonly duration: number;
  readonly [statistic: string]: number | string;
}
interface ReferenceAxis {
  readonly segments_before_cleaning: readonly ReferenceSegment[];
  readonly segments_after_cleaning: readonly ReferenceSegment[];
  readonly intervals: readonly { action: string; start_tick: number; end_tick: number }[];
}
interface Reference {
  readonly longitudinal: ReferenceAxis;
  readonly lateral: ReferenceAxis;
  readonly raw_strings: readonly string[];
  readonly text: string;
}

/** Our statistic -> the reference's column. */
const columnOf: Record<string, string> = {
  deltaVelocity: "delta_velocity",
  averageAcceleration: "average_acceleration",
  averageSpeed: "average_speed",
  averageSpeedAlongHeading: "average_speed_along_heading",
  totalHeadingChangeRad: "total_heading_change_rad",
  totalDistanceM: "total_distance_m",
  averageTurnRateRadPerM: "average_turn_rate_rad_per_m",
};

const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));

export const topic: GoldenTopic = {
  name,
  matches: (caseJson, dir) =>
    (stringField(caseJson, "schema") ?? "").startsWith("meta-actions-reference/") &&
    existsSync(join(dir, "ego.json")) &&
    existsSync(join(dir, "expected.json")),
  run: async (dir, caseJson) => {
    const label = await import("@causeway/label");
    const ego = (await readJson(join(dir, "ego.json"))) as Record<string, number[]>;
    const expected = (await readJson(join(dir, "expected.json"))) as Reference;
    const column = (key: string) => Float64Array.from(ego[key] ?? []);
    const segments = label.segmentMetaActions({
      x: column("x"),
      y: column("y"),
      yaw: column("yaw"),
      vx: column("vx"),
      vy: column("vy"),
    });
    const problems: string[] = [];
    let worst = 0;
    const same = (what: string, got: unknown, want: unknown) => {
      if (JSON.stringify(got) !== JSON.stringify(want)) {
        problems.push(`${what}: expected ${short(want)}, got ${short(got)}`);
      }
    };
    const numbers = (
      what: string,
      ours: readonly import("@causeway/label").Segment<string, string>[],
      theirs: readonly ReferenceSegment[],
    ) => {
      const form = (action: string, start: number, secs: number) => `${action} ${start}+${secs}`;
      same(
        what,
        ours.map((s) => form(s.action, s.startSecs, s.durationSecs)),
        theirs.map((s) => form(s.caption, s.segment_start_time, s.duration)),
      );
      ours.forEach((s, i) => {
        for (const [stat, value] of Object.entries(s.stats)) {
          const want = Number(theirs[i]?.[columnOf[stat]]);
          const error = Math.abs(value - want) / Math.max(1, Math.abs(want));
          if (!(error <= worst)) worst = error;
          if (!(error <= 1e-9))
            problems.push(`${what} ${i} ${stat}: expected ${want}, got ${value}`);
        }
      });
    };
    const intervals = label.referenceIntervals(segments);
    for (const axis of ["longitudinal", "lateral"] as const) {
      numbers(`${axis} pieces`, segments[axis].pieces, expected[axis].segments_before_cleaning);
      numbers(`${axis} segments`, segments[axis].cleaned, expected[axis].segments_after_cleaning);
      same(
        `${axis} intervals`,
        intervals[axis].map((i) => [i.action, i.startTick, i.endTick]),
        expected[axis].intervals.map((i) => [i.action, i.start_tick, i.end_tick]),
      );
    }
    same("raw strings", label.referenceStrings(intervals), expected.raw_strings);
    same("text", label.referenceText(intervals), expected.text);
    const more = problems.length > 3 ? [`and ${problems.length - 3} more`] : [];
    return [
      {
        topic: name,
        case: stringField(caseJson, "id") ?? dir.split("/").at(-1) ?? dir,
        passed: problems.length === 0,
        worst,
        tolerance,
        note: [...problems.slice(0, 3), ...more].join("; "),
      },
    ];
  },
};

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
