/**
 * What a recording with truth says of the scene around a keyframe: lights, road users and stop signs, as they were seen in the
 * two seconds before t0. Only recordings of simulators and of sources with boxes have it; a layer that is missing is null, and
 * its rules abstain.
 */
import type { ActorKind, DriveHandle, LightColor, Side } from "@causeway/data";
import { lastAtOrBefore, rotationAtRow, wrapAngle, yawOfQuat } from "@causeway/geom";
import { type LaneTrack, trackLanes } from "../lanes/match.ts";
import { egoColumns } from "../meta-actions/features.ts";

export interface SeenAgent {
  readonly kind: ActorKind;
  /** Least distance from the rear axle while it was in view. */
  readonly nearestM: number;
  /** Largest distance while it was in view. */
  readonly farthestM: number;
}

export interface SceneEvidence {
  /** Colours that lights for the car's direction showed while in view. */
  readonly lights: ReadonlySet<LightColor> | null;
  readonly agents: readonly SeenAgent[] | null;
  /** Whether a stop sign's line lies ahead. */
  readonly hasStopSign: boolean | null;
  /** Where the car went across its lanes around t0; null without a map, or off its lanes. */
  readonly lanes: LaneMoves | null;
}

/** Sideways doings by the map's lanes. */
export interface LaneMoves {
  /** Lane lines that were crossed from three seconds before t0 on, in order: a lane change ends well after its line. */
  readonly crossings: readonly Side[];
  /** Largest distance from the lane's centre to each side, m. */
  readonly leftM: number;
  readonly rightM: number;
}

export interface SightOptions {
  readonly historySecs: number;
  /** A light may change: its colour counts for this long. */
  readonly lightSecs: number;
  /** After t0, for moves across lanes. */
  readonly moveSecs: number;
  readonly lightM: number;
  readonly agentM: number;
  /** Half of the field of view that counts as ahead. */
  readonly halfViewRad: number;
  /** A light counts for a car that drives against its face within this. */
  readonly facingRad: number;
}
export const defaultSight: SightOptions = {
  historySecs: 2,
  lightSecs: 0.6,
  moveSecs: 5,
  lightM: 100,
  agentM: 90,
  halfViewRad: 1.6,
  facingRad: 0.9,
};

/** Layers of one drive, loaded once for all of its keyframes. */
export interface SceneLayers {
  readonly lights: Awaited<ReturnType<DriveHandle["lights"]>>;
  readonly actors: Awaited<ReturnType<DriveHandle["actors"]>>;
  readonly map: Awaited<ReturnType<DriveHandle["map"]>>;
  /** The whole drive on the map's lanes, 10 Hz. */
  readonly track: (LaneTrack & { readonly stampUs: Float64Array }) | null;
}

export async function sceneLayers(drive: DriveHandle): Promise<SceneLayers> {
  const map = await drive.map();
  let track: SceneLayers["track"] = null;
  if (drive.has.motion && map !== null && map.lanes.length > 0) {
    const columns = egoColumns(drive.egoMotion);
    track = { ...trackLanes(columns, map), stampUs: columns.stampUs };
  }
  return { lights: await drive.lights(), actors: await drive.actors(), map, track };
}

export function sceneEvidence(
  motion: DriveHandle["egoMotion"],
  layers: SceneLayers,
  t0Us: number,
  options: SightOptions = defaultSight,
): SceneEvidence {
  // Without a place of the car nobody knows what was in sight.
  if (motion.stampUs.length === 0)
    return { lights: null, agents: null, hasStopSign: null, lanes: null };
  const fromUs = t0Us - Math.round(options.historySecs * 1e6);
  const poseAt = (timeUs: number) => {
    const i = Math.max(0, lastAtOrBefore(motion.stampUs, timeUs));
    return { x: motion.x[i], y: motion.y[i], yaw: yawOfQuat(rotationAtRow(motion, i)) };
  };
  /** Distance where the point is ahead within `rangeM`, else null. */
  const seen = (timeUs: number, x: number, y: number, rangeM: number): number | null => {
    const ego = poseAt(timeUs);
    const [dx, dy] = [x - ego.x, y - ego.y];
    const distance = Math.hypot(dx, dy);
    const bearing = Math.abs(wrapAngle(Math.atan2(dy, dx) - ego.yaw));
    return distance <= rangeM && bearing <= options.halfViewRad ? distance : null;
  };
  const inWindow = <T extends { readonly stampUs: number }>(frames: readonly T[]): T[] =>
    frames.filter((f) => f.stampUs > fromUs && f.stampUs <= t0Us);

  let lights: Set<LightColor> | null = null;
  if (layers.lights !== null && layers.map !== null) {
    lights = new Set();
    const places = new Map(layers.map.lights.map((l) => [l.id, l]));
    const lightFromUs = t0Us - Math.round(options.lightSecs * 1e6);
    for (const frame of inWindow(layers.lights).filter((f) => f.stampUs > lightFromUs)) {
      const ego = poseAt(frame.stampUs);
      for (const { id, color } of frame.lights) {
        const place = places.get(id);
        if (place === undefined || lights.has(color)) continue;
        const isFacing = Math.abs(wrapAngle(place.yaw + Math.PI - ego.yaw)) <= options.facingRad;
        if (isFacing && seen(frame.stampUs, place.x, place.y, options.lightM) !== null)
          lights.add(color);
      }
    }
  }

  let agents: SeenAgent[] | null = null;
  if (layers.actors !== null) {
    const found = new Map<number, { kind: ActorKind; nearestM: number; farthestM: number }>();
    for (const frame of inWindow(layers.actors))
      for (const actor of frame.actors) {
        const distance = seen(frame.stampUs, actor.x, actor.y, options.agentM);
        if (distance === null) continue;
        const before = found.get(actor.id);
        found.set(actor.id, {
          kind: actor.kind,
          nearestM: Math.min(before?.nearestM ?? Infinity, distance),
          farthestM: Math.max(before?.farthestM ?? 0, distance),
        });
      }
    agents = [...found.values()];
  }

  const hasStopSign =
    layers.map === null
      ? null
      : layers.map.stopLines.some(
          ({ line, isStopSign }) =>
            isStopSign && line.x.some((x, i) => seen(t0Us, x, line.y[i], options.lightM) !== null),
        );
  const untilUs = t0Us + Math.round(options.moveSecs * 1e6);
  const lanes = layers.track === null ? null : laneMoves(layers.track, t0Us, untilUs);
  return { lights, agents, hasStopSign, lanes };
}

/** A jump of the offset to the other side of a lane's width is a crossed line. */
const crossingM = 1.5;

function laneMoves(
  { lane, offsetM, stampUs }: LaneTrack & { readonly stampUs: Float64Array },
  t0Us: number,
  untilUs: number,
): LaneMoves | null {
  const crossings: Side[] = [];
  let [leftM, rightM, ticks] = [0, 0, 0];
  for (let i = 0; i < stampUs.length; i++) {
    if (stampUs[i] < t0Us - 3_000_000 || stampUs[i] > untilUs || lane[i] < 0) continue;
    ticks++;
    if (stampUs[i] >= t0Us - 500_000) {
      leftM = Math.max(leftM, offsetM[i]);
      rightM = Math.max(rightM, -offsetM[i]);
    }
    if (i === 0 || lane[i - 1] < 0 || lane[i] === lane[i - 1]) continue;
    const jump = offsetM[i] - offsetM[i - 1];
    if (Math.abs(jump) >= crossingM) crossings.push(jump < 0 ? "left" : "right");
  }
  return ticks < 10 ? null : { crossings, leftM, rightM };
}
