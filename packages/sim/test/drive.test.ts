import { createHash } from "node:crypto";
import type { Drive } from "@causeway/data";
import { futureAt } from "@causeway/geom";
import {
  constantVelocityPolicy,
  defaultPerturbation,
  generateDrive,
  type Observation,
  recordOnPolicy,
  scenarioKinds,
  type SimulatedDrive,
  simulateDrive,
} from "@causeway/sim";
import { describe, expect, it } from "vitest";

/** Hash of everything in a drive: pictures as bytes, the rest as JSON. */
function fingerprint(drive: Drive): string {
  const hash = createHash("sha256");
  for (const camera of drive.cameras) for (const frame of camera.frames) hash.update(frame.bytes);
  for (const column of Object.values(drive.egoMotion)) hash.update(new Uint8Array(column.buffer));
  hash.update(
    JSON.stringify({ ...drive, cameras: drive.cameras.map((c) => c.calibration), egoMotion: null }),
  );
  return hash.digest("hex");
}

const short = { durationSecs: 4 };

describe("generateDrive", () => {
  it("gives the same bytes for the same seed and others for another", async () => {
    const options = { kind: "turn_left", seed: 5, ...short } as const;
    const a = await generateDrive(options);
    const b = await generateDrive(options);
    expect(fingerprint(b)).toBe(fingerprint(a));
    const c = await generateDrive({ ...options, seed: 6 });
    expect(fingerprint(c)).not.toBe(fingerprint(a));
  });

  it("has one row per tick in every truth layer and camera", async () => {
    const drive = await generateDrive({ kind: "stop_for_light", seed: 1, ...short });
    expect(drive.durationUs).toBe(4_000_000);
    const rows = 41;
    expect(drive.egoMotion.stampUs.length).toBe(rows);
    expect(drive.egoMotion.stampUs[40]).toBe(4_000_000);
    for (const layer of [drive.actors, drive.lights, drive.route, drive.decisions]) {
      expect(layer?.length).toBe(rows);
    }
    expect(drive.cameras.map((c) => c.name)).toEqual([
      "camera_front_wide_120fov",
      "camera_cross_left_120fov",
      "camera_cross_right_120fov",
      "camera_front_tele_30fov",
    ]);
    for (const camera of drive.cameras) {
      expect(camera.frames.length).toBe(rows);
      expect(camera.frames[40].stampUs).toBe(4_000_000);
      // A JPEG starts with SOI.
      expect([...camera.frames[0].bytes.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    }
  });

  it("every cause is a component that is listed at that moment", () => {
    for (const kind of scenarioKinds) {
      const { drive } = simulateDrive({ kind, seed: 3, cameras: [] });
      for (const { decision } of drive.decisions ?? []) {
        const ids = decision.components.map((c) => c.id);
        expect(decision.causeIds.length).toBeGreaterThan(0);
        for (const id of decision.causeIds) expect(ids).toContain(id);
        expect(new Set(ids).size).toBe(ids.length);
      }
    }
  });

  it("pushes change the driven path but the same seed pushes the same way", () => {
    const options = { kind: "curvy_road", seed: 2, cameras: [], durationSecs: 12 } as const;
    const clean = simulateDrive(options);
    const pushed = simulateDrive({ ...options, perturbation: defaultPerturbation });
    expect(pushed.pushesUs.length).toBeGreaterThan(0);
    expect(pushed.drive.egoMotion.x).not.toEqual(clean.drive.egoMotion.x);
    const again = simulateDrive({ ...options, perturbation: defaultPerturbation });
    expect(again.drive.egoMotion).toEqual(pushed.drive.egoMotion);
  });

  it("a takeover is what the log does where no push follows, and leads back where one does", () => {
    for (const kind of ["curvy_road", "stop_for_lead", "turn_left"] as const) {
      const options = { kind, seed: 2, cameras: [] } as const;
      expect(simulateDrive(options).drive.takeovers).toBeUndefined();
      const { drive, pushesUs } = simulateDrive({ ...options, perturbation: defaultPerturbation });
      const { egoMotion, takeovers = [] } = drive;
      expect(takeovers.length).toBe(101);
      let calm = 0;
      let apart = 0;
      for (const { stampUs, path } of takeovers) {
        // How far the log is from the plan after 1 s.
        const endUs = stampUs + 1_000_000;
        if (endUs > drive.durationUs) continue;
        const log = futureAt(egoMotion, stampUs, 10);
        const off = Math.hypot(log.x[9] - path.x[9], log.y[9] - path.y[9]);
        if (pushesUs.some((p) => p.startUs < endUs && p.endUs > stampUs))
          apart = Math.max(apart, off);
        else {
          calm++;
          expect(off, `${kind} at ${stampUs}`).toBeLessThan(1e-3);
        }
      }
      expect(calm).toBeGreaterThan(5);
      expect(apart).toBeGreaterThan(0.3);
    }
  });

  it("a policy drives until it goes astray; then the expert brings the car back, and drives on in between", async () => {
    const wishes = [
      { kind: "curvy_road", seed: 2, cameras: [] },
      { kind: "stop_for_lead", seed: 3, cameras: [] },
    ] as const;
    const seen: string[] = [];
    const policy = constantVelocityPolicy();
    const spy = {
      ...policy,
      act: (observations: readonly Observation[]) => {
        seen.push(observations.map((o) => o.sceneId.split("-")[0]).join());
        return policy.act(observations);
      },
    };
    const drives = await recordOnPolicy(wishes, spy, 5);
    const again = await recordOnPolicy(wishes, policy, 5);
    expect(seen.some((s) => s === "curvy_road,stop_for_lead")).toBe(true);
    expect(seen.length).toBeGreaterThan(20);
    for (const [i, wish] of wishes.entries()) {
      const { drive } = drives[i] as SimulatedDrive;
      expect(drive.egoMotion).toEqual(again[i]?.drive.egoMotion);
      expect(drive.takeovers?.length).toBe(101);
      expect(drive.source.notes.join()).toContain("driven by constant_velocity");
      const clean = simulateDrive(wish).drive.egoMotion;
      let farthest = 0;
      for (let t = 0; t < clean.x.length; t++) {
        let least = Number.POSITIVE_INFINITY;
        for (let u = 0; u < clean.x.length; u++)
          least = Math.min(
            least,
            Math.hypot(clean.x[u] - drive.egoMotion.x[t], clean.y[u] - drive.egoMotion.y[t]),
          );
        farthest = Math.max(farthest, least);
      }
      // It left its line, and not the road.
      expect(farthest, wish.kind).toBeGreaterThan(0.3);
      expect(farthest, wish.kind).toBeLessThan(3.5);
    }
  });

  it("the car stays near its line however it is pushed, and the plans end on it", () => {
    for (const kind of scenarioKinds) {
      const perturbation = defaultPerturbation;
      const clean = simulateDrive({ kind, seed: 4, cameras: [] }).drive.egoMotion;
      const { egoMotion, takeovers = [] } = simulateDrive({
        kind,
        seed: 4,
        cameras: [],
        perturbation,
      }).drive;
      const fromClean = (x: number, y: number): number => {
        let least = Number.POSITIVE_INFINITY;
        for (let i = 0; i < clean.x.length; i++)
          least = Math.min(least, Math.hypot(clean.x[i] - x, clean.y[i] - y));
        return least;
      };
      let worst = 0;
      // The plans of the first seconds end where the clean drive has been.
      for (const { stampUs, path } of takeovers.slice(0, 40)) {
        const row = stampUs / 100_000;
        const yaw = 2 * Math.atan2(egoMotion.qz[row], egoMotion.qw[row]);
        const x = egoMotion.x[row] + path.x[63] * Math.cos(yaw) - path.y[63] * Math.sin(yaw);
        const y = egoMotion.y[row] + path.x[63] * Math.sin(yaw) + path.y[63] * Math.cos(yaw);
        worst = Math.max(worst, fromClean(x, y));
      }
      expect(worst, kind).toBeLessThan(3);
    }
  });
});
