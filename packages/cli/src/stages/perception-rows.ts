/** Perception targets in a row of `labels/samples.jsonl`: the set bits only, per camera. */
import type { DriveHandle } from "@causeway/data";
import { lastAtOrBefore, poseAt } from "@causeway/geom";
import { perceptionChannels, perceptionTargets } from "@causeway/label";

export interface PerceptionRow {
  readonly rows: number;
  readonly columns: number;
  /** Camera name to indices of cells x channels that are 1. */
  readonly seen: Readonly<Record<string, readonly number[]>>;
}

/** Side of a cell: what one visual token covers (16 px patches, merged 2 x 2). */
const cellPx = 32;

/** A function from t0 to its row; null rows for drives without truth. Everything is read once. */
export async function perceptionOf(
  drive: DriveHandle,
): Promise<(t0Us: number) => PerceptionRow | null> {
  const [actors, lights, map] = await Promise.all([drive.actors(), drive.lights(), drive.map()]);
  const first = drive.cameras.find((c) => c.calibration !== null)?.calibration;
  if (actors === null || lights === null || map === null || first === undefined || first === null)
    return () => null;
  const grid = {
    rows: Math.floor(first.height / cellPx),
    columns: Math.floor(first.width / cellPx),
  };
  const actorStamps = Float64Array.from(actors, (f) => f.stampUs);
  const lightStamps = Float64Array.from(lights, (f) => f.stampUs);
  return (t0Us) => {
    const scene = {
      worldFromRig: poseAt(drive.egoMotion, t0Us),
      actors: actors[lastAtOrBefore(actorStamps, t0Us)]?.actors ?? [],
      lights: lights[lastAtOrBefore(lightStamps, t0Us)]?.lights ?? [],
      map,
    };
    const seen: Record<string, number[]> = {};
    for (const { name, calibration } of drive.cameras) {
      if (calibration === null) continue;
      const bits: number[] = [];
      perceptionTargets(scene, calibration, grid).forEach((value, i) => {
        if (value > 0) bits.push(i);
      });
      seen[name] = bits;
    }
    return { ...grid, seen };
  };
}

/** Tokens x channels of the given cameras, in their order; null where a camera has no row. */
export function perceptionArray(
  row: PerceptionRow | null | undefined,
  cameras: readonly string[],
): Float32Array | null {
  if (row === null || row === undefined) return null;
  const perCamera = row.rows * row.columns * perceptionChannels.length;
  const out = new Float32Array(cameras.length * perCamera);
  for (const [i, name] of cameras.entries()) {
    const bits = row.seen[name];
    if (bits === undefined) return null;
    for (const bit of bits) out[i * perCamera + bit] = 1;
  }
  return out;
}
