/** causeway.RoadMap: the exact lane map, points as packed doubles. */
import type { Polyline, RoadMap } from "../drive.ts";
import {
  type BinaryReader,
  BinaryWriter,
  bit64,
  delimited,
  readFields,
  readPacked,
  varint,
  type WireType,
  writePacked,
} from "./wire.ts";

type Lane = RoadMap["lanes"][number];
type StopLine = RoadMap["stopLines"][number];
type MapLight = RoadMap["lights"][number];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const markings: readonly Lane["leftMarking"][] = ["none", "solid", "dashed"];

function writePolyline(w: BinaryWriter, field: number, line: Polyline): void {
  w.tag(field, delimited).fork();
  writePacked(w, 1, line.x);
  writePacked(w, 2, line.y);
  w.join();
}

function readPolyline(r: BinaryReader): Polyline {
  const x: number[] = [];
  const y: number[] = [];
  readFields(r.bytes(), (inner, number, wire) => {
    if (number === 1) readPacked(inner, wire, x);
    else if (number === 2) readPacked(inner, wire, y);
    else return false;
    return true;
  });
  return { x, y };
}

export function encodeRoadMap(map: RoadMap): Uint8Array {
  const w = new BinaryWriter();
  for (const lane of map.lanes) {
    w.tag(1, delimited).fork();
    w.tag(1, varint).int64(lane.id);
    writePolyline(w, 2, lane.centerline);
    writePolyline(w, 3, lane.left);
    writePolyline(w, 4, lane.right);
    w.tag(5, varint).int32(markings.indexOf(lane.leftMarking));
    w.tag(6, varint).int32(markings.indexOf(lane.rightMarking));
    w.tag(7, varint).bool(lane.isJunction);
    if (lane.successors.length > 0) {
      w.tag(8, delimited).fork();
      for (const id of lane.successors) w.int64(id);
      w.join();
    }
    if (lane.speedLimitMps !== null) w.tag(9, bit64).double(lane.speedLimitMps);
    w.join();
  }
  for (const ring of map.drivable) writePolyline(w, 2, ring);
  for (const ring of map.crosswalks) writePolyline(w, 3, ring);
  for (const stop of map.stopLines) {
    w.tag(4, delimited).fork();
    writePolyline(w, 1, stop.line);
    if (stop.lightId !== null) w.tag(2, varint).int64(stop.lightId);
    w.tag(3, varint).bool(stop.isStopSign);
    w.join();
  }
  for (const light of map.lights) {
    w.tag(5, delimited).fork();
    w.tag(1, varint).int64(light.id);
    w.tag(2, bit64).double(light.x).tag(3, bit64).double(light.y).tag(4, bit64).double(light.z);
    w.tag(5, bit64).double(light.yaw);
    w.join();
  }
  return w.finish();
}

function readIds(r: BinaryReader, wire: WireType, into: number[]): void {
  if (wire !== delimited) {
    into.push(Number(r.int64()));
    return;
  }
  const length = r.uint32();
  const end = r.pos + length;
  while (r.pos < end) into.push(Number(r.int64()));
}

function decodeLane(bytes: Uint8Array): Lane {
  const successors: number[] = [];
  const empty: Polyline = { x: [], y: [] };
  const lane: Mutable<Lane> = {
    id: 0,
    centerline: empty,
    left: empty,
    right: empty,
    leftMarking: "none",
    rightMarking: "none",
    isJunction: false,
    successors,
    speedLimitMps: null,
  };
  readFields(bytes, (r, number, wire) => {
    if (number === 1) lane.id = Number(r.int64());
    else if (number === 2) lane.centerline = readPolyline(r);
    else if (number === 3) lane.left = readPolyline(r);
    else if (number === 4) lane.right = readPolyline(r);
    else if (number === 5) lane.leftMarking = markings[r.int32()] ?? "none";
    else if (number === 6) lane.rightMarking = markings[r.int32()] ?? "none";
    else if (number === 7) lane.isJunction = r.bool();
    else if (number === 8) readIds(r, wire, successors);
    else if (number === 9) lane.speedLimitMps = r.double();
    else return false;
    return true;
  });
  return lane;
}

export function decodeRoadMap(bytes: Uint8Array): RoadMap {
  const lanes: Lane[] = [];
  const drivable: Polyline[] = [];
  const crosswalks: Polyline[] = [];
  const stopLines: StopLine[] = [];
  const lights: MapLight[] = [];
  readFields(bytes, (r, number) => {
    if (number === 1) lanes.push(decodeLane(r.bytes()));
    else if (number === 2) drivable.push(readPolyline(r));
    else if (number === 3) crosswalks.push(readPolyline(r));
    else if (number === 4) {
      const stop: Mutable<StopLine> = { line: { x: [], y: [] }, lightId: null, isStopSign: false };
      readFields(r.bytes(), (inner, field) => {
        if (field === 1) stop.line = readPolyline(inner);
        else if (field === 2) stop.lightId = Number(inner.int64());
        else if (field === 3) stop.isStopSign = inner.bool();
        else return false;
        return true;
      });
      stopLines.push(stop);
    } else if (number === 5) {
      const light: Mutable<MapLight> = { id: 0, x: 0, y: 0, z: 0, yaw: 0 };
      readFields(r.bytes(), (inner, field) => {
        if (field === 1) light.id = Number(inner.int64());
        else if (field === 2) light.x = inner.double();
        else if (field === 3) light.y = inner.double();
        else if (field === 4) light.z = inner.double();
        else if (field === 5) light.yaw = inner.double();
        else return false;
        return true;
      });
      lights.push(light);
    } else return false;
    return true;
  });
  return { lanes, drivable, crosswalks, stopLines, lights };
}
