/** Small pieces that all message codecs share: timestamps, vectors, packed columns. Always writes fields, also zeros: -0 survives. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export { BinaryReader, BinaryWriter, WireType };

export const varint = WireType.Varint;
export const bit64 = WireType.Bit64;
export const bit32 = WireType.Bit32;
export const delimited = WireType.LengthDelimited;

/** google.protobuf.Timestamp or Duration in `field`. */
export function writeTime(w: BinaryWriter, field: number, us: number): void {
  const seconds = Math.floor(us / 1e6);
  w.tag(field, delimited).fork();
  if (seconds !== 0) w.tag(1, varint).int64(seconds);
  const nanos = (us - seconds * 1e6) * 1000;
  if (nanos !== 0) w.tag(2, varint).int32(nanos);
  w.join();
}

/** Message with doubles in fields 1, 2, …: Point3, Vector3, Quaternion (x y z w), Color. */
export function writeDoubles(w: BinaryWriter, field: number, values: readonly number[]): void {
  w.tag(field, delimited).fork();
  for (let i = 0; i < values.length; i++) w.tag(i + 1, bit64).double(values[i]);
  w.join();
}

/** `repeated double`, packed. */
export function writePacked(w: BinaryWriter, field: number, values: ArrayLike<number>): void {
  if (values.length === 0) return;
  w.tag(field, delimited).fork();
  for (let i = 0; i < values.length; i++) w.double(values[i] as number);
  w.join();
}

/** Appends the numbers of one `repeated double` field, packed or not. */
export function readPacked(r: BinaryReader, wire: WireType, into: number[]): void {
  if (wire !== delimited) {
    into.push(r.double());
    return;
  }
  const bytes = r.bytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i + 8 <= bytes.byteLength; i += 8) into.push(view.getFloat64(i, true));
}

/** Calls `field` for each field of a message; `field` returns false for those that it does not know. */
export function readFields(
  bytes: Uint8Array,
  field: (r: BinaryReader, number: number, wire: WireType) => boolean,
): void {
  const r = new BinaryReader(bytes);
  while (r.pos < r.len) {
    const [number, wire] = r.tag();
    if (!field(r, number, wire)) r.skip(wire, number);
  }
}
