/** Boxes of a nuScenes scene as actors of a drive. */
import { yawOfQuat } from "@causeway/geom";
import type { ActorFrame, ActorKind, ActorState } from "../drive.ts";
import type { SceneTrack } from "./nuscenes-facts.ts";
import type { NuscenesBox, NuscenesTables } from "./nuscenes-tables.ts";

function kindOf(category: string): ActorKind {
  if (category.startsWith("human.")) return "pedestrian";
  if (/bicycle|motorcycle/.test(category)) return "cyclist";
  if (/^vehicle\.(truck|bus|trailer|construction|emergency)/.test(category)) return "truck";
  return category === "vehicle.car" ? "car" : "other";
}

/** Boxes of the key frames (2 Hz); the speed is that between two key frames. */
export async function actorsOf(
  tables: NuscenesTables,
  scene: string,
  track: SceneTrack,
): Promise<ActorFrame[] | null> {
  const boxesOf = await tables.boxes(scene);
  if (boxesOf === null) return null;
  const ids = new Map<string, number>();
  const last = new Map<string, { stampUs: number; box: NuscenesBox }>();
  const lastUs = track.motion.stampUs[track.motion.stampUs.length - 1];
  const frames: ActorFrame[] = [];
  const samples = [...tables.samples(scene)].sort((a, b) => a.timestamp - b.timestamp);
  for (const sample of samples) {
    const stampUs = sample.timestamp - track.startUs;
    if (stampUs < 0 || stampUs > lastUs) continue;
    const actors = (boxesOf.get(sample.token) ?? []).map((box): ActorState => {
      const before = last.get(box.instance_token);
      const [x, y, z] = box.translation;
      const [w, qx, qy, qz] = box.rotation;
      const [widthM, lengthM, heightM] = box.size;
      const speedMps =
        before === undefined
          ? 0
          : Math.hypot(x - before.box.translation[0], y - before.box.translation[1]) /
            ((stampUs - before.stampUs) * 1e-6);
      last.set(box.instance_token, { stampUs, box });
      const id = ids.get(box.instance_token) ?? ids.size + 1;
      ids.set(box.instance_token, id);
      return {
        id,
        kind: kindOf(box.category),
        x: x - track.origin[0],
        y: y - track.origin[1],
        z: z - heightM / 2 - track.origin[2],
        yaw: yawOfQuat({ w, x: qx, y: qy, z: qz }),
        speedMps,
        lengthM,
        widthM,
        heightM,
        braking: false,
        indicator: "none",
      };
    });
    frames.push({ stampUs, actors });
  }
  return frames;
}
