import { FormatError } from "../errors.ts";
import { elementBytes, isSafetensorsDtype, type SafetensorsDtype } from "./dtypes.ts";

/**
 * The safetensors container: 8 bytes little-endian header length, a JSON header, then one flat data area.
 * The checks follow the published format: tensors cover the data area without holes or overlaps, sizes match shapes.
 */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Byte range in the data area. */
  readonly begin: number;
  readonly end: number;
}
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Byte offset of the data area in the file. */
  readonly dataStart: number;
}

/**
 * The reference implementation accepts 100 MB; the largest released shards stay under 5 MB (40 000 tensors). A lower
 * limit keeps a hostile header from costing seconds and gigabytes before it is refused.
 */
export const maxHeaderBytes = 25_000_000;

/** Reads and checks the first 8 bytes. `fileBytes` is the size of the whole file. */
export function headerLength(firstBytes: Uint8Array, fileBytes: number, where: string): number {
  if (fileBytes < 8 || firstBytes.byteLength < 8) {
    throw new FormatError(
      `${where}: the file has ${fileBytes} bytes; a safetensors file starts with an 8-byte header length`,
      0,
    );
  }
  const length = new DataView(firstBytes.buffer, firstBytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw new FormatError(
      `${where}: the header length is ${length}; at most ${maxHeaderBytes} is accepted. Is this a safetensors file?`,
      0,
    );
  }
  if (8 + Number(length) > fileBytes) {
    throw new FormatError(
      `${where}: the header needs ${length} bytes but only ${fileBytes - 8} follow. The file is cut; fetch it again`,
      8,
    );
  }
  return Number(length);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parseEntry(name: string, raw: unknown, where: string): TensorEntry {
  const entry = raw as { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null;
  if (typeof entry !== "object" || entry === null) {
    throw new FormatError(`${where}: tensor "${name}" is not an object in the header`, 8);
  }
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !isSafetensorsDtype(dtype)) {
    throw new FormatError(
      `${where}: tensor "${name}" has dtype ${(JSON.stringify(dtype) ?? "none").slice(0, 40)}; known: ${Object.keys(elementBytes).join(", ")}`,
      8,
    );
  }
  // Eight axes are more than any weight has; the limit keeps error messages and products small.
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isCount)) {
    throw new FormatError(
      `${where}: tensor "${name}" has shape ${(JSON.stringify(shape) ?? "none").slice(0, 80)}; expected at most 8 sizes`,
      8,
    );
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw new FormatError(
      `${where}: tensor "${name}" has data_offsets ${(JSON.stringify(offsets) ?? "none").slice(0, 80)}; expected [begin, end]`,
      8,
    );
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce(
    (product: number, size: number) => product * size,
    elementBytes[dtype],
  );
  if (end - begin !== bytes) {
    throw new FormatError(
      `${where}: tensor "${name}" (${dtype} [${shape.join(", ")}]) needs ${bytes} bytes but data_offsets give ${end - begin}`,
      8,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** Parses the JSON header. `dataBytes` is what follows the header in the file. */
export function parseHeader(
  headerBytes: Uint8Array,
  dataBytes: number,
  where: string,
): SafetensorsHeader {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(headerBytes));
  } catch (cause) {
    throw new FormatError(`${where}: the header is not valid JSON`, 8, { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new FormatError(`${where}: the header is not a JSON object`, 8);
  }
  const metadata = new Map<string, string>();
  const entries: TensorEntry[] = [];
  for (const [name, raw] of Object.entries(json)) {
    if (name === "__metadata__") {
      if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
        throw new FormatError(`${where}: __metadata__ is not an object`, 8);
      }
      for (const [key, value] of Object.entries(raw as Record<string, unknown>)) {
        if (typeof value !== "string") {
          throw new FormatError(`${where}: metadata "${key}" is not a string`, 8);
        }
        metadata.set(key, value);
      }
    } else entries.push(parseEntry(name, raw, where));
  }
  let cursor = 0;
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== cursor) {
      const kind =
        entry.begin < cursor ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new FormatError(
        `${where}: tensor "${entry.name}" ${kind}: begins at ${entry.begin}, expected ${cursor}`,
        8 + headerBytes.byteLength + entry.begin,
      );
    }
    cursor = entry.end;
  }
  if (cursor !== dataBytes) {
    throw new FormatError(
      `${where}: the tensors cover ${cursor} bytes but ${dataBytes} follow the header. The file is cut or has a tail`,
      8 + headerBytes.byteLength,
    );
  }
  return {
    tensors: new Map(entries.map((entry) => [entry.name, entry])),
    metadata,
    dataStart: 8 + headerBytes.byteLength,
  };
}

/** Header bytes for tensors in the given order; padded with spaces so that data is 8-byte aligned. */
export function formatHeader(
  tensors: readonly { name: string; dtype: SafetensorsDtype; shape: readonly number[] }[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array {
  const json: Record<string, unknown> = {};
  if (metadata.size > 0) json["__metadata__"] = Object.fromEntries(metadata);
  let cursor = 0;
  for (const { name, dtype, shape } of tensors) {
    const bytes = shape.reduce((product, size) => product * size, elementBytes[dtype]);
    json[name] = { dtype, shape, data_offsets: [cursor, cursor + bytes] };
    cursor += bytes;
  }
  const text = new TextEncoder().encode(JSON.stringify(json));
  const padded = new Uint8Array(Math.ceil(text.byteLength / 8) * 8).fill(0x20);
  padded.set(text);
  const out = new Uint8Array(8 + padded.byteLength);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded.byteLength), true);
  out.set(padded, 8);
  return out;
}
