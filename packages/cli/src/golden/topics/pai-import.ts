/**
 * The PhysicalAI-AV importer against the calls that the published devkit makes: model samples (poses and frame numbers),
 * 10 Hz states, and the detectors' intervals on both. Frame numbers are read from the pictures themselves: the sample's
 * recordings hold them in binary in the bottom rows.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type GoldenResult, type GoldenTopic, stringField } from "../topic.ts";
import { intervalProblem, recordingOf, type TickRow, worstDifference } from "./import-reference.ts";

const name = "pai-import";

interface Sample {
  readonly t0_us: number;
  readonly history_xyz: readonly number[][];
  readonly history_rot: readonly number[][][];
  readonly future_xyz: readonly number[][];
  readonly future_rot: readonly number[][][];
  readonly frames: Readonly<Record<string, readonly number[]>>;
}
interface ClipExpected {
  readonly rows: number;
  readonly first_us: number;
  readonly last_us: number;
  readonly samples: readonly Sample[];
}
interface ClipActions {
  readonly n_ticks: number;
  readonly ego: Readonly<Record<"x" | "y" | "yaw" | "vx" | "vy", readonly number[]>>;
  readonly longitudinal: readonly TickRow[];
  readonly lateral: readonly TickRow[];
}

const bits = 16;
const barRows = 12;
const originalHeight = 270;

/** The frame number in the bottom rows of a picture: white blocks are ones, most significant left. */
function frameNumber(image: { width: number; height: number; pixels: Uint8Array }): number {
  const y = Math.round(image.height * (1 - barRows / 2 / originalHeight));
  let number = 0;
  for (let bit = 0; bit < bits; bit++) {
    const x = Math.floor(((bit + 0.5) * image.width) / bits);
    number = number * 2 + Number((image.pixels[3 * (y * image.width + x)] as number) > 127);
  }
  return number;
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8"));

export const topic: GoldenTopic = {
  name,
  matches: (caseJson, dir) =>
    (stringField(caseJson, "schema") ?? "").startsWith("pai-mini-reference/") &&
    existsSync(join(dir, "meta_actions.json")) &&
    recordingOf(dir, "clip_index.parquet") !== null,
  run: async (dir) => {
    const [data, geom, label] = await Promise.all([
      import("@causeway/data"),
      import("@causeway/geom"),
      import("@causeway/label"),
    ]);
    const expected = await readJson<Record<string, ClipExpected>>(join(dir, "expected.json"));
    const actions = await readJson<Record<string, ClipActions>>(join(dir, "meta_actions.json"));
    const results: GoldenResult[] = [];
    const add = (what: string, worst: number | null, tolerance: string, problems: string[]) =>
      results.push({
        topic: name,
        case: what,
        passed: problems.length === 0,
        worst,
        tolerance,
        note: problems.slice(0, 3).join("; "),
      });
    const source = data.findSource("physicalai-av");
    // Every 0.05 s a picture: all reference times lie on that grid.
    const options = { picturesHz: 20, maxWidth: 240, includeInvalid: true };
    for await (const ref of source.list(recordingOf(dir, "clip_index.parquet") as string)) {
      const want = expected[ref.entry ?? ""];
      if (want === undefined) continue;
      const drive = await source.read(ref, options);
      const offsetUs = drive.source.clockOffsetUs ?? 0;
      const { stampUs } = drive.egoMotion;
      const span = [
        stampUs.length,
        (stampUs[0] as number) - offsetUs,
        (stampUs[stampUs.length - 1] as number) - offsetUs,
      ];
      const wantSpan = [want.rows, want.first_us, want.last_us];
      add(
        `${ref.entry}/rows`,
        null,
        "exact",
        span.join() === wantSpan.join()
          ? []
          : [`rows, first, last: expected ${wantSpan.join()}, got ${span.join()}`],
      );
      for (const sample of want.samples) {
        const t0Us = sample.t0_us + offsetUs;
        const problems: string[] = [];
        let [worstM, worstRotation] = [0, 0];
        for (const side of ["history", "future"] as const) {
          const grid = side === "history" ? geom.historyGrid(t0Us, 16) : geom.futureGrid(t0Us, 64);
          const poses = geom.posesInRig(drive.egoMotion, t0Us, geom.gridStamps(grid));
          const xyz = poses.flatMap((p) => [p.x, p.y, p.z]);
          const rotations = poses.flatMap((p) => [...geom.matrixFromQuat(geom.rotationOf(p))]);
          worstM = Math.max(worstM, worstDifference(xyz, sample[`${side}_xyz`].flat()));
          worstRotation = Math.max(
            worstRotation,
            worstDifference(rotations, sample[`${side}_rot`].flat(2)),
          );
        }
        if (!(worstM <= 1e-6)) problems.push(`positions differ by ${worstM} m`);
        if (!(worstRotation <= 1e-9)) problems.push(`rotations differ by ${worstRotation}`);
        add(`${ref.entry}/sample@${sample.t0_us}`, worstM, "1e-6 m, 1e-9 rotation", problems);
        const wrong: string[] = [];
        for (const [camera, frames] of Object.entries(sample.frames)) {
          const stream = drive.cameras.find((c) => c.name === camera);
          const stamps = Float64Array.from(stream?.frames ?? [], (f) => f.stampUs);
          const got: number[] = [];
          for (let k = frames.length - 1; k >= 0; k--) {
            const row = geom.lastAtOrBefore(stamps, t0Us - k * 100_000);
            const frame = stream?.frames[row];
            got.push(frame === undefined ? -1 : frameNumber(await data.decodeImage(frame.bytes)));
          }
          if (got.join() !== frames.join()) {
            wrong.push(`${camera}: expected ${frames.join()}, got ${got.join()}`);
          }
        }
        add(`${ref.entry}/frames@${sample.t0_us}`, null, "exact", wrong);
      }
      const reference = actions[ref.entry ?? ""];
      if (reference === undefined) continue;
      const toColumns = (c: Readonly<Record<string, ArrayLike<number>>>) => ({
        x: Float64Array.from(c.x as ArrayLike<number>),
        y: Float64Array.from(c.y as ArrayLike<number>),
        yaw: Float64Array.from(c.yaw as ArrayLike<number>),
        vx: Float64Array.from(c.vx as ArrayLike<number>),
        vy: Float64Array.from(c.vy as ArrayLike<number>),
      });
      const given = label.referenceIntervals(label.segmentMetaActions(toColumns(reference.ego)));
      const stamps = Float64Array.from(
        { length: reference.n_ticks },
        (_, i) => i * 100_000 + offsetUs,
      );
      const own = label.egoColumns(geom.resampleAt(drive.egoMotion, stamps));
      const found = label.referenceIntervals(label.segmentMetaActions(toColumns({ ...own })));
      const problems: string[] = [];
      for (const axis of ["longitudinal", "lateral"] as const) {
        const exact = intervalProblem(given[axis], reference[axis], 0);
        if (exact !== null) problems.push(`${axis} on the given states: ${exact}`);
        const near = intervalProblem(found[axis], reference[axis], 1);
        if (near !== null) problems.push(`${axis} on the importer's states: ${near}`);
      }
      const states: string[] = [];
      let worst = 0;
      const limits = { x: 5e-5, y: 5e-5, yaw: 5e-7, vx: 5e-6, vy: 5e-6 };
      for (const [column, limit] of Object.entries(limits)) {
        const key = column as keyof typeof limits;
        // The spline's ends differ between libraries: 0.2 s are left out there.
        const inner = (values: ArrayLike<number>) => Array.from(values).slice(2, -2);
        // Whole turns apart is the same heading.
        const turns = key === "yaw" ? 2 * Math.PI : null;
        const difference = worstDifference(inner(own[key]), inner(reference.ego[key]), turns);
        worst = Math.max(worst, difference);
        if (!(difference <= limit)) states.push(`${column} differs by ${difference}`);
      }
      add(`${ref.entry}/states`, worst, "5e-5 m, 5e-7 rad, 5e-6 m/s", states);
      add(`${ref.entry}/intervals`, null, "given states exact, own states one tick", problems);
    }
    return results;
  },
};
