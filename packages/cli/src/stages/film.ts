import { createRng } from "@causeway/geom";
import { renderTrace } from "@causeway/label";
import { encodeJpegBase64, type FilmArtefact, FilmBuilder } from "@causeway/eval";
import {
  calibrationOf,
  type CameraSpec,
  type ClosedLoopResult,
  egoGeometry,
  exportRoadMap,
  type Incident,
} from "@causeway/sim";

const incidentTexts: Readonly<Record<Incident["kind"], string>> = {
  collision_front: "hits something with its front",
  collision_rear: "is hit from behind",
  collision_lateral: "touches something with its side",
  offroad: "leaves the road",
  red_light: "runs a red light",
  stop_sign: "runs a stop sign",
  wrong_lane: "drives against the flow",
};

/** A closed-loop run as a replay for the report. */
export async function filmOf(
  result: ClosedLoopResult,
  cameras: readonly CameraSpec[],
): Promise<FilmArtefact> {
  const [front] = cameras;
  const film = new FilmBuilder({
    sceneId: result.sceneId,
    kind: result.kind,
    policy: result.policy,
    seed: result.seed,
    stepSecs: 0.1,
    ego: egoGeometry,
    map: exportRoadMap(result.scene.network),
    cameras:
      front === undefined
        ? []
        : [
            {
              name: front.name,
              width: front.width,
              height: front.height,
              calibration: calibrationOf(front),
            },
          ],
  });
  // Incidents count ticks of the policy from the state after its first tick; a run may end with one.
  const numWarmup = result.ticks.filter((t) => t.warmup).length;
  const frameOf = (incident: Incident): number =>
    Math.min(result.ticks.length - 1, numWarmup + incident.tick + 1);
  for (const [i, tick] of result.ticks.entries()) {
    const { ego } = tick;
    film.add({
      ego: { x: ego.x, y: ego.y, yaw: ego.yaw, speedMps: ego.speedMps },
      actors: tick.actors,
      lights: tick.lights,
      plan: tick.plan,
      reasoning: tick.reasoning,
      // The same generator each time: one decision keeps one wording while it lasts.
      oracle:
        tick.plan === null
          ? null
          : renderTrace(tick.expertDecision, ego, createRng(result.seed).fork("oracle")),
      events: result.metrics.incidents
        .filter((incident) => frameOf(incident) === i)
        .map(({ kind }) => ({ kind, text: incidentTexts[kind] })),
      cameras:
        tick.frame === null || front === undefined
          ? new Map()
          : new Map([[front.name, await encodeJpegBase64(tick.frame)]]),
    });
  }
  return film.finish();
}
