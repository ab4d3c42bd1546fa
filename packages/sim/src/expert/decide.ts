/**
 * Names what the expert does: one longitudinal and one lateral decision with ranked causes, from the closed sets of
 * Alpamayo-R1. The binding constraint wins; each rule has its own on and off threshold, and a change must last
 * 0.3 s (unless urgent), so decisions do not flicker.
 */
import type {
  CriticalComponent,
  DrivingDecision,
  LateralDecision,
  LongitudinalDecision,
  Side,
} from "@causeway/data";
import { type EgoState, tickSecs } from "../world/scene.ts";
import type { World } from "../world/world.ts";
import { bendAhead, egoLaneId, listComponents } from "./components.ts";
import type { Hazard } from "./hazards.ts";
import type { Manoeuvre, ManoeuvreState } from "./manoeuvre.ts";

export interface DecisionInput {
  readonly world: World;
  readonly ego: EgoState;
  readonly egoS: number;
  readonly hazards: readonly Hazard[];
  readonly freeAccelMps2: number;
  readonly curveAccelMps2: number;
  readonly curveSpeedMps: number;
  readonly manoeuvres: ManoeuvreState;
  /** Planned offset from the route's lane here, m. */
  readonly laneOffsetM: number;
  /** Nearest route samples of cars and walkers, kept by the hazard search. */
  readonly carHints: Int32Array;
  readonly walkerHints: Int32Array;
}

export interface Decider {
  readonly decision: DrivingDecision;
  update(input: DecisionInput): void;
}

interface Longitudinal {
  readonly decision: LongitudinalDecision;
  readonly causeId: string;
  readonly urgent: boolean;
}
interface Lateral {
  readonly decision: LateralDecision;
  readonly side: Side | null;
  readonly causeId: string;
}

const holdTicks = 3;
/** A green light stays the reason for speed tracking this long after it turned, s. */
const greenReasonSecs = 4;

export function createDecider(): Decider {
  let longitudinal: Longitudinal | null = null;
  let pendingLongitudinal: { value: Longitudinal; ticks: number } | null = null;
  let lateral: Lateral | null = null;
  let pendingLateral: { value: Lateral; ticks: number } | null = null;
  let greenSince: { id: string; secs: number } | null = null;
  const lastColors = new Map<string, string>();
  let decision: DrivingDecision = {
    longitudinal: null,
    lateral: null,
    lateralSide: null,
    components: [],
    causeIds: [],
  };

  const key = (l: Longitudinal | null) => (l === null ? "" : `${l.decision} ${l.causeId}`);
  const lateralKey = (l: Lateral | null) => (l === null ? "" : `${l.decision} ${l.side}`);

  return {
    get decision() {
      return decision;
    },
    update(input) {
      const components = listComponents(input);
      const byId = new Map(components.map((c) => [c.id, c]));

      for (const c of components) {
        if (c.category !== "traffic_light") continue;
        const state = String(c.attributes.state);
        const before = lastColors.get(c.id);
        if (state === "green" && before !== undefined && before !== "green") {
          greenSince = { id: c.id, secs: input.world.secs };
        }
        lastColors.set(c.id, state);
      }
      if (greenSince !== null && input.world.secs - greenSince.secs > greenReasonSecs) {
        greenSince = null;
      }

      const next = chooseLongitudinal(input, longitudinal, components, greenSince?.id ?? null);
      const isOver =
        longitudinal !== null &&
        (longitudinal.decision === "stop_static_constraint" ||
          longitudinal.decision === "yield_right_of_way") &&
        !input.hazards.some((h) => h.id === longitudinal?.causeId);
      // A stop whose reason has ended (the light turned green) is over at once.
      if (longitudinal === null || isOver || next.urgent || key(next) === key(longitudinal)) {
        longitudinal = next;
        pendingLongitudinal = null;
      } else if (pendingLongitudinal !== null && key(pendingLongitudinal.value) === key(next)) {
        pendingLongitudinal.ticks++;
        // A cause that is gone cannot be kept for even a moment.
        if (pendingLongitudinal.ticks >= holdTicks || !byId.has(longitudinal.causeId)) {
          longitudinal = next;
          pendingLongitudinal = null;
        }
      } else {
        pendingLongitudinal = { value: next, ticks: 1 };
        if (!byId.has(longitudinal.causeId)) {
          longitudinal = next;
          pendingLongitudinal = null;
        }
      }

      const nextLateral = chooseLateral(input, lateral);
      if (lateral === null || lateralKey(nextLateral) === lateralKey(lateral)) {
        lateral = nextLateral;
        pendingLateral = null;
      } else if (
        pendingLateral !== null &&
        lateralKey(pendingLateral.value) === lateralKey(nextLateral)
      ) {
        pendingLateral.ticks++;
        if (pendingLateral.ticks >= holdTicks) {
          lateral = nextLateral;
          pendingLateral = null;
        }
      } else pendingLateral = { value: nextLateral, ticks: 1 };
      if (!byId.has(lateral.causeId)) lateral = { ...lateral, causeId: nextLateral.causeId };

      const causeIds = [longitudinal.causeId];
      if (lateral.decision !== "lane_keep" && !causeIds.includes(lateral.causeId)) {
        causeIds.push(lateral.causeId);
      }
      decision = {
        longitudinal: longitudinal.decision,
        lateral: lateral.decision,
        lateralSide: lateral.side,
        components,
        causeIds: causeIds.filter((id) => byId.has(id)),
      };
    },
  };
}

/** Time gaps for lead following: enter and leave. */
const followEnterSecs = 2.6;
const followLeaveSecs = 3.4;

function chooseLongitudinal(
  input: DecisionInput,
  current: Longitudinal | null,
  components: readonly CriticalComponent[],
  turnedGreen: string | null,
): Longitudinal {
  const { ego, hazards, manoeuvres } = input;
  const v = ego.speedMps;
  let best: Longitudinal | null = null;
  let bestAccel = Number.POSITIVE_INFINITY;
  const offer = (decision: LongitudinalDecision, causeId: string, accel: number) => {
    // The present reason keeps a small advantage.
    const held = current !== null && current.decision === decision && current.causeId === causeId;
    const score = accel - (held ? 0.25 : 0);
    if (score < bestAccel) {
      bestAccel = score;
      best = {
        decision,
        causeId,
        urgent: accel < -2.2 && (current === null || current.causeId !== causeId),
      };
    }
  };
  for (const hazard of hazards) {
    const held = current !== null && current.causeId === hazard.id;
    switch (hazard.kind) {
      case "lead": {
        const secs = hazard.gapM / Math.max(1.5, v);
        const closing = v - hazard.speedMps;
        const pressed = hazard.accelMps2 < (held ? -0.15 : -0.35) && closing > -1.5;
        if (pressed || secs < (held ? followLeaveSecs : followEnterSecs)) {
          const waits = manoeuvres.waitingFor;
          if (waits !== null && waits.causeId === hazard.id) {
            offer("gap_searching", hazard.id, hazard.accelMps2);
          } else offer("lead_following", hazard.id, hazard.accelMps2);
        }
        break;
      }
      case "cut_in":
        if (hazard.accelMps2 < (held ? -0.2 : -0.45)) {
          offer("yield_right_of_way", hazard.id, hazard.accelMps2 - 0.3);
        } else if (hazard.gapM / Math.max(1.5, v) < followEnterSecs) {
          offer("lead_following", hazard.id, hazard.accelMps2);
        }
        break;
      case "light":
      case "sign":
        if (isStop(hazard, v)) offer("stop_static_constraint", hazard.id, stopScore(hazard, v));
        break;
      case "walker":
      case "oncoming":
      case "cross":
        if (isStop(hazard, v)) {
          offer("yield_right_of_way", hazard.id, stopScore(hazard, v) - 0.2);
        }
        break;
    }
  }
  const bend = bendAhead(components);
  if (bend !== null) {
    const slower = input.freeAccelMps2 - input.curveAccelMps2;
    const held = current !== null && current.decision === "speed_adaptation_road_event";
    const limits = input.curveSpeedMps < input.world.scene.speedLimitMps * (held ? 0.97 : 0.93);
    if (limits && slower > (held ? 0.1 : 0.35)) {
      offer("speed_adaptation_road_event", bend.id, input.curveAccelMps2);
    }
  }
  if (best !== null) return best;
  const green = components.find((c) => c.kind === "green_light");
  const causeId =
    green !== undefined && (turnedGreen === green.id || Number(green.attributes.distanceM) < 40)
      ? green.id
      : egoLaneId;
  return { decision: "set_speed_tracking", causeId, urgent: false };
}

/** Whether braking for a stop is about to begin (half a second ahead of the onset), under way, or done. */
const isStop = (hazard: Hazard, v: number) =>
  hazard.accelMps2 !== Number.POSITIVE_INFINITY ||
  (v * v) / (2 * Math.max(0.1, hazard.gapM - 0.6 * v)) > 1.1;

const stopScore = (hazard: Hazard, v: number) =>
  hazard.accelMps2 !== Number.POSITIVE_INFINITY && v > 0.3
    ? hazard.accelMps2
    : Math.min(-0.8, -(v * v) / (2 * Math.max(0.5, hazard.gapM)));

function chooseLateral(input: DecisionInput, current: Lateral | null): Lateral {
  const { egoS, manoeuvres, world, ego, hazards } = input;
  let active: Manoeuvre | null = null;
  for (const m of manoeuvres.active) if (egoS >= m.startS && egoS < m.endS) active = m;
  if (active !== null) {
    return { decision: active.kind, side: active.side, causeId: active.causeId };
  }
  for (const junction of world.scene.egoRoute.junctions) {
    if (junction.movement === "straight") continue;
    const before = junction.startS - egoS;
    const turning = current !== null && current.decision === "turn";
    const held = hazards.some((h) => (h.kind === "light" || h.kind === "sign") && h.gapM < 30);
    const lead = Math.max(8, 1.2 * ego.speedMps);
    if (before < (turning ? lead + 6 : lead) && egoS < junction.endS - 1 && (!held || before < 0)) {
      return { decision: "turn", side: junction.movement, causeId: "route" };
    }
  }
  return { decision: "lane_keep", side: null, causeId: egoLaneId };
}

/** Ticks that a new decision must last before it is stated. */
export const decisionHoldSecs = holdTicks * tickSecs;
