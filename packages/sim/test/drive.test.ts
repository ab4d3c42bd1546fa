import { createHash } from "node:crypto";
import type { Drive } from "@causeway/data";
import { defaultPerturbation, generateDrive, scenarioKinds, simulateDrive } from "@causeway/sim";
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
});
