/** Which topic of a recording is what: the mapping file (YAML) of the MCAP importer. */
import { parse } from "yaml";
import { z } from "zod";
import { DataConfigError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";
import type { TopicInfo } from "./topic-messages.ts";

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
