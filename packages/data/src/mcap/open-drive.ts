/** Reads drive files: `openDrive` for windows and layers, `readDrive` for all of it. */
import type { EgoMotion } from "@causeway/geom";
import { crc32 } from "node:zlib";
import type { z } from "zod";
import type {
  ActorFrame,
  DecisionFrame,
  Drive,
  LightFrame,
  PinholeCalibration,
  QuestionFrame,
  ReasoningEvent,
  RouteStep,
  Takeover,
} from "../drive.ts";
import { checkMotion } from "../check-drive.ts";
import { cameraOf, type DriveHandle } from "../drive-handle.ts";
import { DataConfigError, FormatError } from "../errors.ts";
import { parseJson } from "../io/json.ts";
import { newMotion } from "../motion-columns.ts";
import { type ChunkCache, createChunkCache, readFrameIndex, readFrames } from "./frame-index.ts";
import { decodeRoadMap } from "./map-messages.ts";
import { explain, type McapFile, type McapLimits, mcapLimits, openMcap } from "./mcap-file.ts";
import {
  decodeCalibration,
  decodeEgoState,
  decodeTransform,
  type Transform,
} from "./motion-messages.ts";
import { decodeActorFrame } from "./scene-messages.ts";
import {
  calibrationTopic,
  cameraTopic,
  decisionSchema,
  type DriveHead,
  driveSchemaVersion,
  headSchema,
  lightFrameSchema,
  metadataName,
  questionFrameSchema,
  reasoningSchema,
  takeoverSchema,
  routeStepSchema,
  topics,
} from "./topics.ts";

export interface OpenDriveOptions {
  readonly limits?: McapLimits;
  /** Shared by several handles to bound their sum; default: 4 MiB for this handle. */
  readonly chunkCache?: ChunkCache;
}

const ownCacheBytes = 4 * 2 ** 20;

async function readHead(file: McapFile): Promise<{ head: DriveHead; inputHash: string | null }> {
  for await (const record of file.reader.readMetadata({ name: metadataName })) {
    const place = { path: file.path };
    const version = Number(record.metadata.get("schemaVersion"));
    if (!(version >= 1 && version <= driveSchemaVersion)) {
      throw new FormatError(
        "unsupported",
        place,
        `drive layout version ${record.metadata.get("schemaVersion")}; this program reads 1 … ${driveSchemaVersion}. Update Causeway.`,
      );
    }
    const text = record.metadata.get("head") ?? "";
    if (crc32(text).toString(16) !== record.metadata.get("headCrc32")) {
      throw new FormatError(
        "format",
        place,
        `the checksum of metadata record ${metadataName} does not fit. The file is damaged: write or import the drive again.`,
      );
    }
    const head = headSchema.safeParse(parseJson(Buffer.from(text), place));
    if (!head.success) {
      throw new FormatError(
        "format",
        place,
        `metadata record ${metadataName}: ${head.error.issues[0].path.join(".")}: ${head.error.issues[0].message}. Write the drive again.`,
      );
    }
    return { head: head.data, inputHash: record.metadata.get("inputHash") ?? null };
  }
  throw new FormatError(
    "format",
    { path: file.path },
    `an MCAP file without the metadata record "${metadataName}": not a Causeway drive. Import it from its source format.`,
  );
}

/** Messages of the topics in time order. The index has no checksum, so what it leads to is compared with the chunk. */
async function* messagesOf(
  file: McapFile,
  wanted: readonly string[],
): AsyncGenerator<{ topic: string; stampUs: number; data: Uint8Array }> {
  const beforeUs = new Map<string, number>();
  for await (const m of file.reader.readMessages({ topics: wanted })) {
    const stampUs = Number(m.logTime) / 1000;
    const topic = file.reader.channelsById.get(m.channelId)?.topic ?? "";
    // Several transforms share the first instant; no other topic has two messages at one time.
    const isRepeat = topic !== topics.transforms && stampUs <= (beforeUs.get(topic) ?? -1);
    if (!wanted.includes(topic) || isRepeat) {
      throw new FormatError(
        "format",
        { path: file.path },
        `the index of ${wanted.join(", ")} leads to a message of "${topic}" at ${stampUs} us that does not belong there. The file is damaged: write or import the drive again.`,
      );
    }
    beforeUs.set(topic, stampUs);
    yield { topic, stampUs, data: m.data };
  }
}

interface SmallTopics {
  readonly egoMotion: EgoMotion;
  readonly calibrations: ReadonlyMap<string, PinholeCalibration | null>;
  readonly route: readonly RouteStep[] | null;
}

/** What every reader of a drive needs, in one pass: these topics lie in the same chunks. */
async function readSmallTopics(
  file: McapFile,
  cameras: readonly string[],
  /** Null where the file says that it has no motion. */
  numPoses: number | null,
  hasRoute: boolean,
): Promise<SmallTopics> {
  const motion = newMotion(new Float64Array(numPoses ?? 0));
  const mountings = new Map<string, Transform>();
  const intrinsics = new Map<string, Uint8Array>();
  const route: RouteStep[] | null = hasRoute ? [] : null;
  let row = 0;
  const wanted = [
    topics.egoMotion,
    topics.transforms,
    topics.route,
    ...cameras.map(calibrationTopic),
  ];
  for await (const { topic, stampUs, data } of messagesOf(file, wanted)) {
    if (topic === topics.egoMotion) {
      if (row === motion.stampUs.length) continue;
      motion.stampUs[row] = stampUs;
      decodeEgoState(data, motion, row);
      row++;
    } else if (topic === topics.transforms) {
      // Cameras are bolted on: their transforms are at the start.
      if (stampUs > 0) continue;
      const transform = decodeTransform(data);
      if (transform.parent === "rig") mountings.set(transform.child, transform);
    } else if (topic === topics.route) {
      route?.push({
        stampUs,
        ...jsonRow(file, topics.route, routeStepSchema, { stampUs, data }),
      });
    } else {
      // A copy: the rest of the chunk is not needed.
      intrinsics.set(topic, new Uint8Array(data));
    }
  }
  if (numPoses !== null) checkMotion(motion, { path: `${file.path} ${topics.egoMotion}` });
  const calibrations = new Map<string, PinholeCalibration | null>();
  for (const name of cameras) {
    const bytes = intrinsics.get(calibrationTopic(name));
    const mounting = mountings.get(name);
    calibrations.set(
      name,
      bytes === undefined || mounting === undefined ? null : decodeCalibration(bytes, mounting),
    );
  }
  return { egoMotion: motion, calibrations, route };
}

function jsonRow<T>(
  file: McapFile,
  topic: string,
  schema: z.ZodType<T>,
  row: { stampUs: number; data: Uint8Array },
): T {
  const parsed = schema.safeParse(parseJson(row.data, { path: file.path }));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FormatError(
      "format",
      { path: file.path },
      `${topic} at ${row.stampUs} us: ${issue.path.join(".")}: ${issue.message}. Write or import the drive again.`,
    );
  }
  return parsed.data;
}

/** Opens a drive file. Pictures and truth layers are read when asked for; memory scales with a chunk. */
export async function openDrive(
  path: string,
  options: OpenDriveOptions = {},
): Promise<DriveHandle> {
  const file = await openMcap(path, options.limits ?? mcapLimits);
  try {
    return await explain(path, () => handleOfFile(file, options));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function handleOfFile(file: McapFile, options: OpenDriveOptions): Promise<DriveHandle> {
  const { path } = file;
  const { head, inputHash } = await readHead(file);
  const channels = new Map<string, { id: number; messages: number }>();
  const counts = file.reader.statistics?.channelMessageCounts;
  for (const channel of file.reader.channelsById.values()) {
    const messages = Number(counts?.get(channel.id) ?? 0n);
    channels.set(channel.topic, { id: channel.id, messages });
  }
  const { egoMotion, calibrations, route } = await readSmallTopics(
    file,
    head.cameras,
    head.hasMotion === false ? null : (channels.get(topics.egoMotion)?.messages ?? 0),
    channels.has(topics.route),
  );
  const frameIndexes = new Map<string, Awaited<ReturnType<typeof readFrameIndex>>>();
  for (const name of head.cameras) {
    const channel = channels.get(cameraTopic(name));
    if (channel === undefined) {
      throw new FormatError(
        "missing",
        { path },
        `no topic ${cameraTopic(name)}, though the drive lists that camera. Write the drive again.`,
      );
    }
    frameIndexes.set(name, await readFrameIndex(file, channel.id));
  }
  const cache = options.chunkCache ?? createChunkCache(ownCacheBytes);
  const layer = <T>(
    topic: string,
    decode: (row: { stampUs: number; data: Uint8Array }) => T,
  ): Promise<T[] | null> => {
    if (!channels.has(topic)) return Promise.resolve(null);
    return explain(path, async () => {
      const rows: T[] = [];
      for await (const row of messagesOf(file, [topic])) rows.push(decode(row));
      return rows;
    });
  };
  const lensOf = (camera: string) => {
    const lens = head.lenses?.[camera];
    return lens === undefined ? {} : { lens };
  };
  const handle: DriveHandle = {
    path,
    id: head.id,
    source: head.source,
    durationUs: head.durationUs,
    egoSize: head.egoSize,
    egoMotion,
    cameras: head.cameras.map((name) => ({
      name,
      calibration: calibrations.get(name) ?? null,
      ...lensOf(name),
      stampsUs: frameIndexes.get(name)?.stampsUs ?? new Float64Array(),
    })),
    route,
    has: {
      motion: head.hasMotion ?? true,
      actors: channels.has(topics.actors),
      lights: channels.has(topics.lights),
      map: channels.has(topics.map),
      decisions: channels.has(topics.decisions),
      reasoning: channels.has(topics.reasoning),
      questions: channels.has(topics.questions),
      takeovers: channels.has(topics.takeovers),
    },
    topics: [...channels].map(([name, { messages }]) => ({ name, messages })),
    inputHash,
    async frames(camera, indices) {
      const { stampsUs } = cameraOf(handle, camera);
      for (const i of indices) {
        if (!(i >= 0 && i < stampsUs.length)) {
          throw new DataConfigError(
            `drive ${head.id} camera ${camera}: frame ${i}; it has 0 … ${stampsUs.length - 1}.`,
          );
        }
      }
      const index = frameIndexes.get(camera);
      return index === undefined ? [] : readFrames(file, index, indices, cache);
    },
    actors: () =>
      layer<ActorFrame>(topics.actors, ({ stampUs, data }) => decodeActorFrame(stampUs, data)),
    lights: () =>
      layer<LightFrame>(topics.lights, (row) => ({
        stampUs: row.stampUs,
        lights: jsonRow(file, topics.lights, lightFrameSchema, row).lights,
      })),
    map: async () => (await layer(topics.map, ({ data }) => decodeRoadMap(data)))?.[0] ?? null,
    decisions: () =>
      layer<DecisionFrame>(topics.decisions, (row) => ({
        stampUs: row.stampUs,
        decision: jsonRow(file, topics.decisions, decisionSchema, row),
      })),
    reasoning: () =>
      layer<ReasoningEvent>(topics.reasoning, (row) => ({
        stampUs: row.stampUs,
        ...jsonRow(file, topics.reasoning, reasoningSchema, row),
      })),
    questions: () =>
      layer<QuestionFrame>(topics.questions, (row) => ({
        stampUs: row.stampUs,
        ...jsonRow(file, topics.questions, questionFrameSchema, row),
      })),
    takeovers: () =>
      layer<Takeover>(topics.takeovers, (row) => {
        const { x, y, z, yaw } = jsonRow(file, topics.takeovers, takeoverSchema, row);
        const path = {
          x: Float64Array.from(x),
          y: Float64Array.from(y),
          z: Float64Array.from(z),
          yaw: Float64Array.from(yaw),
        };
        return { stampUs: row.stampUs, path };
      }),
    close: () => file.close(),
  };
  return handle;
}

export interface ReadDriveOptions {
  /** Read the pictures too; default true. Without them `cameras` is empty. */
  readonly cameras?: boolean;
  readonly limits?: McapLimits;
}

/** The whole drive in memory, equal to what was written (but for -0 in JSON topics, which becomes 0). */
export async function readDrive(path: string, options: ReadDriveOptions = {}): Promise<Drive> {
  const handle = await openDrive(
    path,
    options.limits === undefined ? {} : { limits: options.limits },
  );
  try {
    const cameras = [];
    for (const { name, calibration, lens, stampsUs } of options.cameras === false
      ? []
      : handle.cameras) {
      const frames = await handle.frames(name, [...stampsUs.keys()]);
      cameras.push({ name, calibration, ...(lens === undefined ? {} : { lens }), frames });
    }
    const reasoning = await handle.reasoning();
    const questions = await handle.questions();
    const takeovers = await handle.takeovers();
    return {
      id: handle.id,
      source: handle.source,
      durationUs: handle.durationUs,
      egoMotion: handle.egoMotion,
      egoSize: handle.egoSize,
      cameras,
      actors: await handle.actors(),
      lights: await handle.lights(),
      map: await handle.map(),
      route: handle.route,
      decisions: await handle.decisions(),
      ...(reasoning === null ? {} : { reasoning }),
      ...(questions === null ? {} : { questions }),
      ...(takeovers === null ? {} : { takeovers }),
    };
  } finally {
    await handle.close();
  }
}
