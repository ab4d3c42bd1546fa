/** Every reference case: captions and numbers before and after cleaning, intervals, raw strings, text. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  referenceIntervals,
  referenceStrings,
  referenceText,
  segmentMetaActions,
  type EgoColumns,
  type Segment,
} from "@causeway/label";

const here = fileURLToPath(new URL("./golden/meta-actions", import.meta.url));
const shared = `${process.env["CAUSEWAY_SHARED"] ?? fileURLToPath(new URL("../../../../shared", import.meta.url))}/golden/meta-actions`;
const folders = [here, shared].filter(existsSync).flatMap((root) =>
  readdirSync(root, { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => `${root}/${e.name}`),
);

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
function goldenColumns(folder: string): EgoColumns {
  const ego = json(`${folder}/ego.json`) as Record<keyof EgoColumns, number[]>;
  const column = (name: keyof EgoColumns) => Float64Array.from(ego[name]);
  return {
    x: column("x"),
    y: column("y"),
    yaw: column("yaw"),
    vx: column("vx"),
    vy: column("vy"),
  };
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

function compare(
  ours: readonly Segment<string, string>[],
  theirs: Record<string, number | string>[],
) {
  expect(ours.map((s) => s.action)).toEqual(theirs.map((s) => s["caption"]));
  ours.forEach((s, i) => {
    expect(s.startSecs).toBe(theirs[i]["segment_start_time"]);
    expect(s.durationSecs).toBe(theirs[i]["duration"]);
    for (const [name, value] of Object.entries(s.stats)) {
      const want = theirs[i][columnOf[name]] as number;
      expect(Math.abs(value - want), name).toBeLessThan(1e-9 * Math.max(1, Math.abs(want)));
    }
  });
}

describe.skipIf(folders.length === 0)("golden/meta-actions", () => {
  test.each(folders.map((f) => [f.split("/").at(-1) as string, f]))("%s", (_, folder) => {
    const expected = json(`${folder}/expected.json`);
    const segments = segmentMetaActions(goldenColumns(folder));
    for (const axis of ["longitudinal", "lateral"] as const) {
      compare(segments[axis].pieces, expected[axis].segments_before_cleaning);
      compare(segments[axis].cleaned, expected[axis].segments_after_cleaning);
    }
    const intervals = referenceIntervals(segments);
    for (const axis of ["longitudinal", "lateral"] as const) {
      expect(
        intervals[axis].map((i) => ({
          action: i.action,
          start_tick: i.startTick,
          end_tick: i.endTick,
        })),
      ).toEqual(expected[axis].intervals);
    }
    expect(referenceStrings(intervals)).toEqual(expected.raw_strings);
    expect(referenceText(intervals)).toBe(expected.text);
  });
});
