/** Writes a decision and its causes as one sentence. Reads only the decision, its components and the present speed. */
import type { CriticalComponent, DrivingDecision } from "@causeway/data";
import type { Rng } from "@causeway/geom";
import { causeClauses, connectives, lateralClauses, longitudinalClauses } from "./phrases.ts";

export interface EgoState {
  /** Speed at t0, m/s. */
  readonly speedMps: number;
}

const standingMps = 0.5;
/** A junction turn is driven at about this speed; its component does not say. */
const turnComfortMps = 5.5;
const numberOf = (c: CriticalComponent | null, name: string): number | null => {
  const v = c?.attributes[name];
  return typeof v === "number" ? v : null;
};

/** Components of `causeIds`, in order, each once. An id without a component is a fault of the source. */
export function causesOf(decision: DrivingDecision): CriticalComponent[] {
  return [...new Set(decision.causeIds)].map((id) => {
    const found = decision.components.find((c) => c.id === id);
    if (found === undefined) {
      throw new Error(
        `decision: cause "${id}" is not among its components (${decision.components.map((c) => c.id).join(", ")}). Fix the source of the decision.`,
      );
    }
    return found;
  });
}

function vehicleNoun(c: CriticalComponent | null): string {
  return c?.attributes["type"] === "truck" ? "truck" : "car";
}

function sideOf(c: CriticalComponent): "left" | "right" | null {
  const side = c.attributes["side"];
  return side === "left" || side === "right" ? side : null;
}

/** Situation of the car for the clause tables; each name is a key of the decision's table. */
export function situationOf(decision: DrivingDecision, ego: EgoState): string {
  const v = ego.speedMps;
  const isStanding = v < standingMps;
  const causes = causesOf(decision);
  switch (decision.longitudinal) {
    case null:
      return "";
    case "set_speed_tracking": {
      if (isStanding) return "standing";
      const lane = decision.components.find((c) => c.kind === "free_lane") ?? null;
      const limit = numberOf(lane, "limitMps");
      return limit !== null && v < limit - 1.5 ? "below" : "steady";
    }
    case "lead_following": {
      const lead = causes.find((c) => c.kind.endsWith("_vehicle")) ?? null;
      const leadSpeed = numberOf(lead, "speedMps");
      const isLeadStanding = leadSpeed !== null && leadSpeed < standingMps;
      if (isStanding) return isLeadStanding || leadSpeed === null ? "standing" : "starting";
      if (isLeadStanding) return "stopped";
      if (lead?.attributes["braking"] === true) return "slower";
      return leadSpeed !== null && leadSpeed < v - 1 ? "slower" : "steady";
    }
    case "speed_adaptation_road_event": {
      const event = causes.find((c) => c.category === "road_event") ?? null;
      const comfort =
        numberOf(event, "comfortSpeedMps") ??
        (event?.kind === "junction_turn" ? turnComfortMps : null);
      const isSlow = comfort !== null && v <= comfort + 0.3;
      if (event?.kind === "curve") return isSlow ? "slow in curve" : "curve";
      if (event?.kind === "junction_turn") return isSlow ? "slow in turn" : "turn";
      return isSlow ? "slow on road" : "road";
    }
    case "accelerate_to_pass":
      return "moving";
    default:
      return isStanding ? "standing" : "moving";
  }
}

export function longitudinalOptions(decision: DrivingDecision, ego: EgoState): readonly string[] {
  if (decision.longitudinal === null) return [];
  const table: Record<string, readonly string[]> = longitudinalClauses[decision.longitudinal];
  const noun = vehicleNoun(causesOf(decision)[0] ?? null);
  return table[situationOf(decision, ego)].map((text) => text.replace("{car}", noun));
}

export function lateralOptions(decision: DrivingDecision): readonly (readonly [string, string])[] {
  if (decision.lateral === null) return [];
  const { sided, plain } = lateralClauses[decision.lateral];
  const side = decision.lateralSide;
  if (side === null || sided.length === 0) return plain;
  return sided.map(([a, b]) => [a.replace("{side}", side), b.replace("{side}", side)]);
}

function stateOf(c: CriticalComponent, ego: EgoState): string {
  if (c.kind === "lead_vehicle") {
    const speed = numberOf(c, "speedMps");
    if (speed !== null && speed < standingMps) return "stopped";
    if (c.attributes["braking"] === true) return "braking";
    return speed !== null && speed < ego.speedMps - 1 ? "slower" : "*";
  }
  if (c.kind === "route") return String(c.attributes["command"] ?? "*");
  const state = c.attributes["state"];
  if (typeof state === "string" && causeClauses[c.kind]?.[state] !== undefined) return state;
  return sideOf(c) === null ? "*" : "sided";
}

export function causeOptions(c: CriticalComponent, ego: EgoState): readonly string[] {
  const table = causeClauses[c.kind];
  if (table === undefined) return [`there is a ${c.kind.replaceAll("_", " ")} ahead`];
  const options = table[stateOf(c, ego)] ?? table["*"];
  const side = sideOf(c);
  return options.map((text) =>
    text.replace("{car}", vehicleNoun(c)).replace("{side}", side ?? "side"),
  );
}

/** Joins chosen clauses; the longitudinal one may itself hold an "and", then the lateral one is a gerund. */
export function joinTrace(
  longitudinal: string | null,
  lateral: readonly [string, string] | null,
  causes: readonly string[],
  connective: string,
  useGerund: boolean,
): string {
  let text = longitudinal ?? "";
  if (lateral !== null) {
    if (longitudinal === null) text = lateral[0];
    else if (useGerund || longitudinal.includes(" and ")) text += ` while ${lateral[1]}`;
    else text += ` and ${lateral[0]}`;
  }
  if (causes.length > 0) text += ` ${connective} ${causes.join(" and ")}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Longest sentence, words; a second cause that would pass it is left out. */
export const maxTraceWords = 25;

/** One sentence of 6 to 25 words, or null when the decision has nothing on either axis. At most two causes are named. */
export function renderTrace(decision: DrivingDecision, ego: EgoState, rng: Rng): string | null {
  if (decision.longitudinal === null && decision.lateral === null) return null;
  const speedWays = longitudinalOptions(decision, ego);
  const sideWays = lateralOptions(decision);
  const longitudinal = speedWays.length === 0 ? null : rng.pick(speedWays);
  const lateral = sideWays.length === 0 ? null : rng.pick(sideWays);
  const causes = causesOf(decision)
    .slice(0, 2)
    .map((c) => rng.pick(causeOptions(c, ego)));
  const connective = rng.pick(connectives);
  const useGerund = rng.next() < 0.5;
  const write = (count: number) =>
    joinTrace(longitudinal, lateral, causes.slice(0, count), connective, useGerund);
  const full = write(2);
  return full.split(" ").length <= maxTraceWords ? full : write(1);
}
