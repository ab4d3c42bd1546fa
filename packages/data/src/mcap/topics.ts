/** The layout of a drive file: topics, their messages, and the JSON ones as schemas. One table that writer and reader share. */
import { z } from "zod";
import { componentCategories, lateralDecisions, longitudinalDecisions } from "../decision.ts";
import { futureCount } from "../sample.ts";

/** Version of the layout; a reader refuses a newer one. */
export const driveSchemaVersion = 1;
export const metadataName = "causeway.drive";

export const topics = {
  egoMotion: "/ego/motion",
  transforms: "/tf",
  map: "/map",
  route: "/route",
  actors: "/scene/actors",
  lights: "/scene/lights",
  decisions: "/truth/decision",
  takeovers: "/truth/takeover",
  reasoning: "/reasoning",
  questions: "/questions",
  /** For viewers only; made from the exact topics above and not read back. */
  actorBoxes: "/scene/objects",
  mapLines: "/scene/map",
  egoBox: "/scene/ego",
  notes: "/text/notes",
  decisionText: "/text/decision",
  reasoningText: "/text/reasoning",
  questionText: "/text/questions",
  labelText: "/labels/text",
  labelScene: "/labels/scene",
} as const;

export const cameraTopic = (name: string) => `/camera/${name}`;
export const calibrationTopic = (name: string) => `/calibration/${name}`;
export const cameraPrefix = "/camera/";

/** Message of each protobuf topic. */
export const protobufMessages: Readonly<Record<string, string>> = {
  [topics.egoMotion]: "causeway.EgoState",
  [topics.transforms]: "foxglove.FrameTransform",
  [topics.map]: "causeway.RoadMap",
  [topics.actors]: "causeway.ActorFrame",
  [topics.actorBoxes]: "foxglove.SceneUpdate",
  [topics.mapLines]: "foxglove.SceneUpdate",
  [topics.egoBox]: "foxglove.SceneUpdate",
  [topics.notes]: "foxglove.Log",
  [topics.decisionText]: "foxglove.Log",
  [topics.reasoningText]: "foxglove.Log",
  [topics.questionText]: "foxglove.Log",
  [topics.labelText]: "foxglove.Log",
  [topics.labelScene]: "foxglove.SceneUpdate",
};

export const lightFrameSchema = z.object({
  lights: z
    .array(z.object({ id: z.number(), color: z.enum(["red", "yellow", "green", "off"]) }))
    .readonly(),
});

export const routeStepSchema = z.object({
  command: z.enum(["straight", "left", "right", "lane_change_left", "lane_change_right"]),
  distanceM: z.number().nullable(),
});

const componentSchema = z.object({
  id: z.string(),
  category: z.enum(componentCategories),
  kind: z.string(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

export const decisionSchema = z.object({
  longitudinal: z.enum(longitudinalDecisions).nullable(),
  lateral: z.enum(lateralDecisions).nullable(),
  lateralSide: z.enum(["left", "right"]).nullable(),
  components: z.array(componentSchema),
  causeIds: z.array(z.string()),
});

export const reasoningSchema = z.object({ text: z.string() });

export const questionFrameSchema = z.object({
  questions: z
    .array(z.object({ kind: z.string(), question: z.string(), answer: z.string() }))
    .readonly(),
  objects: z
    .array(
      z.object({
        name: z.string(),
        category: z.string().nullable(),
        status: z.string().nullable(),
        description: z.string().nullable(),
        boxPx: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullable(),
      }),
    )
    .readonly(),
});

const planColumn = z.array(z.number()).length(futureCount);
export const takeoverSchema = z.object({
  x: planColumn,
  y: planColumn,
  z: planColumn,
  yaw: planColumn,
});

/** JSON topics: name of the schema and the schema itself. */
export const jsonMessages: Readonly<Record<string, { name: string; schema: z.ZodType }>> = {
  [topics.lights]: { name: "causeway.LightFrame", schema: lightFrameSchema },
  [topics.route]: { name: "causeway.RouteStep", schema: routeStepSchema },
  [topics.decisions]: { name: "causeway.DrivingDecision", schema: decisionSchema },
  [topics.reasoning]: { name: "causeway.ReasoningEvent", schema: reasoningSchema },
  [topics.questions]: { name: "causeway.QuestionFrame", schema: questionFrameSchema },
  [topics.takeovers]: { name: "causeway.Takeover", schema: takeoverSchema },
};

export const egoSizeSchema = z.object({
  lengthM: z.number(),
  widthM: z.number(),
  heightM: z.number(),
  rearAxleToCenterM: z.number(),
});

const lensSchema = z.object({
  model: z.literal("ftheta"),
  width: z.number().int(),
  height: z.number().int(),
  cx: z.number(),
  cy: z.number(),
  forward: z.array(z.number()).readonly(),
  backward: z.array(z.number()).readonly(),
  rigFromCamera: z.object({
    x: z.number(),
    y: z.number(),
    z: z.number(),
    qw: z.number(),
    qx: z.number(),
    qy: z.number(),
    qz: z.number(),
  }),
});

/** The metadata record that names the drive. MCAP metadata are strings, so the rest is one JSON value. */
export const headSchema = z.object({
  id: z.string(),
  durationUs: z.number().int().nonnegative(),
  source: z.object({
    format: z.string(),
    licence: z.string(),
    scenario: z.string().nullable(),
    seed: z.number().nullable(),
    recording: z.string().exactOptional(),
    clockOffsetUs: z.number().int().exactOptional(),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).exactOptional(),
    notes: z.array(z.string()),
  }),
  egoSize: egoSizeSchema.nullable(),
  /** Said where there is none, so that a file that lost its motion is not taken for one. */
  hasMotion: z.literal(false).exactOptional(),
  /** Order of the cameras. */
  cameras: z.array(z.string()),
  /** Lenses that are no pinholes, by camera. */
  lenses: z.record(z.string(), lensSchema).exactOptional(),
});
export type DriveHead = z.infer<typeof headSchema>;
