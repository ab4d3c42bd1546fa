/**
 * The importers on real logs, compared with 10 Hz columns that were made from the same logs by other code (the inputs of the
 * meta-action reference cases; their case.json says how each was resampled).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type EgoMotion, resample, unwrapAngles, yawOfQuat } from "@causeway/geom";
import { describe, expect, test } from "vitest";
import { detectFormat, type Drive, driveSources } from "../src/index.ts";
import { mountArm } from "../src/sources/camera-poses.ts";
import { commaMountM } from "../src/sources/comma2k19.ts";
import { kittiMount } from "../src/sources/kitti.ts";
import { sharedPath } from "./shared.ts";

const real = sharedPath("data", "real");
const golden = sharedPath("golden", "meta-actions");
const canRun = real !== null && golden !== null;
if (!canRun)
  console.warn("real-logs.test.ts: skipped, the shared folder is not beside the repository");

interface Reference {
  readonly n: number;
  readonly x: number[];
  readonly y: number[];
  readonly yaw: number[];
  readonly vx: number[];
  readonly vy: number[];
}

const reference = (name: string): Reference =>
  JSON.parse(readFileSync(join(golden as string, name, "ego.json"), "utf8")) as Reference;

async function drive(id: string): Promise<Drive> {
  for (const source of driveSources) {
    for await (const ref of source.list(real as string)) {
      if (ref.id === id) return source.read(ref);
    }
  }
  throw new Error(`no drive ${id}`);
}

/** Planar track of the recording camera, `aheadM` before the axle, from its first position on. */
function trackOf(motion: EgoMotion, aheadM: number) {
  const n = motion.stampUs.length;
  const quat = (i: number) => ({
    w: motion.qw[i],
    x: motion.qx[i],
    y: motion.qy[i],
    z: motion.qz[i],
  });
  const points = Array.from({ length: n }, (_, i) => {
    const arm = mountArm(quat(i), { aheadM, leftM: 0, upM: 0 });
    return { x: motion.x[i] + arm.x, y: motion.y[i] + arm.y };
  });
  return {
    x: points.map((p) => p.x - points[0].x),
    y: points.map((p) => p.y - points[0].y),
    yaw: unwrapAngles(Array.from({ length: n }, (_, i) => yawOfQuat(quat(i)))),
    speed: Array.from({ length: n }, (_, i) => Math.hypot(motion.vx[i], motion.vy[i])),
  };
}

function worst(track: ReturnType<typeof trackOf>, ref: Reference) {
  const yaw = unwrapAngles(ref.yaw);
  const yawOffset = Array.from(yaw, (v, i) => track.yaw[i] - v).sort((a, b) => a - b)[ref.n >> 1];
  const max = (f: (i: number) => number) =>
    Math.max(...Array.from({ length: ref.n }, (_, i) => Math.abs(f(i))));
  return {
    position: max((i) =>
      Math.hypot(track.x[i] - (ref.x[i] - ref.x[0]), track.y[i] - (ref.y[i] - ref.y[0])),
    ),
    /** After the constant turn of the camera is taken off. */
    yaw: max((i) => track.yaw[i] - yaw[i] - yawOffset),
    yawOffset,
    speed: max((i) => track.speed[i] - Math.hypot(ref.vx[i], ref.vy[i])),
  };
}

describe.skipIf(!canRun)("real logs", () => {
  test("the folder of all real logs holds five formats", async () => {
    const formats = (await detectFormat(real as string)).map((s) => s.format);
    expect(formats).toEqual([
      "comma2k19",
      "argoverse2",
      "argoverse2-forecasting",
      "kitti-odometry",
      "nuscenes",
    ]);
  });

  test("comma2k19: the camera's track is found again from the rig's", async () => {
    const d = await drive("comma2k19-b0c9d2329ad1606b_2018-08-02--08-34-47-40");
    const ref = reference("real-comma2k19-60s");
    const motion = resample(d.egoMotion);
    const error = worst(trackOf(motion, commaMountM.aheadM), ref);
    // Spline here, linear there, 20 Hz rows; half a stamp step of rounding.
    expect(error.position).toBeLessThan(0.02);
    // The camera also looks down, so its roll shows in the heading of the two a little differently.
    expect(error.yaw).toBeLessThan(2e-3);
    // The camera looks 0.9 degrees to the left of the direction of travel.
    expect((-error.yawOffset * 180) / Math.PI).toBeCloseTo(0.9, 1);
    expect(d.source.notes[0]).toContain("The camera looks 0.90 degrees to the left of travel");
    expect(error.speed).toBeLessThan(0.02);
  });

  test.each([
    ["real-av2-3b3570b4", "argoverse2-3b3570b4-7b0b-3268-a571-b0889dbf40b6"],
    ["real-av2-7fab2350", "argoverse2-7fab2350-7eaf-3b7e-a39d-6937a4c1bede"],
    ["real-av2-adcf7d18", "argoverse2-adcf7d18-0510-35b0-a2fa-b4cea13a6d76"],
  ])("argoverse2: %s agrees", async (name, id) => {
    const motion = resample((await drive(id)).egoMotion);
    const error = worst(trackOf(motion, 0), reference(name));
    expect(motion.stampUs.length).toBeGreaterThanOrEqual(reference(name).n);
    expect(error.position).toBeLessThan(2e-5);
    expect(error.yaw).toBeLessThan(1e-5);
    expect(error.yawOffset).toBeCloseTo(0, 6);
    expect(error.speed).toBeLessThan(0.02);
  });

  test("argoverse2: boxes stand on the map's roads", async () => {
    const d = await drive("argoverse2-7fab2350-7eaf-3b7e-a39d-6937a4c1bede");
    expect(d.map?.lanes).toHaveLength(163);
    expect(d.actors).toHaveLength(156);
    const lanes = d.map?.lanes ?? [];
    const near = (x: number, y: number) =>
      Math.min(
        ...lanes.flatMap((l) =>
          l.centerline.x.map((cx, i) => Math.hypot(cx - x, l.centerline.y[i] - y)),
        ),
      );
    const moving = (d.actors ?? [])
      .filter((_, i) => i % 20 === 0)
      .flatMap((f) => f.actors.filter((a) => a.kind === "car" && a.speedMps > 3));
    expect(moving.length).toBeGreaterThan(20);
    const distances = moving.map((a) => near(a.x, a.y)).sort((a, b) => a - b);
    // Centre lines have points up to some metres apart.
    expect(distances[distances.length >> 1]).toBeLessThan(2.5);
    expect(Math.max(...moving.map((a) => a.speedMps))).toBeLessThan(25);
  });

  test("argoverse2-forecasting: the ego track is the scenario's", async () => {
    const d = await drive("argoverse2-scenario_0a1e6f0a-1817-4a98-b02e-db8c9327d151");
    const error = worst(
      trackOf(resample(d.egoMotion), 0),
      reference("real-av2-forecasting-0a1e6f0a"),
    );
    expect(error.position).toBeLessThan(1e-4);
    expect(error.yaw).toBeLessThan(1e-5);
    expect(error.speed).toBeLessThan(1e-5);
    expect(new Set(d.actors?.flatMap((f) => f.actors.map((a) => a.id))).size).toBe(57);
  });

  test.each(["00", "03", "04", "05", "06", "07"])(
    "kitti-odometry %s: the camera's track and speed are found again",
    async (sequence) => {
      const d = await drive(`kitti-odometry-${sequence}`);
      const ref = reference(`real-kitti-${sequence}`);
      const error = worst(trackOf(d.egoMotion, kittiMount.aheadM), ref);
      expect(d.egoMotion.stampUs.length).toBe(ref.n);
      // The reference keeps 5 decimals.
      expect(error.position).toBeLessThan(2e-5);
      // Heading after the axes are turned; pitch and roll enter the two conventions differently, by squares of small angles.
      expect(error.yaw).toBeLessThan(2e-3);
      // The camera is 1 m ahead: in tight turns it is faster than the axle.
      expect(error.speed).toBeLessThan(0.45);
    },
  );
});
