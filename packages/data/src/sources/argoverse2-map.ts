/** Argoverse 2 vector maps (`log_map_archive_*.json`) as a `RoadMap` around the drive's origin. */
import { z } from "zod";
import type { Polyline, RoadMap } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { jsonLimits, parseJson, readWholeFile } from "../io/json.ts";

const point = z.object({ x: z.number(), y: z.number(), z: z.number() });
const line = z.array(point).min(2);
const mapSchema = z.object({
  lane_segments: z.record(
    z.string(),
    z.object({
      id: z.number().int(),
      is_intersection: z.boolean(),
      lane_type: z.string(),
      left_lane_boundary: line,
      right_lane_boundary: line,
      left_lane_mark_type: z.string(),
      right_lane_mark_type: z.string(),
      successors: z.array(z.number().int()),
      centerline: line.optional(),
    }),
  ),
  drivable_areas: z.record(z.string(), z.object({ area_boundary: z.array(point) })),
  pedestrian_crossings: z.record(z.string(), z.object({ edge1: line, edge2: line })),
});

type Point = z.infer<typeof point>;
type Marking = RoadMap["lanes"][number]["leftMarking"];

/** "SOLID_DASH_YELLOW" and its like are solid for one of the two sides: the careful reading is solid. */
export function markingOf(type: string): Marking {
  if (type.includes("SOLID")) return "solid";
  if (type.includes("DASH")) return "dashed";
  return "none";
}

/** `count` points at even shares of the length. */
function spread(points: readonly Point[], count: number): [number, number][] {
  const lengths = [0];
  for (let i = 1; i < points.length; i++) {
    lengths.push(
      lengths[i - 1] + Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y),
    );
  }
  const total = lengths[lengths.length - 1];
  const out: [number, number][] = [];
  let k = 1;
  for (let i = 0; i < count; i++) {
    const s = (total * i) / (count - 1);
    while (k < points.length - 1 && lengths[k] < s) k++;
    const step = lengths[k] - lengths[k - 1];
    const share = step > 0 ? Math.min(1, (s - lengths[k - 1]) / step) : 0;
    out.push([
      points[k - 1].x + share * (points[k].x - points[k - 1].x),
      points[k - 1].y + share * (points[k].y - points[k - 1].y),
    ]);
  }
  return out;
}

/** Middle of two boundaries: sensor-log maps have no centre line. */
export function middleOf(left: readonly Point[], right: readonly Point[]): [number, number][] {
  const count = Math.max(left.length, right.length, 10);
  const l = spread(left, count);
  return spread(right, count).map(([x, y], i) => [(x + l[i][0]) / 2, (y + l[i][1]) / 2]);
}

export interface Argoverse2Map {
  readonly map: RoadMap;
  readonly notes: readonly string[];
}

/** @param origin City coordinates of the drive's world origin. */
export async function readArgoverse2Map(
  path: string,
  origin: { readonly x: number; readonly y: number },
): Promise<Argoverse2Map> {
  const json = parseJson(await readWholeFile(path, jsonLimits.maxBytes), { path });
  const parsed = mapSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FormatError(
      "format",
      { path },
      `${issue.path.join(".") || "top level"}: ${issue.message}; expected an Argoverse 2 map archive.`,
    );
  }
  const { lane_segments, drivable_areas, pedestrian_crossings } = parsed.data;
  const polyline = (points: readonly (readonly [number, number])[]): Polyline => ({
    x: points.map((p) => p[0] - origin.x),
    y: points.map((p) => p[1] - origin.y),
  });
  const flat = (points: readonly Point[]) => polyline(points.map((p) => [p.x, p.y]));
  const segments = Object.values(lane_segments);
  const isForCars = (type: string) => type !== "BIKE";
  const lanes = segments
    .filter((s) => isForCars(s.lane_type))
    .map((s) => ({
      id: s.id,
      centerline:
        s.centerline === undefined
          ? polyline(middleOf(s.left_lane_boundary, s.right_lane_boundary))
          : flat(s.centerline),
      left: flat(s.left_lane_boundary),
      right: flat(s.right_lane_boundary),
      leftMarking: markingOf(s.left_lane_mark_type),
      rightMarking: markingOf(s.right_lane_mark_type),
      isJunction: s.is_intersection,
      successors: s.successors,
      speedLimitMps: null,
    }));
  const bikeLanes = segments.length - lanes.length;
  return {
    map: {
      lanes,
      drivable: Object.values(drivable_areas).map((a) => flat(a.area_boundary)),
      crosswalks: Object.values(pedestrian_crossings).map((c) =>
        flat([...c.edge1, ...[...c.edge2].reverse()]),
      ),
      stopLines: [],
      lights: [],
    },
    notes: [
      "The map has no lights, stop lines or speed limits; successors may name lanes outside of it.",
      ...(bikeLanes > 0 ? [`${bikeLanes} bicycle lanes of the map are left out.`] : []),
    ],
  };
}
