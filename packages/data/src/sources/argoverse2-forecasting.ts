/** Argoverse 2 motion-forecasting scenarios: 11 s of tracks at 10 Hz in a Parquet file; the track "AV" is the ego. */
import { basename, dirname, join } from "node:path";
import { readdir } from "node:fs/promises";
import { quatFromYaw } from "@causeway/geom";
import { z } from "zod";
import { checkMotion, driveIdFrom } from "../check-drive.ts";
import type { ActorFrame, ActorKind, ActorState, Drive } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";
import { newMotion } from "../motion-columns.ts";
import { argoverse2EgoSize, argoverse2Licence, findFolders } from "./argoverse2.ts";
import { readArgoverse2Map } from "./argoverse2-map.ts";
import type { DriveRef, DriveSource } from "./source.ts";

const stepUs = 100_000;
const maxFileBytes = 512 * 2 ** 20;
const egoTrack = "AV";
const scenarioName = /^scenario_.+\.parquet$/;

const rowSchema = z.object({
  track_id: z.string(),
  object_type: z.string(),
  timestep: z.union([z.bigint(), z.number()]).transform(Number),
  position_x: z.number(),
  position_y: z.number(),
  heading: z.number(),
  velocity_x: z.number(),
  velocity_y: z.number(),
});
type Row = z.infer<typeof rowSchema>;
const columns = Object.keys(rowSchema.shape);

interface Shape {
  readonly kind: ActorKind;
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
}
/** The scenarios have no sizes: usual ones. */
const shapes: Readonly<Record<string, Shape>> = {
  vehicle: { kind: "car", lengthM: 4.6, widthM: 1.9, heightM: 1.6 },
  bus: { kind: "truck", lengthM: 12, widthM: 2.6, heightM: 3.2 },
  pedestrian: { kind: "pedestrian", lengthM: 0.6, widthM: 0.6, heightM: 1.7 },
  cyclist: { kind: "cyclist", lengthM: 1.8, widthM: 0.6, heightM: 1.7 },
  motorcyclist: { kind: "cyclist", lengthM: 2.2, widthM: 0.8, heightM: 1.6 },
  riderless_bicycle: { kind: "other", lengthM: 1.8, widthM: 0.5, heightM: 1.1 },
};
const otherShape: Shape = { kind: "other", lengthM: 1, widthM: 1, heightM: 1 };

async function readRows(path: string): Promise<Row[]> {
  const bytes = await readWholeFile(path, maxFileBytes);
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  let objects: Record<string, unknown>[];
  try {
    objects = await parquetReadObjects({ file: bytes.buffer as ArrayBuffer, columns, compressors });
  } catch (cause) {
    throw new FormatError(
      "format",
      { path },
      `cannot be read as Parquet with columns ${columns.join(", ")}: ${cause instanceof Error ? cause.message : String(cause)}. The file is damaged or of another kind (${bytes.byteLength} bytes); fetch it again.`,
      { cause },
    );
  }
  return objects.map((object, i) => {
    const row = rowSchema.safeParse(object);
    if (!row.success) {
      const issue = row.error.issues[0];
      throw new FormatError(
        "value",
        { path, row: i + 1 },
        `${issue.path.join(".")}: ${issue.message}. Leave the scenario out, or repair the row.`,
      );
    }
    return row.data;
  });
}

async function scenarioFiles(folder: string) {
  const names = await readdir(folder);
  const scenario = names.find((n) => scenarioName.test(n)) as string;
  const map = names.find((n) => n.startsWith("log_map_archive_") && n.endsWith(".json"));
  return {
    scenario: join(folder, scenario),
    map: map === undefined ? null : join(folder, map),
  };
}

function actorFrames(rows: readonly Row[], origin: { x: number; y: number }): ActorFrame[] {
  const ids = new Map<string, number>();
  const frames = new Map<number, ActorState[]>();
  for (const row of rows) {
    const frame = frames.get(row.timestep) ?? [];
    frames.set(row.timestep, frame);
    if (row.track_id === egoTrack) continue;
    const id = ids.get(row.track_id) ?? ids.size + 1;
    ids.set(row.track_id, id);
    frame.push({
      id,
      ...(shapes[row.object_type] ?? otherShape),
      x: row.position_x - origin.x,
      y: row.position_y - origin.y,
      z: 0,
      yaw: row.heading,
      speedMps: Math.hypot(row.velocity_x, row.velocity_y),
      braking: false,
      indicator: "none",
    });
  }
  return [...frames]
    .sort(([a], [b]) => a - b)
    .map(([step, actors]) => ({ stampUs: step * stepUs, actors }));
}

export const argoverse2ForecastingSource: DriveSource = {
  format: "argoverse2-forecasting",
  aliases: ["av2-forecasting"],
  version: 1,

  async recognizes(path) {
    for await (const _ of findFolders(path, (n) => n.some((f) => scenarioName.test(f))))
      return true;
    return false;
  },

  async *list(path) {
    for await (const folder of findFolders(path, (n) => n.some((f) => scenarioName.test(f)))) {
      const { scenario, map } = await scenarioFiles(folder);
      const ref: DriveRef = {
        format: argoverse2ForecastingSource.format,
        id: driveIdFrom("argoverse2", basename(scenario, ".parquet")),
        path: dirname(scenario),
        files: map === null ? [scenario] : [scenario, map],
      };
      yield ref;
    }
  },

  async read(ref): Promise<Drive> {
    const files = await scenarioFiles(ref.path);
    const rows = await readRows(files.scenario);
    const ego = rows.filter((r) => r.track_id === egoTrack).sort((a, b) => a.timestep - b.timestep);
    if (ego.length < 2) {
      throw new FormatError(
        "missing",
        { path: files.scenario },
        `${ego.length} rows of track "${egoTrack}", the ego; expected one per step. This is no full scenario.`,
      );
    }
    const first = ego[0].timestep;
    const origin = { x: ego[0].position_x, y: ego[0].position_y };
    const motion = newMotion(Float64Array.from(ego, (r) => (r.timestep - first) * stepUs));
    ego.forEach((row, i) => {
      const q = quatFromYaw(row.heading);
      motion.x[i] = row.position_x - origin.x;
      motion.y[i] = row.position_y - origin.y;
      motion.qw[i] = q.w;
      motion.qz[i] = q.z;
      motion.vx[i] = row.velocity_x;
      motion.vy[i] = row.velocity_y;
    });
    checkMotion(motion, { path: files.scenario });
    const durationUs = motion.stampUs[motion.stampUs.length - 1];
    const shifted = rows
      .map((r) => ({ ...r, timestep: r.timestep - first }))
      .filter((r) => r.timestep >= 0 && r.timestep * stepUs <= durationUs);
    const map = files.map === null ? null : await readArgoverse2Map(files.map, origin);
    return {
      id: ref.id,
      source: {
        format: argoverse2ForecastingSource.format,
        licence: argoverse2Licence,
        scenario: null,
        seed: null,
        notes: [
          `World: the city frame moved by (${origin.x.toFixed(3)}, ${origin.y.toFixed(3)}) m, not rotated; flat, the scenario has no heights.`,
          "Velocities are the scenario's own; its positions are smoothed apart from them.",
          "Actor sizes are usual ones for their type; brake lights and indicators are not recorded.",
          "The position of the ego track is taken as its rear axle.",
          ...(map?.notes ?? ["No map beside the scenario."]),
        ],
      },
      durationUs,
      egoMotion: motion,
      egoSize: argoverse2EgoSize,
      cameras: [],
      actors: actorFrames(shifted, origin),
      lights: null,
      map: map?.map ?? null,
      route: null,
      decisions: null,
    };
  },
};
