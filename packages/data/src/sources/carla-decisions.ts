/**
 * What the route loop's planner says it is doing, as decisions: its states are the privileged driver's truth.
 * States and commands that are not in the table give no decision on that axis, never a guess.
 */
import { wrapAngle } from "@causeway/geom";
import type { CriticalComponent, DrivingDecision, LongitudinalDecision } from "../decision.ts";
import type { DecisionFrame, RouteStep } from "../drive.ts";
import type { CarlaRow } from "./carla-frames.ts";

const longitudinalOf: Readonly<Record<string, LongitudinalDecision>> = {
  lane_follow: "set_speed_tracking",
  car_follow: "lead_following",
  signal_stop: "stop_static_constraint",
};

/** A turn under a command counts from this far ahead of it: the intersection's entry, not the whole approach. */
const turnHorizonSecs = 2;
const turnRad = 0.25;
/** Slower than this beside a green light, the car is leaving it. */
const startingMps = 3;

/** Heading change (left positive) within the horizon after each row. */
function turnAhead(rows: readonly CarlaRow[], from: number): number {
  let sum = 0;
  for (let i = from; i + 1 < rows.length; i++) {
    if (rows[i + 1].timestamp - rows[from].timestamp > turnHorizonSecs) break;
    sum -= wrapAngle(((rows[i + 1].vehicle_yaw_deg - rows[i].vehicle_yaw_deg) * Math.PI) / 180);
  }
  return sum;
}

function componentsOf(row: CarlaRow): CriticalComponent[] {
  const out: CriticalComponent[] = [];
  const light = row.traffic_light_state;
  if (light === "red" || light === "yellow" || light === "green") {
    const distance = row.traffic_light_stop_line_distance_m;
    out.push({
      id: `light:${row.traffic_light_actor_id ?? 0}`,
      category: "traffic_light",
      kind: `${light}_light`,
      attributes: { state: light, ...(distance == null ? {} : { distanceM: distance }) },
    });
  }
  if (row.follow_target_id != null) {
    const speed = row.follow_target_speed_mps;
    out.push({
      id: `actor:${row.follow_target_id}`,
      category: "critical_object",
      kind: "lead_vehicle",
      attributes: {
        ...(row.follow_target_distance_m == null
          ? {}
          : { distanceM: row.follow_target_distance_m }),
        ...(speed == null
          ? {}
          : {
              speedMps: speed,
              state: speed < 0.3 ? "stopped" : speed < row.speed - 0.5 ? "slower" : "moving",
            }),
      },
    });
  }
  return out;
}

export function carlaDecisions(
  rows: readonly CarlaRow[],
  stampsUs: ArrayLike<number>,
): DecisionFrame[] {
  return rows.map((row, i) => {
    const components = componentsOf(row);
    const causeIds: string[] = [];
    const planner = row.planner_state ?? "";
    let longitudinal: LongitudinalDecision | null = longitudinalOf[planner] ?? null;
    const cause =
      longitudinal === "stop_static_constraint"
        ? components.find((c) => c.category === "traffic_light" && c.kind !== "green_light")
        : longitudinal === "lead_following"
          ? components.find((c) => c.kind === "lead_vehicle")
          : undefined;
    const needsCause = longitudinal !== null && longitudinal !== "set_speed_tracking";
    if (needsCause && cause === undefined) longitudinal = null;
    if (cause !== undefined) causeIds.push(cause.id);
    if (longitudinal === "set_speed_tracking" && row.follow_target_id == null) {
      components.push({ id: "lane", category: "lane_lines", kind: "free_lane", attributes: {} });
      // A car that leaves a light drives because it is green; the free lane lets it, the light makes it.
      const green = components.find((c) => c.kind === "green_light");
      causeIds.push(green !== undefined && row.speed < startingMps ? green.id : "lane");
    }
    const turn = turnAhead(rows, i);
    const isTurn =
      (row.command === "left" && turn > turnRad) || (row.command === "right" && turn < -turnRad);
    const isOvertake = planner.startsWith("overtake") || planner.startsWith("lane_change");
    if (isTurn) {
      components.push({
        id: "route",
        category: "routing_intent",
        kind: "junction_turn",
        attributes: { side: row.command },
      });
      causeIds.push("route");
    }
    const decision: DrivingDecision = {
      longitudinal,
      lateral: isTurn ? "turn" : isOvertake ? null : "lane_keep",
      lateralSide: isTurn ? (row.command as "left" | "right") : null,
      components,
      causeIds,
    };
    return { stampUs: stampsUs[i] as number, decision };
  });
}

/** Route commands where they change. */
export function carlaRoute(rows: readonly CarlaRow[], stampsUs: ArrayLike<number>): RouteStep[] {
  const route: RouteStep[] = [];
  rows.forEach((row, i) => {
    const command = row.command === "left" || row.command === "right" ? row.command : "straight";
    if (route.at(-1)?.command === command) return;
    route.push({ stampUs: stampsUs[i] as number, command, distanceM: null });
  });
  return route;
}
