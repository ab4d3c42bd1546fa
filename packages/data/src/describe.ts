/** What a drive holds, as plain data: for `causeway inspect` and for reports. */
import { motionGaps } from "./check-drive.ts";
import type { Drive, QuestionFrame } from "./drive.ts";
import type { DriveHandle } from "./drive-handle.ts";

export interface Rate {
  readonly count: number;
  /** Median rows per second; 0 with fewer than two rows. */
  readonly hz: number;
  readonly longestGapSecs: number;
}

export interface MotionDescription extends Rate {
  readonly distanceM: number;
  /** Along the heading; negative when reversing. */
  readonly minSpeedMps: number;
  readonly maxSpeedMps: number;
  readonly meanSpeedMps: number;
  /** From, to (s): where poses are missing for more than 0.5 s. */
  readonly gaps: readonly (readonly [number, number])[];
}

export interface DriveDescription {
  readonly id: string;
  readonly path: string | null;
  readonly format: string;
  readonly licence: string;
  readonly scenario: string | null;
  readonly seed: number | null;
  readonly recording: string;
  readonly notes: readonly string[];
  readonly durationSecs: number;
  readonly egoSize: Drive["egoSize"];
  /** Null where the source does not tell how the car moved. */
  readonly motion: MotionDescription | null;
  readonly cameras: readonly (Rate & {
    readonly name: string;
    readonly size: readonly [width: number, height: number] | null;
  })[];
  readonly topics: DriveHandle["topics"];
  readonly map: {
    readonly lanes: number;
    readonly crosswalks: number;
    readonly stopLines: number;
    readonly lights: number;
    /** Extent of the lanes, m. */
    readonly sizeM: readonly [x: number, y: number];
  } | null;
  readonly actors: {
    readonly frames: number;
    readonly tracks: number;
    readonly boxes: number;
  } | null;
  readonly lights: { readonly frames: number } | null;
  readonly decisions: { readonly frames: number; readonly changes: number } | null;
  /** By kind. */
  readonly questions: {
    readonly frames: number;
    readonly kinds: Readonly<Record<string, number>>;
  } | null;
  readonly route: readonly { readonly atSecs: number; readonly command: string }[] | null;
}

export function rateOfStamps(stampsUs: ArrayLike<number>): Rate {
  const steps: number[] = [];
  for (let i = 1; i < stampsUs.length; i++) {
    steps.push((stampsUs[i] as number) - (stampsUs[i - 1] as number));
  }
  steps.sort((a, b) => a - b);
  const median = steps[steps.length >> 1];
  return {
    count: stampsUs.length,
    hz: median === undefined ? 0 : 1e6 / median,
    longestGapSecs: (steps[steps.length - 1] ?? 0) * 1e-6,
  };
}

function describeMotion({ egoMotion: m, has }: DriveHandle): MotionDescription | null {
  if (!has.motion) return null;
  const n = m.stampUs.length;
  let distanceM = 0;
  let [minSpeedMps, maxSpeedMps] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < n; i++) {
    const yaw = Math.atan2(
      2 * (m.qx[i] * m.qy[i] + m.qw[i] * m.qz[i]),
      1 - 2 * (m.qy[i] ** 2 + m.qz[i] ** 2),
    );
    const speed = m.vx[i] * Math.cos(yaw) + m.vy[i] * Math.sin(yaw);
    minSpeedMps = Math.min(minSpeedMps, speed);
    maxSpeedMps = Math.max(maxSpeedMps, speed);
    if (i > 0) distanceM += Math.hypot(m.x[i] - m.x[i - 1], m.y[i] - m.y[i - 1]);
  }
  const spanSecs = (m.stampUs[n - 1] - m.stampUs[0]) * 1e-6;
  return {
    ...rateOfStamps(m.stampUs),
    distanceM,
    minSpeedMps,
    maxSpeedMps,
    meanSpeedMps: distanceM / spanSecs,
    gaps: motionGaps(m, 500_000).map((g) => [g.fromUs * 1e-6, g.toUs * 1e-6] as const),
  };
}

/** Questions by their kind, in the order in which the kinds come up. */
export function countQuestions(frames: readonly QuestionFrame[]): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const { questions } of frames)
    for (const { kind } of questions) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return kinds;
}

export async function describeDrive(handle: DriveHandle): Promise<DriveDescription> {
  const { source } = handle;
  const [map, actors, lights, decisions, questions] = [
    await handle.map(),
    await handle.actors(),
    await handle.lights(),
    await handle.decisions(),
    await handle.questions(),
  ];
  const extent = (axis: "x" | "y") => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const lane of map?.lanes ?? []) {
      for (const v of [...lane.left[axis], ...lane.right[axis]]) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    return Math.max(0, high - low);
  };
  let changes = 0;
  decisions?.forEach(({ decision }, i) => {
    const before = decisions[i - 1]?.decision;
    if (
      before !== undefined &&
      (before.longitudinal !== decision.longitudinal || before.lateral !== decision.lateral)
    ) {
      changes++;
    }
  });
  return {
    id: handle.id,
    path: handle.path,
    format: source.format,
    licence: source.licence,
    scenario: source.scenario,
    seed: source.seed,
    recording: source.recording ?? handle.id,
    notes: source.notes,
    durationSecs: handle.durationUs * 1e-6,
    egoSize: handle.egoSize,
    motion: describeMotion(handle),
    cameras: handle.cameras.map((c) => ({
      name: c.name,
      size: c.calibration === null ? null : [c.calibration.width, c.calibration.height],
      ...rateOfStamps(c.stampsUs),
    })),
    topics: handle.topics,
    map:
      map === null
        ? null
        : {
            lanes: map.lanes.length,
            crosswalks: map.crosswalks.length,
            stopLines: map.stopLines.length,
            lights: map.lights.length,
            sizeM: [extent("x"), extent("y")],
          },
    actors:
      actors === null
        ? null
        : {
            frames: actors.length,
            tracks: new Set(actors.flatMap((f) => f.actors.map((a) => a.id))).size,
            boxes: actors.reduce((sum, f) => sum + f.actors.length, 0),
          },
    lights: lights === null ? null : { frames: lights.length },
    decisions: decisions === null ? null : { frames: decisions.length, changes },
    questions:
      questions === null ? null : { frames: questions.length, kinds: countQuestions(questions) },
    route: handle.route?.map((s) => ({ atSecs: s.stampUs * 1e-6, command: s.command })) ?? null,
  };
}
