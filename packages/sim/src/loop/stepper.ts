/**
 * One scene as a plain environment, tick by tick: control in, observation (without pictures) and metrics out.
 * For searches and reinforcement learning on state, where there is no plan to track.
 */
import type { RouteStep } from "@causeway/data";
import { routeStepAt } from "../drive/route-step.ts";
import { startState } from "../expert/expert.ts";
import { kappaAt, type Projection, project } from "../geometry/path.ts";
import { stepBicycle } from "../vehicle/bicycle.ts";
import { type EgoState, type Scene, tickSecs } from "../world/scene.ts";
import { World } from "../world/world.ts";
import { EgoHistory } from "./history.ts";
import { type RunMetrics, RunMonitor } from "./metrics.ts";

export interface StateObservation {
  readonly stampUs: number;
  readonly speedMps: number;
  /** 16 poses in the rig frame now, row 15 the identity; earlier rows repeat the first pose until 1.5 s have passed. */
  readonly history: ReturnType<EgoHistory["inRig"]>;
  readonly route: RouteStep;
}

export class SceneStepper {
  readonly world: World;
  readonly ego: EgoState;
  private readonly scene: Scene;
  private readonly monitor: RunMonitor;
  private readonly history = new EgoHistory();
  private readonly place: Projection = { s: 0, d: 0, index: -1 };

  constructor(scene: Scene) {
    this.scene = scene;
    this.world = new World(scene);
    this.ego = startState(scene);
    this.monitor = new RunMonitor(scene);
    this.locate();
  }

  observe(): StateObservation {
    const stampUs = this.world.tick * 100_000;
    return {
      stampUs,
      speedMps: this.ego.speedMps,
      history: this.history.inRig(this.ego),
      route: routeStepAt(this.scene, stampUs, this.place.s, this.place.d),
    };
  }

  /** Curvature of the route at the ego plus a correction of its offset: enough to stay in the lane. */
  routeCurvature(): number {
    const { path } = this.scene.egoRoute;
    const yaw = path.yaw[this.place.index];
    return kappaAt(path, this.place.s) - 0.04 * this.place.d - 0.35 * Math.sin(this.ego.yaw - yaw);
  }

  step(accelMps2: number, curvaturePerM: number): void {
    this.world.step(this.ego, this.place.s);
    stepBicycle(this.ego, accelMps2, curvaturePerM, tickSecs);
    this.monitor.watch(this.world, this.ego);
    this.locate();
  }

  metrics(): RunMetrics {
    return this.monitor.result();
  }

  private locate(): void {
    const { ego } = this;
    project(this.scene.egoRoute.path, ego.x, ego.y, this.place.index, this.place);
    this.history.push(ego);
  }
}
