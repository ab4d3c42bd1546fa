/**
 * Many scenes driven by one policy in lockstep, so that each `act` call serves all scenes that are still running.
 * The first 1.6 s of a scene are the expert's (history and camera frames fill up), as AlpaSim replays its log; then
 * the policy's plans move the ego, and everybody else reacts.
 */
import type { ActorState, DrivingDecision, LightState } from "@causeway/data";
import type { LocalPath, RgbImage } from "@causeway/geom";
import { createRenderer, type SceneRenderer } from "../camera/render.ts";
import { type CameraSpec, defaultCameras } from "../camera/rig.ts";
import { routeStepAt } from "../drive/route-step.ts";
import { Expert, startState } from "../expert/expert.ts";
import { type Projection, project } from "../geometry/path.ts";
import type { Observation, Policy } from "../policy.ts";
import { buildScene, type SceneOptions } from "../scenario/scene.ts";
import { stepBicycle } from "../vehicle/bicycle.ts";
import { type EgoState, type ScenarioKind, type Scene, tickSecs } from "../world/scene.ts";
import { World } from "../world/world.ts";
import { EgoHistory, historyRows } from "./history.ts";
import { type RunMetrics, RunMonitor } from "./metrics.ts";
import { PlanAgreement } from "./plan-agreement.ts";
import { isPrivileged } from "./policies.ts";
import { ProgressMeter, type ReferenceRun, referenceRun } from "./reference.ts";
import { alpasimScore, type EpdmsTerms, epdmsScore, epdmsTerms } from "./score.ts";
import { type ActivePlan, activatePlan, followPerfectly, trackPlan } from "./track.ts";

export interface ClosedLoopOptions {
  /** Ready scenes, or what to build. Ids must differ. */
  readonly scenes: readonly (Scene | SceneOptions)[];
  readonly policy: Policy;
  /** Ticks that the policy drives, default 200 (20 s). */
  readonly steps?: number;
  /** Ticks between plans, default 1. */
  readonly replanEverySteps?: number;
  /** Default: the default rig. Empty: the policy gets no pictures. */
  readonly cameras?: readonly CameraSpec[];
  /** Ticks of expert driving first, default 16 (at least 16: the history must be full). */
  readonly warmupSteps?: number;
  readonly control?: "bicycle" | "perfect";
  /** How many scenes run at once, default 32: memory is about 15 MB a scene with cameras. */
  readonly batchScenes?: number;
  /** Stop a scene at an at-fault collision or off-road (its score is 0 from there), default true. */
  readonly stopOnFailure?: boolean;
  /** Keep per-tick records, default true. */
  readonly record?: boolean;
  /** Keep pictures of this camera every so many ticks, for films. */
  readonly recordFrames?: { readonly camera: string; readonly everySteps: number } | null;
  readonly onProgress?: (progress: ClosedLoopProgress) => void;
}

export interface ClosedLoopProgress {
  readonly scenesDone: number;
  readonly scenesTotal: number;
  readonly ticksDone: number;
}

/** One tick of a run; poses in the world frame. */
export interface TickRecord {
  readonly stampUs: number;
  readonly ego: Readonly<EgoState>;
  /** Whether the expert still drove. */
  readonly warmup: boolean;
  /** The plan made at this tick (rig frame of this tick), or null when the last one was kept. */
  readonly plan: LocalPath | null;
  readonly reasoning: string | null;
  readonly actors: readonly ActorState[];
  readonly lights: readonly LightState[];
  /** What the expert would decide here; truth for on-policy checks of the reasoning. */
  readonly expertDecision: DrivingDecision;
  readonly frame: RgbImage | null;
}

export type RunEnd = "completed" | "collision_at_fault" | "offroad" | "invalid_plan";

export interface ClosedLoopResult {
  readonly sceneId: string;
  readonly kind: ScenarioKind;
  readonly seed: number;
  readonly policy: string;
  readonly end: RunEnd;
  /** AlpaSim scene score, [0, 1]; 0 for an invalid plan. */
  readonly score: number;
  readonly epdms: number;
  readonly epdmsTerms: EpdmsTerms;
  /** Share of the expert's path driven, frozen where the run left it by 4 m. */
  readonly progress: number;
  readonly referenceLengthM: number;
  readonly distToReferenceM: number;
  readonly leftReference: boolean;
  readonly metrics: RunMetrics;
  /** Ticks driven by the policy. */
  readonly steps: number;
  readonly scene: Scene;
  readonly ticks: readonly TickRecord[];
}

const framesPerCamera = 4;
const planRows = 64;
const tickUs = 100_000;

/** @returns One result per scene, in the order of `scenes`. */
export async function runClosedLoop(options: ClosedLoopOptions): Promise<ClosedLoopResult[]> {
  const {
    policy,
    steps = 200,
    replanEverySteps = 1,
    warmupSteps = historyRows,
    batchScenes = 32,
    onProgress,
  } = options;
  if (warmupSteps < historyRows) {
    throw new Error(
      `runClosedLoop: warmupSteps is ${warmupSteps}; expected at least ${historyRows}, or the history would have holes`,
    );
  }
  if (replanEverySteps < 1 || replanEverySteps > planRows - 16) {
    throw new Error(
      `runClosedLoop: replanEverySteps is ${replanEverySteps}; expected 1 to ${planRows - 16} (a plan has ${planRows} poses, and tracking looks 1.5 s ahead)`,
    );
  }
  const ids = options.scenes.map((s) => ("network" in s ? s.id : `${s.kind}-${s.seed}`));
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) {
    throw new Error(`runClosedLoop: scene "${twice}" is listed twice; ids must differ`);
  }
  const results: ClosedLoopResult[] = [];
  let ticksDone = 0;
  for (let first = 0; first < options.scenes.length; first += batchScenes) {
    const runs = options.scenes.slice(first, first + batchScenes).map((wish) => {
      const scene =
        "network" in wish
          ? wish
          : buildScene({ durationSecs: (warmupSteps + steps) * tickSecs, ...wish });
      return new SceneRun(scene, options, warmupSteps, steps);
    });
    for (let tick = 0; tick < warmupSteps + steps; tick++) {
      const active = runs.filter((run) => run.end === null);
      if (active.length === 0) break;
      const replans = tick >= warmupSteps && (tick - warmupSteps) % replanEverySteps === 0;
      // Only the four frames before a plan are ever seen.
      const toNext =
        replanEverySteps - 1 - ((tick - warmupSteps + replanEverySteps - 1) % replanEverySteps);
      const seen =
        tick >= warmupSteps ? toNext < framesPerCamera : warmupSteps - tick < framesPerCamera;
      for (const run of active) run.sense(seen);
      if (replans) {
        const plans = await policy.act(active.map((run) => run.observe()));
        if (plans.length !== active.length) {
          throw new Error(
            `runClosedLoop: policy "${policy.name}" returned ${plans.length} plans for ${active.length} observations; expected one each, in order`,
          );
        }
        active.forEach((run, i) => run.accept(plans[i].path, plans[i].reasoning));
      }
      for (const run of active) run.advance();
      ticksDone += active.length;
      if (tick % 10 === 9) {
        onProgress?.({
          scenesDone: results.length + runs.filter((run) => run.end !== null).length,
          scenesTotal: options.scenes.length,
          ticksDone,
        });
      }
    }
    for (const run of runs) results.push(run.finish());
    onProgress?.({ scenesDone: results.length, scenesTotal: options.scenes.length, ticksDone });
  }
  return results;
}

/** One scene under a policy. */
class SceneRun {
  end: RunEnd | null = null;
  private readonly scene: Scene;
  private readonly options: ClosedLoopOptions;
  private readonly warmupSteps: number;
  private readonly world: World;
  private readonly ego: EgoState;
  private readonly expert: Expert;
  private readonly reference: ReferenceRun;
  private readonly monitor: RunMonitor;
  private readonly progress: ProgressMeter;
  private readonly agreement = new PlanAgreement();
  private readonly renderer: SceneRenderer | null;
  private readonly history = new EgoHistory();
  private readonly frames = new Map<string, RgbImage[]>();
  private readonly place: Projection = { s: 0, d: 0, index: -1 };
  private plan: ActivePlan | null = null;
  private latest: { path: LocalPath; reasoning: string | null } | null = null;
  private tick = 0;
  private readonly ticks: TickRecord[] = [];

  constructor(scene: Scene, options: ClosedLoopOptions, warmupSteps: number, steps: number) {
    this.scene = scene;
    this.options = options;
    this.warmupSteps = warmupSteps;
    this.world = new World(scene);
    this.ego = startState(scene);
    // Decisions are worked out only for those who read them.
    this.expert = new Expert(scene, (options.record ?? true) || isPrivileged(options.policy));
    this.reference = referenceRun(scene, warmupSteps, steps);
    this.monitor = new RunMonitor(scene);
    this.progress = new ProgressMeter(this.reference);
    const cameras = options.cameras ?? defaultCameras();
    this.renderer = cameras.length > 0 ? createRenderer(scene, cameras) : null;
    for (const camera of cameras) this.frames.set(camera.name, []);
    if (isPrivileged(options.policy)) {
      const { world, ego, expert } = this;
      options.policy.attach(scene.id, { world, ego, expert });
    }
  }

  /** Sensors and the expert's view at the start of a tick. */
  sense(withPictures: boolean): void {
    const { ego, world } = this;
    this.expert.drive(world, ego);
    this.history.push(ego);
    const film = this.filmNow();
    if (this.renderer !== null && (withPictures || film)) {
      const images = this.renderer.render(world, ego);
      this.renderer.cameras.forEach((camera, i) => {
        const kept = this.frames.get(camera.name) ?? [];
        kept.push(images[i]);
        if (kept.length > framesPerCamera) kept.shift();
      });
    }
    this.latest = null;
  }

  private filmNow(): boolean {
    const film = this.options.recordFrames ?? null;
    return film !== null && this.tick % film.everySteps === 0;
  }

  observe(): Observation {
    const { ego } = this;
    const stampUs = this.tick * tickUs;
    project(this.scene.egoRoute.path, ego.x, ego.y, this.place.index, this.place);
    return {
      sceneId: this.scene.id,
      stampUs,
      cameras: new Map([...this.frames].map(([name, images]) => [name, [...images]])),
      history: this.history.inRig(ego),
      speedMps: ego.speedMps,
      route: routeStepAt(this.scene, stampUs, this.place.s, this.place.d),
    };
  }

  accept(path: LocalPath, reasoning: string | null): void {
    const lengths = [path.x.length, path.y.length, path.yaw.length];
    const plan = lengths.every((n) => n === planRows)
      ? activatePlan(path, this.ego, this.tick)
      : null;
    if (plan === null) {
      this.end = "invalid_plan";
      return;
    }
    this.plan = plan;
    this.latest = { path, reasoning };
    this.agreement.watch(path, this.ego.speedMps, this.tick);
  }

  advance(): void {
    if (this.end !== null) return;
    const { ego, world, options } = this;
    if (options.record ?? true) this.recordTick();
    const warmup = this.tick < this.warmupSteps;
    const before = { ...ego };
    if (warmup || this.plan === null) {
      const command = this.expert.lastCommand;
      stepBicycle(ego, command.accelMps2, command.curvaturePerM, tickSecs);
    } else if (options.control === "perfect") followPerfectly(this.plan, ego, this.tick);
    else {
      const command = trackPlan(this.plan, ego, this.tick);
      stepBicycle(ego, command.accelMps2, command.curvaturePerM, tickSecs);
    }
    // The others react to where the ego was at the start of the tick, as it reacts to them.
    world.step(before, this.expert.egoS);
    this.tick++;
    if (warmup) {
      if (this.tick === this.warmupSteps) this.progress.watch(ego.x, ego.y);
      return;
    }
    this.monitor.watch(world, ego);
    this.progress.watch(ego.x, ego.y);
    if ((options.stopOnFailure ?? true) && this.monitor.failed) {
      this.end = this.monitor.result().collisionAtFault ? "collision_at_fault" : "offroad";
    }
  }

  private recordTick(): void {
    const film = this.options.recordFrames ?? null;
    const images = film === null ? undefined : this.frames.get(film.camera);
    this.ticks.push({
      stampUs: this.tick * tickUs,
      ego: { ...this.ego },
      warmup: this.tick < this.warmupSteps,
      plan: this.latest?.path ?? null,
      reasoning: this.latest?.reasoning ?? null,
      actors: this.world.actorStates(),
      lights: this.world.lightStates(),
      expertDecision: this.expert.decision,
      frame: film !== null && this.filmNow() ? (images?.[images.length - 1] ?? null) : null,
    });
  }

  finish(): ClosedLoopResult {
    const { scene, options, reference, progress } = this;
    if (isPrivileged(options.policy)) options.policy.detach(scene.id);
    const metrics = this.monitor.result();
    const input = { progress: progress.progress, referenceLengthM: reference.lengthM };
    const terms = epdmsTerms(metrics, input, this.agreement.agree);
    const failed = metrics.collisionAtFault || metrics.offroad;
    const end: RunEnd =
      this.end ??
      (failed ? (metrics.collisionAtFault ? "collision_at_fault" : "offroad") : "completed");
    const isInvalid = end === "invalid_plan";
    return {
      sceneId: scene.id,
      kind: scene.kind,
      seed: scene.seed,
      policy: options.policy.name,
      end,
      score: isInvalid ? 0 : alpasimScore(metrics, input),
      epdms: isInvalid ? 0 : epdmsScore(terms, reference.terms),
      epdmsTerms: terms,
      progress: progress.progress,
      referenceLengthM: reference.lengthM,
      distToReferenceM: progress.maxDistanceM,
      leftReference: progress.left,
      metrics,
      steps: Math.max(0, this.tick - this.warmupSteps),
      scene,
      ticks: this.ticks,
    };
  }
}
