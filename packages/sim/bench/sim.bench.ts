/**
 * Environment steps per second without a camera, one thread, 32 actors, observations and metrics on:
 * npx tsx packages/sim/bench/sim.bench.ts
 */
import { buildScene, type Scene, simulateDrive } from "@causeway/sim";
import { SceneStepper } from "../src/loop/stepper.ts";
import { bench } from "./harness.ts";

/** The scene with its cars copied along their routes until there are `count` actors. */
function crowd(scene: Scene, count: number): Scene {
  const cars = [...scene.cars];
  const routes = [...scene.cars.map((car) => car.route), scene.egoRoute];
  for (let k = 0; cars.length + scene.walkers.length < count; k++) {
    const from = scene.cars[k % scene.cars.length];
    const route = routes[k % routes.length];
    const startS = (37 * k) % Math.max(20, route.path.lengthM - 40);
    if (Math.abs(startS - scene.egoStartS) < 25) continue;
    cars.push({ ...from, route, startS, startSpeedMps: 6, desiredSpeedMps: 8, parked: false });
  }
  return { ...scene, cars };
}

const base = buildScene({ kind: "mixed", seed: 8 });
const scene = crowd(base, 32);
const steps = 200;
bench(`closed loop, ${scene.cars.length + scene.walkers.length} actors`, "env-steps", 7, () => {
  let done = 0;
  for (let run = 0; run < 10; run++) {
    const stepper = new SceneStepper(scene);
    for (let i = 0; i < steps; i++) {
      const observation = stepper.observe();
      // A stand-in driver: hold 6 m/s and the lane by its own history.
      stepper.step((6 - observation.speedMps) * 0.5, stepper.routeCurvature());
      done++;
    }
    const metrics = stepper.metrics();
    if (metrics.ticks !== steps)
      throw new Error(`sim.bench: ${metrics.ticks} ticks watched, expected ${steps}`);
  }
  return done;
});

bench("expert drive with decisions, no pictures", "ticks", 5, () => {
  let done = 0;
  for (let seed = 0; seed < 5; seed++) {
    const { drive } = simulateDrive({ kind: "mixed", seed, cameras: [] });
    done += drive.egoMotion.stampUs.length;
  }
  return done;
});

bench("drives of 20 s with 3 cameras, no JPEG", "drives", 3, () => {
  for (let seed = 0; seed < 4; seed++) simulateDrive({ kind: "mixed", seed });
  return 4;
});
