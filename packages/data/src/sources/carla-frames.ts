/**
 * A CARLA recording's rows (`manifest.jsonl`) and which hand its numbers have.
 *
 * CARLA is left-handed (x forward, y right, yaw clockwise); recorders convert some topics and leave others. Nothing in the
 * files says which, so it is settled from evidence, and a recording without enough of it is refused: a mirrored drive would
 * turn every left into a right.
 */
import { wrapAngle } from "@causeway/geom";
import { z } from "zod";
import { FormatError } from "../errors.ts";
import { readJsonl } from "../io/json.ts";

const rowSchema = z.looseObject({
  episode_id: z.string(),
  frame_id: z.number().int(),
  timestamp: z.number(),
  speed: z.number(),
  command: z.string(),
  steer: z.number(),
  vehicle_x: z.number(),
  vehicle_y: z.number(),
  vehicle_z: z.number(),
  vehicle_yaw_deg: z.number(),
  planner_state: z.string().nullable().optional(),
  town_id: z.string().optional(),
  route_id: z.string().optional(),
  weather_id: z.string().optional(),
  traffic_light_state: z.string().nullable().optional(),
  traffic_light_actor_id: z.number().nullable().optional(),
  traffic_light_stop_line_distance_m: z.number().nullable().optional(),
  follow_target_id: z.number().nullable().optional(),
  follow_target_distance_m: z.number().nullable().optional(),
  follow_target_speed_mps: z.number().nullable().optional(),
  overtake_state: z.string().nullable().optional(),
  overtake_direction: z.string().nullable().optional(),
});
export type CarlaRow = z.infer<typeof rowSchema>;

/** All rows, frames increasing, of one episode. */
export async function readManifest(path: string): Promise<CarlaRow[]> {
  const rows: CarlaRow[] = [];
  let line = 0;
  try {
    for await (const value of readJsonl(path)) {
      line++;
      const parsed = rowSchema.safeParse(value);
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        throw new FormatError(
          "format",
          { path, row: line },
          `${issue.path.join(".")}: ${issue.message}; expected a frame of a CARLA route loop. The file is of another kind or damaged.`,
        );
      }
      const row = parsed.data;
      const before = rows.at(-1);
      if (before !== undefined && row.episode_id !== before.episode_id) {
        throw new FormatError(
          "unsupported",
          { path, row: line },
          `episode ${row.episode_id} follows ${before.episode_id}; expected one episode a folder. Record or split them into folders of their own.`,
        );
      }
      if (before !== undefined && row.timestamp <= before.timestamp) {
        throw new FormatError(
          "value",
          { path, row: line },
          `timestamp ${row.timestamp} s comes after ${before.timestamp} s; expected increasing times. Cut the recording there.`,
        );
      }
      rows.push(row);
    }
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      "missing",
      { path },
      `cannot be read (${(cause as Error).message}); expected the manifest of a CARLA recording.`,
      { cause },
    );
  }
  if (rows.length < 2) {
    throw new FormatError(
      "truncated",
      { path },
      `${rows.length} rows; expected at least 2. The run ended before it recorded anything.`,
    );
  }
  return rows;
}

/** A pose track as recorded, before its hand is known. */
export interface CarlaTrack {
  readonly frameId: readonly number[];
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly yawRad: readonly number[];
}

/** One reason to believe that the track as given is right-handed (positive) or left-handed (negative). */
export interface HandEvidence {
  readonly name: string;
  readonly isRightHanded: boolean;
  readonly detail: string;
}

const minTurnRad = 0.3;
const minSteer = 0.05;
const degrees = (rad: number): string => ((rad * 180) / Math.PI).toFixed(0);

/**
 * Evidence on the hand of the manifest's poses, in order of strength:
 *   command  the path's turn while the route command says left or right
 *   steer    the sign of steering (right positive in CARLA) against the heading rate, over all moving frames
 *   twin     a second track of the same frames with y and yaw of the other sign (`/ego/state`, which recorders convert)
 */
export function handEvidence(rows: readonly CarlaRow[], twin: CarlaTrack | null): HandEvidence[] {
  const evidence: HandEvidence[] = [];
  const turn = (i: number) =>
    wrapAngle(((rows[i + 1].vehicle_yaw_deg - rows[i].vehicle_yaw_deg) * Math.PI) / 180);
  const turned = { left: 0, right: 0 };
  let steered = 0;
  let steerWeight = 0;
  for (let i = 0; i + 1 < rows.length; i++) {
    const { command, steer, speed } = rows[i];
    if (command === "left" || command === "right") turned[command] += turn(i);
    if (speed > 0.5 && Math.abs(steer) > minSteer) {
      steered -= steer * turn(i);
      steerWeight += Math.abs(steer * turn(i));
    }
  }
  for (const side of ["left", "right"] as const) {
    if (Math.abs(turned[side]) < minTurnRad) continue;
    evidence.push({
      name: "command",
      isRightHanded: turned[side] > 0 === (side === "left"),
      detail: `the heading changes by ${degrees(turned[side])} degrees under the command ${side}`,
    });
  }
  if (steerWeight > 0.005) {
    evidence.push({
      name: "steer",
      isRightHanded: steered > 0,
      detail: `heading rate and steering agree to ${((100 * Math.abs(steered)) / steerWeight).toFixed(0)} %`,
    });
  }
  if (twin !== null) {
    const byFrame = new Map(twin.frameId.map((id, i) => [id, i]));
    let same = 0;
    let mirrored = 0;
    for (const row of rows) {
      const i = byFrame.get(row.frame_id);
      if (i === undefined || Math.abs(row.vehicle_y) < 0.5) continue;
      if (Math.abs(twin.y[i] + row.vehicle_y) < 0.05) mirrored++;
      else if (Math.abs(twin.y[i] - row.vehicle_y) < 0.05) same++;
    }
    if (mirrored > 10 * (same + 1)) {
      evidence.push({
        name: "twin",
        isRightHanded: false,
        detail: `/ego/state mirrors y in ${mirrored} frames`,
      });
    }
  }
  return evidence;
}

/** Throws unless the evidence says, without contradiction, that the manifest is left-handed as CARLA is. */
export function requireLeftHanded(path: string, evidence: readonly HandEvidence[]): void {
  const details = evidence.map((e) => `${e.name}: ${e.detail}`).join("; ");
  if (evidence.length === 0) {
    throw new FormatError(
      "value",
      { path },
      "which hand its coordinates have cannot be settled: it has no turn under a command, no steering, and no second pose track. Mirrored, every left would become a right. Record a turn, or record /ego/state as well.",
    );
  }
  const wrong = evidence.filter((e) => e.isRightHanded);
  if (wrong.length > 0) {
    throw new FormatError(
      "value",
      { path },
      `its poses look ${wrong.length === evidence.length ? "right-handed" : "left- and right-handed at once"} (${details}); expected CARLA's left-handed ones (y and yaw to the right) in the manifest. It was converted already, or is mirrored: fix the recorder and record again.`,
    );
  }
}

/** Yaw must follow the path, or only one of the two was mirrored. */
export function requireYawAlongPath(path: string, rows: readonly CarlaRow[]): void {
  const off: number[] = [];
  for (let i = 0; i + 1 < rows.length; i++) {
    const dx = rows[i + 1].vehicle_x - rows[i].vehicle_x;
    const dy = rows[i + 1].vehicle_y - rows[i].vehicle_y;
    if (Math.hypot(dx, dy) < 0.1) continue;
    const yaw = (rows[i].vehicle_yaw_deg * Math.PI) / 180;
    off.push(Math.abs(wrapAngle(Math.atan2(dy, dx) - yaw)));
  }
  if (off.length < 5) return;
  off.sort((a, b) => a - b);
  const median = off[off.length >> 1];
  if (median > 0.35) {
    throw new FormatError(
      "value",
      { path },
      `yaw is ${degrees(median)} degrees off the direction of travel (median); expected it along the path. One of the two was mirrored: fix the recorder and record again.`,
    );
  }
}
