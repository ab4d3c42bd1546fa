/**
 * Synthetic scenes for looking at pages (test only, no claim about any model): a two-lane road, a crossing with a
 * light, a few actors, and a drawn camera that agrees with the projection of the report.
 */
import type { ActorState, PinholeCalibration, RoadMap } from "@causeway/data";
import sharp from "sharp";
import { imageFromRig } from "../src/report/camera.ts";

export const laneWidth = 3.5;
export const egoBox = { lengthM: 4.6, widthM: 1.9, rearAxleToCenterM: 1.4 };

const line = (points: readonly (readonly [number, number])[]) => ({
  x: points.map((p) => p[0]),
  y: points.map((p) => p[1]),
});
const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);

/** Centre of the ego's lane by arc length: straight for 20 m, then a constant bend. */
export function centerLine(
  curvePerM: number,
): (s: number) => { x: number; y: number; yaw: number } {
  return (s) => {
    const yaw = s < 20 ? 0 : curvePerM * (s - 20);
    if (curvePerM === 0 || s < 20) return { x: s, y: 0, yaw };
    const r = 1 / curvePerM;
    return { x: 20 + r * Math.sin(yaw), y: r * (1 - Math.cos(yaw)), yaw };
  };
}

/** Main road along x with a gentle curve, crossing at x = 120. Lane 1 (ego) is centred at y = 0, lane 2 at +3.5 (oncoming). */
export function syntheticMap(curvePerM: number): { map: RoadMap } {
  const center = centerLine(curvePerM);
  const offset = (s: number, d: number): [number, number] => {
    const c = center(s);
    return [c.x - Math.sin(c.yaw) * d, c.y + Math.cos(c.yaw) * d];
  };
  const along = (d: number, from = -60, to = 260) =>
    line(range(from, to, 5).map((s) => offset(s, d)));
  const half = laneWidth / 2;
  const c = center(120);
  const across = (u: number, v: number): [number, number] => [
    c.x + Math.cos(c.yaw) * u - Math.sin(c.yaw) * v,
    c.y + Math.sin(c.yaw) * u + Math.cos(c.yaw) * v,
  ];
  const ring = (left: { x: number[]; y: number[] }, right: { x: number[]; y: number[] }) => ({
    x: [...left.x, ...right.x.toReversed()],
    y: [...left.y, ...right.y.toReversed()],
  });
  const lane = (
    id: number,
    left: ReturnType<typeof line>,
    right: ReturnType<typeof line>,
    l: "solid" | "dashed" | "none",
    r: "solid" | "dashed" | "none",
    isJunction = false,
  ) => ({
    id,
    centerline: left,
    left,
    right,
    leftMarking: l,
    rightMarking: r,
    isJunction,
    successors: [],
    speedLimitMps: 13.9,
  });
  const map: RoadMap = {
    lanes: [
      lane(1, along(half, -60, 112), along(-half, -60, 112), "dashed", "solid"),
      lane(2, along(half + laneWidth, -60, 112), along(half, -60, 112), "solid", "none"),
      lane(3, along(half, 128, 260), along(-half, 128, 260), "dashed", "solid"),
      lane(4, along(half + laneWidth, 128, 260), along(half, 128, 260), "solid", "none"),
      lane(
        5,
        line([across(-3.5, -60), across(-3.5, 60)]),
        line([across(0, -60), across(0, 60)]),
        "none",
        "none",
        true,
      ),
      lane(
        6,
        line([across(0, -60), across(0, 60)]),
        line([across(3.5, -60), across(3.5, 60)]),
        "none",
        "none",
        true,
      ),
    ],
    drivable: [
      ring(along(half + laneWidth + 1.2), along(-half - 1.2)),
      ring(line([across(-4.6, -60), across(-4.6, 60)]), line([across(4.6, -60), across(4.6, 60)])),
    ],
    crosswalks: [
      ring(line([across(-9, -3), across(-9, 6)]), line([across(-6.5, -3), across(-6.5, 6)])),
    ],
    stopLines: [
      { line: line([across(-10.5, -half), across(-10.5, half)]), lightId: 1, isStopSign: false },
    ],
    lights: [{ id: 1, x: across(8, -3)[0], y: across(8, -3)[1], z: 5, yaw: c.yaw + Math.PI }],
  };
  return { map };
}

const q = (yaw: number) => {
  // Camera axes (right, down, forward) from a level camera looking along `yaw`.
  const c = Math.cos(yaw / 2);
  const s = Math.sin(yaw / 2);
  const [w, x, y, z] = [0.5, -0.5, 0.5, -0.5];
  return { qw: c * w - s * z, qx: c * x - s * y, qy: c * y + s * x, qz: c * z + s * w };
};
export const cameraSize = { width: 160, height: 96 };
export const cameras: readonly { name: string; calibration: PinholeCalibration }[] = [
  ["camera_front_wide_120fov", 0],
  ["camera_cross_left_120fov", 1.1],
  ["camera_cross_right_120fov", -1.1],
].map(([name, yaw]) => ({
  name: name as string,
  calibration: {
    model: "pinhole",
    ...cameraSize,
    fx: 56,
    fy: 56,
    cx: 80,
    cy: 42,
    rigFromCamera: { x: 1.7, y: 0, z: 1.5, ...q(yaw as number) },
  },
}));

type Vec = [number, number, number];

/** Draws what a camera sees as SVG, then as a JPEG in base64. Polygons are clipped at 0.6 m. */
export async function drawCamera(
  calibration: PinholeCalibration,
  ego: { x: number; y: number; yaw: number },
  map: RoadMap,
  actors: readonly ActorState[],
  light: string,
): Promise<string> {
  const m = imageFromRig(calibration);
  const c = Math.cos(ego.yaw);
  const s = Math.sin(ego.yaw);
  const polygon = (world: Vec[], fill: string, extra = "") => {
    const rig = world.map(
      ([x, y, z]): Vec => [c * (x - ego.x) + s * (y - ego.y), c * (y - ego.y) - s * (x - ego.x), z],
    );
    const depth = (p: Vec) => m[8] * p[0] + m[9] * p[1] + m[10] * p[2] + m[11];
    const clipped: Vec[] = [];
    rig.forEach((p, i) => {
      const next = rig[(i + 1) % rig.length];
      const [a, b] = [depth(p) - 0.6, depth(next) - 0.6];
      if (a >= 0) clipped.push(p);
      if (a * b < 0) {
        const t = a / (a - b);
        clipped.push([
          p[0] + t * (next[0] - p[0]),
          p[1] + t * (next[1] - p[1]),
          p[2] + t * (next[2] - p[2]),
        ]);
      }
    });
    if (clipped.length < 3) return "";
    const points = clipped.map((p) => {
      const w = depth(p);
      const row = (i: number) => (m[i] * p[0] + m[i + 1] * p[1] + m[i + 2] * p[2] + m[i + 3]) / w;
      return `${row(0).toFixed(1)},${row(4).toFixed(1)}`;
    });
    return `<polygon points="${points.join(" ")}" fill="${fill}" ${extra}/>`;
  };
  const strip = (xs: readonly number[], ys: readonly number[], width: number, dashed: boolean) => {
    let out = "";
    for (let i = 1; i < xs.length; i++) {
      if (dashed && i % 2 === 0) continue;
      const dx = xs[i] - xs[i - 1];
      const dy = ys[i] - ys[i - 1];
      const n = Math.hypot(dx, dy);
      const [u, v] = [(-dy / n) * width, (dx / n) * width];
      out += polygon(
        [
          [xs[i - 1] + u, ys[i - 1] + v, 0],
          [xs[i] + u, ys[i] + v, 0],
          [xs[i] - u, ys[i] - v, 0],
          [xs[i - 1] - u, ys[i - 1] - v, 0],
        ],
        "#e8e6d8",
      );
    }
    return out;
  };
  const ground = map.drivable.map((ring) =>
    polygon(
      ring.x.map((x, i): Vec => [x, ring.y[i], 0]),
      "#55585c",
    ),
  );
  const marks = map.lanes.map(
    (lane) =>
      (lane.leftMarking === "none"
        ? ""
        : strip(lane.left.x, lane.left.y, 0.09, lane.leftMarking === "dashed")) +
      (lane.rightMarking === "none"
        ? ""
        : strip(lane.right.x, lane.right.y, 0.09, lane.rightMarking === "dashed")),
  );
  const cross = map.crosswalks.map((ring) =>
    polygon(
      ring.x.map((x, i): Vec => [x, ring.y[i], 0]),
      "#c9c7bb",
      'opacity="0.7"',
    ),
  );
  const stops = map.stopLines.map((stop) => strip(stop.line.x, stop.line.y, 0.25, false));
  const distance = (a: ActorState) => Math.hypot(a.x - ego.x, a.y - ego.y);
  const boxes = [...actors]
    .sort((a, b) => distance(b) - distance(a))
    .map((a) => {
      const corner = (u: number, v: number, z: number): Vec => {
        const cc = Math.cos(a.yaw);
        const ss = Math.sin(a.yaw);
        return [
          a.x + cc * u * a.lengthM * 0.5 - ss * v * a.widthM * 0.5,
          a.y + ss * u * a.lengthM * 0.5 + cc * v * a.widthM * 0.5,
          z,
        ];
      };
      const h = a.heightM;
      const face = (u0: number, v0: number, u1: number, v1: number, fill: string) =>
        polygon([corner(u0, v0, 0), corner(u1, v1, 0), corner(u1, v1, h), corner(u0, v0, h)], fill);
      const color = a.kind === "pedestrian" ? "#b54a6a" : a.id % 2 === 0 ? "#8c3b32" : "#3d5c86";
      const shade = a.kind === "pedestrian" ? "#8f3b54" : a.id % 2 === 0 ? "#6b2d26" : "#2e4666";
      const lamp = a.braking ? "#ff5040" : "#7a1d18";
      const lamps =
        a.kind === "car" || a.kind === "truck"
          ? polygon(
              [
                corner(-1, 0.95, 0.7),
                corner(-1, 0.55, 0.7),
                corner(-1, 0.55, 0.95),
                corner(-1, 0.95, 0.95),
              ],
              lamp,
            ) +
            polygon(
              [
                corner(-1, -0.95, 0.7),
                corner(-1, -0.55, 0.7),
                corner(-1, -0.55, 0.95),
                corner(-1, -0.95, 0.95),
              ],
              lamp,
            )
          : "";
      return (
        face(-1, 1, 1, 1, shade) + face(-1, -1, 1, -1, shade) + face(-1, -1, -1, 1, color) + lamps
      );
    });
  const lamp = map.lights.map(
    (l) =>
      polygon(
        [
          [l.x, l.y - 0.5, 4.4],
          [l.x, l.y + 0.5, 4.4],
          [l.x, l.y + 0.5, 5.8],
          [l.x, l.y - 0.5, 5.8],
        ],
        "#1c1c1c",
      ) +
      polygon(
        [
          [l.x, l.y - 0.35, 4.7],
          [l.x, l.y + 0.35, 4.7],
          [l.x, l.y + 0.35, 5.5],
          [l.x, l.y - 0.35, 5.5],
        ],
        light,
      ),
  );
  const { width, height } = calibration;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#7fa4cf"/><stop offset="1" stop-color="#d9e3ea"/></linearGradient></defs><rect width="100%" height="44%" fill="url(#s)"/><rect y="43.8%" width="100%" height="57%" fill="#71805c"/>${ground.join("")}${cross.join("")}${marks.join("")}${stops.join("")}${lamp.join("")}${boxes.join("")}</svg>`;
  return (await sharp(Buffer.from(svg)).jpeg({ quality: 70, mozjpeg: true }).toBuffer()).toString(
    "base64",
  );
}
