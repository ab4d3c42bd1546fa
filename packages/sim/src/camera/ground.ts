/**
 * The ground as a picture from above with mip levels; cameras look it up by inverse perspective.
 * Paint is a little wider than on real roads (0.2 m), so that it survives at 160 px.
 */
import { fillConvex, type Grid } from "../road/fill.ts";
import type { Network } from "../road/network.ts";
import {
  junctionPieces,
  networkGrid,
  networkHalfWidthM,
  type Ring,
  roadQuads,
  stripQuads,
} from "../road/surface.ts";
import type { RoadClass, Scene } from "../world/scene.ts";

export interface GroundTexture {
  readonly grid: Grid;
  /** Level 0 at `grid.cellM`, each next level half the size; 0xRRGGBB per texel. */
  readonly levels: readonly {
    readonly width: number;
    readonly height: number;
    readonly texels: Uint32Array;
  }[];
  /** Colour beyond the edge. */
  readonly outside: number;
}

const texelM = 0.2;
const marginM = 24;
const numLevels = 5;
const paintWidthM = 0.2;
/** Bands beside the asphalt, widest first. */
const edges: Readonly<Record<RoadClass, readonly { widthM: number; color: number }[]>> = {
  town: [
    { widthM: 2.2, color: 0xa39d92 },
    { widthM: 0.35, color: 0xc9c6bd },
  ],
  suburb: [{ widthM: 0.35, color: 0xc0beb6 }],
  country: [{ widthM: 0.4, color: 0x8a7c62 }],
};
const white = 0xe4e4e0;
const yellow = 0xdba820;

/** A cheap integer hash to [0, 255]. */
const noise = (ix: number, iy: number) => {
  let h = Math.imul(ix, 0x27d4eb2d) ^ Math.imul(iy, 0x165667b1);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 12)) & 255;
};

const shade = (color: number, delta: number) => {
  const r = Math.max(0, Math.min(255, (color >> 16) + delta));
  const g = Math.max(0, Math.min(255, ((color >> 8) & 255) + delta));
  const b = Math.max(0, Math.min(255, (color & 255) + delta));
  return (r << 16) | (g << 8) | b;
};

const mix = (a: number, b: number, t: number) => {
  const r = (a >> 16) + ((b >> 16) - (a >> 16)) * t;
  const g = ((a >> 8) & 255) + (((b >> 8) & 255) - ((a >> 8) & 255)) * t;
  const bl = (a & 255) + ((b & 255) - (a & 255)) * t;
  return (Math.round(r) << 16) | (Math.round(g) << 8) | Math.round(bl);
};

export function paintGround(
  scene: Pick<Scene, "network" | "appearance" | "roadClass">,
): GroundTexture {
  const { network, appearance: look, roadClass } = scene;
  const grid = networkGrid(network, texelM, marginM);
  const texels = new Uint32Array(grid.width * grid.height);
  const grass = new Uint32Array(256);
  for (let i = 0; i < 256; i++) grass[i] = shade(look.grass, Math.round((i - 128) * 0.16));
  for (let iy = 0; iy < grid.height; iy++) {
    for (let ix = 0; ix < grid.width; ix++) {
      // Two scales, so that grass neither shimmers nor looks flat from far away.
      texels[iy * grid.width + ix] =
        grass[(noise(ix >> 1, iy >> 1) + noise((ix >> 4) + 9, (iy >> 4) + 5)) >> 1];
    }
  }
  const asphalt = new Uint32Array(256);
  for (let i = 0; i < 256; i++) asphalt[i] = shade(look.asphalt, Math.round((i - 128) * 0.09));
  const fill = (ring: Ring, color: number) =>
    fillConvex(grid, ring.x, ring.y, (cell, coverage) => {
      texels[cell] = coverage > 0.99 ? color : mix(texels[cell], color, coverage);
    });
  const pave = (ring: Ring) =>
    fillConvex(grid, ring.x, ring.y, (cell, coverage, ix, iy) => {
      const color = asphalt[(noise(ix, iy) + 3 * noise((ix >> 3) + 77, (iy >> 3) + 3)) >> 2];
      texels[cell] = coverage > 0.99 ? color : mix(texels[cell], color, coverage);
    });

  const half = networkHalfWidthM(network);
  // The edge tells the road class: a pavement and a kerb, a kerb, or a strip of gravel.
  for (const { widthM, color } of edges[roadClass]) {
    for (const road of network.roads) for (const quad of roadQuads(road, widthM)) fill(quad, color);
    for (const junction of network.junctions) {
      for (const piece of junctionPieces(junction, half + widthM)) fill(piece, color);
    }
  }
  for (const road of network.roads) for (const quad of roadQuads(road)) pave(quad);
  for (const junction of network.junctions) {
    for (const piece of junctionPieces(junction, half)) pave(piece);
  }
  paintLines(network, fill);

  const levels = [{ width: grid.width, height: grid.height, texels }];
  for (let k = 1; k < numLevels; k++) levels.push(halve(levels[k - 1]));
  return { grid, levels, outside: look.grass };
}

function paintLines(network: Network, fill: (ring: Ring, color: number) => void): void {
  // Paint on an arm ends at the stop line or crosswalk, which reach a few metres out of the junction.
  for (const road of network.roads) {
    const { ref, numLanes, laneWidthM } = road;
    const clear = (junctionId: number | null) => {
      if (junctionId === null) return 0;
      return network.crosswalks.some((c) => c.junctionId === junctionId) ? 5.2 : 0.5;
    };
    const from = clear(road.startJunctionId);
    const to = ref.lengthM - clear(road.endJunctionId);
    const line = (d: number, color: number) => {
      for (const quad of stripQuads(
        ref,
        from,
        to,
        d - 0.5 * paintWidthM,
        d + 0.5 * paintWidthM,
        1.5,
      )) {
        fill(quad, color);
      }
    };
    const dashes = (d: number, color: number) => {
      for (let s = from + 1; s + 3 < to; s += 9) {
        for (const quad of stripQuads(
          ref,
          s,
          s + 3,
          d - 0.5 * paintWidthM,
          d + 0.5 * paintWidthM,
          1.5,
        )) {
          fill(quad, color);
        }
      }
    };
    line(-0.16, yellow);
    line(0.16, yellow);
    for (const sign of [-1, 1]) {
      line(sign * (numLanes * laneWidthM), white);
      for (let i = 1; i < numLanes; i++) dashes(sign * i * laneWidthM, white);
    }
  }
  for (const stop of network.stopLines) {
    const dx = stop.bx - stop.ax;
    const dy = stop.by - stop.ay;
    const len = Math.hypot(dx, dy);
    const nx = (-dy / len) * 0.28;
    const ny = (dx / len) * 0.28;
    fill(
      {
        x: [stop.ax - nx, stop.bx - nx, stop.bx + nx, stop.ax + nx],
        y: [stop.ay - ny, stop.by - ny, stop.by + ny, stop.ay + ny],
      },
      white,
    );
  }
  for (const crosswalk of network.crosswalks) {
    const c = Math.cos(crosswalk.walkYaw);
    const s = Math.sin(crosswalk.walkYaw);
    const w = crosswalk.halfWidthM;
    for (let a = -crosswalk.halfLengthM + 0.3; a + 0.6 < crosswalk.halfLengthM; a += 1.2) {
      const corner = (along: number, across: number) => ({
        x: crosswalk.x + along * c - across * s,
        y: crosswalk.y + along * s + across * c,
      });
      const points = [corner(a, -w), corner(a + 0.6, -w), corner(a + 0.6, w), corner(a, w)];
      fill({ x: points.map((p) => p.x), y: points.map((p) => p.y) }, white);
    }
  }
}

function halve(level: { width: number; height: number; texels: Uint32Array }) {
  const width = level.width >> 1;
  const height = level.height >> 1;
  const texels = new Uint32Array(width * height);
  const { texels: t, width: w } = level;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = 2 * y * w + 2 * x;
      const a = t[i];
      const b = t[i + 1];
      const c = t[i + w];
      const d = t[i + w + 1];
      const r = ((a >> 16) + (b >> 16) + (c >> 16) + (d >> 16)) >> 2;
      const g = (((a >> 8) & 255) + ((b >> 8) & 255) + ((c >> 8) & 255) + ((d >> 8) & 255)) >> 2;
      const bl = ((a & 255) + (b & 255) + (c & 255) + (d & 255)) >> 2;
      texels[y * width + x] = (r << 16) | (g << 8) | bl;
    }
  }
  return { width, height, texels };
}
