/** CARLA route-loop recordings: a manifest with one row a frame, and telemetry segments as MCAP with JSON messages. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { quatFromYawPitchRoll } from "@causeway/geom";
import { z } from "zod";
import { checkMotion, driveIdFrom } from "../check-drive.ts";
import type {
  ActorFrame,
  ActorKind,
  ActorState,
  CameraFrame,
  Drive,
  LightFrame,
  PinholeCalibration,
} from "../drive.ts";
import { FormatError } from "../errors.ts";
import { parseJson, readWholeFile } from "../io/json.ts";
import { explain, openMcap } from "../mcap/mcap-file.ts";
import { newMotion } from "../motion-columns.ts";
import { findFolders } from "./argoverse2.ts";
import { carlaDecisions, carlaRoute } from "./carla-decisions.ts";
import {
  type CarlaRow,
  type CarlaTrack,
  handEvidence,
  readManifest,
  requireLeftHanded,
  requireYawAlongPath,
} from "./carla-frames.ts";
import type { DriveRef, DriveSource, ReadOptions } from "./source.ts";
import { keptFrames, wantsCamera } from "./video-pictures.ts";

const manifestName = "manifest.jsonl";
const cameraName = "camera_front";
const topics = {
  camera: "/camera/front/compressed",
  state: "/ego/state",
  vehicles: "/world/npc_vehicles",
  lights: "/world/traffic_lights",
  transforms: "/tf",
  marker: "/ego/marker",
} as const;

const frameId = z.number().int();
const poseSchema = z.object({ x: z.number(), y: z.number(), z: z.number(), yaw_deg: z.number() });
const sizeSchema = z.object({ x: z.number(), y: z.number(), z: z.number() });
const stateSchema = z.object({ frame_id: frameId, pose: poseSchema });
const vehiclesSchema = z.object({
  frame_id: frameId,
  vehicles: z.array(
    z.object({
      actor_id: z.number().int(),
      type_id: z.string(),
      speed_mps: z.number(),
      pose: poseSchema,
      size: sizeSchema,
    }),
  ),
});
const lightsSchema = z.object({
  frame_id: frameId,
  lights: z.array(z.object({ actor_id: z.number().int(), state: z.string() })),
});
const imageSchema = z.object({ data: z.string(), format: z.string().optional() });
const transformsSchema = z.object({
  transforms: z.array(z.object({ child_frame_id: z.string(), translation: sizeSchema })),
});
const markerSchema = z.object({
  entities: z.array(z.object({ cubes: z.array(z.object({ size: sizeSchema })) })),
});
const summarySchema = z.looseObject({
  camera_width: z.number().optional(),
  camera_height: z.number().optional(),
  camera_fov: z.number().optional(),
});

const big = /firetruck|ambulance|sprinter|fusorosa|cybertruck|carlacola|european_hgv|truck|bus/;
const twoWheels = /crossbike|omafiets|century|low_rider|ninja|yzf|zx125|bicycle|motorcycle/;

function kindOf(typeId: string): ActorKind {
  if (typeId.startsWith("walker.")) return "pedestrian";
  if (twoWheels.test(typeId)) return "cyclist";
  if (big.test(typeId)) return "truck";
  return typeId.startsWith("vehicle.") ? "car" : "other";
}

interface Telemetry {
  readonly state: CarlaTrack;
  readonly actors: Map<number, ActorState[]>;
  readonly lights: Map<number, LightFrame["lights"]>;
  /** By simulator frame. */
  readonly pictures: Map<number, Uint8Array>;
  readonly cameraAt: { x: number; y: number; z: number } | null;
  readonly egoSize: { x: number; y: number; z: number } | null;
}

const radians = (deg: number): number => (deg * Math.PI) / 180;

async function readTelemetry(
  segments: readonly string[],
  wantsPictures: boolean,
): Promise<Telemetry> {
  const state = {
    frameId: [] as number[],
    x: [] as number[],
    y: [] as number[],
    yawRad: [] as number[],
  };
  const actors = new Map<number, ActorState[]>();
  const lights = new Map<number, LightFrame["lights"]>();
  const pictures = new Map<number, Uint8Array>();
  let cameraAt: Telemetry["cameraAt"] = null;
  let egoSize: Telemetry["egoSize"] = null;
  for (const path of segments) {
    const file = await openMcap(path);
    try {
      await explain(path, async () => {
        const wanted = Object.values(topics).filter((t) => wantsPictures || t !== topics.camera);
        for await (const message of file.reader.readMessages({ topics: wanted })) {
          const topic = file.reader.channelsById.get(message.channelId)?.topic;
          const place = { path };
          const read = <T>(schema: z.ZodType<T>): T => {
            const parsed = schema.safeParse(parseJson(message.data, place));
            if (parsed.success) return parsed.data;
            const issue = parsed.error.issues[0];
            throw new FormatError(
              "format",
              place,
              `${topic} at ${Number(message.logTime) * 1e-9} s: ${issue.path.join(".")}: ${issue.message}. The recorder has another layout.`,
            );
          };
          if (topic === topics.state) {
            const { frame_id, pose } = read(stateSchema);
            state.frameId.push(frame_id);
            state.x.push(pose.x);
            state.y.push(pose.y);
            state.yawRad.push(radians(pose.yaw_deg));
          } else if (topic === topics.vehicles) {
            const { frame_id, vehicles } = read(vehiclesSchema);
            actors.set(
              frame_id,
              vehicles.map((v) => ({
                id: v.actor_id,
                kind: kindOf(v.type_id),
                x: v.pose.x,
                // Raw simulator numbers: y and yaw to the right.
                y: -v.pose.y,
                z: v.pose.z,
                yaw: -radians(v.pose.yaw_deg),
                speedMps: v.speed_mps,
                lengthM: v.size.x,
                widthM: v.size.y,
                heightM: v.size.z,
                braking: false,
                indicator: "none",
              })),
            );
          } else if (topic === topics.lights) {
            const row = read(lightsSchema);
            lights.set(
              row.frame_id,
              row.lights.map(({ actor_id, state: color }) => ({
                id: actor_id,
                color: color === "red" || color === "yellow" || color === "green" ? color : "off",
              })),
            );
          } else if (topic === topics.camera) {
            // Its frame_id is text; the sequence number is the simulator's frame.
            pictures.set(
              message.sequence,
              new Uint8Array(Buffer.from(read(imageSchema).data, "base64")),
            );
          } else if (topic === topics.transforms && cameraAt === null) {
            const at = read(transformsSchema).transforms.find((t) =>
              /camera/.test(t.child_frame_id),
            );
            cameraAt = at?.translation ?? null;
          } else if (topic === topics.marker && egoSize === null) {
            egoSize = read(markerSchema).entities[0]?.cubes[0]?.size ?? null;
          }
        }
      });
    } finally {
      await file.close();
    }
  }
  return { state, actors, lights, pictures, cameraAt, egoSize };
}

/** Right-handed motion from the manifest; origin at the first pose. */
export function carlaMotion(rows: readonly CarlaRow[]) {
  const t0 = rows[0].timestamp;
  const motion = newMotion(Float64Array.from(rows, (r) => Math.round((r.timestamp - t0) * 1e6)));
  rows.forEach((row, i) => {
    motion.x[i] = row.vehicle_x - rows[0].vehicle_x;
    motion.y[i] = -(row.vehicle_y - rows[0].vehicle_y);
    motion.z[i] = row.vehicle_z - rows[0].vehicle_z;
    const yaw = -radians(row.vehicle_yaw_deg);
    const q = quatFromYawPitchRoll(yaw, 0, 0);
    motion.qw[i] = q.w;
    motion.qx[i] = q.x;
    motion.qy[i] = q.y;
    motion.qz[i] = q.z;
    motion.vx[i] = row.speed * Math.cos(yaw);
    motion.vy[i] = row.speed * Math.sin(yaw);
  });
  return motion;
}

async function segmentsOf(folder: string): Promise<string[]> {
  const at = join(folder, "telemetry");
  const names = await readdir(at).catch(() => [] as string[]);
  return names
    .filter((n) => /^segment_\d+\.mcap$/.test(n))
    .sort()
    .map((n) => join(at, n));
}

const defaultFovDeg = 60;

function calibrationOf(
  summary: z.infer<typeof summarySchema>,
  at: Telemetry["cameraAt"],
): PinholeCalibration | null {
  const { camera_width: width, camera_height: height } = summary;
  if (width === undefined || height === undefined || at === null) return null;
  const f = width / 2 / Math.tan(radians(summary.camera_fov ?? defaultFovDeg) / 2);
  return {
    model: "pinhole",
    width,
    height,
    fx: f,
    fy: f,
    cx: width / 2,
    cy: height / 2,
    rigFromCamera: { x: at.x, y: at.y, z: at.z, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 },
  };
}

export const carlaSource: DriveSource = {
  format: "carla",
  aliases: ["carla-route-loop"],
  version: 2,

  async recognizes(path) {
    for await (const _ of this.list(path)) return true;
    return false;
  },

  async *list(path) {
    const isRun = (names: readonly string[]) =>
      names.includes(manifestName) && names.includes("telemetry");
    for await (const folder of findFolders(path, isRun)) {
      const ref: DriveRef = {
        format: carlaSource.format,
        id: driveIdFrom("carla", basename(folder)),
        path: folder,
        files: [
          join(folder, manifestName),
          join(folder, "summary.json"),
          ...(await segmentsOf(folder)),
        ],
      };
      yield ref;
    }
  },

  async read(ref, options: ReadOptions = {}): Promise<Drive> {
    const manifest = join(ref.path, manifestName);
    const rows = await readManifest(manifest);
    const wantsPictures = wantsCamera(cameraName, options);
    const telemetry = await readTelemetry(await segmentsOf(ref.path), wantsPictures);
    const evidence = handEvidence(
      rows,
      telemetry.state.frameId.length > 0 ? telemetry.state : null,
    );
    requireYawAlongPath(manifest, rows);
    requireLeftHanded(manifest, evidence);
    const motion = carlaMotion(rows);
    checkMotion(motion, { path: manifest });
    const { stampUs } = motion;
    const durationUs = stampUs[stampUs.length - 1];
    const origin = rows[0];
    const actors: ActorFrame[] = [];
    const lights: LightFrame[] = [];
    rows.forEach((row, i) => {
      const there = telemetry.actors.get(row.frame_id);
      if (there !== undefined) {
        actors.push({
          stampUs: stampUs[i],
          actors: there.map((a) => ({
            ...a,
            x: a.x - origin.vehicle_x,
            y: a.y + origin.vehicle_y,
            z: a.z - origin.vehicle_z,
          })),
        });
      }
      const seen = telemetry.lights.get(row.frame_id);
      if (seen !== undefined) lights.push({ stampUs: stampUs[i], lights: seen });
    });
    const shown = rows.flatMap((row, i) => {
      const bytes = telemetry.pictures.get(row.frame_id);
      return bytes === undefined ? [] : [{ stampUs: stampUs[i], encoding: "jpeg" as const, bytes }];
    });
    const kept = keptFrames(
      Float64Array.from(shown, (f) => f.stampUs),
      { fromUs: 0, toUs: durationUs },
      options,
    );
    const frames: CameraFrame[] = kept.map((i) => shown[i]);
    const summaryPath = join(ref.path, "summary.json");
    const hasSummary = (await stat(summaryPath).catch(() => null)) !== null;
    const summary = summarySchema.safeParse(
      hasSummary ? parseJson(await readWholeFile(summaryPath, 2 ** 20), { path: summaryPath }) : {},
    );
    const { egoSize } = telemetry;
    const facts: Record<string, string> = { episode: origin.episode_id };
    if (origin.town_id !== undefined) facts.town = origin.town_id;
    if (origin.weather_id !== undefined) facts.weather = origin.weather_id;
    if (origin.route_id !== undefined) facts.route = origin.route_id;
    return {
      id: ref.id,
      source: {
        format: carlaSource.format,
        licence: "unknown (your own simulation)",
        scenario: null,
        seed: null,
        recording: driveIdFrom("carla", origin.route_id ?? basename(ref.path)),
        facts,
        notes: [
          `Left-handed poses mirrored to right-handed (${evidence.map((e) => `${e.name}: ${e.detail}`).join("; ")}).`,
          "Rig is the vehicle's own origin, near its centre: the recording does not say where the rear axle is.",
          "Velocity is the recorded speed along the heading.",
          `World: the map mirrored, moved by (${origin.vehicle_x}, ${-origin.vehicle_y}, ${origin.vehicle_z}) m.`,
          frames.length > 0
            ? `Camera: no intrinsics recorded; ${defaultFovDeg} degrees wide assumed where the summary names none.`
            : "No pictures imported.",
        ],
      },
      durationUs,
      egoMotion: motion,
      egoSize:
        egoSize === null
          ? null
          : { lengthM: egoSize.x, widthM: egoSize.y, heightM: egoSize.z, rearAxleToCenterM: 0 },
      cameras:
        frames.length === 0
          ? []
          : [
              {
                name: cameraName,
                calibration: calibrationOf(summary.data ?? {}, telemetry.cameraAt),
                frames,
              },
            ],
      actors: actors.length > 0 ? actors : null,
      lights: lights.length > 0 ? lights : null,
      map: null,
      route: carlaRoute(rows, stampUs),
      decisions: carlaDecisions(rows, stampUs),
    };
  },
};
