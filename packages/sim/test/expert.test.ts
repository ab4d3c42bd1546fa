import {
  buildScene,
  runClosedLoop,
  constantVelocityPolicy,
  expertPolicy,
  scenarioKinds,
  simulateDrive,
} from "@causeway/sim";
import { describe, expect, it } from "vitest";

/** Held out: far from the seeds that examples and training use. */
const heldOutSeed = 900_000;

describe("the privileged expert", () => {
  it("scores 0.95 or more with no at-fault collision, off-road, red light or stop sign", async () => {
    const scenes = scenarioKinds.map((kind) => ({ kind, seed: heldOutSeed }));
    const results = await runClosedLoop({
      scenes,
      policy: expertPolicy(),
      // Its plans hold, so that one in five ticks is enough and five times cheaper.
      replanEverySteps: 5,
      cameras: [],
      record: false,
    });
    const mean = results.reduce((sum, r) => sum + r.score, 0) / results.length;
    expect(mean).toBeGreaterThanOrEqual(0.95);
    for (const r of results) {
      const { collisionAtFault, offroad, redLight, stopSign } = r.metrics;
      expect([r.sceneId, collisionAtFault, offroad, redLight, stopSign]).toEqual([
        r.sceneId,
        false,
        false,
        false,
        false,
      ]);
    }
  });

  it("beats constant velocity by far, since bends, lights, leads and people decide", async () => {
    const scenes = scenarioKinds.map((kind) => ({ kind, seed: heldOutSeed + 7 }));
    const results = await runClosedLoop({
      scenes,
      policy: constantVelocityPolicy(),
      cameras: [],
      record: false,
    });
    const mean = results.reduce((sum, r) => sum + r.score, 0) / results.length;
    expect(mean).toBeLessThanOrEqual(0.35);
  });

  it("keeps its lane centre within 0.4 m on bends without pushes", () => {
    const { drive } = simulateDrive({ kind: "curvy_road", seed: heldOutSeed, cameras: [] });
    const scene = buildScene({ kind: "curvy_road", seed: heldOutSeed });
    const { path } = scene.egoRoute;
    let worst = 0;
    for (let i = 0; i < drive.egoMotion.x.length; i++) {
      let best = Number.POSITIVE_INFINITY;
      for (let k = 0; k < path.x.length; k++) {
        const gap = Math.hypot(path.x[k] - drive.egoMotion.x[i], path.y[k] - drive.egoMotion.y[i]);
        best = Math.min(best, gap);
      }
      worst = Math.max(worst, best);
    }
    // Half a sample step of 0.25 m along the path is in this distance too.
    expect(worst).toBeLessThan(0.5);
  });
});

describe("stated decisions", () => {
  const drives = scenarioKinds.flatMap((kind) =>
    [11, 12, 13].map((seed) => simulateDrive({ kind, seed, cameras: [] }).drive),
  );

  it("agree with what the car then does", () => {
    let claims = 0;
    let kept = 0;
    const broken: string[] = [];
    for (const drive of drives) {
      const decisions = drive.decisions ?? [];
      const m = drive.egoMotion;
      const speed = (i: number) => Math.hypot(m.vx[i], m.vy[i]);
      for (let i = 1; i + 40 < decisions.length; i++) {
        const now = decisions[i].decision.longitudinal;
        if (now === decisions[i - 1].decision.longitudinal) continue;
        const end = Math.min(decisions.length - 1, i + 64);
        let slowest = Number.POSITIVE_INFINITY;
        for (let j = i; j <= end; j++) slowest = Math.min(slowest, speed(j));
        let fine = true;
        if (now === "stop_static_constraint" || now === "yield_right_of_way") {
          // Already standing, or slows down; a light may turn green in the meantime.
          const released = decisions
            .slice(i, i + 25)
            .some((d) => d.decision.longitudinal === "set_speed_tracking");
          fine = speed(i) < 0.5 || slowest <= speed(i) - 0.8 || released;
        } else if (now === "set_speed_tracking") {
          fine = speed(Math.min(end, i + 10)) > speed(i) - 1;
        } else continue;
        claims++;
        if (fine) kept++;
        else broken.push(`${drive.id}@${i}: ${now}`);
      }
    }
    expect(claims).toBeGreaterThan(20);
    expect(kept / claims, broken.join(", ")).toBeGreaterThanOrEqual(0.95);
  });

  it("do not flicker: few last less than half a second", () => {
    let segments = 0;
    let short = 0;
    for (const drive of drives) {
      const decisions = drive.decisions ?? [];
      let start = 0;
      for (let i = 1; i < decisions.length; i++) {
        if (decisions[i].decision.longitudinal === decisions[start].decision.longitudinal) continue;
        segments++;
        if (i - start < 5 && start > 0) short++;
        start = i;
      }
    }
    expect(segments).toBeGreaterThan(25);
    expect(short / segments).toBeLessThan(0.1);
  });

  it("name a side for every turn, nudge and lane change, and none for keeping the lane", () => {
    for (const drive of drives) {
      for (const { decision } of drive.decisions ?? []) {
        expect(decision.lateralSide === null).toBe(decision.lateral === "lane_keep");
      }
    }
  });

  it("stop for a light only while it is red or yellow, and only in sight", () => {
    for (const drive of drives) {
      for (const { decision } of drive.decisions ?? []) {
        if (decision.longitudinal !== "stop_static_constraint") continue;
        const cause = decision.components.find((c) => c.id === decision.causeIds[0]);
        expect(["red_light", "yellow_light", "stop_sign"]).toContain(cause?.kind);
        expect(Number(cause?.attributes.distanceM)).toBeLessThanOrEqual(62);
      }
    }
  });
});
