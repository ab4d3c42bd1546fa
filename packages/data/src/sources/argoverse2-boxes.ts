/** Argoverse 2 boxes: from the ego frame of their own time into the world, with speeds from their tracks. */
import { multiplyQuat, rotateByQuat, yawOfQuat } from "@causeway/geom";
import type { ActorFrame, ActorKind, ActorState } from "../drive.ts";
import { type Origin, poseAtUs, type PoseTable } from "./argoverse2-poses.ts";
import { readFeather, requireFiniteColumns } from "./feather.ts";

const kinds: Readonly<Record<string, ActorKind>> = {
  REGULAR_VEHICLE: "car",
  LARGE_VEHICLE: "truck",
  BOX_TRUCK: "truck",
  TRUCK: "truck",
  TRUCK_CAB: "truck",
  VEHICULAR_TRAILER: "truck",
  BUS: "truck",
  SCHOOL_BUS: "truck",
  ARTICULATED_BUS: "truck",
  PEDESTRIAN: "pedestrian",
  STROLLER: "pedestrian",
  WHEELCHAIR: "pedestrian",
  OFFICIAL_SIGNALER: "pedestrian",
  BICYCLE: "cyclist",
  BICYCLIST: "cyclist",
  MOTORCYCLE: "cyclist",
  MOTORCYCLIST: "cyclist",
  WHEELED_RIDER: "cyclist",
  WHEELED_DEVICE: "cyclist",
};

export interface Boxes {
  readonly frames: readonly ActorFrame[];
  readonly notes: readonly string[];
}

export async function readBoxes(path: string, poses: PoseTable, origin: Origin): Promise<Boxes> {
  const table = await readFeather(path);
  const times = table.bigints("timestamp_ns");
  const tracks = table.strings("track_uuid");
  const categories = table.strings("category");
  const names = ["length_m", "width_m", "height_m", "qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m"];
  const columns = Object.fromEntries(names.map((n) => [n, table.numbers(n)]));
  requireFiniteColumns(table, columns);
  const idOf = new Map<string, number>();
  const byTime = new Map<number, ActorState[]>();
  const endUs = poses.stampUs[poses.stampUs.length - 1];
  let numOutside = 0;
  for (let i = 0; i < table.numRows; i++) {
    const c = (name: string) => columns[name][i];
    if (categories[i] === "EGO_VEHICLE") continue;
    const stampUs = Math.round(Number(times[i] - poses.firstNs) / 1000);
    if (stampUs < 0 || stampUs > endUs) {
      numOutside++;
      continue;
    }
    // The box is in the ego frame of its own time, which is at axle height.
    const { p, q } = poseAtUs(poses, stampUs);
    const center = rotateByQuat(q, c("tx_m"), c("ty_m"), c("tz_m"));
    const rotation = multiplyQuat(q, { w: c("qw"), x: c("qx"), y: c("qy"), z: c("qz") });
    const track = tracks[i];
    let id = idOf.get(track);
    if (id === undefined) {
      id = idOf.size + 1;
      idOf.set(track, id);
    }
    const actors = byTime.get(stampUs) ?? [];
    actors.push({
      id,
      kind: kinds[categories[i]] ?? "other",
      x: p[0] + center.x - origin.x,
      y: p[1] + center.y - origin.y,
      z: p[2] + center.z - origin.z - c("height_m") / 2,
      yaw: yawOfQuat(rotation),
      speedMps: 0,
      lengthM: c("length_m"),
      widthM: c("width_m"),
      heightM: c("height_m"),
      braking: false,
      indicator: "none",
    });
    byTime.set(stampUs, actors);
  }
  const frames = [...byTime]
    .sort(([a], [b]) => a - b)
    .map(([stampUs, actors]) => ({ stampUs, actors }));
  return {
    frames: withSpeeds(frames),
    notes: [
      "Actor speeds are differences of the box centres over 0.2 s; brake lights and indicators are not recorded.",
      ...(numOutside > 0
        ? [`${numOutside} boxes before the first or after the last pose left out.`]
        : []),
    ],
  };
}

/** Planar speed from the track's neighbours one frame before and after, at most 0.3 s apart. */
export function withSpeeds(frames: readonly ActorFrame[]): ActorFrame[] {
  const places = frames.map((f) => new Map(f.actors.map((a) => [a.id, a])));
  return frames.map(({ stampUs, actors }, i) => ({
    stampUs,
    actors: actors.map((a) => {
      const before = places[i - 1]?.get(a.id);
      const after = places[i + 1]?.get(a.id);
      const fromUs = before === undefined ? stampUs : frames[i - 1].stampUs;
      const toUs = after === undefined ? stampUs : frames[i + 1].stampUs;
      if (toUs === fromUs || toUs - fromUs > 300_000) return a;
      const p = before ?? a;
      const q = after ?? a;
      return { ...a, speedMps: Math.hypot(q.x - p.x, q.y - p.y) / ((toUs - fromUs) * 1e-6) };
    }),
  }));
}
