import type { RouteStep } from "@causeway/data";
import { egoGeometry, type Scene } from "../world/scene.ts";

/** A turn is announced this far ahead, m. */
const turnNoticeM = 80;
const laneChangeNoticeM = 70;

/**
 * The navigation command at a place on the ego's route.
 *
 * @param egoS  Arc length of the rear axle on the route. @param egoD  Offset from the route's lane, m, left positive.
 */
export function routeStepAt(scene: Scene, stampUs: number, egoS: number, egoD: number): RouteStep {
  for (const junction of scene.egoRoute.junctions) {
    if (junction.movement === "straight" || egoS > junction.endS - 2) continue;
    const distance = junction.startS - egoS - egoGeometry.frontM;
    if (distance > turnNoticeM) break;
    return { stampUs, command: junction.movement, distanceM: Math.max(0, distance) };
  }
  const { laneChange } = scene;
  if (laneChange !== null && egoS < laneChange.byS && laneChange.byS - egoS < laneChangeNoticeM) {
    const width = scene.network.lanes[scene.egoRoute.laneIds[0]].widthM;
    const moved = laneChange.side === "left" ? egoD : -egoD;
    if (moved < 0.7 * width) {
      return {
        stampUs,
        command: laneChange.side === "left" ? "lane_change_left" : "lane_change_right",
        distanceM: laneChange.byS - egoS,
      };
    }
  }
  return { stampUs, command: "straight", distanceM: null };
}
