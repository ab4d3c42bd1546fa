/** What happens in each scenario kind: leads, cut-ins, people, parked cars, and their harmless look-alikes. */
import type { Rng } from "@causeway/geom";
import type { Route } from "../road/route.ts";
import type { RouteLaneChange, ScenarioKind } from "../world/scene.ts";
import type { Cast } from "./cast.ts";

export interface EventContext {
  readonly rng: Rng;
  readonly kind: ScenarioKind;
  readonly cast: Cast;
  readonly egoRoute: Route;
  readonly startS: number;
  readonly startSpeed: number;
  readonly speedLimitMps: number;
  readonly durationSecs: number;
  readonly numLanes: number;
  readonly egoLane: number;
  readonly laneWidthM: number;
  readonly shoulderM: number;
  /** Where on the ego's first road a crossing lies (or would lie). */
  readonly crossingAt: number;
}

export function castEvents(c: EventContext): { laneChange: RouteLaneChange | null } {
  const { rng, kind } = c;
  let laneChange: RouteLaneChange | null = null;
  switch (kind) {
    case "slow_for_lead":
      addLead(c, rng.next() < 0.25 ? "steady" : "slows");
      break;
    case "stop_for_lead":
      addLead(c, "stops");
      break;
    case "cut_in":
      addNeighbour(c, rng.next() < 0.75);
      break;
    case "nudge":
      addParked(c, c.startS + c.speedLimitMps * rng.uniform(4.5, 8), rng.next() < 0.75);
      if (rng.next() < 0.6) {
        addParked(c, c.startS + c.speedLimitMps * rng.uniform(12, 16), rng.next() < 0.6);
      }
      break;
    case "lane_change":
      if (rng.next() < 0.5) addBlockedLane(c);
      else {
        laneChange = {
          byS: c.startS + c.speedLimitMps * rng.uniform(7, 13),
          side: c.egoLane === 0 ? "right" : "left",
        };
      }
      break;
    case "yield_to_vru":
      addPeople(c, c.crossingAt, true);
      break;
    case "no_yield_vru":
      addPeople(c, c.crossingAt, false);
      break;
    case "resume_at_light":
      break;
    case "mixed": {
      const roll = rng.next();
      // Not both: the traffic does not know how to pass a parked car.
      if (roll < 0.45) addLead(c, rng.pick(["steady", "slows", "stops"] as const));
      else if (roll < 0.75) {
        addParked(c, c.startS + c.speedLimitMps * rng.uniform(4, 13), true);
      }
      if (rng.next() < 0.3) addPeople(c, c.startS + rng.uniform(60, 130), rng.next() < 0.5);
      break;
    }
    default:
      // Junctions and bends: now and then somebody is ahead.
      if (rng.next() < 0.22) addLead(c, "steady");
  }
  return { laneChange };
}

function addLead(c: EventContext, mode: "steady" | "slows" | "stops"): void {
  const { rng } = c;
  const v = Math.max(c.startSpeed, 0.5 * c.speedLimitMps);
  const gap = rng.uniform(0.9, rng.next() < 0.5 ? 2.2 : 4.2) * v + 5;
  const cruise = Math.min(c.speedLimitMps, v) * rng.uniform(0.7, 1.02);
  const at = rng.uniform(2.5, 9);
  const plan: { atSecs: number; desiredSpeedMps: number; decelMps2: number }[] = [];
  if (mode === "slows") {
    const slow = cruise * rng.uniform(0.3, 0.6);
    plan.push({ atSecs: at, desiredSpeedMps: slow, decelMps2: rng.uniform(1.2, 2.8) });
    if (rng.next() < 0.7) {
      plan.push({ atSecs: at + rng.uniform(5, 8), desiredSpeedMps: cruise, decelMps2: 2 });
    }
  } else if (mode === "stops") {
    plan.push({ atSecs: at, desiredSpeedMps: 0, decelMps2: rng.uniform(1.4, 3) });
    if (rng.next() < 0.6) {
      plan.push({ atSecs: at + rng.uniform(8, 12), desiredSpeedMps: cruise, decelMps2: 2 });
    }
  }
  c.cast.addCar({
    route: c.egoRoute,
    startS: c.startS + 3.8 + gap + 2.5,
    speedMps: c.startSpeed < 1 ? 0 : cruise,
    desiredSpeedMps: cruise,
    speedPlan: plan,
  });
}

/** A car in the next lane, a little ahead, that comes over or does not. */
function addNeighbour(c: EventContext, comesOver: boolean): void {
  const { rng } = c;
  const fromLeft = c.egoLane === 1;
  const offset = fromLeft ? c.laneWidthM : -c.laneWidthM;
  const at = rng.uniform(2.5, 7);
  // Where a free ego will be by then, so that it comes over at the gap that we want.
  let egoSpeed = c.startSpeed;
  let egoS = c.startS;
  for (let t = 0; t < at; t += 0.1) {
    egoSpeed += 0.15 * (1 - (egoSpeed / c.speedLimitMps) ** 4);
    egoS += 0.1 * egoSpeed;
  }
  const speed = egoSpeed * rng.uniform(0.8, 0.98);
  const after = speed * rng.uniform(0.65, 0.95);
  c.cast.addCar({
    route: c.egoRoute,
    startS: egoS + 3.8 + 2.3 + rng.uniform(5, 15) - speed * at,
    speedMps: speed,
    desiredSpeedMps: speed,
    offsetM: offset,
    shifts: comesOver ? [{ atSecs: at, toOffsetM: 0, durationSecs: rng.uniform(2.6, 3.8) }] : [],
    speedPlan: comesOver ? [{ atSecs: at + 1.5, desiredSpeedMps: after, decelMps2: 1.2 }] : [],
    kind: rng.next() < 0.85 ? "car" : "truck",
  });
}

/** Whether a place on the route is in a junction or its approach, where people have crossings and nobody parks. */
const nearJunction = (c: EventContext, s: number) =>
  c.egoRoute.junctions.some((j) => s > j.startS - 25 && s < j.endS + 20);

/** A car at the edge of the ego's lane: in the way (by 0.35 to 1.3 m), or close to it but clear. */
function addParked(c: EventContext, s: number, inTheWay: boolean): void {
  const { rng } = c;
  if (nearJunction(c, s)) return;
  const outer = c.egoLane === c.numLanes - 1;
  const canRight = outer && c.shoulderM > 0.5;
  const canLeft = c.egoLane === 0;
  if (!canRight && !canLeft) return;
  const right = canRight && (!canLeft || rng.next() < 0.62);
  const width = 1.82;
  const intrusion = inTheWay
    ? right
      ? rng.uniform(0.35, 1.35)
      : rng.uniform(0.3, 0.75)
    : rng.uniform(-0.75, -0.2);
  const side = 0.5 * c.laneWidthM - intrusion + 0.5 * width;
  c.cast.addCar({
    route: c.egoRoute,
    startS: s,
    speedMps: 0,
    desiredSpeedMps: 0,
    offsetM: right ? -side : side,
    parked: true,
    hazard: rng.next() < 0.3,
    kind: "car",
  });
}

/** A broken-down car in the ego's lane of two. */
function addBlockedLane(c: EventContext): void {
  const { rng } = c;
  c.cast.addCar({
    route: c.egoRoute,
    startS: c.startS + c.speedLimitMps * rng.uniform(6, 9),
    speedMps: 0,
    desiredSpeedMps: 0,
    offsetM: rng.uniform(-0.3, 0.3),
    parked: true,
    hazard: true,
  });
}

/** People at a crossing: they cross in front of the ego, or wait, or have other plans. */
function addPeople(c: EventContext, s: number, cross: boolean): void {
  const { rng } = c;
  if (nearJunction(c, s)) return;
  const side = rng.next() < 0.5 ? "left" : "right";
  const across = side === "left" ? (c.egoLane + 1) * c.laneWidthM : 0;
  if (cross) {
    const speed = rng.uniform(1.1, 1.7);
    // From the far side they start earlier, since it takes them longer to reach our lane.
    const eta = rng.uniform(3.4, 4.6) + 0.5 * (across / speed);
    c.cast.addCrosser(s, side, { kind: "ego_eta", etaSecs: eta, routeS: s }, speed);
    if (rng.next() < 0.4) {
      c.cast.addCrosser(
        s + rng.uniform(-0.8, 0.8),
        side,
        { kind: "ego_eta", etaSecs: eta - rng.uniform(0.1, 0.6), routeS: s },
        speed * rng.uniform(0.85, 1.05),
      );
    }
  } else {
    c.cast.addCrosser(s, side, { kind: "never" }, 1.3);
    if (rng.next() < 0.4)
      c.cast.addCrosser(s + 1, side === "left" ? "right" : "left", { kind: "never" }, 1.3);
  }
}
