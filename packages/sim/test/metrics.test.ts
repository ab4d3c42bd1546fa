import {
  alpasimScore,
  buildScene,
  epdmsScore,
  epdmsTerms,
  incidentRate,
  type EgoState,
  RunMonitor,
  type RunMetrics,
  type Scene,
  startState,
  World,
} from "@causeway/sim";
import { describe, expect, it } from "vitest";

const base = buildScene({ kind: "curvy_road", seed: 3 });
const route = base.egoRoute;

/** A straight piece of the route with one car on it, `gapM` ahead of the ego's rear axle (negative: behind). */
function withCar(gapM: number, yawOffset = 0): { scene: Scene; world: World; ego: EgoState } {
  const car = {
    kind: "car" as const,
    lengthM: 4.5,
    widthM: 1.8,
    heightM: 1.5,
    color: 0x808080,
    route,
    startS: base.egoStartS + gapM,
    startSpeedMps: 0,
    desiredSpeedMps: 0,
    startOffsetM: yawOffset,
    shifts: [],
    speedPlan: [],
    parked: true,
    hazard: false,
  };
  const scene: Scene = { ...base, cars: [car], walkers: [] };
  return { scene, world: new World(scene), ego: startState(scene) };
}

const watchOnce = (gapM: number, offsetM = 0): RunMetrics => {
  const { scene, world, ego } = withCar(gapM, offsetM);
  const monitor = new RunMonitor(scene);
  monitor.watch(world, ego);
  return monitor.result();
};

describe("RunMonitor", () => {
  it("calls a car in the front bumper a front collision and our fault", () => {
    // Ego front is 3.8 m ahead of the rear axle, the other's rear 2.25 m before its centre.
    const metrics = watchOnce(3.8 + 2.25 - 0.4);
    expect(metrics.collisionFront).toBe(true);
    expect(metrics.collisionAtFault).toBe(true);
  });

  it("does not blame the ego for being hit from behind", () => {
    // Ego rear is 1 m behind the rear axle.
    const metrics = watchOnce(-1 - 2.25 + 0.4);
    expect(metrics.collisionRear).toBe(true);
    expect(metrics.collisionAny).toBe(true);
    expect(metrics.collisionAtFault).toBe(false);
    expect(alpasimScore(metrics, { progress: 0.8, referenceLengthM: 100 })).toBe(1);
  });

  it("calls a car alongside a lateral collision", () => {
    // Centres level, 1.7 m apart: bodies of 1.9 and 1.8 m overlap by 0.15 m; the other is shorter than we are.
    const metrics = watchOnce(1.4, 1.7);
    expect(metrics.collisionLateral).toBe(true);
    expect(metrics.collisionFront).toBe(false);
  });

  it("measures the free gap to a car ahead", () => {
    const { scene, world, ego } = withCar(3.8 + 2.25 + 5);
    const monitor = new RunMonitor(scene);
    monitor.watch(world, ego);
    const metrics = monitor.result();
    expect(metrics.collisionAny).toBe(false);
    // The route is straight here; bodies are shrunk by 2 %, and our centre is 1.4 m ahead of the rear axle.
    const centres = Math.hypot(world.carX[0] - ego.x, world.carY[0] - ego.y) - 1.4;
    expect(metrics.minDistanceToObstacleM).toBeCloseTo(centres - 0.98 * (2.4 + 2.25), 4);
  });

  it("sees a collision course by constant velocity", () => {
    const { scene, world, ego } = withCar(3.8 + 2.25 + 8);
    ego.speedMps = 10;
    const monitor = new RunMonitor(scene);
    monitor.watch(world, ego);
    const metrics = monitor.result();
    expect(metrics.minTimeToCollisionSecs).toBeGreaterThan(0.7);
    expect(metrics.minTimeToCollisionSecs).toBeLessThan(1);
    expect(metrics.ttcViolated).toBe(true);
  });

  it("reports off-road as soon as a corner leaves the pavement, and not before", () => {
    const { scene, world, ego } = withCar(60);
    const road = scene.network.roads[0];
    const lane = road.laneWidthM;
    const shift = (metres: number) => {
      const moved = { ...ego };
      moved.x += metres * Math.sin(ego.yaw);
      moved.y -= metres * Math.cos(ego.yaw);
      const monitor = new RunMonitor(scene);
      monitor.watch(world, moved);
      return monitor.result().offroad;
    };
    // To the right: half a lane and the shoulder, less half a car.
    const room = 0.5 * lane + road.shoulderM - 0.95;
    expect(shift(room - 0.25)).toBe(false);
    expect(shift(room + 0.25)).toBe(true);
  });

  it("knows the wrong side of the road", () => {
    const { scene, world, ego } = withCar(60);
    const lane = scene.network.roads[0].laneWidthM;
    ego.x -= lane * Math.sin(ego.yaw);
    ego.y += lane * Math.cos(ego.yaw);
    ego.speedMps = 8;
    const monitor = new RunMonitor(scene);
    for (let i = 0; i < 5; i++) monitor.watch(world, ego);
    const metrics = monitor.result();
    expect(metrics.wrongLane).toBe(true);
    expect(metrics.maxOncomingMetersPerSec).toBeCloseTo(4, 6);
  });

  it("catches crossing the stop line at red, and not at green", () => {
    for (const kind of ["stop_for_light", "passing_intersection"] as const) {
      const scene = { ...buildScene({ kind, seed: 5 }), cars: [], walkers: [] };
      const stop = scene.egoRoute.stops[0];
      const world = new World(scene);
      const light = stop.lightId ?? -1;
      const wanted = kind === "stop_for_light" ? "red" : "green";
      const ego = startState(scene);
      for (let t = 0; t < 600 && world.colors[light] !== wanted; t++) world.step(ego, 0);
      expect(world.colors[light]).toBe(wanted);
      const { path } = scene.egoRoute;
      const monitor = new RunMonitor(scene);
      for (const metres of [-0.5, 0.5]) {
        const i = Math.round((stop.s - 3.8 + metres) / path.stepM);
        Object.assign(ego, { x: path.x[i], y: path.y[i], yaw: path.yaw[i], speedMps: 9 });
        monitor.watch(world, ego);
      }
      expect(monitor.result().redLight).toBe(wanted === "red");
    }
  });

  it("flags discomfort from acceleration, jerk and yaw rate", () => {
    const { scene, world, ego } = withCar(60);
    const monitor = new RunMonitor(scene);
    ego.speedMps = 10;
    monitor.watch(world, ego);
    ego.accelMps2 = -5;
    ego.curvaturePerM = 0.1;
    monitor.watch(world, ego);
    expect(monitor.result().discomfort).toEqual({
      lonAccel: true,
      latAccel: true,
      jerk: true,
      lonJerk: true,
      yawRate: true,
      yawAccel: true,
    });
  });
});

describe("scores", () => {
  const clean = watchOnce(60);

  it("AlpaSim: progress over 0.8, capped, and 0 after our fault or off-road", () => {
    const at = (progress: number) => alpasimScore(clean, { progress, referenceLengthM: 100 });
    expect(at(0.4)).toBeCloseTo(0.5, 12);
    expect(at(0.8)).toBe(1);
    expect(at(1)).toBe(1);
    const input = { progress: 1, referenceLengthM: 100 };
    expect(alpasimScore({ ...clean, collisionAtFault: true }, input)).toBe(0);
    expect(alpasimScore({ ...clean, offroad: true }, input)).toBe(0);
    // Red lights are not scored by AlpaSim.
    expect(alpasimScore({ ...clean, redLight: true }, input)).toBe(1);
  });

  it("AlpaSim: a reference under 5 m gives full progress", () => {
    expect(alpasimScore(clean, { progress: 0, referenceLengthM: 4.9 })).toBe(1);
  });

  it("EPDMS: weights 5, 5, 2, 2, 2 of 16 times the gates", () => {
    const input = { progress: 0.5, referenceLengthM: 100 };
    const terms = epdmsTerms(clean, input, true);
    expect(epdmsScore(terms, null)).toBeCloseTo((2.5 + 5 + 2 + 2 + 2) / 16, 12);
    expect(epdmsScore({ ...terms, trafficLight: 0 }, null)).toBe(0);
    expect(epdmsScore({ ...terms, drivingDirection: 0.5 }, null)).toBeCloseTo(13.5 / 32, 12);
  });

  it("EPDMS: a term that the reference fails counts as 1", () => {
    const input = { progress: 1, referenceLengthM: 100 };
    const terms = epdmsTerms({ ...clean, laneKeepViolated: true }, input, true);
    expect(epdmsScore(terms, null)).toBeCloseTo(14 / 16, 12);
    expect(epdmsScore(terms, terms)).toBe(1);
  });

  it("incidents per km counts runs, not ticks, and has no rate without incidents", () => {
    const run = { ...clean, distTraveledM: 500 };
    const rear = { ...run, collisionAny: true, collisionRear: true };
    expect(incidentRate([run, rear], false)).toEqual({ km: 1, incidents: 1, kmPerIncident: 1 });
    expect(incidentRate([run, rear], true).kmPerIncident).toBe(Number.POSITIVE_INFINITY);
  });
});
