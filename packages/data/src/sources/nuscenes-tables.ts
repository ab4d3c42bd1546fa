/** The tables of a nuScenes folder (`v1.0-*`), by token, and the questions of a DriveLM file. */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { FormatError } from "../errors.ts";
import { parseJson, readWholeFile } from "../io/json.ts";

/** Whole tables are held; that of the complete data set (`sample_data.json`, more than 1 GB) does not fit. */
const maxTableBytes = 512 * 2 ** 20;

const token = z.string();
const vector = z.tuple([z.number(), z.number(), z.number()]);
/** w, x, y, z */
const quat = z.tuple([z.number(), z.number(), z.number(), z.number()]);

const tables = {
  scene: z.object({
    token,
    log_token: token,
    first_sample_token: token,
    name: z.string(),
    description: z.string(),
  }),
  sample: z.object({ token, timestamp: z.number(), scene_token: token }),
  sample_data: z.object({
    token,
    sample_token: token,
    ego_pose_token: token,
    calibrated_sensor_token: token,
    timestamp: z.number().int(),
    width: z.number(),
    height: z.number(),
    filename: z.string(),
  }),
  ego_pose: z.object({
    token,
    timestamp: z.number().int(),
    rotation: quat,
    translation: vector,
  }),
  calibrated_sensor: z.object({
    token,
    sensor_token: token,
    translation: vector,
    rotation: quat,
    camera_intrinsic: z.array(z.array(z.number())),
  }),
  sensor: z.object({ token, channel: z.string(), modality: z.string() }),
  log: z.object({ token, location: z.string(), date_captured: z.string() }),
} as const;
type TableName = keyof typeof tables;
type Row<Name extends TableName> = z.infer<(typeof tables)[Name]>;

/** Optional: without them there are no boxes. */
const boxTables = {
  sample_annotation: z.object({
    sample_token: token,
    instance_token: token,
    translation: vector,
    /** width, length, height */
    size: vector,
    rotation: quat,
  }),
  instance: z.object({ token, category_token: token }),
  category: z.object({ token, name: z.string() }),
} as const;

export interface NuscenesRoot {
  readonly path: string;
  /** Folder of the tables. */
  readonly tablesPath: string;
  readonly scenes: readonly Row<"scene">[];
  sceneRows(sceneToken: string): readonly Row<"sample_data">[];
  samples(sceneToken: string): readonly Row<"sample">[];
  row<Name extends "ego_pose" | "calibrated_sensor" | "sensor" | "log">(
    table: Name,
    token: string,
    from: string,
  ): Row<Name>;
  /** Boxes of a key frame with the name of their category; null where the folder has no such table. */
  boxes(sampleToken: string): readonly NuscenesBox[] | null;
}

export type NuscenesBox = z.infer<typeof boxTables.sample_annotation> & {
  readonly category: string;
};

async function readTable<T>(path: string, schema: z.ZodType<T>): Promise<T[]> {
  const bytes = await readWholeFile(path, maxTableBytes);
  const limits = { maxBytes: maxTableBytes, maxDepth: 16 };
  const value = parseJson(bytes, { path }, limits);
  if (!Array.isArray(value)) {
    throw new FormatError("format", { path }, "holds no list; expected a nuScenes table.");
  }
  return value.map((row, i) => {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new FormatError(
      "format",
      { path, row: i + 1 },
      `${issue.path.join(".") || "row"}: ${issue.message}. Expected a row of the nuScenes schema; fetch the tables again.`,
    );
  });
}

function grouped<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}

export async function openNuscenes(tablesPath: string): Promise<NuscenesRoot> {
  const read = <Name extends TableName>(name: Name) =>
    readTable(join(tablesPath, `${name}.json`), tables[name] as unknown as z.ZodType<Row<Name>>);
  const scenes = await read("scene");
  const samples = grouped(await read("sample"), (s) => s.scene_token);
  const sceneOfSample = new Map<string, string>();
  for (const [scene, rows] of samples) for (const s of rows) sceneOfSample.set(s.token, scene);
  const data = grouped(await read("sample_data"), (d) => sceneOfSample.get(d.sample_token) ?? "");
  const byToken = {
    ego_pose: new Map((await read("ego_pose")).map((r) => [r.token, r])),
    calibrated_sensor: new Map((await read("calibrated_sensor")).map((r) => [r.token, r])),
    sensor: new Map((await read("sensor")).map((r) => [r.token, r])),
    log: new Map((await read("log")).map((r) => [r.token, r])),
  };
  let boxes: Map<string, NuscenesBox[]> | null = null;
  if ((await stat(join(tablesPath, "sample_annotation.json")).catch(() => null)) !== null) {
    const table = <T>(name: string, schema: z.ZodType<T>) =>
      readTable(join(tablesPath, `${name}.json`), schema);
    const categories = new Map(
      (await table("category", boxTables.category)).map((c) => [c.token, c.name]),
    );
    const categoryOf = new Map(
      (await table("instance", boxTables.instance)).map((i) => [
        i.token,
        categories.get(i.category_token) ?? "",
      ]),
    );
    const rows = await table("sample_annotation", boxTables.sample_annotation);
    boxes = grouped(
      rows.map((r) => ({ ...r, category: categoryOf.get(r.instance_token) ?? "" })),
      (r) => r.sample_token,
    );
  }
  return {
    path: dirname(tablesPath),
    tablesPath,
    scenes,
    sceneRows: (scene) => data.get(scene) ?? [],
    samples: (scene) => samples.get(scene) ?? [],
    boxes: (sample) => (boxes === null ? null : (boxes.get(sample) ?? [])),
    row(table, wanted, from) {
      const row = byToken[table].get(wanted);
      if (row === undefined) {
        throw new FormatError(
          "missing",
          { path: join(tablesPath, `${table}.json`) },
          `no row ${wanted}, which ${from} names. The tables do not belong together: fetch them again.`,
        );
      }
      return row as Row<typeof table>;
    },
  };
}

const question = z.object({ Q: z.string(), A: z.string() });
const stages = ["perception", "prediction", "planning", "behavior"] as const;
const drivelmSchema = z.record(
  z.string(),
  z.object({
    scene_description: z.string().optional(),
    key_frames: z.record(
      z.string(),
      z.object({
        QA: z.partialRecord(z.enum(stages), z.array(question)).optional(),
        image_paths: z.record(z.string(), z.string()).optional(),
      }),
    ),
  }),
);
/** Scenes by nuScenes token, key frames by sample token. */
export type DrivelmScenes = z.infer<typeof drivelmSchema>;

export async function readDrivelm(path: string): Promise<DrivelmScenes> {
  const value = parseJson(await readWholeFile(path, maxTableBytes), { path });
  const parsed = drivelmSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FormatError(
    "format",
    { path },
    `${issue.path.join(".") || "top level"}: ${issue.message}. Expected scenes with key_frames and QA, as DriveLM-nuScenes has them.`,
  );
}

export interface NuscenesPlaces {
  /** Folder of the tables, or null. */
  readonly tables: string | null;
  /** DriveLM file, or null. */
  readonly drivelm: string | null;
}

const drivelmName = /^(train_sample|v1_\d_.*_nus.*|.*drivelm.*)\.json$/i;

/** Looks for the tables and the DriveLM file at or below a folder, by their names. */
export async function findPlaces(path: string, depth = 6): Promise<NuscenesPlaces> {
  let [tablesAt, drivelm]: [string | null, string | null] = [null, null];
  const info = await stat(path);
  if (info.isFile())
    return { tables: null, drivelm: drivelmName.test(path.split("/").pop() ?? "") ? path : null };
  const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const names = new Set(entries.map((e) => e.name));
  if (names.has("scene.json") && names.has("ego_pose.json")) tablesAt = path;
  for (const entry of entries) {
    const child = join(path, entry.name);
    if (entry.isFile() && drivelmName.test(entry.name)) drivelm ??= child;
    // Pictures and sweeps are many, and hold no tables.
    if (
      !entry.isDirectory() ||
      depth === 0 ||
      /^(samples|sweeps|lidarseg|maps)$/.test(entry.name)
    ) {
      continue;
    }
    const below = await findPlaces(child, depth - 1);
    tablesAt ??= below.tables;
    drivelm ??= below.drivelm;
  }
  return { tables: tablesAt, drivelm };
}
