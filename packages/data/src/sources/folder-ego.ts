/** The table of ego motion of a folder of videos: columns by name, in the table's world, moved to the first pose. */
import { composeSe3, type EgoMotion, quatFromYaw, se3From } from "@causeway/geom";
import { FormatError } from "../errors.ts";
import { newMotion } from "../motion-columns.ts";
import { type ColumnTable, readColumns, timesUsOf } from "./column-tables.ts";
import { type FolderManifest, unitUs } from "./folder-manifest.ts";
import { localSlopes } from "./local-slope.ts";
import { noOffset, se3OfOffset } from "./topic-ego.ts";

/** Slower than this the direction of travel says nothing about the heading. */
const minHeadingSpeedMps = 0.5;

export interface EgoTable {
  readonly motion: EgoMotion;
  /** First time of the table on its own clock, microseconds. */
  readonly startUs: number;
  readonly notes: readonly string[];
}

const radians = (deg: number): number => (deg * Math.PI) / 180;

/** Heading along the path; held while the car stands, and the first one from where it begins to move. */
function headingsOf(vx: Float64Array, vy: Float64Array): Float64Array {
  const yaw = new Float64Array(vx.length);
  let last: number | null = null;
  let first = -1;
  for (let i = 0; i < yaw.length; i++) {
    if (Math.hypot(vx[i], vy[i]) >= minHeadingSpeedMps) {
      last = Math.atan2(vy[i], vx[i]);
      if (first < 0) first = i;
    }
    yaw[i] = last ?? 0;
  }
  if (first > 0) yaw.fill(yaw[first], 0, first);
  return yaw;
}

export async function readEgo(path: string, manifest: FolderManifest): Promise<EgoTable> {
  const rows = await readColumns(path);
  const { columns } = manifest;
  const named = (name: string) => columns[name] ?? name;
  const has = (...names: string[]) => names.every((n) => rows.names.includes(named(n)));
  const column = (name: string) => rows.numbers(named(name));
  if (!has("x", "y")) {
    throw new FormatError(
      "missing",
      { path, row: 1 },
      `no columns x and y; it has ${rows.names.join(", ") || "none"}. Rename them, or say "columns: { x: …, y: … }" in recording.yaml.`,
    );
  }
  const times = timesUsOf(rows, timeChoice(manifest, "t"));
  const startUs = times[0] ?? 0;
  const stampUs = times.map((t) => t - startUs);
  const n = stampUs.length;
  const [x, y] = [column("x"), column("y")];
  const z = has("z") ? column("z") : new Float64Array(n);
  const notes: string[] = [];
  const slopes = {
    x: localSlopes(stampUs, x),
    y: localSlopes(stampUs, y),
    z: localSlopes(stampUs, z),
  };
  let yaw: Float64Array;
  if (has("yaw")) yaw = column("yaw");
  else if (has("yaw_deg")) yaw = column("yaw_deg").map(radians);
  else yaw = headingsOf(slopes.x, slopes.y);
  const isTurned = has("qw", "qx", "qy", "qz");
  const quats = isTurned ? ["qw", "qx", "qy", "qz"].map(column) : null;
  if (quats === null && !has("yaw") && !has("yaw_deg")) {
    notes.push(
      "No heading in the table: it is the direction of travel, held while the car stands.",
    );
  }
  const shift = se3OfOffset(manifest.rig ?? noOffset);
  const motion = newMotion(stampUs);
  let origin = { x: 0, y: 0, z: 0 };
  for (let i = 0; i < n; i++) {
    const q =
      quats === null
        ? quatFromYaw(yaw[i])
        : { w: quats[0][i], x: quats[1][i], y: quats[2][i], z: quats[3][i] };
    const p = composeSe3(se3From(x[i], y[i], z[i], q), shift);
    if (i === 0) origin = { x: p.x, y: p.y, z: p.z };
    motion.x[i] = p.x - origin.x;
    motion.y[i] = p.y - origin.y;
    motion.z[i] = p.z - origin.z;
    motion.qw[i] = p.qw;
    motion.qx[i] = p.qx;
    motion.qy[i] = p.qy;
    motion.qz[i] = p.qz;
  }
  setVelocity(motion, rows, { has, column }, manifest, notes);
  return { motion, startUs, notes };
}

function timeChoice(manifest: FolderManifest, name: string) {
  const column = manifest.columns[name];
  return {
    ...(column === undefined ? {} : { column }),
    ...(manifest.time === undefined ? {} : { unitUs: unitUs[manifest.time] }),
  };
}

/** From vx, vy (world), from speed along the heading, or from the positions. */
function setVelocity(
  motion: EgoMotion,
  rows: ColumnTable,
  table: { has(...names: string[]): boolean; column(name: string): Float64Array },
  manifest: FolderManifest,
  notes: string[],
): void {
  const isMoved = manifest.rig !== undefined && Math.hypot(manifest.rig.x, manifest.rig.y) > 0;
  // Speeds are those of the point that the poses are of; another point needs the turn rate too.
  if (table.has("vx", "vy") && !isMoved) {
    motion.vx.set(table.column("vx"));
    motion.vy.set(table.column("vy"));
    if (table.has("vz")) motion.vz.set(table.column("vz"));
    notes.push("Velocity from the columns vx and vy, in the world's axes.");
  } else if (table.has("speed") && !isMoved) {
    const speed = table.column("speed");
    for (let i = 0; i < rows.numRows; i++) {
      const { qw: w, qx: x, qy: y, qz: z } = motion;
      // First column of the rotation matrix: the rig's x axis.
      motion.vx[i] = speed[i] * (1 - 2 * (y[i] * y[i] + z[i] * z[i]));
      motion.vy[i] = speed[i] * 2 * (x[i] * y[i] + w[i] * z[i]);
      motion.vz[i] = speed[i] * 2 * (x[i] * z[i] - w[i] * y[i]);
    }
    notes.push("Velocity is the column speed along the heading.");
  } else {
    motion.vx.set(localSlopes(motion.stampUs, motion.x));
    motion.vy.set(localSlopes(motion.stampUs, motion.y));
    motion.vz.set(localSlopes(motion.stampUs, motion.z));
    notes.push("Velocity is the slope of the positions over 0.2 s.");
  }
}
