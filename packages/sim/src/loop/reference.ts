/** The privileged expert's own run of a scene: the path that progress is measured against. */
import { Expert, startState } from "../expert/expert.ts";
import { pathFromSamples, type Path, type Projection, project } from "../geometry/path.ts";
import { stepBicycle } from "../vehicle/bicycle.ts";
import { type Scene, tickSecs } from "../world/scene.ts";
import { World } from "../world/world.ts";
import { type EpdmsTerms, epdmsTerms } from "./score.ts";
import { type RunMetrics, RunMonitor } from "./metrics.ts";

export interface ReferenceRun {
  /** Driven line after the warm-up, or null when the expert moved less than half a metre. */
  readonly path: Path | null;
  readonly lengthM: number;
  readonly metrics: RunMetrics;
  readonly terms: EpdmsTerms;
}

/** Drives `warmupTicks + steps` ticks; only what comes after the warm-up counts. */
export function referenceRun(scene: Scene, warmupTicks: number, steps: number): ReferenceRun {
  const world = new World(scene);
  const expert = new Expert(scene, false);
  const ego = startState(scene);
  const monitor = new RunMonitor(scene);
  const x: number[] = [];
  const y: number[] = [];
  const yaw: number[] = [];
  for (let tick = 0; tick < warmupTicks + steps; tick++) {
    const command = expert.drive(world, ego);
    world.step(ego, expert.egoS);
    stepBicycle(ego, command.accelMps2, command.curvaturePerM, tickSecs);
    if (tick + 1 < warmupTicks) continue;
    const last = x.length - 1;
    if (last < 0 || Math.hypot(ego.x - x[last], ego.y - y[last]) > 0.05) {
      x.push(ego.x);
      y.push(ego.y);
      yaw.push(ego.yaw);
    }
    if (tick + 1 > warmupTicks) monitor.watch(world, ego);
  }
  const metrics = monitor.result();
  const lengthM = metrics.distTraveledM;
  const path =
    x.length > 1 && lengthM > 0.5 ? pathFromSamples(x, y, yaw, new Float64Array(x.length)) : null;
  const terms = epdmsTerms(metrics, { progress: 1, referenceLengthM: lengthM }, true);
  return { path, lengthM, metrics, terms };
}

/** Runs further than this from the reference path stop counting (AlpaSim's cut), m. */
export const offReferenceM = 4;

/** Follows a run along the reference path. */
export class ProgressMeter {
  progress = 0;
  maxDistanceM = 0;
  /** Set once the run has left the reference by `offReferenceM`; progress is frozen from then on. */
  left = false;
  private readonly reference: ReferenceRun;
  private readonly hit: Projection = { s: 0, d: 0, index: 0 };

  constructor(reference: ReferenceRun) {
    this.reference = reference;
  }

  watch(x: number, y: number): void {
    const { path } = this.reference;
    if (path === null) {
      this.progress = 1;
      return;
    }
    const { hit } = this;
    project(path, x, y, hit.index, hit);
    const past = Math.max(0, -hit.s, hit.s - path.lengthM);
    const away = Math.hypot(hit.d, past > 0 && hit.s < 0 ? past : 0);
    if (away > this.maxDistanceM) this.maxDistanceM = away;
    if (away >= offReferenceM) this.left = true;
    if (!this.left) this.progress = Math.max(0, Math.min(1, hit.s / path.lengthM));
  }
}
