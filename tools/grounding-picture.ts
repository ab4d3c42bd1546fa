/**
 * Makes docs/reason-grounding.png, the picture of a grounded frame in README:
 *
 *   node --import tsx tools/grounding-picture.ts [docs/reason-grounding.png]
 *
 * A frame is simulated; the simulator's truth is written as a model would write it (0-1000, in a fence, after its
 * thoughts); `causeway reason --replies` reads and draws it. No model looks at the picture, and the picture says so.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { ActorState } from "@causeway/data";
import { imageFromRig, projectPoint } from "@causeway/eval";
import { poseAt, rotationOf, yawOfQuat } from "@causeway/geom";
import { calibrationOf, camerasNamed, generateDrive } from "@causeway/sim";

const [picture = "docs/reason-grounding.png"] = process.argv.slice(2);
const size = { width: 1152, height: 640 };
const [camera] = camerasNamed(["camera_front_wide_120fov"], size);
if (camera === undefined) throw new Error("the simulator has no such camera");
const drive = await generateDrive({
  kind: "yield_to_vru",
  seed: 9,
  durationSecs: 12,
  cameras: [camera],
  jpegQuality: 95,
});
const matrix = imageFromRig(calibrationOf(camera));
const names: Readonly<Record<string, string>> = { pedestrian: "person" };

interface Seen {
  readonly label: string;
  /** 0-1000: left, top, right, bottom. */
  readonly box: readonly number[];
  readonly depthM: number;
}

/** The box in the picture around an actor's eight corners; null unless it is well in view. */
function seenFrom(actor: ActorState, stampUs: number): Seen | null {
  const pose = poseAt(drive.egoMotion, stampUs);
  const yaw = yawOfQuat(rotationOf(pose));
  const pixels = Array.from({ length: 8 }, (_, i) => {
    const along = ((i & 1 ? 1 : -1) * actor.lengthM) / 2;
    const across = ((i & 2 ? 1 : -1) * actor.widthM) / 2;
    const x = actor.x + Math.cos(actor.yaw) * along - Math.sin(actor.yaw) * across - pose.x;
    const y = actor.y + Math.sin(actor.yaw) * along + Math.cos(actor.yaw) * across - pose.y;
    return projectPoint(
      matrix,
      Math.cos(yaw) * x + Math.sin(yaw) * y,
      -Math.sin(yaw) * x + Math.cos(yaw) * y,
      i & 4 ? actor.heightM : 0,
    );
  });
  if (pixels.some((p) => p === null)) return null;
  const points = pixels.filter((p) => p !== null);
  const [us, vs] = [points.map((p) => p.u / size.width), points.map((p) => p.v / size.height)];
  const box = [Math.min(...us), Math.min(...vs), Math.max(...us), Math.max(...vs)];
  const depthM = Math.min(...points.map((p) => p.depthM));
  const [left = 0, , right = 0] = box;
  if (left < 0.01 || right > 0.99 || right - left < 0.025 || depthM > 45) return null;
  return {
    label: names[actor.kind] ?? actor.kind,
    box: box.map((v) => Math.round(Math.min(1, Math.max(0, v)) * 1000)),
    depthM,
  };
}

/** The frame in which most is to be seen. */
const frames = (drive.actors ?? []).map(({ stampUs, actors }) => ({
  stampUs,
  seen: actors.map((a) => seenFrom(a, stampUs)).filter((s) => s !== null),
}));
const best = frames.reduce((a, b) => {
  const area = (seen: readonly Seen[]): number =>
    seen.reduce(
      (sum, { box: [l = 0, t = 0, r = 0, d = 0] }) => sum + Math.sqrt((r - l) * (d - t)),
      0,
    );
  const order = b.seen.length - a.seen.length || area(b.seen) - area(a.seen);
  return order > 0 ? b : a;
});
const frame = drive.cameras[0]?.frames.find((f) => f.stampUs === best.stampUs);
if (frame === undefined) throw new Error("no picture at the chosen moment");

const folder = mkdtempSync(join(tmpdir(), "grounding-"));
try {
  const answer = best.seen.map(({ box, label }) => ({ bbox_2d: box, label }));
  const reply = `<think>\nTaken from the simulator's truth.\n</think>\n\n\`\`\`json\n${JSON.stringify(answer)}\n\`\`\``;
  writeFileSync(join(folder, "frame.jpg"), frame.bytes);
  writeFileSync(join(folder, "replies.jsonl"), `${JSON.stringify({ id: "frame.jpg", reply })}\n`);
  const entry = fileURLToPath(new URL("../packages/cli/bin/causeway.mjs", import.meta.url));
  const said = execFileSync(
    process.execPath,
    [
      entry,
      "reason",
      "frame.jpg",
      "--prompt",
      "grounding-2d",
      "--set",
      "object_name=every road user",
      "--replies",
      "replies.jsonl",
      "--no-cache",
      "--out",
      "out",
    ],
    { cwd: folder, encoding: "utf8" },
  );
  console.log(said);
  mkdirSync(dirname(resolve(picture)), { recursive: true });
  copyFileSync(join(folder, "out/overlays/frame.jpg.png"), picture);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `${picture}: ${best.seen.length} boxes, ${Math.round(statSync(picture).size / 1000)} kB`,
);
