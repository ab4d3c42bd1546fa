/** Shapes of pavement and paint, and the drivable mask that off-road checks read. */
import type { Path } from "../geometry/path.ts";
import { fillConvex, type Grid } from "./fill.ts";
import { type Junction, type Network, type Road, roadHalfWidthM } from "./network.ts";

export interface Ring {
  readonly x: number[];
  readonly y: number[];
}

/** Quads along a path between two lateral offsets, `stepM` long, overlapping a little so that no seam shows. */
export function stripQuads(
  path: Path,
  fromS: number,
  toS: number,
  rightD: number,
  leftD: number,
  stepM: number,
): Ring[] {
  const out: Ring[] = [];
  const n = path.x.length;
  const first = Math.max(0, Math.floor(fromS / path.stepM));
  const last = Math.min(n - 1, Math.ceil(toS / path.stepM));
  const stride = Math.max(1, Math.round(stepM / path.stepM));
  const lap = 0.12;
  for (let i = first; i < last; i += stride) {
    const j = Math.min(last, i + stride);
    const ci = Math.cos(path.yaw[i]);
    const si = Math.sin(path.yaw[i]);
    const cj = Math.cos(path.yaw[j]);
    const sj = Math.sin(path.yaw[j]);
    const ax = path.x[i] - lap * ci;
    const ay = path.y[i] - lap * si;
    const bx = path.x[j] + lap * cj;
    const by = path.y[j] + lap * sj;
    out.push({
      x: [ax - si * rightD, bx - sj * rightD, bx - sj * leftD, ax - si * leftD],
      y: [ay + ci * rightD, by + cj * rightD, by + cj * leftD, ay + ci * leftD],
    });
  }
  return out;
}

/** Paved quads of a road. */
export const roadQuads = (road: Road, extraM = 0): Ring[] =>
  stripQuads(
    road.ref,
    0,
    road.ref.lengthM,
    -roadHalfWidthM(road) - extraM,
    roadHalfWidthM(road) + extraM,
    1.5,
  );

/** Convex pieces of a junction: the cross of its roads, and a fan at each rounded corner between two arms. */
export function junctionPieces(junction: Junction, paveHalfM: number): Ring[] {
  const out: Ring[] = [];
  const c = Math.cos(junction.yaw);
  const s = Math.sin(junction.yaw);
  const at = (along: number, left: number) => ({
    x: junction.x + along * c - left * s,
    y: junction.y + along * s + left * c,
  });
  const ring = (points: readonly (readonly [number, number])[]): Ring => {
    const placed = points.map(([a, l]) => at(a, l));
    return { x: placed.map((p) => p.x), y: placed.map((p) => p.y) };
  };
  const half = junction.halfM + 0.1;
  const w = paveHalfM;
  out.push(
    ring([
      [-w, -w],
      [w, -w],
      [w, w],
      [-w, w],
    ]),
  );
  // Slots: approach, ahead, left, right, as directions in the junction's own frame.
  const dirs = [
    [-1, 0],
    [1, 0],
    [0, 1],
    [0, -1],
  ] as const;
  junction.arms.forEach((arm, slot) => {
    if (arm === null) return;
    const [dx, dy] = dirs[slot];
    out.push(
      ring([
        [dx * w * 0.9 + dy * w, dy * w * 0.9 + dx * w],
        [dx * half + dy * w, dy * half + dx * w],
        [dx * half - dy * w, dy * half - dx * w],
        [dx * w * 0.9 - dy * w, dy * w * 0.9 - dx * w],
      ]),
    );
  });
  const radius = junction.halfM - w;
  for (const [i, j] of [
    [0, 2],
    [0, 3],
    [1, 2],
    [1, 3],
  ] as const) {
    if (junction.arms[i] === null || junction.arms[j] === null) continue;
    const sx = dirs[i][0];
    const sy = dirs[j][1];
    // Between the corner of the cross and the kerb arc whose centre is the corner of the junction square.
    const steps = 6;
    for (let k = 0; k < steps; k++) {
      const a0 = (Math.PI / 2) * (k / steps);
      const a1 = (Math.PI / 2) * ((k + 1) / steps);
      const cx = sx * (w + radius);
      const cy = sy * (w + radius);
      out.push(
        ring([
          [sx * (w - 0.1), sy * (w - 0.1)],
          [cx - sx * radius * Math.cos(a0), cy - sy * radius * Math.sin(a0)],
          [cx - sx * radius * Math.cos(a1), cy - sy * radius * Math.sin(a1)],
        ]),
      );
    }
  }
  return out;
}

/** Half width of the pavement in a network (one cross-section for all roads). */
export const networkHalfWidthM = (network: Network): number => roadHalfWidthM(network.roads[0]);

/** Grid that holds all roads with a margin. */
export function networkGrid(network: Network, cellM: number, marginM: number): Grid {
  let minX = Number.POSITIVE_INFINITY;
  let maxX = Number.NEGATIVE_INFINITY;
  let minY = Number.POSITIVE_INFINITY;
  let maxY = Number.NEGATIVE_INFINITY;
  for (const road of network.roads) {
    for (let i = 0; i < road.ref.x.length; i++) {
      minX = Math.min(minX, road.ref.x[i]);
      maxX = Math.max(maxX, road.ref.x[i]);
      minY = Math.min(minY, road.ref.y[i]);
      maxY = Math.max(maxY, road.ref.y[i]);
    }
  }
  const margin = networkHalfWidthM(network) + marginM;
  const originX = minX - margin;
  const originY = minY - margin;
  return {
    originX,
    originY,
    cellM,
    width: Math.ceil((maxX + margin - originX) / cellM),
    height: Math.ceil((maxY + margin - originY) / cellM),
  };
}

/** Per cell: 0 off the pavement, 1 paved without a lane (junctions, shoulders), 2 + lane id on a lane. */
export interface DrivableMask {
  readonly grid: Grid;
  readonly cells: Uint16Array;
}

const maskCellM = 0.2;

/** Rasterises all pavement; a cell counts from half coverage, so edges are exact to about 0.1 m. */
export function drivableMask(network: Network): DrivableMask {
  const grid = networkGrid(network, maskCellM, 2);
  const cells = new Uint16Array(grid.width * grid.height);
  let value = 1;
  const paint = (cell: number, coverage: number) => {
    if (coverage >= 0.5) cells[cell] = value;
  };
  for (const road of network.roads) {
    value = 1;
    for (const quad of roadQuads(road)) fillConvex(grid, quad.x, quad.y, paint);
    [...road.forward].forEach((id, i) => {
      value = 2 + id;
      const right = -(i + 1) * road.laneWidthM;
      for (const quad of stripQuads(
        road.ref,
        0,
        road.ref.lengthM,
        right,
        right + road.laneWidthM,
        1.5,
      )) {
        fillConvex(grid, quad.x, quad.y, paint);
      }
    });
    [...road.backward].forEach((id, i) => {
      value = 2 + id;
      const right = i * road.laneWidthM;
      for (const quad of stripQuads(
        road.ref,
        0,
        road.ref.lengthM,
        right,
        right + road.laneWidthM,
        1.5,
      )) {
        fillConvex(grid, quad.x, quad.y, paint);
      }
    });
  }
  value = 1;
  const half = networkHalfWidthM(network);
  for (const junction of network.junctions) {
    for (const piece of junctionPieces(junction, half)) fillConvex(grid, piece.x, piece.y, paint);
  }
  return { grid, cells };
}

/** Lane id at a point; -1 on pavement without a lane; -2 off the pavement or outside the grid. */
export function laneAt(mask: DrivableMask, x: number, y: number): number {
  const ix = Math.floor((x - mask.grid.originX) / mask.grid.cellM);
  const iy = Math.floor((y - mask.grid.originY) / mask.grid.cellM);
  if (ix < 0 || iy < 0 || ix >= mask.grid.width || iy >= mask.grid.height) return -2;
  return mask.cells[iy * mask.grid.width + ix] - 2;
}
