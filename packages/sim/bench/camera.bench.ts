/** Frames per second of the software camera at 160x96, one thread: npx tsx packages/sim/bench/camera.bench.ts */
import { buildScene, createRenderer, defaultCameras, startState, World } from "@causeway/sim";
import { bench } from "./harness.ts";

for (const kind of ["passing_intersection", "turn_left", "mixed"] as const) {
  const scene = buildScene({ kind, seed: 4 });
  const world = new World(scene);
  const ego = startState(scene);
  for (const size of [
    { width: 160, height: 96 },
    { width: 576, height: 320 },
  ]) {
    const renderer = createRenderer(scene, defaultCameras(size));
    const sum = renderer.render(world, ego)[0].pixels.reduce((a, b) => a + b, 0);
    if (sum === 0) throw new Error("camera.bench: the picture is black");
    const frames = size.width === 160 ? 200 : 20;
    bench(`${kind} ${size.width}x${size.height}`, "frames", 5, () => {
      for (let i = 0; i < frames; i++) {
        ego.x += 0.2 * Math.cos(ego.yaw);
        ego.y += 0.2 * Math.sin(ego.yaw);
        renderer.render(world, ego);
      }
      ego.x -= 0.2 * frames * Math.cos(ego.yaw);
      ego.y -= 0.2 * frames * Math.sin(ego.yaw);
      return 3 * frames;
    });
  }
}
