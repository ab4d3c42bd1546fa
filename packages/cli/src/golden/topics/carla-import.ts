/** The CARLA importer: right-handed 10 Hz states and the detectors' intervals on them; the turn must keep its side. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type GoldenResult, type GoldenTopic, stringField } from "../topic.ts";
import { intervalProblem, recordingOf, type TickRow, worstDifference } from "./import-reference.ts";

const name = "carla-import";

interface Axis {
  readonly intervals: readonly TickRow[];
}
interface Ego {
  readonly n: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly yaw: readonly number[];
  readonly vx: readonly number[];
  readonly vy: readonly number[];
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8"));

export const topic: GoldenTopic = {
  name,
  matches: (caseJson, dir) =>
    (stringField(caseJson, "schema") ?? "").startsWith("carla-mini-reference/") &&
    existsSync(join(dir, "ego.json")) &&
    recordingOf(dir, "manifest.jsonl") !== null,
  run: async (dir, caseJson) => {
    const [data, label] = await Promise.all([import("@causeway/data"), import("@causeway/label")]);
    const ego = await readJson<Ego>(join(dir, "ego.json"));
    const expected = await readJson<Record<"longitudinal" | "lateral", Axis>>(
      join(dir, "expected.json"),
    );
    const results: GoldenResult[] = [];
    const source = data.findSource("carla");
    for await (const ref of source.list(recordingOf(dir, "manifest.jsonl") as string)) {
      const drive = await source.read(ref, { cameras: [] });
      const own = label.egoColumns(drive.egoMotion);
      // The drive begins at the origin, the reference where the map puts it.
      const moved = (values: ArrayLike<number>, by: number) =>
        Array.from(values).map((v) => v + by);
      const worstM = Math.max(
        worstDifference(moved(own.x, ego.x[0] as number), ego.x),
        worstDifference(moved(own.y, ego.y[0] as number), ego.y),
      );
      const worstRad = worstDifference(own.yaw, ego.yaw, 2 * Math.PI);
      const worstMps = Math.max(worstDifference(own.vx, ego.vx), worstDifference(own.vy, ego.vy));
      // The reference columns are rounded to so many places.
      const isNear = worstM <= 5e-5 && worstRad <= 5e-7 && worstMps <= 5e-6;
      results.push({
        topic: name,
        case: `${ref.id}/states`,
        passed: isNear,
        worst: Math.max(worstM, worstRad, worstMps),
        tolerance: "5e-5 m, 5e-7 rad, 5e-6 m/s",
        note: isNear ? "" : `${ego.n} rows differ by ${worstM} m, ${worstRad} rad, ${worstMps} m/s`,
      });
      const columns = {
        x: Float64Array.from(own.x),
        y: Float64Array.from(own.y),
        yaw: Float64Array.from(own.yaw),
        vx: Float64Array.from(own.vx),
        vy: Float64Array.from(own.vy),
      };
      const intervals = label.referenceIntervals(label.segmentMetaActions(columns));
      const problems: string[] = [];
      for (const axis of ["longitudinal", "lateral"] as const) {
        const problem = intervalProblem(intervals[axis], expected[axis].intervals, 0);
        if (problem !== null) problems.push(`${axis}: ${problem}`);
      }
      const yaw = own.yaw;
      const turned = (yaw[yaw.length - 1] as number) - (yaw[0] as number);
      const side = stringField(caseJson, "turn");
      if (side !== null && turned > 0 !== (side === "left")) {
        problems.push(`the drive turns by ${turned} rad; expected to the ${side}`);
      }
      results.push({
        topic: name,
        case: `${ref.id}/intervals`,
        passed: problems.length === 0,
        worst: null,
        tolerance: "exact",
        note: problems.join("; "),
      });
    }
    return results;
  },
};
