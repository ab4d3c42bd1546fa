/**
 * Shapes of cars, people, lights, signs and roadside things. Lamps and people are not drawn smaller than a few
 * pixels, as a larger picture would show them; everything else is to scale.
 */
import type { LightColor } from "@causeway/data";
import type { Light, StopSign } from "../road/network.ts";
import type { Decor } from "../world/scene.ts";
import type { Canvas } from "./raster.ts";

/** Light on a face by its direction: soft sun plus sky. */
const faceLight = (canvas: Canvas, nx: number, ny: number) =>
  0.74 + 0.26 * (nx * canvas.sunX + ny * canvas.sunY);

/** A box whose top may be smaller than its base; x forward in its own frame. */
export function drawPrism(
  canvas: Canvas,
  x: number,
  y: number,
  yaw: number,
  base: { x0: number; x1: number; half: number; z: number },
  top: { x0: number; x1: number; half: number; z: number },
  sideColor: number,
  topColor: number,
  endColor = sideColor,
): void {
  const c = Math.cos(yaw);
  const s = Math.sin(yaw);
  const put = (a: number, l: number, z: number) =>
    canvas.vertex(x + a * c - l * s, y + a * s + l * c, z);
  // Camera in the prism's frame decides which faces can be seen.
  const dx = canvas.camX - x;
  const dy = canvas.camY - y;
  const ca = dx * c + dy * s;
  const cl = -dx * s + dy * c;
  if (ca < base.x0 || ca < top.x0) {
    canvas.begin();
    put(base.x0, base.half, base.z);
    put(base.x0, -base.half, base.z);
    put(top.x0, -top.half, top.z);
    put(top.x0, top.half, top.z);
    canvas.fill(endColor, faceLight(canvas, -c, -s));
  }
  if (ca > base.x1 || ca > top.x1) {
    canvas.begin();
    put(base.x1, base.half, base.z);
    put(base.x1, -base.half, base.z);
    put(top.x1, -top.half, top.z);
    put(top.x1, top.half, top.z);
    canvas.fill(endColor, faceLight(canvas, c, s));
  }
  if (cl > top.half) {
    canvas.begin();
    put(base.x0, base.half, base.z);
    put(base.x1, base.half, base.z);
    put(top.x1, top.half, top.z);
    put(top.x0, top.half, top.z);
    canvas.fill(sideColor, faceLight(canvas, -s, c));
  }
  if (cl < -top.half) {
    canvas.begin();
    put(base.x0, -base.half, base.z);
    put(base.x1, -base.half, base.z);
    put(top.x1, -top.half, top.z);
    put(top.x0, -top.half, top.z);
    canvas.fill(sideColor, faceLight(canvas, s, -c));
  }
  if (canvas.camZ > top.z) {
    canvas.begin();
    put(top.x0, top.half, top.z);
    put(top.x1, top.half, top.z);
    put(top.x1, -top.half, top.z);
    put(top.x0, -top.half, top.z);
    canvas.fill(topColor, 1.06);
  }
}

export interface VehicleLook {
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
  readonly color: number;
  readonly isTruck: boolean;
  readonly braking: boolean;
  /** Engine on: shows rear and head lights at dusk. */
  readonly isLit: boolean;
  /** Indicators lit in this very frame. */
  readonly blinkLeft: boolean;
  readonly blinkRight: boolean;
}

const glass = 0x1d2733;
const tyre = 0x141414;
const brakeRed = 0xff2418;
const tailRed = 0x7d1512;
/** Rear lights at dusk: on, but far dimmer than brake lights. */
const tailLit = 0x8e1a16;
const amber = 0xffa61a;
const headWhite = 0xf4f1dc;

export function drawVehicle(canvas: Canvas, v: VehicleLook): void {
  const depth = canvas.sees(v.x, v.y, 0.6 * v.lengthM, 130);
  if (depth < 0) return;
  const half = 0.5 * v.widthM;
  const front = 0.5 * v.lengthM;
  const h = v.heightM;
  // Shadow and wheels in one dark slab below the body.
  drawPrism(
    canvas,
    v.x,
    v.y,
    v.yaw,
    { x0: -front * 0.96, x1: front * 0.96, half: half * 1.02, z: 0.01 },
    { x0: -front * 0.92, x1: front * 0.92, half: half * 0.96, z: 0.36 },
    tyre,
    tyre,
  );
  if (v.isTruck) {
    const cab = front - 1.9;
    drawPrism(
      canvas,
      v.x,
      v.y,
      v.yaw,
      { x0: -front, x1: cab - 0.15, half, z: 0.6 },
      { x0: -front, x1: cab - 0.15, half, z: h },
      v.color,
      v.color,
    );
    drawPrism(
      canvas,
      v.x,
      v.y,
      v.yaw,
      { x0: cab, x1: front, half: half * 0.96, z: 0.34 },
      { x0: cab, x1: front - 0.15, half: half * 0.94, z: 1.25 },
      0x55606b,
      0x55606b,
    );
    drawPrism(
      canvas,
      v.x,
      v.y,
      v.yaw,
      { x0: cab, x1: front - 0.15, half: half * 0.94, z: 1.25 },
      { x0: cab, x1: front - 0.45, half: half * 0.9, z: Math.min(h, 2.4) },
      glass,
      0x55606b,
    );
  } else {
    const belt = 0.58 * h;
    drawPrism(
      canvas,
      v.x,
      v.y,
      v.yaw,
      { x0: -front, x1: front, half, z: 0.3 },
      { x0: -front * 0.97, x1: front * 0.95, half: half * 0.97, z: belt },
      v.color,
      v.color,
    );
    drawPrism(
      canvas,
      v.x,
      v.y,
      v.yaw,
      { x0: -front * 0.88, x1: front * 0.5, half: half * 0.94, z: belt },
      { x0: -front * 0.66, x1: front * 0.2, half: half * 0.76, z: h },
      glass,
      v.color,
    );
  }
  const c = Math.cos(v.yaw);
  const s = Math.sin(v.yaw);
  const view = (canvas.camX - v.x) * c + (canvas.camY - v.y) * s;
  const lampZ = v.isTruck ? 0.8 : 0.52 * h;
  const at = (a: number, l: number) => ({ x: v.x + a * c - l * s, y: v.y + a * s + l * c });
  if (view < -0.4 * front) {
    const a = -front - 0.02;
    for (const l of [half * 0.8, -half * 0.8]) {
      const p = at(a, l);
      if (v.braking) canvas.splat(p.x, p.y, lampZ, 0.17, 1.05, brakeRed, -1, 0.55);
      else if (v.isLit && canvas.light < 0.75)
        canvas.splat(p.x, p.y, lampZ, 0.11, 0.55, tailLit, -1, 0.12);
      else canvas.splat(p.x, p.y, lampZ, 0.13, 0.35, tailRed, 1, 0);
    }
    if (v.braking) {
      const p = at(v.isTruck ? a : -front * 0.75, 0);
      canvas.splat(p.x, p.y, v.isTruck ? 0.8 : h * 0.92, 0.1, 0.6, brakeRed, -1, 0.3);
    }
  } else if (view > 0.4 * front && v.isLit) {
    for (const l of [half * 0.78, -half * 0.78]) {
      const p = at(front + 0.02, l);
      canvas.splat(p.x, p.y, lampZ * 0.9, 0.14, 0.5, headWhite, -1, canvas.light < 0.7 ? 0.5 : 0.1);
    }
  }
  for (const [lit, l] of [
    [v.blinkLeft, half * 0.95],
    [v.blinkRight, -half * 0.95],
  ] as const) {
    if (!lit) continue;
    const p = at(view < 0 ? -front : front, l);
    canvas.splat(p.x, p.y, lampZ + 0.12, 0.13, 1, amber, -1, 0.4);
  }
}

/** A walker: swinging legs, torso, head; at least about 2 px wide and, up to 1.7 times life size, 6 px tall. `phase` is the metres walked. */
export function drawWalker(
  canvas: Canvas,
  x: number,
  y: number,
  yaw: number,
  heightM: number,
  shirt: number,
  trousers: number,
  phase: number,
  isMoving: boolean,
): void {
  const depth = canvas.sees(x, y, 1, 90);
  if (depth < 0) return;
  const px = canvas.focal / Math.max(0.5, depth);
  // Far people are drawn up to 1.7 times taller, so that someone on a crossing 35 m away has 6 rows of pixels.
  const tall = Math.max(1, Math.min(1.7, 6 / (heightM * px)));
  const wide = Math.max(1, 2.3 / (0.5 * px));
  const half = 0.25 * Math.min(4, wide);
  const hip = 0.48 * heightM * tall;
  const neck = 0.82 * heightM * tall;
  const swing = isMoving ? 0.24 * Math.sin((phase / 0.75) * Math.PI) : 0.03;
  const box = (x0: number, x1: number, h: number, z0: number, z1: number, color: number) =>
    drawPrism(
      canvas,
      x,
      y,
      yaw,
      { x0, x1, half: h, z: z0 },
      { x0, x1, half: h, z: z1 },
      color,
      color,
    );
  box(swing - 0.11 * wide, swing + 0.11 * wide, half * 0.8, 0.02, hip, trousers);
  box(-swing - 0.11 * wide, -swing + 0.11 * wide, half * 0.8, 0.02, hip, trousers);
  box(-0.85 * half, 0.85 * half, half, hip, neck, shirt);
  canvas.splat(x, y, 0.91 * heightM * tall, 0.13 * tall, 0.9, 0xc99a78, 1, 0);
}

const lampColor: Readonly<Record<"red" | "yellow" | "green", number>> = {
  red: 0xff2a1e,
  yellow: 0xffc21f,
  green: 0x2dff7a,
};
const lampDark: Readonly<Record<"red" | "yellow" | "green", number>> = {
  red: 0x3a1412,
  yellow: 0x3a3010,
  green: 0x10321c,
};

/** Poles, and heads with red above yellow above green. */
export function drawLight(canvas: Canvas, light: Light, color: LightColor): void {
  for (const pole of light.poles) {
    if (canvas.sees(pole.x, pole.y, 8, 130) < 0) continue;
    drawPost(canvas, pole.x, pole.y, 0.09, 0, pole.heightM, 0x3c4044);
    if (pole.armX !== pole.x || pole.armY !== pole.y) {
      const yaw = Math.atan2(pole.armY - pole.y, pole.armX - pole.x);
      const reach = Math.hypot(pole.armX - pole.x, pole.armY - pole.y);
      const z = pole.heightM;
      drawPrism(
        canvas,
        pole.x,
        pole.y,
        yaw,
        { x0: 0, x1: reach + 0.4, half: 0.07, z: z - 0.16 },
        { x0: 0, x1: reach + 0.4, half: 0.07, z },
        0x3c4044,
        0x3c4044,
      );
    }
  }
  for (const head of light.heads) {
    const depth = canvas.sees(head.x, head.y, 2, 130);
    if (depth < 0.5) continue;
    const facing =
      (canvas.camX - head.x) * Math.cos(light.yaw) + (canvas.camY - head.y) * Math.sin(light.yaw);
    // Heads grow with distance so that the lamp keeps 1.6 px radius and the housing shows its shape.
    const px = canvas.focal / Math.max(0.5, depth);
    const away = Math.hypot(canvas.camX - head.x, canvas.camY - head.y);
    const shown = facing > 0.62 * away;
    const grow = shown ? Math.max(1, Math.min(5, 1.5 / (0.19 * px))) : 1;
    const half = 0.3 * grow;
    const tall = 0.82 * grow;
    // Grow upwards from the foot of the housing, so that a near-side head does not sink into the road.
    const z = head.z + tall - 0.82;
    const c = Math.cos(light.yaw);
    const s = Math.sin(light.yaw);
    drawPrism(
      canvas,
      head.x,
      head.y,
      light.yaw,
      { x0: -0.15, x1: 0.15, half, z: z - tall },
      { x0: -0.15, x1: 0.15, half, z: z + tall },
      0x15171a,
      0x15171a,
    );
    if (!shown) continue;
    const lx = head.x + 0.2 * c;
    const ly = head.y + 0.2 * s;
    const spacing = 0.52 * grow;
    for (const [name, k] of [
      ["red", 1],
      ["yellow", 0],
      ["green", -1],
    ] as const) {
      if (color === name) continue;
      canvas.splat(lx, ly, z + k * spacing, 0.17 * grow, 0.4, lampDark[name], -1, 0);
    }
    if (color !== "off") {
      const k = color === "red" ? 1 : color === "yellow" ? 0 : -1;
      canvas.splat(lx, ly, z + k * spacing, 0.21 * grow, 1.35, lampColor[color], -1, 0.5);
    }
  }
}

function drawPost(
  canvas: Canvas,
  x: number,
  y: number,
  half: number,
  z0: number,
  z1: number,
  color: number,
): void {
  drawPrism(
    canvas,
    x,
    y,
    0,
    { x0: -half, x1: half, half, z: z0 },
    { x0: -half, x1: half, half, z: z1 },
    color,
    color,
  );
}

/** A red octagon with a white rim on a post; grows with distance to stay 2.6 px in radius. */
export function drawStopSign(canvas: Canvas, sign: StopSign): void {
  const depth = canvas.sees(sign.x, sign.y, 3, 110);
  if (depth < 0.5) return;
  drawPost(canvas, sign.x, sign.y, 0.05, 0, 2, 0x8a8d92);
  const px = canvas.focal / Math.max(0.5, depth);
  const radius = Math.max(0.42, Math.min(1.6, 2.6 / px));
  const z = 2.1 + 0.6 * radius;
  const facing =
    (canvas.camX - sign.x) * Math.cos(sign.yaw) + (canvas.camY - sign.y) * Math.sin(sign.yaw);
  const c = -Math.sin(sign.yaw);
  const s = Math.cos(sign.yaw);
  const octagon = (r: number, forward: number, color: number) => {
    canvas.begin();
    for (let i = 0; i < 8; i++) {
      const a = ((i + 0.5) * Math.PI) / 4;
      canvas.vertex(
        sign.x + r * Math.cos(a) * c + forward * Math.cos(sign.yaw),
        sign.y + r * Math.cos(a) * s + forward * Math.sin(sign.yaw),
        z + r * Math.sin(a),
      );
    }
    canvas.fill(color, 1);
  };
  if (facing <= 0) {
    octagon(radius, 0, 0x8a8d92);
    return;
  }
  octagon(radius, 0.02, 0xf4f4f4);
  octagon(radius * 0.86, 0.05, 0xc81414);
  canvas.begin();
  for (const [u, w] of [
    [-0.55, -0.12],
    [0.55, -0.12],
    [0.55, 0.12],
    [-0.55, 0.12],
  ] as const) {
    canvas.vertex(
      sign.x + u * radius * c + 0.08 * Math.cos(sign.yaw),
      sign.y + u * radius * s + 0.08 * Math.sin(sign.yaw),
      z + w * radius,
    );
  }
  canvas.fill(0xf4f4f4, 1);
}

export function drawDecor(canvas: Canvas, d: Decor): void {
  const far = d.kind === "building" ? 170 : 110;
  const depth = canvas.sees(d.x, d.y, 0.6 * Math.max(d.lengthM, d.widthM), far);
  if (depth < 0) return;
  if (d.kind === "tree") {
    drawPost(canvas, d.x, d.y, 0.14, 0, 0.5 * d.heightM, 0x4a3a2a);
    const r = 0.5 * d.lengthM;
    canvas.splat(d.x, d.y, d.heightM - r, r, 0.5, d.color, 0.95, 0);
    canvas.splat(d.x, d.y, d.heightM - 0.7 * r, 0.62 * r, 0.3, d.color, 1.15, 0);
    return;
  }
  const x0 = -0.5 * d.lengthM;
  const box = (grow: number, z0: number, z1: number, color: number, roof: number) =>
    drawPrism(
      canvas,
      d.x,
      d.y,
      d.yaw,
      { x0: x0 - grow, x1: -x0 + grow, half: 0.5 * d.widthM + grow, z: z0 },
      { x0: x0 - grow, x1: -x0 + grow, half: 0.5 * d.widthM + grow, z: z1 },
      color,
      roof,
    );
  box(0, 0, d.heightM, d.color, 0x6b5a50);
  // One band of windows per storey gives depth cues and optical flow.
  if (depth < 90)
    for (let z = 1.2; z + 1.4 < d.heightM; z += 3) box(0.04, z, z + 1.2, 0x3a4652, 0x3a4652);
}
