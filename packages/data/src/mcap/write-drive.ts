/**
 * Writes one drive as an MCAP file that viewers open as it is (layout: topics.ts).
 *
 * Pictures come first, in chunks of their own that are stored as they are: zstd finds nothing in JPEG and PNG, and a
 * reader gets one picture without touching the rest. Everything else follows in zstd chunks. Readers order by index.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { McapWriter } from "@mcap/core";
import { z } from "zod";
import { checkDrive } from "../check-drive.ts";
import type { DrivingDecision } from "../decision.ts";
import type { CameraFrame, Drive } from "../drive.ts";
import { type AtomicOptions, type AtomicSink, atomicWrite } from "../io/atomic.ts";
import { hasMotion } from "../motion-columns.ts";
import { encodeRoadMap } from "./map-messages.ts";
import {
  encodeCalibration,
  encodeEgoState,
  encodeTransform,
  plotSeries,
} from "./motion-messages.ts";
import {
  encodeActorBoxes,
  encodeActorFrame,
  encodeEgoBox,
  encodeEgoText,
  encodeMapLines,
} from "./scene-messages.ts";
import { descriptorSet } from "./schemas.ts";
import {
  calibrationTopic,
  cameraTopic,
  type DriveHead,
  driveSchemaVersion,
  jsonMessages,
  metadataName,
  protobufMessages,
  topics,
} from "./topics.ts";
import { BinaryWriter, delimited, varint, writeTime } from "./wire.ts";
import { loadZstd } from "./zstd.ts";

/** Small enough that one picture costs little to fetch, large enough for zstd. */
const chunkBytes = 256 * 1024;
/** Level 1 is within a few percent of level 3 on these columns and twice as fast. */
const zstdLevel = 1;
const flushBytes = 1 << 20;
/** Boxes of the last frame stay this long. */
const lastLifetimeUs = 100_000;
/** Labels stay readable this long. */
const annotationLifetimeUs = 2_000_000;

export interface WriteDriveOptions extends AtomicOptions {
  /** Hash of the source files, kept in the file so that an import need not be done again. */
  readonly inputHash?: string;
  /** Labels to show in viewers, as a log and as text above the vehicle; not read back. In time order. */
  readonly annotations?: readonly DriveAnnotation[];
}

export interface DriveAnnotation {
  readonly stampUs: number;
  readonly author: string;
  readonly text: string;
}

export interface WrittenDrive {
  readonly bytes: number;
  /** Of the whole file, hex. The same drive gives the same bytes. */
  readonly sha256: string;
}

/** Collects small writes and hashes what goes through. */
function hashingWritable(sink: AtomicSink) {
  const hash = createHash("sha256");
  let parts: Uint8Array[] = [];
  let pending = 0;
  let total = 0;
  const flush = async () => {
    if (pending === 0) return;
    const bytes = Buffer.concat(parts);
    parts = [];
    pending = 0;
    hash.update(bytes);
    await sink.write(bytes);
  };
  return {
    position: () => BigInt(total),
    async write(bytes: Uint8Array) {
      // The writer reuses its buffer after this call.
      parts.push(new Uint8Array(bytes));
      pending += bytes.byteLength;
      total += bytes.byteLength;
      if (pending >= flushBytes) await flush();
    },
    flush,
    digest: () => hash.digest("hex"),
  };
}

/** `add(topic, stampUs, bytes)`; channels and schemas are registered when first named. */
function topicWriter(mcap: McapWriter) {
  const channels = new Map<string, { id: number; sequence: number }>();
  const schemas = new Map<string, number>();
  const schemaOf = async (topic: string): Promise<{ schemaId: number; encoding: string }> => {
    const json = jsonMessages[topic];
    const name =
      json?.name ??
      protobufMessages[topic] ??
      (topic.startsWith("/calibration/")
        ? "foxglove.CameraCalibration"
        : "foxglove.CompressedImage");
    let schemaId = schemas.get(name);
    if (schemaId === undefined) {
      schemaId = await mcap.registerSchema(
        json === undefined
          ? { name, encoding: "protobuf", data: descriptorSet(name) }
          : {
              name,
              encoding: "jsonschema",
              data: Buffer.from(JSON.stringify(z.toJSONSchema(json.schema))),
            },
      );
      schemas.set(name, schemaId);
    }
    return { schemaId, encoding: json === undefined ? "protobuf" : "json" };
  };
  const channelOf = async (topic: string) => {
    let channel = channels.get(topic);
    if (channel === undefined) {
      const { schemaId, encoding } = await schemaOf(topic);
      const id = await mcap.registerChannel({
        topic,
        schemaId,
        messageEncoding: encoding,
        metadata: new Map(),
      });
      channel = { id, sequence: 0 };
      channels.set(topic, channel);
    }
    return channel;
  };
  return {
    /** A layer that the drive has, though it may have no rows. */
    declare: channelOf,
    async add(topic: string, stampUs: number, data: Uint8Array) {
      const channel = await channelOf(topic);
      const time = BigInt(stampUs) * 1000n;
      await mcap.addMessage({
        channelId: channel.id,
        sequence: channel.sequence++,
        logTime: time,
        publishTime: time,
        data,
      });
    },
  };
}
type TopicWriter = ReturnType<typeof topicWriter>;

function encodeImage(camera: string, frame: CameraFrame): Uint8Array {
  const w = new BinaryWriter();
  writeTime(w, 1, frame.stampUs);
  w.tag(2, delimited).bytes(frame.bytes);
  w.tag(3, delimited).string(frame.encoding);
  w.tag(4, delimited).string(camera);
  return w.finish();
}

function encodeLog(stampUs: number, name: string, message: string): Uint8Array {
  const w = new BinaryWriter();
  writeTime(w, 1, stampUs);
  w.tag(2, varint).int32(2); // INFO
  w.tag(3, delimited).string(message);
  w.tag(4, delimited).string(name);
  return w.finish();
}

const encodeJson = (value: object) => Buffer.from(JSON.stringify(value));

function decisionText(d: DrivingDecision): string {
  const side = d.lateralSide === null ? "" : ` ${d.lateralSide}`;
  const parts = [d.longitudinal, d.lateral === null ? null : d.lateral + side];
  const causes = d.causeIds.map((id) => {
    const kind = d.components.find((c) => c.id === id)?.kind;
    return kind === undefined ? id : `${kind} (${id})`;
  });
  const because = causes.length === 0 ? "" : ` because of ${causes.join(", ")}`;
  return (parts.filter((p) => p !== null).join(", ") || "no decision") + because;
}

async function writeMotion(out: TopicWriter, drive: Drive): Promise<void> {
  const motion = drive.egoMotion;
  const plot = plotSeries(motion);
  for (const camera of drive.cameras) {
    const mounted = camera.calibration ?? camera.lens;
    if (mounted === undefined) continue;
    const { x, y, z, qw, qx, qy, qz } = mounted.rigFromCamera;
    await out.add(
      topics.transforms,
      0,
      encodeTransform(0, {
        parent: "rig",
        child: camera.name,
        translation: [x, y, z],
        rotation: [qx, qy, qz, qw],
      }),
    );
    if (camera.calibration === null) continue;
    await out.add(
      calibrationTopic(camera.name),
      0,
      encodeCalibration(camera.name, camera.calibration),
    );
  }
  for (let i = 0; i < motion.stampUs.length; i++) {
    const stampUs = motion.stampUs[i];
    await out.add(topics.egoMotion, stampUs, encodeEgoState(motion, i, plot));
    await out.add(
      topics.transforms,
      stampUs,
      encodeTransform(stampUs, {
        parent: "world",
        child: "rig",
        translation: [motion.x[i], motion.y[i], motion.z[i]],
        rotation: [motion.qx[i], motion.qy[i], motion.qz[i], motion.qw[i]],
      }),
    );
  }
}

async function writeLayers(out: TopicWriter, drive: Drive): Promise<void> {
  if (drive.map !== null) {
    await out.add(topics.map, 0, encodeRoadMap(drive.map));
    await out.add(topics.mapLines, 0, encodeMapLines(drive.map));
  }
  if (drive.egoSize !== null) await out.add(topics.egoBox, 0, encodeEgoBox(drive.egoSize));
  for (const note of drive.source.notes) {
    await out.add(topics.notes, 0, encodeLog(0, drive.source.format, note));
  }
  if (drive.route !== null) {
    await out.declare(topics.route);
    for (const { stampUs, ...step } of drive.route) {
      await out.add(topics.route, stampUs, encodeJson(step));
    }
  }
  if (drive.lights !== null) {
    await out.declare(topics.lights);
    for (const { stampUs, lights } of drive.lights) {
      await out.add(topics.lights, stampUs, encodeJson({ lights }));
    }
  }
  if (drive.decisions !== null) {
    await out.declare(topics.decisions);
    let lastText = "";
    for (const { stampUs, decision } of drive.decisions) {
      await out.add(topics.decisions, stampUs, encodeJson(decision));
      const text = decisionText(decision);
      if (text === lastText) continue;
      lastText = text;
      await out.add(topics.decisionText, stampUs, encodeLog(stampUs, "expert", text));
    }
  }
  if (drive.reasoning !== undefined) {
    await out.declare(topics.reasoning);
    for (const { stampUs, ...event } of drive.reasoning) {
      await out.add(topics.reasoning, stampUs, encodeJson(event));
      await out.add(topics.reasoningText, stampUs, encodeLog(stampUs, "source", event.text));
    }
  }
  if (drive.questions !== undefined) {
    await out.declare(topics.questions);
    for (const { stampUs, ...frame } of drive.questions) {
      await out.add(topics.questions, stampUs, encodeJson(frame));
      for (const { kind, question, answer } of frame.questions) {
        const text = `${question} ${answer}`;
        await out.add(topics.questionText, stampUs, encodeLog(stampUs, kind, text));
      }
    }
  }
  if (drive.takeovers !== undefined) {
    await out.declare(topics.takeovers);
    for (const { stampUs, path } of drive.takeovers) {
      const columns = Object.entries(path).map(([name, column]) => [name, [...column]]);
      await out.add(topics.takeovers, stampUs, encodeJson(Object.fromEntries(columns)));
    }
  }
  if (drive.actors !== null) {
    await out.declare(topics.actors);
    for (let i = 0; i < drive.actors.length; i++) {
      const frame = drive.actors[i];
      const next = drive.actors[i + 1];
      await out.add(topics.actors, frame.stampUs, encodeActorFrame(frame));
      const lifetimeUs = next === undefined ? lastLifetimeUs : next.stampUs - frame.stampUs;
      await out.add(topics.actorBoxes, frame.stampUs, encodeActorBoxes(frame, lifetimeUs));
    }
  }
}

/**
 * Writes the drive to `path`, whole or not at all. Throws a `FormatError` for a drive that could not be read back the
 * same, and a `StorageError` when the disk fails.
 */
export async function writeDrive(
  drive: Drive,
  path: string,
  options: WriteDriveOptions = {},
): Promise<WrittenDrive> {
  checkDrive(drive);
  const zstd = await loadZstd();
  let sha256 = "";
  const bytes = await atomicWrite(
    path,
    async (sink) => {
      const writable = hashingWritable(sink);
      let isPictures = true;
      const mcap = new McapWriter({
        writable,
        chunkSize: chunkBytes,
        compressChunk: (chunk) =>
          isPictures
            ? { compression: "", compressedData: chunk }
            : { compression: "zstd", compressedData: zstd.compress(chunk, zstdLevel) },
      });
      await mcap.start({ profile: "", library: "causeway" });
      const lenses = drive.cameras.flatMap(({ name, lens }) =>
        lens === undefined ? [] : [[name, lens] as const],
      );
      const head: DriveHead = {
        id: drive.id,
        durationUs: drive.durationUs,
        source: {
          ...drive.source,
          ...(drive.source.facts === undefined ? {} : { facts: { ...drive.source.facts } }),
          notes: [...drive.source.notes],
        } as DriveHead["source"],
        egoSize: drive.egoSize,
        ...(hasMotion(drive) ? {} : { hasMotion: false }),
        cameras: drive.cameras.map((c) => c.name),
        ...(lenses.length === 0 ? {} : { lenses: Object.fromEntries(lenses) }),
      };
      const headText = JSON.stringify(head);
      // MCAP has checksums for chunks and the summary, none for metadata records.
      const metadata = new Map([
        ["schemaVersion", String(driveSchemaVersion)],
        ["head", headText],
        ["headCrc32", crc32(headText).toString(16)],
      ]);
      if (options.inputHash !== undefined) metadata.set("inputHash", options.inputHash);
      await mcap.addMetadata({ name: metadataName, metadata });
      const out = topicWriter(mcap);
      for (const camera of drive.cameras) {
        await out.declare(cameraTopic(camera.name));
        for (const frame of camera.frames) {
          await out.add(cameraTopic(camera.name), frame.stampUs, encodeImage(camera.name, frame));
        }
      }
      isPictures = false;
      await writeMotion(out, drive);
      await writeLayers(out, drive);
      for (const note of options.annotations ?? []) {
        await out.add(
          topics.labelText,
          note.stampUs,
          encodeLog(note.stampUs, note.author, note.text),
        );
        await out.add(
          topics.labelScene,
          note.stampUs,
          encodeEgoText(note.stampUs, note.text, annotationLifetimeUs),
        );
      }
      await mcap.end();
      await writable.flush();
      sha256 = writable.digest();
    },
    options,
  );
  return { bytes, sha256 };
}
