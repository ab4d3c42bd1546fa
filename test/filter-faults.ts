/** True labels of simulated drives, and one fault of each kind planted in them. Used by a test and by a benchmark. */
import { type CriticalComponent, handleOfDrive } from "@causeway/data";
import { createRng, type Rng } from "@causeway/geom";
import {
  type CocLabel,
  evidenceFromMotion,
  inspectMotion,
  type Keyframe,
  type MotionEvidence,
  oracleLabel,
  renderTrace,
  type SceneEvidence,
  sceneEvidence,
  sceneLayers,
  type Verdict,
  verifyLabel,
} from "@causeway/label";
import { scenarioKinds, simulateDrive } from "@causeway/sim";

export interface TrueCase {
  readonly label: CocLabel;
  readonly evidence: MotionEvidence;
  readonly keyframe: Keyframe | null;
  readonly scene: SceneEvidence;
  readonly speedMps: number;
}

/** Keyframes and moments of a grid of every scenario. */
export async function trueCases(seeds: readonly number[], everySecs: number): Promise<TrueCase[]> {
  const out: TrueCase[] = [];
  for (const kind of scenarioKinds)
    for (const seed of seeds) {
      const { drive } = simulateDrive({ kind, seed, cameras: [] });
      const layers = await sceneLayers(handleOfDrive(drive));
      const moments = new Map<number, Keyframe | null>();
      const lastUs = drive.durationUs - 6_400_000;
      for (let t = 2_100_000; t <= lastUs; t += Math.round(everySecs * 1e6)) moments.set(t, null);
      for (const k of inspectMotion(drive.egoMotion).keyframes) moments.set(k.t0Us, k);
      for (const [t0Us, keyframe] of moments) {
        const label = oracleLabel(drive, t0Us, { seed: 1 });
        if (label.trace === null) continue;
        const evidence = evidenceFromMotion(drive.egoMotion, t0Us);
        const scene = sceneEvidence(drive.egoMotion, layers, t0Us);
        out.push({ label, evidence, keyframe, scene, speedMps: evidence.speedMps[0] });
      }
    }
  return out;
}

/** @param withScene whether the recording's own truth may be used, as real recordings do not have it */
export const judge = (c: TrueCase, label: CocLabel, withScene: boolean): Verdict =>
  verifyLabel({
    label,
    evidence: c.evidence,
    keyframe: c.keyframe,
    scene: withScene ? c.scene : null,
  });

const other = { left: "right", right: "left" } as const;

/** The label with another decision or other components, its sentence written anew from them. */
function rewritten(c: TrueCase, change: Partial<CocLabel>, rng: Rng): CocLabel {
  const label = { ...c.label, ...change };
  return { ...label, trace: renderTrace(label, { speedMps: c.speedMps }, rng) };
}

const swapKind = (label: CocLabel, id: string, change: Partial<CriticalComponent>) =>
  label.components.map((c) =>
    c.id === id ? { ...c, ...change, attributes: { ...c.attributes, ...change.attributes } } : c,
  );

const causeOf = (label: CocLabel, test: (c: CriticalComponent) => boolean) =>
  label.causeIds
    .map((id) => label.components.find((c) => c.id === id))
    .find((c) => c !== undefined && test(c));

/** A fault: the faulty label, or null where it cannot be planted in this one. */
export type Fault = (c: TrueCase, rng: Rng) => CocLabel | null;

const isMoving = (c: TrueCase): boolean => c.speedMps > 3;
/** A standing car shows no side, and a move of less than this is noise on any recording. */
const doesMoveAside = ({ evidence }: TrueCase): boolean =>
  evidence.sways.some((w) => Math.abs(w.shiftM) > 0.5 && w.endSecs > 0.3 && w.startSecs < 2);

export const faults: Readonly<Record<string, Fault>> = {
  "flipped direction: turn": (c, rng) =>
    c.label.lateral === "turn" && c.label.lateralSide !== null && isMoving(c)
      ? rewritten(c, { lateralSide: other[c.label.lateralSide] }, rng)
      : null,
  "flipped direction: lane change": (c, rng) =>
    c.label.lateral === "lane_change" && c.label.lateralSide !== null && doesMoveAside(c)
      ? rewritten(c, { lateralSide: other[c.label.lateralSide] }, rng)
      : null,
  "flipped direction: nudge": (c, rng) =>
    (c.label.lateral === "in_lane_nudge" || c.label.lateral === "out_of_lane_nudge") &&
    c.label.lateralSide !== null &&
    doesMoveAside(c)
      ? rewritten(c, { lateralSide: other[c.label.lateralSide] }, rng)
      : null,
  "swapped colour": (c, rng) => {
    const light = causeOf(c.label, (x) => x.category === "traffic_light");
    if (light === undefined) return null;
    const state = light.kind === "green_light" ? "red" : "green";
    const components = swapKind(c.label, light.id, {
      kind: `${state}_light`,
      attributes: { state },
    });
    return rewritten(c, { components }, rng);
  },
  "invented stop": (c, rng) => {
    const { longitudinal } = c.label;
    const slows =
      longitudinal === "stop_static_constraint" || longitudinal === "yield_right_of_way";
    if (slows || !isMoving(c) || Math.min(...c.evidence.speedMps) < 0.5) return null;
    const light: CriticalComponent = {
      id: "light:99",
      category: "traffic_light",
      kind: "red_light",
      attributes: { state: "red", distanceM: 30 },
    };
    const change = {
      longitudinal: "stop_static_constraint" as const,
      components: [...c.label.components, light],
      causeIds: [light.id, ...c.label.causeIds.slice(1)],
    };
    return rewritten(c, change, rng);
  },
  "future leak: in the words": (c, rng) => ({
    ...c.label,
    trace: (c.label.trace as string).replace(
      /\.$/,
      rng.pick([
        " and it will stop soon.",
        " and the car turns left later.",
        " and it is about to change lanes.",
        ", before stopping behind it.",
        " and it speeds up afterwards.",
        " and it goes on in the next seconds.",
        " and then it stops.",
        " and it stops 3 seconds from now.",
        " and it stops after 2 s.",
        " and the light turns green in a moment.",
      ]),
    ),
  }),
  "wrong actor: another kind": (c, rng) => {
    const actor = causeOf(c.label, (x) => x.category === "critical_object");
    if (actor === undefined) return null;
    const isPerson = actor.kind === "pedestrian";
    const kind = isPerson ? "parked_vehicle" : rng.pick(["pedestrian", "cyclist"]);
    return rewritten(c, { components: swapKind(c.label, actor.id, { kind }) }, rng);
  },
  "wrong actor: cites another one": (c, rng) => {
    const actor = causeOf(c.label, (x) => x.category === "critical_object");
    if (actor === undefined) return null;
    const others = c.label.components.filter(
      (x) => x.category === "critical_object" && x.kind !== actor.kind && x.id !== actor.id,
    );
    if (others.length === 0) return null;
    const wrong = rng.pick(others);
    return {
      ...c.label,
      causeIds: c.label.causeIds.map((id) => (id === actor.id ? wrong.id : id)),
    };
  },
};

export interface FaultRow {
  readonly fault: string;
  readonly planted: number;
  readonly found: number;
}

export function measureFaults(cases: readonly TrueCase[], withScene: boolean): FaultRow[] {
  return Object.entries(faults).map(([fault, plant]) => {
    const rng = createRng(77).fork(fault);
    let [planted, found] = [0, 0];
    for (const [i, c] of cases.entries()) {
      const label = plant(c, rng.fork(i));
      if (label === null) continue;
      planted++;
      if (judge(c, label, withScene).outcome === "error") found++;
    }
    return { fault, planted, found };
  });
}
