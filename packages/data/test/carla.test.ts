/** CARLA recordings: a left turn stays a left turn, and what could be mirrored is refused. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { yawOfQuat } from "@causeway/geom";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findSource, type Drive, importDrives, openDataset } from "../src/index.ts";
import { type CarlaRow, carlaLeftTurn } from "./fake-logs.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-carla-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function write(name: string, rows: readonly CarlaRow[]): Promise<string> {
  const folder = join(dir, name, "run");
  await mkdir(join(folder, "telemetry"), { recursive: true });
  const text = rows.map((r) => JSON.stringify(r)).join("\n");
  await writeFile(join(folder, "manifest.jsonl"), `${text}\n`);
  return join(dir, name);
}

async function read(path: string): Promise<Drive> {
  const source = findSource("carla");
  for await (const ref of source.list(path)) return source.read(ref);
  throw new Error("nothing found");
}

const yawAt = ({ egoMotion: m }: Drive, i: number) =>
  yawOfQuat({ w: m.qw[i], x: m.qx[i], y: m.qy[i], z: m.qz[i] });

test("a left turn comes out as a left turn, with the planner's truth", async () => {
  const drive = await read(await write("left", carlaLeftTurn()));
  expect(yawAt(drive, 119) - yawAt(drive, 0)).toBeCloseTo(1.2, 9);
  const { x, y } = drive.egoMotion;
  // Left of the first heading.
  const [c, s] = [Math.cos(yawAt(drive, 0)), Math.sin(yawAt(drive, 0))];
  expect(-s * (x[119] as number) + c * (y[119] as number)).toBeGreaterThan(10);
  expect(drive.route).toEqual([
    { stampUs: 0, command: "straight", distanceM: null },
    { stampUs: 5_100_000, command: "left", distanceM: null },
  ]);
  const decisionAt = (i: number) => drive.decisions?.[i]?.decision;
  expect(decisionAt(0)).toMatchObject({ longitudinal: "lead_following", causeIds: ["actor:7"] });
  expect(decisionAt(70)).toMatchObject({ lateral: "turn", lateralSide: "left" });
  expect(decisionAt(40)).toMatchObject({ lateral: "lane_keep", lateralSide: null });
  expect(drive.source.notes[0]).toContain("steer: heading rate and steering agree to 100 %");
});

const flip = (rows: CarlaRow[], ...keys: string[]) =>
  rows.map((r) => ({ ...r, ...Object.fromEntries(keys.map((k) => [k, -(r[k] as number)])) }));

test("a car that leaves a light does so because it is green", async () => {
  const rows = carlaLeftTurn().map((row, i) => ({
    ...row,
    follow_target_id: null,
    planner_state: i < 30 ? "signal_stop" : "lane_follow",
    speed: i < 30 ? 0 : Math.min(5, (i - 29) * 0.2),
    traffic_light_state: i < 30 ? "red" : i < 60 ? "green" : null,
    traffic_light_actor_id: i < 60 ? 9 : null,
  }));
  const { decisions } = await read(await write("leaving", rows));
  const causesAt = (i: number) => decisions?.[i]?.decision.causeIds;
  expect(causesAt(29)).toEqual(["light:9"]);
  expect(causesAt(31)).toEqual(["light:9"]);
  // Up to speed, and past it, the free lane is what counts.
  expect(causesAt(50)).toEqual(["lane"]);
  expect(causesAt(110)).toEqual(["lane"]);
});

test("mirrored, half mirrored and undecidable recordings are refused, each with its reason", async () => {
  const straight = carlaLeftTurn().slice(0, 50);
  await write("batch/a-mirrored", flip(carlaLeftTurn(), "vehicle_y", "vehicle_yaw_deg"));
  await write("batch/b-yaw-only", flip(carlaLeftTurn(), "vehicle_yaw_deg"));
  await write("batch/c-straight", straight);
  await write("batch/d-mixed", flip(carlaLeftTurn(), "steer"));
  await write("batch/e-cut", carlaLeftTurn().slice(0, 1));
  await write(
    "batch/f-no-speed",
    carlaLeftTurn().map((r) => ({ ...r, speed: null })),
  );
  await write("batch/g-back-in-time", [...carlaLeftTurn(), ...carlaLeftTurn()]);
  await write("batch/h-good", carlaLeftTurn());
  const out = join(dir, "set");
  // All are named "run": import one at a time, as a batch of one each.
  const reasons: string[] = [];
  for (const name of ["a-mirrored", "b-yaw-only", "c-straight", "d-mixed", "e-cut", "f-no-speed"]) {
    const result = await importDrives(findSource("carla"), join(dir, "batch", name), out);
    expect(result.imported).toBe(0);
    expect(result.skipped).toHaveLength(1);
    expect(result.skipped[0]?.error).not.toContain("\n");
    reasons.push(result.skipped[0]?.error ?? "");
  }
  expect(reasons[0]).toContain("look right-handed");
  expect(reasons[1]).toContain("degrees off the direction of travel");
  expect(reasons[2]).toContain("cannot be settled");
  expect(reasons[3]).toContain("left- and right-handed at once");
  expect(reasons[4]).toContain("expected at least 2");
  expect(reasons[5]).toContain("row 1: speed:");
  const again = await importDrives(findSource("carla"), join(dir, "batch", "g-back-in-time"), out);
  expect(again.skipped[0]?.error).toContain("row 121: timestamp 30 s comes after 41.9 s");
  const good = await importDrives(findSource("carla"), join(dir, "batch", "h-good"), out);
  expect([good.imported, good.skipped]).toEqual([1, []]);
  const dataset = await openDataset(out);
  expect(dataset.drives.map((d) => d.recording)).toEqual(["carla-r1"]);
});
