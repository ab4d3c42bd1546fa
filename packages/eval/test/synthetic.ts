/**
 * Synthetic run artefacts (test only): numbers are made up by a seeded generator so that pages can be looked at
 * and measured without a trained model. Nothing here comes from a model.
 */
import type { ActorState, LateralDecision, LongitudinalDecision, Side } from "@causeway/data";
import { createRng, type LocalPath, type Rng } from "@causeway/geom";
import {
  actorsToClip,
  alpasimSceneScore,
  type ClipArtefact,
  type ClosedLoopRow,
  constantTurnRateAcceleration,
  constantVelocity,
  type DecisionJson,
  type DecisionRow,
  type EvalSampleRow,
  type FilmArtefact,
  FilmBuilder,
  judgeDecisions,
  makeSummary,
  mapToJson,
  pathToJson,
  type PredictionRow,
  type ReportArtefacts,
  scoreOpenLoop,
  type TrainMetricRow,
} from "@causeway/eval";
import {
  cameraSize,
  cameras,
  centerLine,
  drawCamera,
  egoBox,
  syntheticMap,
} from "./synthetic-scene.ts";

interface Scenario {
  readonly kind: string;
  readonly decision: DecisionJson;
  readonly trace: string;
  readonly curvePerM: number;
  /** Speed along the lane at time t, m/s. */
  readonly speed: (t: number) => number;
  readonly side: (t: number) => number;
  readonly actors: (t: number) => ActorState[];
  readonly light: (t: number) => "red" | "yellow" | "green";
}

const decide = (
  longitudinal: LongitudinalDecision | null,
  lateral: LateralDecision | null,
  lateralSide: Side | null = null,
): DecisionJson => ({ longitudinal, lateral, lateralSide });
const actor = (
  id: number,
  kind: ActorState["kind"],
  x: number,
  y: number,
  yaw: number,
  braking = false,
): ActorState => ({
  id,
  kind,
  x,
  y,
  z: 0,
  yaw,
  speedMps: 5,
  braking,
  indicator: "none",
  lengthM: kind === "pedestrian" ? 0.6 : kind === "truck" ? 8 : 4.5,
  widthM: kind === "pedestrian" ? 0.6 : kind === "truck" ? 2.4 : 1.9,
  heightM: kind === "pedestrian" ? 1.75 : kind === "truck" ? 3.2 : 1.5,
});
const ramp = (t: number, t0: number, t1: number, a: number, b: number) =>
  t < t0 ? a : t > t1 ? b : a + ((b - a) * (t - t0)) / (t1 - t0);
const oncoming = (t: number, id: number, start: number) =>
  actor(id, "car", start - 11 * t, 3.5, Math.PI);

export const scenarios: readonly Scenario[] = [
  {
    kind: "slow_for_lead",
    decision: decide("lead_following", "lane_keep"),
    trace:
      "The lead car 18 m ahead brakes for slower traffic, so I slow down and keep a safe gap behind it.",
    curvePerM: 0,
    speed: (t) => ramp(t, 3, 7, 11, 5),
    side: () => 0,
    light: () => "green",
    actors: (t) => [
      actor(1, "car", 24 + (t < 3 ? 10.5 * t : 31.5 + 5.2 * (t - 3)), 0, 0, t > 2.4 && t < 6),
      oncoming(t, 2, 150),
      oncoming(t, 3, 210),
    ],
  },
  {
    kind: "stop_for_light",
    decision: decide("stop_static_constraint", "lane_keep"),
    trace:
      "The traffic light ahead is red and no car waits before the line, so I brake and stop at the line.",
    curvePerM: 0,
    speed: (t) => Math.max(0, ramp(t, 5, 11.5, 12, 0)),
    side: () => 0,
    light: (t) => (t < 3.5 ? "yellow" : t < 16 ? "red" : "green"),
    actors: (t) => [
      actor(4, "car", 118.25, -50 + 9 * t, Math.PI / 2),
      actor(5, "truck", 121.75, 60 - 7 * t, -Math.PI / 2),
      oncoming(t, 6, 90),
    ],
  },
  {
    kind: "yield_to_pedestrian",
    decision: decide("yield_right_of_way", "lane_keep"),
    trace: "A pedestrian steps onto the crosswalk from the right, so I yield and let them pass.",
    curvePerM: 0,
    speed: (t) => ramp(t, 4, 9, 10, 1.2),
    side: () => 0,
    light: () => "green",
    actors: (t) => [
      actor(7, "pedestrian", 112.3, -5 + Math.max(0, t - 4) * 1.3, Math.PI / 2),
      actor(8, "pedestrian", 111.6, -5.6 + Math.max(0, t - 4.6) * 1.2, Math.PI / 2),
      oncoming(t, 9, 180),
    ],
  },
  {
    kind: "nudge_parked_car",
    decision: decide("set_speed_tracking", "in_lane_nudge", "left"),
    trace:
      "A parked car stands half in my lane on the right and the oncoming lane is free, so I nudge left to pass it.",
    curvePerM: 0,
    speed: () => 9,
    side: (t) => Math.max(0, Math.sin(ramp(t, 2.5, 8, 0, Math.PI))) * 1.4,
    light: () => "green",
    actors: (t) => [actor(10, "car", 50, -2.1, 0), oncoming(t, 11, 240)],
  },
  {
    kind: "curve",
    decision: decide("speed_adaptation_road_event", "lane_keep"),
    trace:
      "The road bends to the left ahead, so I slow down and follow the lane through the curve.",
    curvePerM: 0.008,
    speed: (t) => ramp(t, 1, 4, 13, 8.5),
    side: () => 0,
    light: () => "green",
    actors: (t) => [oncoming(Math.min(t, 9), 12, 100)],
  },
  {
    kind: "cut_in",
    decision: decide("yield_right_of_way", "lane_keep"),
    trace:
      "The car on the left signals and cuts into my lane closely, so I ease off to open a gap for it.",
    curvePerM: 0,
    speed: (t) => ramp(t, 3, 5, 11, 8.5),
    side: () => 0,
    light: () => "green",
    actors: (t) => [
      actor(14, "car", 12 + 10 * t, ramp(t, 2.2, 5, 3.5, 0), t > 2.2 && t < 5 ? -0.12 : 0),
    ],
  },
  {
    kind: "resume_at_light",
    decision: decide("set_speed_tracking", "lane_keep"),
    trace: "The light turned green and the crossing is clear, so I pull away and keep my lane.",
    curvePerM: 0,
    speed: (t) => ramp(t, 3, 9, 0, 11),
    side: () => 0,
    light: (t) => (t < 2.4 ? "red" : "green"),
    actors: (t) => [oncoming(t, 16, 200)],
  },
  {
    kind: "free_road",
    decision: decide("set_speed_tracking", "lane_keep"),
    trace: "The road ahead is clear, so I keep my speed and stay in the lane.",
    curvePerM: -0.004,
    speed: () => 12,
    side: () => 0,
    light: () => "green",
    actors: () => [],
  },
];

const tableSecs = 0.05;
const tables = new Map<string, Float64Array>();
/** Metres driven by time, every 0.05 s to 30 s. */
function driveTable(scenario: Scenario, skill: number): Float64Array {
  const key = `${scenario.kind} ${skill}`;
  let table = tables.get(key);
  if (table === undefined) {
    table = new Float64Array(601);
    for (let i = 1; i < table.length; i++) {
      const t = (i - 0.5) * tableSecs;
      const v = scenario.speed(0) * (1 - skill) + scenario.speed(t) * skill;
      table[i] = table[i - 1] + v * tableSecs;
    }
    tables.set(key, table);
  }
  return table;
}

/** Ego pose at time t in a scenario that begins at `startM` along the lane. */
function egoAt(
  scenario: Scenario,
  startM: number,
  t: number,
  skill = 1,
): { x: number; y: number; yaw: number; speedMps: number } {
  const bad = 1 - skill;
  const speedAt = (u: number) => scenario.speed(0) * bad + scenario.speed(u) * skill;
  const driven = driveTable(scenario, skill);
  const at = Math.max(0, Math.min(driven.length - 2, Math.floor(t / tableSecs)));
  const s =
    t < 0
      ? startM + speedAt(0) * t
      : startM + driven[at] + ((driven[at + 1] - driven[at]) * (t - at * tableSecs)) / tableSecs;
  const c = centerLine(scenario.curvePerM)(s);
  const d = scenario.side(Math.max(0, t)) * skill;
  const slope = (scenario.side(Math.max(0, t + 0.1)) * skill - d) / Math.max(0.1, speedAt(t) * 0.1);
  return {
    x: c.x - Math.sin(c.yaw) * d,
    y: c.y + Math.cos(c.yaw) * d,
    yaw: c.yaw + Math.atan(slope),
    speedMps: speedAt(t),
  };
}

function localPath(
  poses: readonly { x: number; y: number; yaw: number }[],
  now: { x: number; y: number; yaw: number },
): LocalPath {
  const c = Math.cos(now.yaw);
  const s = Math.sin(now.yaw);
  return {
    x: Float64Array.from(poses, (p) => c * (p.x - now.x) + s * (p.y - now.y)),
    y: Float64Array.from(poses, (p) => c * (p.y - now.y) - s * (p.x - now.x)),
    z: new Float64Array(poses.length),
    yaw: Float64Array.from(poses, (p) => p.yaw - now.yaw),
  };
}

/** The truth with an error that grows: along the path by a speed error, across by a curvature error. */
function disturbed(truth: LocalPath, rng: Rng, size: number): LocalPath {
  const speed = 1 + rng.normal() * 0.07 * size;
  const bend = rng.normal() * 0.0022 * size;
  const late = rng.normal() * 0.25 * size;
  return {
    x: truth.x.map((x, i) => x * speed + late * (i / 64) ** 2),
    y: truth.y.map((y, i) => y * speed + bend * truth.x[i] ** 2 * 0.5),
    z: new Float64Array(truth.x.length),
    yaw: truth.yaw.map((v, i) => v + bend * truth.x[i]),
  };
}

const startOf = (kind: string) =>
  kind === "resume_at_light"
    ? 106
    : kind === "stop_for_light"
      ? 2
      : kind === "yield_to_pedestrian"
        ? 30
        : 0;

export interface SyntheticSize {
  readonly recordings: number;
  readonly samplesPerRecording: number;
  readonly scenesPerKind: number;
  readonly clips: number;
  /** Films of the model and of constant velocity, per kind. */
  readonly films: boolean;
  readonly cameraEvery: number;
  /** Of the bootstrap. */
  readonly resamples: number;
  readonly seed: number;
}
export const smallSize: SyntheticSize = {
  recordings: 8,
  samplesPerRecording: 2,
  scenesPerKind: 2,
  clips: 3,
  films: true,
  cameraEvery: 70,
  resamples: 100,
  seed: 5,
};

export async function syntheticReport(size: SyntheticSize): Promise<ReportArtefacts> {
  const rng = createRng(size.seed);
  const samples: EvalSampleRow[] = [];
  const predictions: PredictionRow[] = [];
  const clips: ClipArtefact[] = [];
  const parse = (trace: string): DecisionJson | null =>
    scenarios.find((s) => s.trace === trace)?.decision ?? null;
  for (let r = 0; r < size.recordings; r++) {
    const scenario = scenarios[r % scenarios.length];
    const { map } = syntheticMap(scenario.curvePerM);
    for (let k = 0; k < size.samplesPerRecording; k++) {
      const t0 = Math.round(25 + ((k + 0.8 * rng.next()) * 60) / size.samplesPerRecording) / 10;
      const at = (t: number) => egoAt(scenario, startOf(scenario.kind), t);
      const now = at(t0);
      const history = localPath(
        Array.from({ length: 16 }, (_, i) => at(t0 + (i - 15) * 0.1)),
        now,
      );
      const future = localPath(
        Array.from({ length: 64 }, (_, i) => at(t0 + (i + 1) * 0.1)),
        now,
      );
      const sampleId = `synthetic-${String(r).padStart(3, "0")}@${Math.round(t0 * 10) * 100_000}`;
      const recordingId = `synthetic-${String(r).padStart(3, "0")}`;
      samples.push({
        sampleId,
        recordingId,
        t0Us: Math.round(t0 * 10) * 100_000,
        scenario: scenario.kind,
        history: pathToJson(history),
        future: pathToJson(future),
        oracle: { ...scenario.decision, trace: scenario.trace },
      });
      const trouble = rng.next();
      const written =
        trouble < 0.04
          ? "the the car car ahead ahead so so"
          : trouble < 0.15
            ? rng.pick(scenarios).trace
            : scenario.trace;
      const paths = Array.from({ length: 6 }, () =>
        pathToJson(disturbed(future, rng, 0.6 + 1.2 * rng.next() ** 3 * 2)),
      );
      const add = (predictor: string, list: readonly LocalPath[], reasoning: string | null) =>
        predictions.push({
          sampleId,
          predictor,
          status: "ok",
          error: null,
          paths: list.map(pathToJson),
          reasoning,
        });
      predictions.push({
        sampleId,
        predictor: "model",
        status: "ok",
        error: null,
        paths,
        reasoning: written,
      });
      add(
        "model_shuffled_images",
        Array.from({ length: 6 }, () => disturbed(future, rng, 4.2)),
        rng.pick(scenarios).trace,
      );
      add("constant_velocity", [constantVelocity(history)], null);
      add("ctra", [constantTurnRateAcceleration(history)], null);
      if (clips.length < size.clips && (r * 7 + k * 3) % 5 < 3) {
        const light = scenario.light(t0);
        const actors = scenario.actors(t0);
        const predicted = parse(written);
        clips.push({
          sampleId,
          recordingId,
          scenario: scenario.kind,
          predictor: "model",
          ego: egoBox,
          cameras: await Promise.all(
            cameras.map(async ({ name, calibration }, c) => ({
              name,
              ...cameraSize,
              calibration,
              frameSecs: c === 0 ? [-0.3, -0.2, -0.1, 0] : [0],
              frames: await Promise.all(
                (c === 0 ? [0.3, 0.2, 0.1, 0] : [0]).map((back) =>
                  drawCamera(
                    calibration,
                    at(t0 - back),
                    map,
                    scenario.actors(t0 - back),
                    { red: "#f33", yellow: "#fc3", green: "#3d8" }[light],
                  ),
                ),
              ),
            })),
          ),
          history: pathToJson(history),
          logged: pathToJson(future),
          predicted: paths,
          map: mapToJson(map, {
            worldFromLocal: now,
            near: { x: [now.x], y: [now.y] },
            radiusM: 90,
          }),
          actors: actorsToClip(actors, now),
          lights: [{ id: 1, color: light }],
          modelTrace: written,
          oracleTrace: scenario.trace,
          modelDecision: predicted,
          oracleDecision: scenario.decision,
          consistency:
            predicted === null
              ? null
              : predicted === scenario.decision
                ? "consistent"
                : "inconsistent",
        });
      }
    }
  }
  const decisions: DecisionRow[] = judgeDecisions(
    samples,
    predictions,
    "model",
    parse,
    (decision) => ({
      verdict:
        decision.lateral === "in_lane_nudge" && rng.next() < 0.3
          ? "not_applicable"
          : rng.next() < 0.9
            ? "consistent"
            : "inconsistent",
      reasons: [],
    }),
  );
  const closedLoop: ClosedLoopRow[] = [];
  const skills = { model: 0.86, model_shuffled_images: 0.5, constant_velocity: 0.42, expert: 0.99 };
  for (const [policy, skill] of Object.entries(skills)) {
    for (const { kind } of scenarios) {
      for (let seed = 0; seed < size.scenesPerKind; seed++) {
        const luck = rng.next() < skill;
        const collisionAtFault =
          !luck &&
          ["slow_for_lead", "cut_in", "nudge_parked_car", "yield_to_pedestrian"].includes(kind);
        const offroad = !luck && kind === "curve";
        const progress = luck ? 0.7 + 0.3 * rng.next() : 0.2 + 0.5 * rng.next();
        closedLoop.push({
          policy,
          sceneId: `${kind}-${9000 + seed}`,
          kind,
          seed: 9000 + seed,
          status: "ok",
          error: null,
          score: alpasimSceneScore({ collisionAtFault, offroad, progress }),
          collisionAtFault,
          collisionAny: collisionAtFault || rng.next() < 0.02,
          offroad,
          redLight: !luck && kind === "stop_for_light",
          stopSign: false,
          wrongLane: !luck && rng.next() < 0.15,
          progress,
          comfort: 0.8 + 0.2 * rng.next(),
          minDistanceM: collisionAtFault ? 0 : 0.6 + 4 * rng.next(),
          km: 0.12 + 0.1 * rng.next(),
          durationSecs: 20,
        });
      }
    }
  }
  const films = size.films ? await syntheticFilms(closedLoop, size, rng) : [];
  const openLoop = scoreOpenLoop(samples, predictions);
  return {
    badge: "synthetic numbers, for layout only",
    run: {
      id: "synthetic",
      title: "Quickstart driver",
      recipe: "quickstart",
      seed: size.seed,
      commit: null,
      finishedAt: "2026-01-01T00:00:00Z",
      machine: { cpu: "example CPU", cores: 2, memoryGb: 4 },
      model: { name: "nano", parameters: 4_130_000 },
      dataset: {
        fingerprint: "synthetic",
        trainRecordings: 160,
        heldOutRecordings: size.recordings,
        hours: 1.1,
      },
      stages: [
        { name: "simulate", secs: 48 },
        { name: "label", secs: 6 },
        { name: "stage 1", secs: 262 },
        { name: "stage 2", secs: 118 },
        { name: "open loop", secs: 41 },
        { name: "closed loop", secs: 77 },
      ],
      facts: [["tokenizer", "1 024 entries"]],
      warnings: [],
    },
    summary: makeSummary({
      openLoop,
      decisions,
      closedLoop,
      wallSecs: 552,
      peakRssMb: 2210,
      bootstrap: { seed: 20260, resamples: size.resamples, level: 0.95 },
    }),
    trainMetrics: [
      ...curve("stage1", 420, 6.3, 0.82, rng),
      ...curve("stage2", 300, 1.4, 0.21, rng),
    ],
    openLoop,
    decisions,
    closedLoop,
    clips,
    films,
  };
}

function curve(
  stage: TrainMetricRow["stage"],
  steps: number,
  from: number,
  to: number,
  rng: Rng,
): TrainMetricRow[] {
  return Array.from({ length: steps }, (_, i) => {
    const base = to + (from - to) * Math.exp((-5 * i) / steps);
    const loss = base * (1 + 0.08 * rng.normal());
    const warm = Math.min(1, (i + 1) / 30);
    const row = {
      stage,
      step: i + 1,
      learningRate: 1e-3 * warm * (0.55 + 0.45 * Math.cos((Math.PI * i) / steps)),
      samplesPerSec: 38 + 2 * rng.normal(),
      wallSecs: (i + 1) * 0.62,
    };
    return {
      ...row,
      split: "train" as const,
      loss,
      lossParts: (stage === "stage1"
        ? { text: loss * 0.35, trajectory: loss * 0.65 }
        : { flow: loss }) as Record<string, number>,
    };
  }).flatMap((row) =>
    row.step % 60 === 0
      ? [
          row,
          {
            ...row,
            split: "validation" as const,
            loss: row.loss * 1.07,
            lossParts: {},
            learningRate: null,
            samplesPerSec: null,
          },
        ]
      : [row],
  );
}

async function syntheticFilms(
  rows: readonly ClosedLoopRow[],
  size: SyntheticSize,
  rng: Rng,
): Promise<FilmArtefact[]> {
  const films: FilmArtefact[] = [];
  for (const policy of ["model", "constant_velocity"]) {
    for (const scenario of scenarios) {
      const row = rows.find((r) => r.policy === policy && r.kind === scenario.kind);
      if (row === undefined) continue;
      const skill = policy === "model" ? (row.score === 0 ? 0.55 : 0.97) : 0;
      const { map } = syntheticMap(scenario.curvePerM);
      const withCamera = policy === "model";
      const builder = new FilmBuilder({
        sceneId: row.sceneId,
        kind: row.kind,
        policy,
        seed: row.seed,
        stepSecs: 0.1,
        ego: egoBox,
        map,
        cameras: withCamera
          ? cameras.map(({ name, calibration }) => ({ name, calibration, ...cameraSize }))
          : [],
      });
      let reported = false;
      for (let frame = 0; frame < 140; frame++) {
        const t = frame * 0.1;
        const ego = egoAt(scenario, startOf(scenario.kind), t, skill);
        const actors = scenario.actors(t);
        const plan = localPath(
          Array.from({ length: 64 }, (_, i) =>
            egoAt(scenario, startOf(scenario.kind), t + (i + 1) * 0.1, skill),
          ),
          ego,
        );
        const pictures = new Map<string, string>();
        if (withCamera && frame % size.cameraEvery === 0) {
          for (const { name, calibration } of cameras) {
            pictures.set(
              name,
              await drawCamera(
                calibration,
                ego,
                map,
                actors,
                { red: "#f33", yellow: "#fc3", green: "#3d8" }[scenario.light(t)],
              ),
            );
          }
        }
        const close = actors.some((a) => Math.hypot(a.x - ego.x - 1.4, a.y - ego.y) < 3.4);
        const events: { kind: string; text: string }[] = [];
        if (!reported && row.collisionAtFault && (close || frame === 90)) {
          events.push({ kind: "collision", text: "at-fault collision" });
          reported = true;
        }
        builder.add({
          ego,
          actors,
          lights: [{ id: 1, color: scenario.light(t) }],
          plan: frame % 2 === 0 ? disturbed(plan, rng, 0.2) : null,
          reasoning: withCamera
            ? frame === 0
              ? scenarios[7].trace
              : frame === 24
                ? scenario.trace
                : null
            : null,
          events,
          cameras: pictures,
        });
      }
      films.push(builder.finish());
    }
  }
  return films;
}
