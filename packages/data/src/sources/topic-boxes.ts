/** Objects around the car from a topic of boxes: foxglove.SceneUpdate cubes or vision_msgs/Detection3DArray. */
import {
  composeSe3,
  identitySe3,
  lastAtOrBefore,
  rotationOf,
  type Se3,
  se3From,
  slerp,
  yawOfQuat,
} from "@causeway/geom";
import type { ActorFrame, ActorKind, ActorState } from "../drive.ts";
import { FormatError } from "../errors.ts";
import type { McapFile } from "../mcap/mcap-file.ts";
import { type FrameTree, plainFrame } from "./frame-tree.ts";
import { type EgoRow, stampOf } from "./topic-ego.ts";
import type { TopicMapping } from "./topic-mapping.ts";
import { type MessageView, readTopics } from "./topic-messages.ts";

type BoxMapping = NonNullable<TopicMapping["boxes"]>;

interface Box {
  readonly id: string;
  readonly className: string;
  readonly frameFromBox: Se3;
  readonly size: { readonly x: number; readonly y: number; readonly z: number };
}

interface BoxMessage {
  readonly stampUs: number;
  readonly frame: string;
  readonly boxes: readonly Box[];
}

/** Text of the first field of these names that an entity's metadata has. */
const classKeys = ["class", "type", "category", "label", "kind"];

function classOfEntity(entity: MessageView): string {
  const pairs = entity.has("metadata") ? entity.list("metadata") : [];
  const found = pairs.find((p) => classKeys.includes(p.text("key").toLowerCase()));
  return found?.text("value") ?? "";
}

/** One message may hold entities of several times and frames: a box message for each. */
function messagesOf(view: MessageView, logUs: number, clock: "stamp" | "log"): BoxMessage[] {
  if (view.has("detections")) {
    const boxes = view.list("detections").map((d, i): Box => {
      const results = d.has("results") ? d.list("results") : [];
      const [best] = results;
      const name = ["hypothesis.class_id", "id"].find((n) => best?.has(n) === true);
      return {
        id: d.has("id") && d.text("id") !== "" ? d.text("id") : `row ${i}`,
        className: name === undefined ? "" : best.text(name),
        frameFromBox: d.pose("bbox.center"),
        size: d.vector("bbox.size"),
      };
    });
    const frame = plainFrame(view.text("header.frame_id"));
    return [{ stampUs: stampOf(view, logUs, clock), frame, boxes }];
  }
  const byPlace = new Map<string, BoxMessage & { readonly boxes: Box[] }>();
  for (const entity of view.has("entities") ? view.list("entities") : []) {
    const [cube] = entity.has("cubes") ? entity.list("cubes") : [];
    if (cube === undefined) continue;
    const stampUs = stampOf(entity, logUs, clock);
    const frame = plainFrame(entity.text("frame_id"));
    const key = `${stampUs} ${frame}`;
    const message = byPlace.get(key) ?? { stampUs, frame, boxes: [] };
    byPlace.set(key, message);
    message.boxes.push({
      id: entity.text("id"),
      className: classOfEntity(entity),
      frameFromBox: cube.pose("pose"),
      size: cube.vector("size"),
    });
  }
  return [...byPlace.values()];
}

function kindOf(className: string, kinds: BoxMapping["kinds"]): ActorKind {
  const name = className.toLowerCase();
  for (const [kind, words] of Object.entries(kinds)) {
    if (words.some((word) => name.includes(word.toLowerCase()))) return kind as ActorKind;
  }
  return "other";
}

export interface BoxContext {
  readonly egoRows: readonly EgoRow[];
  readonly tree: FrameTree;
  readonly vehicle: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly origin: { readonly x: number; readonly y: number; readonly z: number };
  readonly clock: "stamp" | "log";
}

/** World-from-vehicle between two rows; ends are held for the fraction of a row that clocks differ. */
function vehicleAt(rows: readonly EgoRow[], stamps: Float64Array, timeUs: number): Se3 {
  const i = Math.max(0, lastAtOrBefore(stamps, timeUs));
  const a = rows[i].worldFromVehicle;
  const next = rows[i + 1];
  if (next === undefined || timeUs <= stamps[i]) return a;
  const b = next.worldFromVehicle;
  const share = (timeUs - stamps[i]) / (stamps[i + 1] - stamps[i]);
  const mix = (from: number, to: number) => from + share * (to - from);
  const q = slerp(rotationOf(a), rotationOf(b), share);
  return se3From(mix(a.x, b.x), mix(a.y, b.y), mix(a.z, b.z), q);
}

/** Frames of all objects in the drive's world; the speed is that between two sightings of one id. */
export async function readBoxes(
  files: readonly McapFile[],
  mapping: BoxMapping,
  context: BoxContext,
): Promise<{ actors: ActorFrame[]; notes: string[] }> {
  const { egoRows, origin } = context;
  const stamps = Float64Array.from(egoRows, (r) => r.stampUs);
  const world = egoRows[0].world;
  const ids = new Map<string, number>();
  const last = new Map<number, ActorState & { readonly stampUs: number }>();
  const byStamp = new Map<number, ActorState[]>();
  let numOutside = 0;
  const worldFromFrame = (frame: string, timeUs: number): Se3 => {
    if (frame === world) return identitySe3;
    const vehicleFromFrame =
      frame === context.vehicle ? identitySe3 : context.tree.at(context.vehicle, frame, timeUs);
    if (vehicleFromFrame === null) {
      throw new FormatError(
        "missing",
        { path: files[0].path },
        `topic ${mapping.topic}: no transform from "${context.vehicle}" to "${frame}"; expected boxes in "${world}", in "${context.vehicle}", or in a frame that the transforms join to it. Add its topic to "transforms" in the mapping.`,
      );
    }
    return composeSe3(vehicleAt(egoRows, stamps, timeUs), vehicleFromFrame);
  };
  for await (const { logUs, view } of readTopics(files, [mapping.topic])) {
    for (const { stampUs: at, frame, boxes } of messagesOf(view, logUs, context.clock)) {
      const stampUs = at - context.startUs;
      if (stampUs < 0 || stampUs > context.durationUs) {
        numOutside++;
        continue;
      }
      const worldFromBoxes = worldFromFrame(frame, at);
      const actors = byStamp.get(stampUs) ?? [];
      byStamp.set(stampUs, actors);
      for (const box of boxes) {
        const id = ids.get(box.id) ?? ids.size + 1;
        ids.set(box.id, id);
        const p = composeSe3(worldFromBoxes, box.frameFromBox);
        const before = last.get(id);
        const [x, y] = [p.x - origin.x, p.y - origin.y];
        const dt = before === undefined ? 0 : (stampUs - before.stampUs) * 1e-6;
        const actor: ActorState = {
          id,
          kind: kindOf(box.className, mapping.kinds),
          x,
          y,
          z: p.z - box.size.z / 2 - origin.z,
          yaw: yawOfQuat(rotationOf(p)),
          speedMps:
            before === undefined || dt <= 0 ? 0 : Math.hypot(x - before.x, y - before.y) / dt,
          lengthM: box.size.x,
          widthM: box.size.y,
          heightM: box.size.z,
          braking: false,
          indicator: "none",
        };
        actors.push(actor);
        last.set(id, { ...actor, stampUs });
      }
    }
  }
  const frames = [...byStamp].map(([stampUs, actors]) => ({ stampUs, actors }));
  return {
    actors: frames.sort((a, b) => a.stampUs - b.stampUs),
    notes: [
      `Boxes from ${mapping.topic}; speeds are those between two sightings, 0 at the first.`,
      ...(numOutside > 0
        ? [`${numOutside} messages of boxes outside the ego motion left out.`]
        : []),
    ],
  };
}
