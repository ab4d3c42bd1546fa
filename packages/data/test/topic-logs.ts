/** Writes small MCAP recordings as ROS 2, Foxglove and JSON recorders do. */
import { writeFile } from "node:fs/promises";
import { parse } from "@foxglove/rosmsg";
import { MessageWriter } from "@foxglove/rosmsg2-serialization";
import { McapWriter } from "@mcap/core";
import * as lz4 from "lz4js";

const header = `================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec`;
const geometry = `================================================================================
MSG: geometry_msgs/Pose
geometry_msgs/Point position
geometry_msgs/Quaternion orientation
================================================================================
MSG: geometry_msgs/Point
float64 x
float64 y
float64 z
================================================================================
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
================================================================================
MSG: geometry_msgs/Quaternion
float64 x
float64 y
float64 z
float64 w`;

/** ROS 2 definitions as recorders store them: the message and all that it needs. */
export const rosDefinitions: Readonly<Record<string, string>> = {
  "nav_msgs/msg/Odometry": `std_msgs/Header header
string child_frame_id
geometry_msgs/PoseWithCovariance pose
geometry_msgs/TwistWithCovariance twist
${header}
${geometry}
================================================================================
MSG: geometry_msgs/PoseWithCovariance
geometry_msgs/Pose pose
float64[36] covariance
================================================================================
MSG: geometry_msgs/TwistWithCovariance
geometry_msgs/Twist twist
float64[36] covariance
================================================================================
MSG: geometry_msgs/Twist
geometry_msgs/Vector3 linear
geometry_msgs/Vector3 angular`,
  "geometry_msgs/msg/PoseStamped": `std_msgs/Header header
geometry_msgs/Pose pose
${header}
${geometry}`,
  "tf2_msgs/msg/TFMessage": `geometry_msgs/TransformStamped[] transforms
${header}
${geometry}
================================================================================
MSG: geometry_msgs/TransformStamped
std_msgs/Header header
string child_frame_id
geometry_msgs/Transform transform
================================================================================
MSG: geometry_msgs/Transform
geometry_msgs/Vector3 translation
geometry_msgs/Quaternion rotation`,
  "sensor_msgs/msg/CompressedImage": `std_msgs/Header header
string format
uint8[] data
${header}`,
  "sensor_msgs/msg/Image": `std_msgs/Header header
uint32 height
uint32 width
string encoding
uint8 is_bigendian
uint32 step
uint8[] data
${header}`,
  "sensor_msgs/msg/CameraInfo": `std_msgs/Header header
uint32 height
uint32 width
string distortion_model
float64[] d
float64[9] k
float64[9] r
float64[12] p
${header}`,
  "vision_msgs/msg/Detection3DArray": `std_msgs/Header header
vision_msgs/Detection3D[] detections
${header}
${geometry}
================================================================================
MSG: vision_msgs/Detection3D
std_msgs/Header header
vision_msgs/ObjectHypothesisWithPose[] results
vision_msgs/BoundingBox3D bbox
string id
================================================================================
MSG: vision_msgs/ObjectHypothesisWithPose
vision_msgs/ObjectHypothesis hypothesis
================================================================================
MSG: vision_msgs/ObjectHypothesis
string class_id
float64 score
================================================================================
MSG: vision_msgs/BoundingBox3D
geometry_msgs/Pose center
geometry_msgs/Vector3 size`,
  "std_msgs/msg/String": "string data",
};

export interface LogTopic {
  readonly topic: string;
  readonly schema: string;
  /** Default: cdr for ROS definitions, else JSON. */
  readonly encoding?: "cdr" | "json" | "protobuf" | "ros1";
  /** Descriptor set of a protobuf schema. */
  readonly descriptor?: Uint8Array;
}

export interface LogMessage {
  readonly topic: string;
  readonly logUs: number;
  /** Fields, or bytes that are already encoded. */
  readonly message: object;
}

/** Messages must be in time order. */
export async function writeLog(
  path: string,
  topics: readonly LogTopic[],
  messages: readonly LogMessage[],
  options: { readonly compression?: "lz4" } = {},
): Promise<void> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const mcap = new McapWriter({
    writable: {
      position: () => BigInt(size),
      async write(bytes) {
        parts.push(new Uint8Array(bytes));
        size += bytes.byteLength;
      },
    },
    ...(options.compression === undefined
      ? {}
      : {
          compressChunk: (bytes: Uint8Array) => ({
            compression: "lz4",
            compressedData: new Uint8Array(lz4.compress(bytes)),
          }),
        }),
  });
  await mcap.start({ profile: "", library: "test" });
  const writers = new Map<string, { id: number; encode: (message: object) => Uint8Array }>();
  for (const { topic, schema, encoding, descriptor } of topics) {
    const definition = rosDefinitions[schema];
    const messageEncoding = encoding ?? (definition === undefined ? "json" : "cdr");
    const schemaId = await mcap.registerSchema({
      name: schema,
      encoding: { cdr: "ros2msg", json: "jsonschema", protobuf: "protobuf", ros1: "ros1msg" }[
        messageEncoding
      ],
      data: descriptor ?? Buffer.from(definition ?? "{}"),
    });
    const id = await mcap.registerChannel({
      topic,
      schemaId,
      messageEncoding,
      metadata: new Map(),
    });
    const cdr =
      messageEncoding === "cdr" && definition !== undefined
        ? new MessageWriter(parse(definition, { ros2: true }))
        : null;
    writers.set(topic, {
      id,
      encode: (message) =>
        message instanceof Uint8Array
          ? message
          : (cdr?.writeMessage(message) ??
            Buffer.from(
              JSON.stringify(message, (_, value: unknown) =>
                value !== null &&
                typeof value === "object" &&
                (value as { type?: string }).type === "Buffer"
                  ? Buffer.from((value as { data: number[] }).data).toString("base64")
                  : value,
              ),
            )),
    });
  }
  let sequence = 0;
  for (const { topic, logUs, message } of messages) {
    const writer = writers.get(topic);
    if (writer === undefined) throw new Error(`no topic ${topic}`);
    const time = BigInt(logUs) * 1000n;
    await mcap.addMessage({
      channelId: writer.id,
      sequence: sequence++,
      logTime: time,
      publishTime: time,
      data: writer.encode(message),
    });
  }
  await mcap.end();
  await writeFile(path, Buffer.concat(parts));
}

export const rosTime = (us: number) => ({
  sec: Math.floor(us / 1e6),
  nanosec: Math.round((us % 1e6) * 1000),
});
export const foxgloveTime = (us: number) => ({
  sec: Math.floor(us / 1e6),
  nsec: Math.round((us % 1e6) * 1000),
});
