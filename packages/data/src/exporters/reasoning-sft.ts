/**
 * `samples_reasoning_sft.jsonl`: one row a sample with the plan as actions and as waypoints, the ego history, the last front
 * picture and the sentence (the contract of small Alpamayo-like trainers on CARLA recordings).
 */
import { join } from "node:path";
import {
  createActionSpace,
  historyGrid,
  gridStamps,
  matrixFromQuat,
  posesInRig,
  rotationOf,
} from "@causeway/geom";
import { SampleError } from "../errors.ts";
import { writeJsonl } from "../io/json.ts";
import { historyCount, stepUs } from "../sample.ts";
import { requireSample, routeAt, sampleMotionAt } from "../sampling/sample-at.ts";
import { samplesOf, writePictures } from "./samples.ts";
import { type DatasetSink, type ExportItem, requireMotion } from "./sink.ts";

const round = (v: number): number => Number(v.toPrecision(12));

/** The plan at a moment; null (and skipped by name) where the window leaves the recording. */
async function planAt(item: ExportItem, t0Us: number) {
  const { drive } = item;
  requireSample(drive, t0Us, { cameras: [] });
  const { history, future } = sampleMotionAt(drive, t0Us, await drive.takeovers());
  const encoded = createActionSpace().encode(future, { history });
  const poses = posesInRig(drive.egoMotion, t0Us, gridStamps(historyGrid(t0Us, historyCount)));
  return {
    action: Array.from(encoded.action, round),
    v0: round(encoded.v0Mps),
    gt_waypoints: Array.from(future.x, (x, i) => [
      round(x),
      round(future.y[i]),
      round(future.yaw[i]),
    ]),
    dt: stepUs / 1e6,
    ego_history_xyz: poses.map((p) => [round(p.x), round(p.y), round(p.z)]),
    ego_history_rot: poses.map((p) => {
      const m = Array.from(matrixFromQuat(rotationOf(p)), round);
      return [m.slice(0, 3), m.slice(3, 6), m.slice(6, 9)];
    }),
  };
}

export const reasoningSftSink: DatasetSink = {
  format: "reasoning-sft",
  aliases: ["sft", "samples-reasoning-sft"],
  about: "samples_reasoning_sft.jsonl: actions, waypoints, ego history, picture and sentence",
  takesUnlabelled: false,
  async write(input, out, options) {
    const perDrive = input.each(input.drives, async (item) => {
      requireMotion(item.drive, "reasoning-sft");
      const rows: unknown[] = [];
      const oneCamera = options.cameras ?? item.drive.cameras.slice(0, 1).map((c) => c.name);
      for (const sample of await samplesOf(item, input, { ...options, cameras: oneCamera })) {
        const { label } = sample;
        try {
          const plan = await planAt(item, label.t0Us);
          const last = { ...sample, pictures: sample.pictures.filter((p) => p.k === 3) };
          const images = await writePictures(out, item.drive.id, last.pictures);
          rows.push({
            sample_id: sample.id,
            split: item.split,
            image_path: images[0] ?? null,
            ...plan,
            command: routeAt(item.drive.route, label.t0Us)?.command ?? null,
            reasoning_text: label.trace,
            decision_longitudinal: label.longitudinal,
            decision_lateral: label.lateral,
            decision_lateral_side: label.lateralSide,
            teacher: label.teacher,
          });
        } catch (error) {
          if (!(error instanceof SampleError)) throw error;
          input.skip({ id: sample.id, code: error.code, error: error.message });
        }
      }
      return rows;
    });
    const flat = async function* () {
      for await (const rows of perDrive) yield* rows;
    };
    return writeJsonl(join(out, "samples_reasoning_sft.jsonl"), flat());
  },
};
