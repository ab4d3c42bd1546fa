import type { Polyline, RoadMap } from "@causeway/data";
import { offsetPath, type Path } from "../geometry/path.ts";
import { type Network, roadHalfWidthM } from "./network.ts";
import { junctionPieces, networkHalfWidthM } from "./surface.ts";

/** Points about `everyM` apart, rounded to millimetres, first and last kept. */
function polyline(path: Path, everyM = 1): Polyline {
  const stride = Math.max(1, Math.round(everyM / path.stepM));
  const x: number[] = [];
  const y: number[] = [];
  const last = path.x.length - 1;
  for (let i = 0; i < last; i += stride) {
    x.push(round(path.x[i]));
    y.push(round(path.y[i]));
  }
  x.push(round(path.x[last]));
  y.push(round(path.y[last]));
  return { x, y };
}

const round = (value: number) => Math.round(value * 1000) / 1000;

/** The network as a drive's map layer. */
export function exportRoadMap(network: Network): RoadMap {
  const half = networkHalfWidthM(network);
  const drivable: Polyline[] = network.roads.map((road) => {
    const left = polyline(offsetPath(road.ref, roadHalfWidthM(road)), 2);
    const right = polyline(offsetPath(road.ref, -roadHalfWidthM(road)), 2);
    return { x: [...left.x, ...[...right.x].reverse()], y: [...left.y, ...[...right.y].reverse()] };
  });
  for (const junction of network.junctions) {
    for (const piece of junctionPieces(junction, half)) {
      drivable.push({ x: piece.x.map(round), y: piece.y.map(round) });
    }
  }
  return {
    lanes: network.lanes.map((lane) => ({
      id: lane.id,
      centerline: polyline(lane.path),
      left: polyline(offsetPath(lane.path, 0.5 * lane.widthM)),
      right: polyline(offsetPath(lane.path, -0.5 * lane.widthM)),
      leftMarking: lane.leftMarking,
      rightMarking: lane.rightMarking,
      isJunction: lane.isJunction,
      successors: lane.successors,
      speedLimitMps: lane.speedLimitMps,
    })),
    drivable,
    crosswalks: network.crosswalks.map((crosswalk) => {
      const c = Math.cos(crosswalk.walkYaw);
      const s = Math.sin(crosswalk.walkYaw);
      const corners = [
        [-crosswalk.halfLengthM, -crosswalk.halfWidthM],
        [crosswalk.halfLengthM, -crosswalk.halfWidthM],
        [crosswalk.halfLengthM, crosswalk.halfWidthM],
        [-crosswalk.halfLengthM, crosswalk.halfWidthM],
      ];
      return {
        x: corners.map(([a, b]) => round(crosswalk.x + a * c - b * s)),
        y: corners.map(([a, b]) => round(crosswalk.y + a * s + b * c)),
      };
    }),
    stopLines: network.stopLines.map((line) => ({
      line: { x: [round(line.ax), round(line.bx)], y: [round(line.ay), round(line.by)] },
      lightId: line.lightId,
      isStopSign: line.isStopSign,
    })),
    lights: network.lights.map((light) => ({
      id: light.id,
      x: round(light.heads[1].x),
      y: round(light.heads[1].y),
      z: light.heads[1].z,
      yaw: light.yaw,
    })),
  };
}
