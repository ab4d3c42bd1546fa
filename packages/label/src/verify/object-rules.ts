/**
 * Rules on what a label says it saw (O), for recordings that know the truth: the light's colour, the road user, the stop sign
 * that are named as causes must have been there. They catch what neither words nor motion can: a well-formed sentence about
 * a light that was green.
 */
import type { ActorKind, LightColor } from "@causeway/data";
import { parseTrace } from "../coc/parse.ts";
import type { CocLabel } from "../coc/schema.ts";
import type { Finding, Outcome } from "./outcome.ts";
import type { SceneEvidence } from "./scene-evidence.ts";

export interface ObjectRule {
  readonly id: string;
  readonly version: number;
  readonly check: (label: CocLabel, scene: SceneEvidence) => Finding;
}

const found = (outcome: Outcome, detail: string): Finding => ({ outcome, detail });

const lightColours: Readonly<Record<string, LightColor>> = {
  red_light: "red",
  yellow_light: "yellow",
  green_light: "green",
};
const vehicleKinds: readonly ActorKind[] = ["car", "truck"];
const agentKinds: Readonly<Record<string, readonly ActorKind[]>> = {
  lead_vehicle: vehicleKinds,
  cut_in_vehicle: vehicleKinds,
  oncoming_vehicle: vehicleKinds,
  cross_vehicle: vehicleKinds,
  adjacent_vehicle: vehicleKinds,
  parked_vehicle: vehicleKinds,
  blocking_vehicle: vehicleKinds,
  pedestrian: ["pedestrian"],
  cyclist: ["cyclist"],
};

/** Kinds of the cited causes and of those that the words name. */
function namedKinds(label: CocLabel): Set<string> {
  const kinds = new Set<string>();
  for (const id of label.causeIds) {
    const c = label.components.find((x) => x.id === id);
    if (c !== undefined) kinds.add(c.kind);
  }
  const parsed = label.trace === null ? null : parseTrace(label.trace);
  if (parsed?.status === "parsed") for (const kind of parsed.causes) kinds.add(kind);
  return kinds;
}

/** How far a named distance may lie off: people and models estimate, and bumpers are not axles. */
export const distanceTolerance = { leastM: 8, share: 0.4 } as const;

/** Farther from the centre of the lane than drivers sway. */
const nudgeSideM = 0.25;

export const objectRules: readonly ObjectRule[] = [
  {
    id: "O01-light-colour",
    version: 1,
    check: (label, { lights }) => {
      const named = [...namedKinds(label)].flatMap((k) => lightColours[k] ?? []);
      if (named.length === 0) return found("abstain", "no light is a cause");
      if (lights === null) return found("abstain", "the recording does not know its lights");
      const wrong = named.filter((c) => !lights.has(c));
      return wrong.length === 0
        ? found("pass", `light ${named.join(", ")}`)
        : found(
            "error",
            `says ${wrong.join(", ")}; lights for this direction were ${[...lights].join(", ") || "none"}`,
          );
    },
  },
  {
    id: "O02-road-user-exists",
    version: 1,
    check: (label, { agents }) => {
      const named = [...namedKinds(label)].filter((k) => agentKinds[k] !== undefined);
      if (named.length === 0) return found("abstain", "no road user is a cause");
      if (agents === null) return found("abstain", "the recording does not know its road users");
      const missing = named.filter((k) => !agents.some((a) => agentKinds[k].includes(a.kind)));
      return missing.length === 0
        ? found("pass", `${named.join(", ")} in view`)
        : found(
            "error",
            `no ${missing.join(", ")} in view; there are ${agents.map((a) => a.kind).join(", ") || "none"}`,
          );
    },
  },
  {
    id: "O03-road-user-distance",
    version: 1,
    check: (label, { agents }) => {
      const named = label.causeIds
        .flatMap((id) => label.components.find((c) => c.id === id) ?? [])
        .filter((c) => agentKinds[c.kind] !== undefined);
      const measured = named.flatMap((c) => {
        const distance = c.attributes["distanceM"];
        return typeof distance === "number" ? [{ kind: c.kind, distance }] : [];
      });
      if (measured.length === 0) return found("abstain", "no distance is named");
      if (agents === null) return found("abstain", "the recording does not know its road users");
      const wrong = measured.filter(({ kind, distance }) => {
        const slack = Math.max(distanceTolerance.leastM, distanceTolerance.share * distance);
        return !agents.some(
          (a) =>
            agentKinds[kind].includes(a.kind) &&
            distance >= a.nearestM - slack &&
            distance <= a.farthestM + slack,
        );
      });
      return wrong.length === 0
        ? found("pass", "distances fit")
        : found(
            "error",
            wrong
              .map(({ kind, distance }) => `no ${kind} at about ${distance.toFixed(0)} m`)
              .join("; "),
          );
    },
  },
  {
    id: "O04-stop-sign-exists",
    version: 1,
    check: (label, { hasStopSign }) => {
      if (!namedKinds(label).has("stop_sign")) return found("abstain", "no stop sign is a cause");
      if (hasStopSign === null) return found("abstain", "the recording has no map");
      return hasStopSign ? found("pass", "stop sign ahead") : found("error", "no stop sign ahead");
    },
  },
  {
    id: "O05-side-on-the-map",
    version: 1,
    check: ({ lateral, lateralSide: side }, { lanes }) => {
      const isMove =
        lateral === "lane_change" ||
        lateral === "merge_split" ||
        lateral === "in_lane_nudge" ||
        lateral === "out_of_lane_nudge";
      if (!isMove || side === null) return found("abstain", "no sideways move is claimed");
      if (lanes === null) return found("abstain", "the recording has no map here");
      const { crossings } = lanes;
      const [own, other] =
        side === "left" ? [lanes.leftM, lanes.rightM] : [lanes.rightM, lanes.leftM];
      const line = `crossed lines ${crossings.join(", ") || "none"}; ${lanes.leftM.toFixed(2)} m left and ${lanes.rightM.toFixed(2)} m right of the centre`;
      if (crossings.length > 0) {
        // A nudge over the line crosses it twice; the way back may be all that the window shows.
        if (crossings.includes(side)) return found("pass", line);
        return found(lateral === "out_of_lane_nudge" && own >= nudgeSideM ? "pass" : "error", line);
      }
      if (lateral === "lane_change" || lateral === "merge_split") {
        return found("abstain", line);
      }
      if (own >= nudgeSideM) return found("pass", line);
      return other >= nudgeSideM ? found("error", line) : found("abstain", line);
    },
  },
];
