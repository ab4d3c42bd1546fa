/** Actors as exact records (causeway.ActorFrame) and as boxes for viewers (foxglove.SceneUpdate). */
import type { ActorFrame, ActorKind, ActorState, Drive, RoadMap } from "../drive.ts";
import {
  BinaryWriter,
  bit64,
  delimited,
  readFields,
  varint,
  writeDoubles,
  writeTime,
} from "./wire.ts";

const kinds: readonly ActorKind[] = ["other", "car", "truck", "pedestrian", "cyclist"];
const indicators: readonly ActorState["indicator"][] = ["none", "left", "right"];

export function encodeActorFrame(frame: ActorFrame): Uint8Array {
  const w = new BinaryWriter();
  writeTime(w, 1, frame.stampUs);
  for (const a of frame.actors) {
    w.tag(2, delimited).fork();
    w.tag(1, varint).int32(a.id);
    w.tag(2, varint).int32(kinds.indexOf(a.kind));
    w.tag(3, bit64).double(a.x).tag(4, bit64).double(a.y).tag(5, bit64).double(a.z);
    w.tag(6, bit64).double(a.yaw).tag(7, bit64).double(a.speedMps);
    w.tag(8, bit64).double(a.lengthM).tag(9, bit64).double(a.widthM);
    w.tag(10, bit64).double(a.heightM);
    w.tag(11, varint).bool(a.braking);
    w.tag(12, varint).int32(indicators.indexOf(a.indicator));
    w.join();
  }
  return w.finish();
}

function decodeActor(bytes: Uint8Array): ActorState {
  const a = {
    id: 0,
    kind: "other" as ActorKind,
    x: 0,
    y: 0,
    z: 0,
    yaw: 0,
    speedMps: 0,
    lengthM: 0,
    widthM: 0,
    heightM: 0,
    braking: false,
    indicator: "none" as ActorState["indicator"],
  };
  readFields(bytes, (r, number) => {
    if (number === 1) a.id = r.int32();
    else if (number === 2) a.kind = kinds[r.int32()] ?? "other";
    else if (number === 3) a.x = r.double();
    else if (number === 4) a.y = r.double();
    else if (number === 5) a.z = r.double();
    else if (number === 6) a.yaw = r.double();
    else if (number === 7) a.speedMps = r.double();
    else if (number === 8) a.lengthM = r.double();
    else if (number === 9) a.widthM = r.double();
    else if (number === 10) a.heightM = r.double();
    else if (number === 11) a.braking = r.bool();
    else if (number === 12) a.indicator = indicators[r.int32()] ?? "none";
    else return false;
    return true;
  });
  return a;
}

export function decodeActorFrame(stampUs: number, bytes: Uint8Array): ActorFrame {
  const actors: ActorState[] = [];
  readFields(bytes, (r, number) => {
    if (number !== 2) return false;
    actors.push(decodeActor(r.bytes()));
    return true;
  });
  return { stampUs, actors };
}

type Rgba = readonly [r: number, g: number, b: number, a: number];
const colors: Readonly<Record<ActorKind, Rgba>> = {
  car: [0.2, 0.45, 0.9, 0.7],
  truck: [0.35, 0.25, 0.75, 0.7],
  pedestrian: [0.95, 0.6, 0.1, 0.8],
  cyclist: [0.1, 0.7, 0.55, 0.8],
  other: [0.6, 0.6, 0.6, 0.6],
};
const braking: Rgba = [0.85, 0.15, 0.15, 0.8];

interface EntityHead {
  readonly frameId: string;
  readonly id: string;
  /** Microseconds until a viewer drops it; 0: it stays until replaced. */
  readonly lifetimeUs: number;
  readonly isFrameLocked?: boolean;
}

function beginEntity(w: BinaryWriter, stampUs: number, head: EntityHead): void {
  w.tag(2, delimited).fork();
  writeTime(w, 1, stampUs);
  w.tag(2, delimited).string(head.frameId);
  w.tag(3, delimited).string(head.id);
  writeTime(w, 4, head.lifetimeUs);
  if (head.isFrameLocked === true) w.tag(5, varint).bool(true);
}

function writeCube(
  w: BinaryWriter,
  center: readonly [number, number, number],
  yaw: number,
  size: readonly [number, number, number],
  color: Rgba,
): void {
  w.tag(8, delimited).fork();
  w.tag(1, delimited).fork();
  writeDoubles(w, 1, center);
  writeDoubles(w, 2, [0, 0, Math.sin(yaw / 2), Math.cos(yaw / 2)]);
  w.join();
  writeDoubles(w, 2, size);
  writeDoubles(w, 3, color);
  w.join();
}

/** Boxes for viewers; each lives until the next frame, so an actor that leaves disappears. */
export function encodeActorBoxes(frame: ActorFrame, lifetimeUs: number): Uint8Array {
  const w = new BinaryWriter();
  for (const a of frame.actors) {
    beginEntity(w, frame.stampUs, { frameId: "world", id: `actor:${a.id}`, lifetimeUs });
    const color = a.braking ? braking : colors[a.kind];
    writeCube(w, [a.x, a.y, a.z + a.heightM / 2], a.yaw, [a.lengthM, a.widthM, a.heightM], color);
    w.join();
  }
  return w.finish();
}

export function encodeEgoBox(size: NonNullable<Drive["egoSize"]>): Uint8Array {
  const w = new BinaryWriter();
  beginEntity(w, 0, { frameId: "rig", id: "ego", lifetimeUs: 0, isFrameLocked: true });
  writeCube(
    w,
    [size.rearAxleToCenterM, 0, size.heightM / 2],
    0,
    [size.lengthM, size.widthM, size.heightM],
    [0.1, 0.75, 0.3, 0.6],
  );
  w.join();
  return w.finish();
}

/** Text that rides above the vehicle. */
export function encodeEgoText(stampUs: number, text: string, lifetimeUs: number): Uint8Array {
  const w = new BinaryWriter();
  beginEntity(w, stampUs, { frameId: "rig", id: "label", lifetimeUs, isFrameLocked: true });
  w.tag(13, delimited).fork();
  w.tag(1, delimited).fork();
  writeDoubles(w, 1, [0, 0, 3]);
  writeDoubles(w, 2, [0, 0, 0, 1]);
  w.join();
  w.tag(2, varint).bool(true); // faces the viewer
  w.tag(3, bit64).double(14);
  w.tag(4, varint).bool(true);
  writeDoubles(w, 5, [1, 1, 1, 1]);
  w.tag(6, delimited).string(text);
  w.join();
  w.join();
  return w.finish();
}

/** Viewers need no more map points than this. */
const mapLineStepM = 2;

/** Lane edges, crosswalks and stop lines as line strips; `/map` has the exact map. */
export function encodeMapLines(map: RoadMap): Uint8Array {
  const w = new BinaryWriter();
  const strip = (
    line: { x: readonly number[]; y: readonly number[] },
    color: Rgba,
    isRing: boolean,
  ) => {
    const n = line.x.length;
    if (n < 2) return;
    w.tag(11, delimited).fork();
    w.tag(1, varint).int32(isRing ? 1 : 0); // LINE_STRIP, LINE_LOOP
    w.tag(2, delimited).fork();
    writeDoubles(w, 1, [0, 0, 0]);
    writeDoubles(w, 2, [0, 0, 0, 1]);
    w.join();
    w.tag(3, bit64).double(0.12);
    let lastX = Number.NaN;
    let lastY = Number.NaN;
    for (let i = 0; i < n; i++) {
      const isEnd = i === 0 || i === n - 1;
      if (!isEnd && Math.hypot(line.x[i] - lastX, line.y[i] - lastY) < mapLineStepM) continue;
      lastX = line.x[i];
      lastY = line.y[i];
      writeDoubles(w, 5, [lastX, lastY, 0]);
    }
    writeDoubles(w, 6, color);
    w.join();
  };
  beginEntity(w, 0, { frameId: "world", id: "map", lifetimeUs: 0 });
  for (const lane of map.lanes) {
    strip(lane.left, [0.75, 0.75, 0.75, 1], false);
    strip(lane.right, [0.75, 0.75, 0.75, 1], false);
  }
  for (const ring of map.drivable) strip(ring, [0.4, 0.4, 0.4, 1], true);
  for (const ring of map.crosswalks) strip(ring, [0.9, 0.8, 0.2, 1], true);
  for (const stop of map.stopLines) strip(stop.line, [0.9, 0.2, 0.2, 1], false);
  w.join();
  return w.finish();
}
