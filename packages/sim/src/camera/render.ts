/** Renders a world from the cameras of the ego: sky, ground by inverse perspective, then objects by depth buffer. */
import type { RgbImage } from "@causeway/geom";
import type { EgoState, Scene } from "../world/scene.ts";
import type { World } from "../world/world.ts";
import { type GroundTexture, paintGround } from "./ground.ts";
import { drawDecor, drawLight, drawStopSign, drawVehicle, drawWalker } from "./models.ts";
import { Canvas } from "./raster.ts";
import type { CameraSpec } from "./rig.ts";

export interface SceneRenderer {
  readonly cameras: readonly CameraSpec[];
  /** One fresh picture per camera, in the order of `cameras`. */
  render(world: World, ego: EgoState): RgbImage[];
}

/** Indicators: on for 0.5 s, off for 0.3 s. */
const blinkOn = (secs: number) => secs % 0.8 < 0.5;

/** Paints the ground once (about 10 MB a scene) and keeps one canvas per camera. */
export function createRenderer(scene: Scene, cameras: readonly CameraSpec[]): SceneRenderer {
  const ground = paintGround(scene);
  const look = scene.appearance;
  const canvases = cameras.map((camera) => {
    const canvas = new Canvas(camera);
    canvas.light = look.light;
    canvas.fog = look.fog;
    canvas.fogColor = look.skyHorizon;
    canvas.sunX = Math.cos(look.sunYaw);
    canvas.sunY = Math.sin(look.sunYaw);
    return canvas;
  });
  return {
    cameras,
    render(world, ego) {
      return cameras.map((camera, i) => {
        const canvas = canvases[i];
        canvas.pixels = new Uint8Array(3 * camera.width * camera.height);
        canvas.nearness.fill(0);
        const c = Math.cos(ego.yaw);
        const s = Math.sin(ego.yaw);
        canvas.camX = ego.x + camera.x * c - camera.y * s;
        canvas.camY = ego.y + camera.x * s + camera.y * c;
        canvas.camZ = camera.z;
        canvas.fwdX = Math.cos(ego.yaw + camera.yaw);
        canvas.fwdY = Math.sin(ego.yaw + camera.yaw);
        drawSky(canvas, scene);
        drawGround(canvas, ground);
        drawObjects(canvas, world);
        return { width: camera.width, height: camera.height, pixels: canvas.pixels };
      });
    },
  };
}

function drawSky(canvas: Canvas, scene: Scene): void {
  const { skyTop, skyHorizon } = scene.appearance;
  const rows = Math.min(canvas.height, Math.ceil(canvas.cy - 0.5));
  const { width, pixels } = canvas;
  for (let y = 0; y < rows; y++) {
    const t = Math.min(1, (y + 0.5) / canvas.cy);
    const u = t * t;
    const r = (skyTop >> 16) * (1 - u) + (skyHorizon >> 16) * u;
    const g = ((skyTop >> 8) & 255) * (1 - u) + ((skyHorizon >> 8) & 255) * u;
    const b = (skyTop & 255) * (1 - u) + (skyHorizon & 255) * u;
    for (let x = 0, k = 3 * y * width; x < width; x++, k += 3) {
      pixels[k] = r;
      pixels[k + 1] = g;
      pixels[k + 2] = b;
    }
  }
}

function drawGround(canvas: Canvas, ground: GroundTexture): void {
  const { width, height, focal, cx, cy, camX, camY, camZ, fwdX, fwdY, pixels, light } = canvas;
  const { grid, levels, outside } = ground;
  const fogR = canvas.fogColor >> 16;
  const fogG = (canvas.fogColor >> 8) & 255;
  const fogB = canvas.fogColor & 255;
  const first = Math.max(0, Math.ceil(cy - 0.5));
  for (let y = first; y < height; y++) {
    const drop = Math.max(0.02, y + 0.5 - cy);
    const depth = (focal * camZ) / drop;
    // Texel size wanted: between the footprint across (depth / f) and along the view (depth^2 / (f h)).
    const across = depth / focal;
    const footprint = Math.sqrt(across * Math.min(across * (depth / camZ), 12 * across));
    let level = 0;
    let cell = grid.cellM;
    while (level < levels.length - 1 && cell * 1.5 < footprint) {
      level++;
      cell *= 2;
    }
    const { width: w, height: h, texels } = levels[level];
    const f = 1 - Math.exp(-canvas.fog * depth);
    const keep = light * (1 - f);
    const addR = fogR * f;
    const addG = fogG * f;
    const addB = fogB * f;
    // Right of the camera is (fwdY, -fwdX).
    const side = (0.5 - cx) / focal;
    let u = (camX + depth * (fwdX + side * fwdY) - grid.originX) / cell - 0.5;
    let v = (camY + depth * (fwdY - side * fwdX) - grid.originY) / cell - 0.5;
    const du = ((depth / focal) * fwdY) / cell;
    const dv = (-(depth / focal) * fwdX) / cell;
    let k = 3 * y * width;
    for (let x = 0; x < width; x++, k += 3, u += du, v += dv) {
      const iu = Math.floor(u);
      const iv = Math.floor(v);
      let r: number;
      let g: number;
      let b: number;
      if (iu < 0 || iv < 0 || iu >= w - 1 || iv >= h - 1) {
        r = outside >> 16;
        g = (outside >> 8) & 255;
        b = outside & 255;
      } else {
        // Bilinear in 8-bit fixed point; red and blue share one word.
        const at = iv * w + iu;
        const t00 = texels[at];
        const t10 = texels[at + 1];
        const t01 = texels[at + w];
        const t11 = texels[at + w + 1];
        const a = ((u - iu) * 256) | 0;
        const c = ((v - iv) * 256) | 0;
        const w11 = (a * c) >> 8;
        const w10 = a - w11;
        const w01 = c - w11;
        const w00 = 256 - a - w01;
        const rb =
          (Math.imul(t00 & 0xff00ff, w00) +
            Math.imul(t10 & 0xff00ff, w10) +
            Math.imul(t01 & 0xff00ff, w01) +
            Math.imul(t11 & 0xff00ff, w11)) >>>
          8;
        g =
          (Math.imul((t00 >> 8) & 255, w00) +
            Math.imul((t10 >> 8) & 255, w10) +
            Math.imul((t01 >> 8) & 255, w01) +
            Math.imul((t11 >> 8) & 255, w11)) >>
          8;
        r = (rb >> 16) & 255;
        b = rb & 255;
      }
      r = r * keep + addR;
      g = g * keep + addG;
      b = b * keep + addB;
      pixels[k] = r > 255 ? 255 : r;
      pixels[k + 1] = g > 255 ? 255 : g;
      pixels[k + 2] = b > 255 ? 255 : b;
    }
  }
}

function drawObjects(canvas: Canvas, world: World): void {
  const { scene } = world;
  for (const d of scene.decor) drawDecor(canvas, d);
  const isBlink = blinkOn(world.secs);
  for (let i = 0; i < world.numCars; i++) {
    if (world.carActive[i] === 0) continue;
    const car = scene.cars[i];
    const indicator = world.indicator(i);
    drawVehicle(canvas, {
      x: world.carX[i],
      y: world.carY[i],
      yaw: world.carYaw[i],
      lengthM: car.lengthM,
      widthM: car.widthM,
      heightM: car.heightM,
      color: car.color,
      isTruck: car.kind === "truck",
      isLit: !car.parked,
      braking: !car.parked && world.carBraking[i] === 1,
      blinkLeft: isBlink && (car.hazard || indicator === "left"),
      blinkRight: isBlink && (car.hazard || indicator === "right"),
    });
  }
  for (let i = 0; i < world.numWalkers; i++) {
    const walker = scene.walkers[i];
    drawWalker(
      canvas,
      world.walkerX[i],
      world.walkerY[i],
      Math.atan2(walker.y1 - walker.y0, walker.x1 - walker.x0),
      walker.heightM,
      walker.shirtColor,
      walker.trousersColor,
      world.walkerAlong[i],
      world.walkerSpeed[i] > 0,
    );
  }
  for (const sign of scene.network.stopSigns) drawStopSign(canvas, sign);
  // Lamps last: their glow goes over what is behind them.
  const { lights } = scene.network;
  for (let i = 0; i < lights.length; i++) drawLight(canvas, lights[i], world.colors[i]);
}
