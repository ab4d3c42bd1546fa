/** Which topic of a recording is what: the mapping file (YAML) of the MCAP importer, and a first one to start from. */
import { parse } from "yaml";
import { z } from "zod";
import { DataConfigError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";
import type { TopicInfo, TopicKind } from "./topic-messages.ts";

export const offsetSchema = z
  .strictObject({
    x: z.number().default(0),
    y: z.number().default(0),
    z: z.number().default(0),
    yawDeg: z.number().default(0),
    pitchDeg: z.number().default(0),
    rollDeg: z.number().default(0),
  })
  .describe("metres; turned by yaw, then pitch (nose down positive), then roll");

/** rig-from-camera, camera z forward, x right, y down. */
export const mountSchema = z.strictObject({
  x: z.number(),
  y: z.number(),
  z: z.number(),
  /** w, x, y, z */
  quat: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
  /** Instead of quat: how the lens is turned from straight ahead; left and down positive. */
  yawDeg: z.number().optional(),
  pitchDeg: z.number().optional(),
});

export const egoSizeMapping = z.strictObject({
  lengthM: z.number().positive(),
  widthM: z.number().positive(),
  heightM: z.number().positive(),
  rearAxleToCenterM: z.number(),
});

export const mappingSchema = z.strictObject({
  ego: z.strictObject({
    /** Odometry, poses, or transforms. */
    topic: z.string(),
    /** For transforms: the fixed frame, right-handed with z up. */
    world: z.string().optional(),
    /** The frame on the car that moves; for odometry and poses only needed to place cameras. */
    vehicle: z.string().optional(),
    /** Where the rig (rear-axle centre on the ground, x forward, y left, z up) is in the vehicle frame. */
    rig: offsetSchema.optional(),
    /** "twist": what odometry says, "positions": slope of the positions. Default: twist where it is not zero throughout. */
    velocity: z.enum(["twist", "positions"]).optional(),
  }),
  cameras: z
    .record(
      z.string(),
      z.strictObject({
        topic: z.string(),
        calibration: z.string().optional(),
        /** rig-from-camera, camera z forward, x right, y down. Default: from the transforms. */
        mount: mountSchema.optional(),
      }),
    )
    .default({}),
  /** Topics with transforms that place cameras and boxes. */
  transforms: z.array(z.string()).default([]),
  boxes: z
    .strictObject({
      /** Each message holds all objects of its moment. */
      topic: z.string(),
      /** Words in an object's class, by kind; what fits none becomes "other". */
      kinds: z.partialRecord(
        z.enum(["car", "truck", "pedestrian", "cyclist"]),
        z.array(z.string()),
      ),
    })
    .optional(),
  /** "stamp": times inside the messages; "log": when the recorder got them. */
  clock: z.enum(["stamp", "log"]).default("stamp"),
  egoSize: egoSizeMapping.optional(),
  licence: z.string().default("unknown (your own recording)"),
});
export type TopicMapping = z.infer<typeof mappingSchema>;
export type RigOffset = z.infer<typeof offsetSchema>;

export function parseMapping(text: string, path: string): TopicMapping {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20 });
  } catch (cause) {
    throw new DataConfigError(
      `mapping: not valid YAML: ${(cause as Error).message.split("\n")[0]} (${path})`,
      { cause },
    );
  }
  const parsed = mappingSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new DataConfigError(
      `mapping: ${issue.path.join(".") || "top level"}: ${issue.message}. "causeway import mcap RECORDING --print-mapping" shows one to start from. (${path})`,
    );
  }
  return parsed.data;
}

export async function readMapping(path: string): Promise<TopicMapping> {
  const bytes = await readWholeFile(path, 1 << 20).catch(() => {
    throw new DataConfigError(
      `mapping: cannot be read; expected a YAML file with topics. "causeway import mcap RECORDING --print-mapping" shows one to start from. (${path})`,
    );
  });
  return parseMapping(Buffer.from(bytes).toString(), path);
}

/** One line per topic, for people who look for the right name. */
export function listTopics(topics: readonly TopicInfo[], most = 40): string {
  const shown = topics.slice(0, most).map((t) => `${t.topic} (${t.schema})`);
  const rest = topics.length - shown.length;
  return (shown.join(", ") || "nothing") + (rest > 0 ? `, and ${rest} more` : "");
}

const parts = (topic: string) => topic.split("/").filter((p) => p !== "");

/** Leading parts of the name that two topics share. */
function shared(a: string, b: string): number {
  const [x, y] = [parts(a), parts(b)];
  let n = 0;
  while (n < x.length && x[n] === y[n]) n++;
  return n;
}

/** Parts of a topic that say how it is sent, not which camera it is. */
const transportWords =
  /^(image|images|image_raw|image_rect|image_color|compressed|raw|video|color|h26[45]|sensor|sensors)$/i;

function cameraName(topic: string, taken: ReadonlySet<string>): string {
  const words = parts(topic).filter((p) => !transportWords.test(p));
  const name = (words.join("_") || "camera").replace(/[^A-Za-z0-9_]+/g, "_").slice(0, 60);
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name}_${i}`;
  return free;
}

const quoted = (text: string) => JSON.stringify(text);

/** A mapping to start from: guesses by schema and name, with what else there is as comments. */
export function starterMapping(topics: readonly TopicInfo[]): string {
  const ofKind = (...kinds: TopicKind[]) =>
    topics.filter((t) => t.kind !== null && kinds.includes(t.kind));
  const most = (list: TopicInfo[]) => [...list].sort((a, b) => b.messages - a.messages)[0];
  const transforms = ofKind("transforms");
  const ego = most(ofKind("odometry")) ?? most(ofKind("pose")) ?? most(transforms);
  const lines = [
    "# Which topic is what, for: causeway import mcap RECORDING --mapping THIS_FILE --out DATASET",
    "ego:",
    ego === undefined
      ? "  topic: /odom # no topic with odometry, poses or transforms found"
      : `  topic: ${quoted(ego.topic)} # ${ego.schema}, ${ego.messages} messages`,
  ];
  if (ego === undefined || ego.kind === "transforms") {
    lines.push("  world: map # fixed frame, z up");
  }
  lines.push(
    "  vehicle: base_link # frame on the car",
    "  rig: { x: 0, y: 0, z: 0, yawDeg: 0 } # where the rear axle meets the ground, in the vehicle frame (m)",
  );
  const pictures = ofKind("picture", "video", "raw-picture");
  const taken = new Set<string>();
  lines.push(pictures.length === 0 ? "cameras: {}" : "cameras:");
  for (const camera of pictures) {
    const name = cameraName(camera.topic, taken);
    taken.add(name);
    const near = ofKind("calibration")
      .map((c) => ({ topic: c.topic, score: shared(c.topic, camera.topic) }))
      .sort((a, b) => b.score - a.score)[0];
    const own = ofKind("calibration").length === 1 && pictures.length === 1;
    lines.push(`  ${name}:`, `    topic: ${quoted(camera.topic)} # ${camera.schema}`);
    if (near !== undefined && (near.score > 1 || own)) {
      lines.push(`    calibration: ${quoted(near.topic)}`);
    }
  }
  lines.push(
    `transforms: [${transforms.map((t) => quoted(t.topic)).join(", ")}] # place the cameras on the car`,
    "clock: stamp # times inside the messages; log: when the recorder got them",
  );
  const boxes = most(ofKind("boxes"));
  if (boxes !== undefined) {
    lines.push(
      `# boxes: { topic: ${quoted(boxes.topic)}, kinds: { car: [car], truck: [truck, bus], pedestrian: [pedestrian, person], cyclist: [bicycle, cyclist] } }`,
    );
  }
  lines.push("# egoSize: { lengthM: 4.6, widthM: 1.9, heightM: 1.5, rearAxleToCenterM: 1.4 }");
  const others = topics.filter((t) => t.kind === null);
  if (others.length > 0) lines.push(`# Not read: ${listTopics(others, 100)}`);
  return `${lines.join("\n")}\n`;
}
