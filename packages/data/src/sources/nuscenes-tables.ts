/**
 * The tables of a nuScenes folder (`v1.0-*`), by token, and where in a folder they, the pictures and a DriveLM file are. The
 * three large ones (1.2 GB of `sample_data.json` in the complete data set) stay on the disk: their rows are read scene by
 * scene.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { FormatError } from "../errors.ts";
import { indexTable, readTable, type RowIndex } from "./row-index.ts";

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
    token,
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

type SmallTable = "calibrated_sensor" | "sensor" | "log";

/** What one scene needs; rows of the large tables are read when they are asked for. */
export interface NuscenesTables {
  samples(sceneToken: string): readonly Row<"sample">[];
  /** In the order of the table. */
  sceneRows(sceneToken: string): Promise<readonly Row<"sample_data">[]>;
  /** Ego poses that the rows name, in their order. */
  poses(rows: readonly Row<"sample_data">[]): Promise<readonly Row<"ego_pose">[]>;
  row<Name extends SmallTable>(table: Name, token: string, from: string): Row<Name>;
  /** Boxes of the scene's key frames, by sample token; null where the folder has no such table. */
  boxes(sceneToken: string): Promise<ReadonlyMap<string, readonly NuscenesBox[]> | null>;
}

export interface NuscenesRoot {
  readonly path: string;
  /** Folder of the tables. */
  readonly tablesPath: string;
  readonly scenes: readonly Row<"scene">[];
  /** Reads the other tables the first time, which takes about a minute for the complete data set. */
  tables(watch?: TableWatch): Promise<NuscenesTables>;
}

export interface TableWatch {
  onProgress?(progress: TableProgress): void;
  readonly signal?: AbortSignal;
}

export interface TableProgress {
  /** File that is being read. */
  readonly name: string;
  /** Of all tables together. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type NuscenesBox = z.infer<typeof boxTables.sample_annotation> & {
  readonly category: string;
};

function grouped<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}

/** Reads the list of scenes alone. */
export async function openNuscenes(tablesPath: string): Promise<NuscenesRoot> {
  const scenes = await readTable(join(tablesPath, "scene.json"), tables.scene);
  let opened: Promise<NuscenesTables> | null = null;
  return {
    path: dirname(tablesPath),
    tablesPath,
    scenes,
    tables(watch) {
      opened ??= readTables(tablesPath, scenes, watch).catch((error: unknown) => {
        // A damaged table stays damaged; what was stopped may be tried again.
        if ((error as Error).name === "AbortError") opened = null;
        throw error;
      });
      return opened;
    },
  };
}

const largeNames = ["sample_data", "ego_pose", "sample_annotation"] as const;

async function readTables(
  tablesPath: string,
  scenes: readonly Row<"scene">[],
  { onProgress, signal }: TableWatch = {},
): Promise<NuscenesTables> {
  const pathOf = (name: string) => join(tablesPath, `${name}.json`);
  const sizes = new Map<string, number>();
  for (const name of largeNames) {
    sizes.set(name, (await stat(pathOf(name)).catch(() => null))?.size ?? 0);
  }
  const totalBytes = [...sizes.values()].reduce((a, b) => a + b, 0);
  let readBytes = 0;
  const index = async <T extends { readonly token: string }>(
    name: (typeof largeNames)[number],
    schema: z.ZodType<T>,
    groupOf: (row: T) => number,
  ): Promise<RowIndex<T>> => {
    const report = (done: number) =>
      onProgress?.({ name: `${name}.json`, doneBytes: readBytes + done, totalBytes });
    const rows = await indexTable(pathOf(name), schema, groupOf, { onBytes: report, signal });
    readBytes += sizes.get(name) ?? 0;
    return rows;
  };
  const byToken = async <T extends { readonly token: string }>(
    name: string,
    schema: z.ZodType<T>,
  ): Promise<ReadonlyMap<string, T>> =>
    new Map((await readTable(pathOf(name), schema)).map((row) => [row.token, row]));

  const sceneNumbers = new Map(scenes.map((scene, i) => [scene.token, i]));
  const samples = grouped(await readTable(pathOf("sample"), tables.sample), (s) => s.scene_token);
  const sceneOfSample = new Map<string, number>();
  for (const [scene, rows] of samples) {
    for (const sample of rows) sceneOfSample.set(sample.token, sceneNumbers.get(scene) ?? -1);
  }
  /** -1: of no scene here, as in tables that were cut. */
  const sceneOf = (row: { readonly sample_token: string }) =>
    sceneOfSample.get(row.sample_token) ?? -1;
  const small: { readonly [Name in SmallTable]: ReadonlyMap<string, Row<Name>> } = {
    calibrated_sensor: await byToken("calibrated_sensor", tables.calibrated_sensor),
    sensor: await byToken("sensor", tables.sensor),
    log: await byToken("log", tables.log),
  };
  const hasBoxes = (await stat(pathOf("sample_annotation")).catch(() => null)) !== null;
  const categories = hasBoxes ? await byToken("category", boxTables.category) : null;
  const instances = hasBoxes ? await byToken("instance", boxTables.instance) : null;
  const categoryOf = (instance: string) =>
    categories?.get(instances?.get(instance)?.category_token ?? "")?.name ?? "";

  const data = await index("sample_data", tables.sample_data, sceneOf);
  const poses = await index("ego_pose", tables.ego_pose, () => 0);
  const annotations = hasBoxes
    ? await index("sample_annotation", boxTables.sample_annotation, sceneOf)
    : null;

  const missing = (table: string, wanted: string, from: string) =>
    new FormatError(
      "missing",
      { path: pathOf(table) },
      `no row ${wanted}, which ${from} names. The tables do not belong together: fetch them again.`,
    );
  const numberOf = (scene: string) => sceneNumbers.get(scene) ?? -2;
  return {
    samples: (scene) => samples.get(scene) ?? [],
    sceneRows: (scene) => data.inGroup(numberOf(scene)),
    async poses(rows) {
      const found = await poses.withTokens(rows.map((row) => row.ego_pose_token));
      return found.map((pose, i) => {
        if (pose !== undefined) return pose;
        throw missing("ego_pose", rows[i].ego_pose_token, rows[i].filename);
      });
    },
    async boxes(scene) {
      if (annotations === null) return null;
      const rows = await annotations.inGroup(numberOf(scene));
      return grouped(
        rows.map((row) => ({ ...row, category: categoryOf(row.instance_token) })),
        (row) => row.sample_token,
      );
    },
    row(table, wanted, from) {
      const row = small[table].get(wanted);
      if (row === undefined) throw missing(table, wanted, from);
      return row;
    },
  };
}

export interface NuscenesPlaces {
  /** Folder of the tables, or null. */
  readonly tables: string | null;
  /** DriveLM file, or null. */
  readonly drivelm: string | null;
  /** Folder that holds `samples`, the pictures of the key frames, or null. */
  readonly pictures: string | null;
}

const drivelmName = /^(train_sample|v1_\d_.*_nus.*|.*drivelm.*)\.json$/i;

/** Looks for them at or below a folder, by their names. */
export async function findPlaces(path: string, depth = 6): Promise<NuscenesPlaces> {
  if ((await stat(path)).isFile()) {
    const isDrivelm = drivelmName.test(basename(path));
    return { tables: null, drivelm: isDrivelm ? path : null, pictures: null };
  }
  const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const names = new Set(entries.map((e) => e.name));
  let tables = names.has("scene.json") && names.has("ego_pose.json") ? path : null;
  let pictures = names.has("samples") ? path : null;
  let drivelm: string | null = null;
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
    tables ??= below.tables;
    drivelm ??= below.drivelm;
    pictures ??= below.pictures;
  }
  return { tables, drivelm, pictures };
}
