/**
 * MCAP recordings of ROS 2, Foxglove and others: a mapping file says which topic is the ego motion and which are cameras.
 *
 * World: the fixed frame of the poses, which must be right-handed with z up (REP 103), origin at the first pose. Time 0 is
 * the first pose; pictures outside the poses are left out. Units are those of the messages: metres, m/s, nanoseconds.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { checkMotion, driveIdFrom, motionGaps } from "../check-drive.ts";
import type { Drive } from "../drive.ts";
import { DataConfigError, FormatError } from "../errors.ts";
import { type McapFile, openMcap } from "../mcap/mcap-file.ts";
import { metadataName } from "../mcap/topics.ts";
import { createFrameTree, type FrameTree } from "./frame-tree.ts";
import { type DriveRef, type DriveSource, gapLimitUs, type ReadOptions } from "./source.ts";
import { readBoxes } from "./topic-boxes.ts";
import { calibrationOf, readCameras } from "./topic-cameras.ts";
import {
  type EgoRow,
  egoRowOf,
  egoRowsOfTree,
  motionOfRows,
  noOffset,
  se3OfOffset,
  stampOf,
} from "./topic-ego.ts";
import { assumedNote, guessMapping, type MappingGuess } from "./topic-guess.ts";
import { listTopics, parseMapping, readMapping, type TopicMapping } from "./topic-mapping.ts";
import {
  type MessageView,
  readTopics,
  schemasOfKind,
  type TopicInfo,
  type TopicKind,
  type TopicMessage,
  topicsOf,
} from "./topic-messages.ts";
import { wantsCamera } from "./video-pictures.ts";

const byNumber = new Intl.Collator("en", { numeric: true });

async function withFiles<T>(
  paths: readonly string[],
  work: (files: readonly McapFile[]) => Promise<T>,
): Promise<T> {
  const files: McapFile[] = [];
  try {
    for (const path of paths) files.push(await openMcap(path));
    return await work(files);
  } finally {
    for (const file of files) await file.close();
  }
}

/** Adds the transforms of a message; returns how many were left out because their frame has another parent. */
function addTransforms(
  tree: FrameTree,
  { topic, logUs, view }: TopicMessage,
  clock: TopicMapping["clock"],
): number {
  let numOrphans = 0;
  for (const one of view.has("transforms") ? view.list("transforms") : [view]) {
    const isRos = one.has("header");
    const isTaken = tree.add({
      parent: one.text(isRos ? "header.frame_id" : "parent_frame_id"),
      child: one.text("child_frame_id"),
      stampUs: stampOf(one, logUs, clock),
      parentFromChild: one.pose(one.has("transform") ? "transform" : ""),
      isStatic: topic.endsWith("static"),
    });
    if (!isTaken) numOrphans++;
  }
  return numOrphans;
}

const guessOf = (files: readonly McapFile[]): Promise<MappingGuess> =>
  guessMapping(topicsOf(files), async (transforms) => {
    const tree = createFrameTree();
    for await (const message of readTopics(files, transforms))
      addTransforms(tree, message, "stamp");
    return tree;
  });

/** A mapping to start from, for a recording file or folder. */
export async function suggestMapping(path: string): Promise<string> {
  for await (const ref of mcapSource.list(path)) {
    return withFiles(ref.files, async (files) => (await guessOf(files)).text);
  }
  throw new DataConfigError(`${path}: no .mcap recording there. Give a recording or its folder.`);
}

/** The mapping that would be printed, where it leaves no choice. */
async function assumedMapping(ref: DriveRef, files: readonly McapFile[]): Promise<TopicMapping> {
  const { text, doubt } = await guessOf(files);
  if (doubt !== null) {
    throw new FormatError(
      "missing",
      { path: ref.path },
      `no mapping was given, and ${doubt}. Print one to start from with "causeway import mcap RECORDING --print-mapping", correct it, and give it with --mapping.`,
    );
  }
  const mapping = parseMapping(text, ref.path);
  // Printed as zero for people to fill in; nobody has said that it is.
  return { ...mapping, ego: { ...mapping.ego, rig: undefined } };
}

const egoKinds: readonly TopicKind[] = ["odometry", "pose", "transforms"];

/** The topic as it is in the recording; an error lists what there is. */
function requireTopic(
  path: string,
  topics: readonly TopicInfo[],
  name: string,
  field: string,
  kinds: readonly TopicKind[],
): TopicInfo {
  const found = topics.find((t) => t.topic === name);
  if (found === undefined) {
    throw new FormatError(
      "missing",
      { path },
      `has no topic "${name}" (mapping: ${field}); it has ${listTopics(topics)}. Correct the mapping.`,
    );
  }
  if (found.kind === null || !kinds.includes(found.kind)) {
    throw new FormatError(
      "unsupported",
      { path },
      `topic "${name}" (mapping: ${field}) has schema ${found.schema}; expected one of ${schemasOfKind(kinds).join(", ")}. Correct the mapping.`,
    );
  }
  return found;
}

interface Positions {
  readonly rows: readonly EgoRow[];
  readonly tree: FrameTree;
  readonly calibrations: ReadonlyMap<string, MessageView>;
  readonly numOrphans: number;
}

/** All that is small: poses, transforms and one calibration message per camera, in one pass. */
async function readPositions(
  files: readonly McapFile[],
  mapping: TopicMapping,
  cameras: readonly (readonly [string, TopicMapping["cameras"][string]])[],
): Promise<Positions> {
  const tree = createFrameTree();
  const rows: EgoRow[] = [];
  const calibrations = new Map<string, MessageView>();
  let numOrphans = 0;
  const topics = new Set([mapping.ego.topic, ...mapping.transforms]);
  for (const [, camera] of cameras) {
    if (camera.calibration !== undefined) topics.add(camera.calibration);
  }
  for await (const message of readTopics(files, [...topics])) {
    const { topic, kind, view } = message;
    if (kind === "calibration") {
      if (!calibrations.has(topic)) calibrations.set(topic, view);
    } else if (kind === "transforms") {
      numOrphans += addTransforms(tree, message, mapping.clock);
    } else if (topic === mapping.ego.topic) rows.push(egoRowOf(message, mapping.clock));
  }
  return { rows, tree, calibrations, numOrphans };
}

async function readRecording(
  ref: DriveRef,
  files: readonly McapFile[],
  mapping: TopicMapping,
  options: ReadOptions,
): Promise<Drive> {
  const [path] = ref.files;
  const topics = topicsOf(files);
  const ego = requireTopic(path, topics, mapping.ego.topic, "ego.topic", egoKinds);
  for (const topic of mapping.transforms) {
    requireTopic(path, topics, topic, "transforms", ["transforms"]);
  }
  const cameras = Object.entries(mapping.cameras).filter(([name]) => wantsCamera(name, options));
  for (const [name, { topic, calibration }] of cameras) {
    const kinds: TopicKind[] = ["picture", "raw-picture", "video"];
    requireTopic(path, topics, topic, `cameras.${name}.topic`, kinds);
    if (calibration !== undefined) {
      requireTopic(path, topics, calibration, `cameras.${name}.calibration`, ["calibration"]);
    }
  }
  if (mapping.boxes !== undefined) {
    requireTopic(path, topics, mapping.boxes.topic, "boxes.topic", ["boxes"]);
  }
  const { rows, tree, calibrations, numOrphans } = await readPositions(files, mapping, cameras);
  const { world, vehicle = "base_link" } = mapping.ego;
  if (ego.kind === "transforms" && world === undefined) {
    throw new DataConfigError(
      `mapping: ego.world is missing, and ego.topic ${ego.topic} holds transforms; name the fixed frame. Frames in the recording: ${tree.frames.join(", ")}.`,
    );
  }
  const egoRows =
    ego.kind === "transforms" ? egoRowsOfTree(tree, world ?? "", vehicle, { path }) : rows;
  if (mapping.clock === "stamp" && egoRows.length > 0 && egoRows.every((r) => r.stampUs === 0)) {
    throw new FormatError(
      "value",
      { path },
      `topic ${ego.topic}: all times in the messages are 0; expected the time of measurement. Put "clock: log" into the mapping to take the recorder's times.`,
    );
  }
  const { motion, startUs, origin, notes } = motionOfRows(path, egoRows, mapping.ego);
  checkMotion(motion, { path: `${path} topic ${ego.topic}` });
  const durationUs = motion.stampUs[motion.stampUs.length - 1];
  const onCar = {
    tree,
    vehicle: mapping.ego.vehicle ?? (egoRows[0].vehicle || vehicle),
    vehicleFromRig: se3OfOffset(mapping.ego.rig ?? noOffset),
    atUs: startUs,
  };
  const pictures =
    cameras.length === 0
      ? { streams: [], notes: ["No pictures imported."] }
      : await readCameras(
          files,
          cameras,
          { startUs, durationUs },
          {
            clock: mapping.clock,
            options,
            calibration: (camera, frameId, name) =>
              calibrationOf(
                name,
                camera,
                calibrations.get(camera.calibration ?? ""),
                frameId,
                onCar,
              ),
          },
        );
  const around =
    mapping.boxes === undefined
      ? null
      : await readBoxes(files, mapping.boxes, {
          egoRows,
          tree,
          vehicle: onCar.vehicle,
          startUs,
          durationUs,
          origin,
          clock: mapping.clock,
        });
  return {
    id: ref.id,
    source: {
      format: mcapSource.format,
      licence: mapping.licence,
      scenario: null,
      seed: null,
      facts: { recordedUs: startUs },
      notes: [
        ...notes,
        `Times: ${mapping.clock === "stamp" ? "stamps inside the messages" : "when the recorder got the messages"}.`,
        ...(numOrphans > 0
          ? [`${numOrphans} transforms that give a frame a second parent left out.`]
          : []),
        ...motionGaps(motion, gapLimitUs).map(
          (g) =>
            `Gap of ${((g.toUs - g.fromUs) * 1e-6).toFixed(2)} s after ${(g.fromUs * 1e-6).toFixed(2)} s: no samples there.`,
        ),
        ...pictures.notes,
        ...(around?.notes ?? []),
      ],
    },
    durationUs,
    egoMotion: motion,
    egoSize: mapping.egoSize ?? null,
    cameras: pictures.streams,
    actors: around?.actors ?? null,
    lights: null,
    map: null,
    route: null,
    decisions: null,
  };
}

export const mcapSource: DriveSource = {
  format: "mcap",
  aliases: ["ros2", "rosbag2", "foxglove"],
  version: 1,

  /** Recordings that no other importer knows: no drive files of ours, no telemetry beside a CARLA manifest. */
  async recognizes(path) {
    for await (const { files } of mcapSource.list(path)) {
      const [file] = files;
      const isCarla = await stat(join(dirname(dirname(file)), "manifest.jsonl")).catch(() => null);
      if (isCarla !== null) continue;
      const isOurs = await withFiles([file], async ([{ reader }]) => {
        for await (const _ of reader.readMetadata({ name: metadataName })) return true;
        return false;
      }).catch((error: unknown) => {
        // Damaged files are reported by the importer that lists them first.
        if (error instanceof FormatError) return true;
        throw error;
      });
      if (!isOurs) return true;
    }
    return false;
  },

  /** Every .mcap file is a recording; a folder with rosbag2's metadata.yaml is one, split over its files. */
  async *list(path) {
    const ref = (at: string, files: string[]): DriveRef => ({
      format: mcapSource.format,
      id: driveIdFrom("mcap", basename(at, ".mcap")),
      path: at,
      files,
    });
    if ((await stat(path)).isFile()) {
      if (path.endsWith(".mcap")) yield ref(path, [path]);
      return;
    }
    const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) =>
      byNumber.compare(a.name, b.name),
    );
    const recordings = entries.filter((e) => e.isFile() && e.name.endsWith(".mcap"));
    const files = recordings.map((e) => join(path, e.name));
    if (entries.some((e) => e.name === "metadata.yaml") && files.length > 0) yield ref(path, files);
    else for (const file of files) yield ref(file, [file]);
    for (const entry of entries) {
      if (entry.isDirectory()) yield* mcapSource.list(join(path, entry.name));
    }
  },

  async read(ref, options: ReadOptions = {}): Promise<Drive> {
    const given = options.mapping === undefined ? null : await readMapping(options.mapping);
    return withFiles(ref.files, async (files) => {
      if (given !== null) return readRecording(ref, files, given, options);
      const mapping = await assumedMapping(ref, files);
      const drive = await readRecording(ref, files, mapping, options);
      const notes = [assumedNote(mapping), ...drive.source.notes];
      return { ...drive, source: { ...drive.source, notes } };
    });
  },
};
