/**
 * Builds a scene of a kind from a seed. What happens must be readable from the picture and not from the ego's own
 * past: all junction kinds share one approach, leads may brake or not, people may cross or wait, parked cars block
 * or stand clear, bends go either way.
 */
import { createRng, type Rng } from "@causeway/geom";
import { straight, type PathPiece } from "../geometry/path.ts";
import { buildNetwork, type JunctionPlan } from "../road/build.ts";
import type { JunctionControl, Movement } from "../road/network.ts";
import { buildRoute } from "../road/route.ts";
import type { ScenarioKind, Scene, SignalPlan } from "../world/scene.ts";
import { twoPhaseSignal } from "../world/signals.ts";
import { addTraffic, createCast, laneSideM } from "./cast.ts";
import { gentleBends, roadsCollide, sharpBends, winding } from "./layout.ts";
import { pickAppearance, placeDecor } from "./looks.ts";
import { castEvents, type EventContext } from "./events.ts";

export interface SceneOptions {
  readonly kind: ScenarioKind;
  readonly seed: number;
  /** Roads are made long enough for this; default 20 s. */
  readonly durationSecs?: number;
}

/** Where the ego starts on its first road, so that cars can come from behind. */
const egoStartS = 45;
const attempts = 60;

/** About 30, 40 and 50 km/h; narrow, so that the picture tells the speed that the expert will keep. */
const speedLimits = {
  town: [8.2, 8.8],
  suburb: [10.9, 11.6],
  country: [13.6, 14.4],
} as const;

/** @throws When no layout without self-contact is found (not seen in 10,000 seeds). */
export function buildScene(options: SceneOptions): Scene {
  const { kind, seed, durationSecs = 20 } = options;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const rng = createRng(seed).fork(`${kind}/${attempt}`);
    const scene = tryScene(rng, kind, seed, durationSecs);
    if (scene !== null) return scene;
  }
  throw new Error(
    `buildScene: no layout for kind "${kind}", seed ${seed} after ${attempts} attempts; use another seed`,
  );
}

interface JunctionWish {
  readonly movement: Movement;
  readonly control: JunctionControl;
}

const junctionWishes = (rng: Rng, kind: ScenarioKind): JunctionWish[] => {
  const any = (): Movement => rng.pick(["straight", "straight", "left", "right"] as const);
  switch (kind) {
    case "stop_for_light":
    case "resume_at_light":
      return [{ movement: any(), control: "light" }];
    case "passing_intersection":
      return [{ movement: "straight", control: "light" }];
    case "stop_for_sign":
      return [{ movement: any(), control: "stop" }];
    case "turn_left":
    case "turn_right":
      return [
        {
          movement: kind === "turn_left" ? "left" : "right",
          control: rng.next() < 0.75 ? "light" : "none",
        },
      ];
    case "mixed":
      return Array.from({ length: rng.int(3) }, () => ({
        movement: any(),
        control: rng.next() < 0.75 ? ("light" as const) : ("stop" as const),
      }));
    default:
      return [];
  }
};

function tryScene(rng: Rng, kind: ScenarioKind, seed: number, durationSecs: number): Scene | null {
  const numLanes =
    kind === "cut_in" || kind === "lane_change"
      ? 2
      : kind === "curvy_road"
        ? 1
        : rng.next() < 0.6
          ? 1
          : 2;
  const laneWidthM = rng.uniform(3.3, 3.7);
  const shoulderM = kind === "nudge" ? rng.uniform(1.9, 2.4) : rng.uniform(0.6, 1.4);
  const roadClass = rng.pick(["town", "suburb", "country"] as const);
  const [lowest, highest] = speedLimits[roadClass];
  const speedLimitMps = rng.uniform(lowest, highest);
  const wishes = junctionWishes(rng, kind);
  const startsStopped = kind === "resume_at_light";
  const startSpeed = startsStopped
    ? 0
    : kind === "mixed" && rng.next() < 0.15
      ? 0
      : speedLimitMps * rng.uniform(0.78, 1);

  // Sections: an approach to each junction, then enough road for the rest of the drive.
  const sections: PathPiece[][] = [];
  const approach: number[] = [];
  for (let k = 0; k < wishes.length; k++) {
    const stopAhead = startsStopped && k === 0;
    const wanted = stopAhead
      ? rng.uniform(11, 13)
      : Math.max(38, speedLimitMps * rng.uniform(4.2, 8.5));
    approach.push(wanted);
    const bend = !stopAhead && rng.next() < 0.5;
    const lead = k === 0 ? egoStartS : 0;
    if (bend) {
      const bends = winding(rng, 30, { ...gentleBends, straightM: [5, 12], maxHeadingRad: 0.6 });
      sections.push([straight(lead + 5), ...bends, straight(Math.max(30, wanted - 40))]);
    } else sections.push([straight(lead + wanted)]);
  }
  const rest = speedLimitMps * durationSecs + 120;
  const style =
    kind === "curvy_road" || (kind === "mixed" && rng.next() < 0.4) ? sharpBends : gentleBends;
  const tail = winding(rng, rest, style);
  sections.push(
    wishes.length === 0
      ? [straight(egoStartS + rng.uniform(2, 20)), ...tail]
      : [straight(25), ...tail],
  );

  const junctions: JunctionPlan[] = wishes.map((wish) => {
    const cross = wish.control === "light" || rng.next() < 0.6;
    const t = rng.int(3);
    return {
      ...wish,
      hasStraight: wish.movement !== "straight" && !(cross && t === 0),
      hasLeft: cross && t !== 1,
      hasRight: cross && t !== 2,
      crosswalks: rng.next() < 0.65,
    };
  });
  const crossingKind = kind === "yield_to_vru" || kind === "no_yield_vru";
  const crossingAt = egoStartS + Math.max(42, speedLimitMps * rng.uniform(4.5, 9));
  const hasCrosswalk = crossingKind && rng.next() < 0.8;
  const { network, sectionRoads } = buildNetwork({
    start: { x: 0, y: 0, yaw: rng.uniform(-Math.PI, Math.PI) },
    numLanes,
    laneWidthM,
    shoulderM,
    cornerRadiusM: rng.uniform(4.5, 6.5),
    speedLimitMps,
    sections,
    junctions,
    midCrosswalks: hasCrosswalk ? [{ section: 0, s: crossingAt }] : [],
    stubLengthM: rng.uniform(55, 75),
  });
  if (roadsCollide(network)) return null;

  // The ego's lanes: turns fix the lane before and after them.
  const firstTurn = wishes.find((wish) => wish.movement !== "straight");
  const egoLane =
    firstTurn?.movement === "left"
      ? 0
      : firstTurn?.movement === "right"
        ? numLanes - 1
        : rng.int(numLanes);
  const laneIds: number[] = [];
  let index = egoLane;
  for (let k = 0; k < sections.length; k++) {
    const laneId = network.roads[sectionRoads[k]].forward[index];
    laneIds.push(laneId);
    const wish = wishes[k];
    if (wish === undefined) break;
    const turn = network.lanes[laneId].successors.find(
      (id) => network.lanes[id].movement === wish.movement,
    );
    // E.g. a left turn wanted from the right lane: draw again.
    if (turn === undefined) return null;
    laneIds.push(turn);
    const next = network.lanes[turn].successors[0];
    index = network.roads[sectionRoads[k + 1]].forward.indexOf(next);
  }
  const egoRoute = buildRoute(network, laneIds);
  const firstStop = egoRoute.stops[0];
  const startS =
    startsStopped && firstStop !== undefined
      ? Math.max(12, firstStop.s - 3.8 - rng.uniform(0.8, 1.6))
      : egoStartS;

  const halfWidthM = numLanes * laneWidthM + shoulderM;
  const cast = createCast(
    rng,
    network,
    egoRoute,
    startS,
    halfWidthM,
    laneSideM(egoLane, laneWidthM),
  );
  const context: EventContext = {
    rng,
    kind,
    cast,
    egoRoute,
    startS,
    startSpeed,
    speedLimitMps,
    durationSecs,
    numLanes,
    egoLane,
    laneWidthM,
    shoulderM,
    crossingAt,
  };
  const { laneChange } = castEvents(context);
  const signed = wishes.every((wish) => wish.control !== "none");
  addTraffic(rng, cast, network, sectionRoads, egoRoute, startS, egoLane, speedLimitMps, {
    // Without lights or signs nobody would know who goes first.
    oncoming: !signed ? 0 : kind === "nudge" ? rng.int(3) : rng.int(5),
    cross: signed ? rng.int(4) : 0,
    // Nobody may hide the people from the ego.
    beside: kind === "cut_in" || crossingKind ? 0 : rng.int(3),
  });
  const signals = planSignals(rng, kind, egoRoute.stops, startS, startSpeed, speedLimitMps);
  for (let n = rng.int(4); n > 0; n--) {
    cast.addStroller(
      startS + rng.uniform(15, 160),
      rng.next() < 0.5 ? "left" : "right",
      rng.next() < 0.5,
    );
  }
  return {
    id: `${kind}-${seed}`,
    kind,
    seed,
    network,
    egoRoute,
    egoStartS: startS,
    egoStartSpeedMps: startSpeed,
    roadClass,
    speedLimitMps,
    laneChange,
    cars: cast.cars,
    walkers: cast.walkers,
    signals,
    decor: placeDecor(rng, network, roadClass),
    appearance: pickAppearance(rng),
  };
}

/**
 * Signal programmes timed against the ego's expected arrival, so that each kind gets its colour and every colour
 * change happens at varied distances.
 */
function planSignals(
  rng: Rng,
  kind: ScenarioKind,
  stops: Scene["egoRoute"]["stops"],
  startS: number,
  startSpeed: number,
  limit: number,
): SignalPlan[] {
  const out: SignalPlan[] = [];
  stops.forEach((stop, k) => {
    if (stop.lightId === null) return;
    const cruise = Math.max(0.85 * limit, startSpeed);
    const arrival = (stop.s - startS - 3.8) / cruise + (k > 0 ? rng.uniform(0, 12) : 0);
    const wantsRed =
      kind === "stop_for_light"
        ? true
        : kind === "passing_intersection"
          ? false
          : kind === "resume_at_light"
            ? true
            : rng.next() < 0.4;
    if (kind === "resume_at_light" && k === 0) {
      const green1 = rng.uniform(8, 14);
      const green0 = rng.uniform(14, 22);
      const turnsGreen = rng.uniform(2.2, 8);
      // Axis 0 turns green at the end of a full cycle.
      out.push(twoPhaseSignal(stop.junctionId, green0, green1, -turnsGreen));
      return;
    }
    if (!wantsRed) {
      const turnsYellow = arrival + rng.uniform(1.2, 12);
      const turnedGreen = rng.next() < 0.35 ? arrival - rng.uniform(4.5, 9) : -20;
      const green0 = turnsYellow - turnedGreen;
      out.push(twoPhaseSignal(stop.junctionId, green0, rng.uniform(6, 12), green0 - turnsYellow));
      return;
    }
    const green0 = rng.uniform(12, 20);
    if (rng.next() < 0.5) {
      // Changes in front of us, where a stop is still comfortable.
      const distance = Math.max(rng.uniform(26, 58), (cruise * cruise) / (2 * 2.3));
      const turnsYellow = Math.max(0.3, arrival - distance / cruise);
      out.push(twoPhaseSignal(stop.junctionId, green0, rng.uniform(4, 9), green0 - turnsYellow));
    } else {
      const turnsGreen = arrival + rng.uniform(2, 8);
      out.push(twoPhaseSignal(stop.junctionId, green0, rng.uniform(6, 14), -turnsGreen));
    }
  });
  return out;
}
