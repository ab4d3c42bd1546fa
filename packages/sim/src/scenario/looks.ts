/** Colours, light and roadside objects: nothing here changes how anything drives. */
import type { Rng } from "@causeway/geom";
import { type Network, roadHalfWidthM } from "../road/network.ts";
import type { Appearance, Decor, RoadClass } from "../world/scene.ts";

const carColors = [
  0xe8e8e8, 0x1c1c20, 0x8a8d92, 0x5a5e66, 0x27408b, 0x7a1f24, 0x2e5d3a, 0xb8a98a, 0x3b6ea5,
  0xc7c9cc, 0x4a3b32, 0xa0522d,
] as const;

export const pickCarColor = (rng: Rng): number => rng.pick(carColors);

/** Bright on purpose: people must stand out against asphalt and grass at a few pixels. */
const shirtColors = [0xe8452f, 0x2f7ff0, 0xf2d23a, 0xf5f5f5, 0xe87fc0, 0xf0802a, 0xb03af0] as const;
export const pickShirtColor = (rng: Rng): number => rng.pick(shirtColors);
const trousersColors = [0x23283a, 0x3a3a3a, 0x5b4a3a, 0x1b1b1b, 0x6b7280] as const;
export const pickTrousersColor = (rng: Rng): number => rng.pick(trousersColors);

/** Day, overcast, late light or dusk. */
export function pickAppearance(rng: Rng): Appearance {
  const kind = rng.int(4);
  const grass = rng.pick([0x5f7f3f, 0x6f8244, 0x86814f, 0x4d7040] as const);
  const asphaltGrey = Math.round(rng.uniform(72, 104));
  const asphalt = (asphaltGrey << 16) | (asphaltGrey << 8) | (asphaltGrey + 3);
  const sunYaw = rng.uniform(-Math.PI, Math.PI);
  const base = { grass, asphalt, sunYaw };
  switch (kind) {
    case 0:
      return { ...base, light: 1.08, skyTop: 0x4f8fd8, skyHorizon: 0xc6dcf0, fog: 0.0015 };
    case 1:
      return { ...base, light: 0.88, skyTop: 0xa9b1ba, skyHorizon: 0xd0d5d9, fog: 0.004 };
    case 2:
      return { ...base, light: 0.95, skyTop: 0x5f7fb8, skyHorizon: 0xf0cf9f, fog: 0.0025 };
    default:
      return { ...base, light: 0.64, skyTop: 0x313c5e, skyHorizon: 0x9a8794, fog: 0.003 };
  }
}

const wallColors = [0x9c8f80, 0xb0a59a, 0x8c6f5e, 0xa8aeb4, 0x7d8791, 0xc2b59b, 0x96705a] as const;
const crownColors = [0x3e6b33, 0x4c7a3a, 0x5b7f3b, 0x36592f] as const;

/** How the three road classes are lined; `density` scales how often something stands there. */
const surroundings = {
  town: { density: 0.95, buildings: 0.75, setbackM: 3.5 },
  suburb: { density: 0.65, buildings: 0.35, setbackM: 6 },
  country: { density: 0.45, buildings: 0, setbackM: 10 },
} as const;

/** Houses and trees beside the roads, never on pavement. */
export function placeDecor(rng: Rng, network: Network, roadClass: RoadClass): Decor[] {
  const out: Decor[] = [];
  const { density, buildings, setbackM } = surroundings[roadClass];
  for (const road of network.roads) {
    const half = roadHalfWidthM(road);
    for (const side of [-1, 1]) {
      let s = rng.uniform(0, 12);
      while (s < road.ref.lengthM) {
        const i = Math.min(road.ref.x.length - 1, Math.round(s / road.ref.stepM));
        s += rng.uniform(7, 22) / density;
        const isBuilding = rng.next() < buildings;
        const lengthM = isBuilding ? rng.uniform(8, 20) : 0;
        const widthM = isBuilding ? rng.uniform(7, 14) : 0;
        const crown = rng.uniform(2.2, 4.2);
        const away =
          half + (isBuilding ? setbackM + 0.5 * widthM : 2.5 + 0.5 * crown) + rng.uniform(0, 7);
        const yaw = road.ref.yaw[i];
        const x = road.ref.x[i] - side * away * Math.sin(yaw);
        const y = road.ref.y[i] + side * away * Math.cos(yaw);
        const radius = isBuilding ? 0.5 * Math.hypot(lengthM, widthM) : 0.5 * crown;
        if (!isClear(network, x, y, radius + 0.8)) continue;
        out.push(
          isBuilding
            ? {
                kind: "building",
                x,
                y,
                yaw,
                lengthM,
                widthM,
                heightM: rng.uniform(4, 14),
                color: rng.pick(wallColors),
              }
            : {
                kind: "tree",
                x,
                y,
                yaw: 0,
                lengthM: crown,
                widthM: crown,
                heightM: rng.uniform(4, 8.5),
                color: rng.pick(crownColors),
              },
        );
      }
    }
  }
  return out;
}

function isClear(network: Network, x: number, y: number, radius: number): boolean {
  for (const junction of network.junctions) {
    if (Math.hypot(x - junction.x, y - junction.y) < junction.halfM * 1.35 + radius) return false;
  }
  for (const road of network.roads) {
    const reach = roadHalfWidthM(road) + radius;
    for (let i = 0; i < road.ref.x.length; i += 4) {
      const dx = x - road.ref.x[i];
      const dy = y - road.ref.y[i];
      if (dx * dx + dy * dy < reach * reach) return false;
    }
  }
  return true;
}
