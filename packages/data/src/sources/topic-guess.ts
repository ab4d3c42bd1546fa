/**
 * Which topic of a recording is probably what: a mapping to start from, which is used as it is where it leaves no choice.
 * Guesses go by schema, topic name, and the frame names of REP 105.
 */
import type { FrameTree } from "./frame-tree.ts";
import { listTopics, type TopicMapping } from "./topic-mapping.ts";
import type { TopicInfo, TopicKind } from "./topic-messages.ts";

export interface MappingGuess {
  /** A mapping file, with what else there is as comments. */
  readonly text: string;
  /** Why a person has to choose first, with the choices; null where there is only one. */
  readonly doubt: string | null;
}

/** In the order of preference. */
const usualWorlds = ["map", "odom", "world"];
const usualVehicles = ["base_link", "base_footprint", "ego_vehicle", "vehicle"];

export interface EgoFrames {
  readonly world: string;
  readonly vehicle: string;
}

/** A world and a car that a moving transform joins, both by usual names. */
function usualFrames(tree: FrameTree): EgoFrames | null {
  for (const world of usualWorlds) {
    for (const vehicle of usualVehicles) {
      if ((tree.timesOf(world, vehicle)?.length ?? 0) > 1) return { world, vehicle };
    }
  }
  return null;
}

const ofKind = (topics: readonly TopicInfo[], ...kinds: TopicKind[]) =>
  topics.filter((t) => t.kind !== null && kinds.includes(t.kind));

const isStaticTopic = (topic: string) => topic.endsWith("static");

/** Odometry is made for this; poses and transforms may be of anything. The most frequent comes first. */
export function egoCandidates(topics: readonly TopicInfo[]): TopicInfo[] {
  const odometry = ofKind(topics, "odometry");
  const others = ofKind(topics, "pose", "transforms").filter((t) => !isStaticTopic(t.topic));
  const order: TopicKind[] = ["odometry", "pose", "transforms"];
  const rank = (t: TopicInfo) => order.indexOf(t.kind ?? "transforms");
  return (odometry.length > 0 ? odometry : others).sort(
    (a, b) => rank(a) - rank(b) || b.messages - a.messages,
  );
}

const described = ({ topic, schema, messages }: TopicInfo) =>
  `${topic} (${schema}, ${messages} messages)`;

function doubtOf(
  candidates: readonly TopicInfo[],
  topics: readonly TopicInfo[],
  tree: FrameTree | null,
): string | null {
  if (candidates.length === 0) {
    return `no topic has odometry, poses or transforms; it has ${listTopics(topics)}`;
  }
  if (candidates.length > 1) {
    return `${candidates.length} topics could be the ego motion: ${candidates.map(described).join(", ")}`;
  }
  if (tree === null || usualFrames(tree) !== null) return null;
  return `the frames of ${candidates[0].topic} have no usual names (${tree.frames.join(", ") || "there are none"}; expected one of ${usualWorlds.join(", ")}, and one of ${usualVehicles.join(", ")} that moves in it)`;
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

function cameraName(topic: string): string {
  const words = parts(topic).filter((p) => !transportWords.test(p));
  return (words.join("_") || "camera").replace(/[^A-Za-z0-9_]+/g, "_").slice(0, 60);
}

const quoted = (text: string) => JSON.stringify(text);

/** One topic a camera: the smallest of those that it is sent as. Depth is no picture. */
function cameraLines(topics: readonly TopicInfo[]): string[] {
  const pictures = ofKind(topics, "picture", "video", "raw-picture");
  const order: TopicKind[] = ["picture", "video", "raw-picture"];
  const byName = new Map<string, TopicInfo[]>();
  for (const camera of pictures.filter((t) => !/depth/i.test(t.topic))) {
    const name = cameraName(camera.topic);
    byName.set(name, [...(byName.get(name) ?? []), camera]);
  }
  const calibrations = ofKind(topics, "calibration");
  const lines = [byName.size === 0 ? "cameras: {}" : "cameras:"];
  for (const [name, sent] of byName) {
    const [camera, ...again] = [...sent].sort(
      (a, b) => order.indexOf(a.kind ?? "picture") - order.indexOf(b.kind ?? "picture"),
    );
    const [near] = calibrations
      .map((c) => ({ topic: c.topic, score: shared(c.topic, camera.topic) }))
      .sort((a, b) => b.score - a.score);
    const own = calibrations.length === 1 && byName.size === 1;
    lines.push(`  ${name}:`, `    topic: ${quoted(camera.topic)} # ${camera.schema}`);
    if (near !== undefined && (near.score > 1 || own)) {
      lines.push(`    calibration: ${quoted(near.topic)}`);
    }
    for (const other of again)
      lines.push(`    # or topic: ${quoted(other.topic)} # ${other.schema}`);
  }
  return lines;
}

/** `treeOf` reads the transforms; it is asked for only where they are the ego motion. */
export async function guessMapping(
  topics: readonly TopicInfo[],
  treeOf: (transforms: readonly string[]) => Promise<FrameTree>,
): Promise<MappingGuess> {
  const candidates = egoCandidates(topics);
  const ego = candidates.at(0);
  const transforms = ofKind(topics, "transforms").map((t) => t.topic);
  const tree = ego?.kind === "transforms" ? await treeOf(transforms) : null;
  const { world, vehicle } = (tree === null ? null : usualFrames(tree)) ?? {
    world: usualWorlds[0],
    vehicle: usualVehicles[0],
  };
  const lines = [
    "# Which topic is what, for: causeway import mcap RECORDING --mapping THIS_FILE --out DATASET",
    "ego:",
    ego === undefined
      ? "  topic: /odom # no topic with odometry, poses or transforms found"
      : `  topic: ${quoted(ego.topic)} # ${ego.schema}, ${ego.messages} messages`,
  ];
  for (const other of candidates.slice(1)) lines.push(`  # or topic: ${described(other)}`);
  if (ego === undefined || ego.kind === "transforms") {
    lines.push(`  world: ${world} # fixed frame, z up`, `  vehicle: ${vehicle} # frame on the car`);
  } else {
    lines.push(`  # vehicle: ${vehicle} # frame on the car, where the messages do not name it`);
  }
  lines.push(
    "  rig: { x: 0, y: 0, z: 0, yawDeg: 0 } # where the rear axle meets the ground, in the vehicle frame (m)",
    ...cameraLines(topics),
    `transforms: [${transforms.map(quoted).join(", ")}] # place the cameras on the car`,
    "clock: stamp # times inside the messages; log: when the recorder got them",
  );
  const [boxes] = ofKind(topics, "boxes").sort((a, b) => b.messages - a.messages);
  if (boxes !== undefined) {
    lines.push(
      `# boxes: { topic: ${quoted(boxes.topic)}, kinds: { car: [car], truck: [truck, bus], pedestrian: [pedestrian, person], cyclist: [bicycle, cyclist] } }`,
    );
  }
  lines.push("# egoSize: { lengthM: 4.6, widthM: 1.9, heightM: 1.5, rearAxleToCenterM: 1.4 }");
  const depth = ofKind(topics, "picture", "video", "raw-picture").filter((t) =>
    /depth/i.test(t.topic),
  );
  const others = [...topics.filter((t) => t.kind === null), ...depth];
  if (others.length > 0) lines.push(`# Not read: ${listTopics(others, 100)}`);
  return { text: `${lines.join("\n")}\n`, doubt: doubtOf(candidates, topics, tree) };
}

/** What a drive says about a mapping that nobody gave. */
export function assumedNote({ ego, cameras, transforms }: TopicMapping): string {
  const names = Object.entries(cameras).map(([name, { topic }]) => `${name} (${topic})`);
  const frames = ego.world === undefined ? "" : ` (${ego.world} to ${ego.vehicle})`;
  return `No mapping was given. Assumed: ego motion ${ego.topic}${frames}; cameras ${names.join(", ") || "none"}; transforms ${transforms.join(", ") || "none"}. "causeway import mcap RECORDING --print-mapping" prints it, to be corrected and given with --mapping.`;
}
