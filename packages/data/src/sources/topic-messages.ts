/**
 * Messages of any MCAP recording as plain objects, decoded with the schema that the file carries: ROS 2 (CDR), JSON and
 * protobuf. Field names are asked for as ROS and Foxglove write them (`frame_id`); protobuf's `frameId` answers too.
 */
import type { McapTypes } from "@mcap/core";
import type { Quat, Se3 } from "@causeway/geom";
import { FormatError, type InputPlace } from "../errors.ts";
import { parseJson } from "../io/json.ts";
import { explain, type McapFile } from "../mcap/mcap-file.ts";

/** What a topic can be used for. */
export type TopicKind =
  | "odometry"
  | "pose"
  | "transforms"
  | "picture"
  | "raw-picture"
  | "video"
  | "calibration"
  | "boxes";

/** Schemas that are understood, without ROS's "/msg/". Foxglove's also go by `foxglove_msgs/` in ROS 2. */
const kindsBySchema: Readonly<Record<string, TopicKind>> = {
  "nav_msgs/Odometry": "odometry",
  "geometry_msgs/PoseStamped": "pose",
  "geometry_msgs/PoseWithCovarianceStamped": "pose",
  "foxglove.PoseInFrame": "pose",
  "tf2_msgs/TFMessage": "transforms",
  "geometry_msgs/TransformStamped": "transforms",
  "foxglove.FrameTransform": "transforms",
  "foxglove.FrameTransforms": "transforms",
  "sensor_msgs/CompressedImage": "picture",
  "foxglove.CompressedImage": "picture",
  "sensor_msgs/Image": "raw-picture",
  "foxglove.RawImage": "raw-picture",
  "foxglove.CompressedVideo": "video",
  "sensor_msgs/CameraInfo": "calibration",
  "foxglove.CameraCalibration": "calibration",
  "foxglove.SceneUpdate": "boxes",
  "vision_msgs/Detection3DArray": "boxes",
};

export const schemasOfKind = (kinds: readonly TopicKind[]): string[] =>
  Object.keys(kindsBySchema).filter((name) => kinds.includes(kindsBySchema[name]));

/** Null for a schema that no importer reads. */
export function kindOfSchema(schema: string): TopicKind | null {
  const plain = schema.replace("/msg/", "/").replace(/^foxglove_msgs\//, "foxglove.");
  return kindsBySchema[plain] ?? null;
}

export interface TopicInfo {
  readonly topic: string;
  readonly schema: string;
  readonly kind: TopicKind | null;
  readonly messages: number;
}

/** Topics of a recording, by name; the same topic in several files counts once. */
export function topicsOf(files: readonly McapFile[]): TopicInfo[] {
  const found = new Map<string, TopicInfo>();
  for (const { reader } of files) {
    for (const channel of reader.channelsById.values()) {
      const schema = reader.schemasById.get(channel.schemaId)?.name ?? "no schema";
      const before = found.get(channel.topic)?.messages ?? 0;
      const here = reader.statistics?.channelMessageCounts.get(channel.id) ?? 0n;
      const messages = before + Number(here);
      const kind = kindOfSchema(schema);
      found.set(channel.topic, { topic: channel.topic, schema, kind, messages });
    }
  }
  return [...found.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

export type Fields = Readonly<Record<string, unknown>>;
export type Decode = (data: Uint8Array) => Fields;

const camel = (name: string) =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** The decoder of a channel. Other encodings are an error that names topic and encoding. */
export async function decoderOf(file: McapFile, channel: McapTypes.Channel): Promise<Decode> {
  const place = { path: file.path };
  const schema = file.reader.schemasById.get(channel.schemaId);
  const { messageEncoding, topic } = channel;
  if (messageEncoding === "json") return (data) => parseJson(data, place) as Fields;
  if (messageEncoding === "cdr" && schema?.encoding === "ros2msg") {
    const [{ parse }, { MessageReader }] = await Promise.all([
      import("@foxglove/rosmsg"),
      import("@foxglove/rosmsg2-serialization"),
    ]);
    const text = Buffer.from(schema.data).toString();
    const reader = guarded(place, topic, () => new MessageReader(parse(text, { ros2: true })));
    return (data) => reader.readMessage<Fields>(data);
  }
  if (messageEncoding === "protobuf" && schema?.encoding === "protobuf") {
    const [{ createFileRegistry, fromBinary }, { FileDescriptorSetSchema }] = await Promise.all([
      import("@bufbuild/protobuf"),
      import("@bufbuild/protobuf/wkt"),
    ]);
    const message = guarded(place, topic, () =>
      createFileRegistry(fromBinary(FileDescriptorSetSchema, schema.data)).getMessage(schema.name),
    );
    if (message === undefined) {
      throw new FormatError(
        "format",
        place,
        `topic ${topic}: its schema does not define ${schema.name}; expected a descriptor set with that message. Record it again.`,
      );
    }
    return (data) => fromBinary(message, data) as unknown as Fields;
  }
  throw new FormatError(
    "unsupported",
    place,
    `topic ${topic} is encoded as ${messageEncoding || "nothing"} with schema ${schema?.encoding || "none"}; expected cdr with ros2msg, json, or protobuf. Convert the recording (for ROS 1: "mcap convert" after "rosbags-convert").`,
  );
}

/** Errors of the decoding libraries say what but not where. */
export function guarded<T>(place: InputPlace, where: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      "format",
      place,
      `topic ${where}: cannot be decoded with its schema: ${(cause as Error).message.split("\n")[0]}. The message is damaged, or was recorded with another schema.`,
      { cause },
    );
  }
}

/** Reads one message; every failed expectation names the topic, the time and the field. */
export interface MessageView {
  has(path: string): boolean;
  number(path: string): number;
  text(path: string): string;
  bytes(path: string): Uint8Array;
  list(path: string): readonly MessageView[];
  numbers(path: string): readonly number[];
  /** Microseconds of a ROS or protobuf time; 0 where the recorder left it empty. */
  timeUs(path: string): number;
  vector(path: string): { x: number; y: number; z: number };
  quat(path: string): Quat;
  /** `position`/`orientation` or `translation`/`rotation` at `path`. */
  pose(path: string): Se3;
}

function shown(value: unknown): string {
  if (value === undefined) return "not there";
  const isPlain = ["number", "string", "boolean", "bigint"].includes(typeof value);
  return isPlain ? `${value as string}` : "of another form";
}

export function viewOf(fields: Fields, place: InputPlace, where: string): MessageView {
  const bad = (path: string, expected: string, value: unknown) =>
    new FormatError(
      "value",
      place,
      `topic ${where}: ${path} is ${shown(value)}; expected ${expected}.`,
    );
  const at = (path: string): unknown => {
    let value: unknown = fields;
    for (const name of path === "" ? [] : path.split(".")) {
      if (value === null || typeof value !== "object") return undefined;
      const here = value as Fields;
      value = here[name] ?? here[camel(name)];
    }
    return value;
  };
  const view: MessageView = {
    has: (path) => at(path) !== undefined && at(path) !== null,
    number(path) {
      const value = at(path);
      const number = typeof value === "bigint" ? Number(value) : value;
      if (typeof number !== "number" || !Number.isFinite(number)) {
        throw bad(path, "a finite number", value);
      }
      return number;
    },
    text(path) {
      const value = at(path);
      if (typeof value !== "string") throw bad(path, "text", value);
      return value;
    },
    bytes(path) {
      const value = at(path);
      // A view of the chunk would keep all of it in memory.
      if (value instanceof Uint8Array) return new Uint8Array(value);
      if (value instanceof Int8Array) return new Uint8Array(value);
      if (typeof value === "string") return new Uint8Array(Buffer.from(value, "base64"));
      if (Array.isArray(value)) return Uint8Array.from(value as number[]);
      throw bad(path, "bytes", value);
    },
    list(path) {
      const value = at(path);
      if (!Array.isArray(value)) throw bad(path, "a list", value);
      return value.map((item, i) => viewOf(item as Fields, place, `${where} ${path}[${i}]`));
    },
    numbers(path) {
      const value = at(path);
      const list = ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value;
      if (!Array.isArray(list) || !list.every((v) => Number.isFinite(v))) {
        throw bad(path, "a list of finite numbers", value);
      }
      return list as number[];
    },
    timeUs(path) {
      const name = ["sec", "seconds"].find((n) => view.has(`${path}.${n}`));
      // JSON and protobuf leave zeros out.
      const nanos = ["nanosec", "nsec", "nanos"].find((n) => view.has(`${path}.${n}`));
      const secs = name === undefined ? 0 : view.number(`${path}.${name}`);
      return Math.round(
        secs * 1e6 + (nanos === undefined ? 0 : view.number(`${path}.${nanos}`)) / 1e3,
      );
    },
    vector: (path) => ({
      x: view.number(`${path}.x`),
      y: view.number(`${path}.y`),
      z: view.number(`${path}.z`),
    }),
    quat(path) {
      const q = { w: view.number(`${path}.w`), ...view.vector(path) };
      const length = Math.hypot(q.w, q.x, q.y, q.z);
      if (Math.abs(length - 1) > 1e-3) {
        throw bad(path, "a quaternion of length 1", `of length ${length}`);
      }
      return { w: q.w / length, x: q.x / length, y: q.y / length, z: q.z / length };
    },
    pose(path) {
      const inside = (name: string) => (path === "" ? name : `${path}.${name}`);
      const isTransform = view.has(inside("translation"));
      const p = view.vector(inside(isTransform ? "translation" : "position"));
      const q = view.quat(inside(isTransform ? "rotation" : "orientation"));
      return { ...p, qw: q.w, qx: q.x, qy: q.y, qz: q.z };
    },
  };
  return view;
}

export interface TopicMessage {
  readonly topic: string;
  readonly kind: TopicKind;
  /** Absolute time on the recorder's clock, microseconds. */
  readonly logUs: number;
  readonly view: MessageView;
}

/** Decoded messages of the topics, in the order of their log times; files one after the other. */
export async function* readTopics(
  files: readonly McapFile[],
  topics: readonly string[],
): AsyncGenerator<TopicMessage, void, void> {
  for (const file of files) {
    const decoders = new Map<number, { decode: Decode; topic: string; kind: TopicKind }>();
    for (const channel of file.reader.channelsById.values()) {
      if (!topics.includes(channel.topic)) continue;
      const schema = file.reader.schemasById.get(channel.schemaId)?.name ?? "";
      const kind = kindOfSchema(schema);
      if (kind === null) continue;
      const decode = await decoderOf(file, channel);
      decoders.set(channel.id, { decode, topic: channel.topic, kind });
    }
    if (decoders.size === 0) continue;
    const place = { path: file.path };
    const wanted = [...new Set([...decoders.values()].map((d) => d.topic))];
    const messages = file.reader.readMessages({ topics: wanted });
    for (;;) {
      // What the MCAP library throws says what but not where.
      const next = await explain(file.path, () => messages.next());
      if (next.done === true) break;
      const message = next.value;
      const known = decoders.get(message.channelId);
      if (known === undefined) continue;
      const logUs = Number(message.logTime / 1000n);
      const where = `${known.topic} at ${(logUs * 1e-6).toFixed(6)} s`;
      const fields = guarded(place, where, () => known.decode(message.data));
      yield { topic: known.topic, kind: known.kind, logUs, view: viewOf(fields, place, where) };
    }
  }
}
