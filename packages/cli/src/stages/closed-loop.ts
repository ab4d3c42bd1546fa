/**
 * Stage: let the model, the same model with pictures of other drives, and constant velocity drive scenes of held-out
 * seeds. Rows of `closed-loop/*.jsonl`: `{row}` per scene and policy, and `{film}` for the model's scenes.
 */
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { openDataset } from "@causeway/data";
import type { ClosedLoopRow, FilmArtefact } from "@causeway/eval";
import { AlpamayoModel } from "@causeway/models";
import {
  type CameraSpec,
  constantVelocityPolicy,
  camerasNamed,
  type Policy,
  runClosedLoop,
  type ScenarioKind,
} from "@causeway/sim";
import type { Work } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import type { RunRecipe } from "../recipe/run-recipe.ts";
import { batchesOf, runBatches } from "./batch-files.ts";
import type { DataSetting } from "./drives.ts";
import { filmOf } from "./film.ts";
import { foreignPictures } from "./foreign-pictures.ts";
import { openLoader, readSampleRows } from "./labelled-samples.ts";
import { modelPolicy } from "./model-input.ts";
import { closedLoopRow } from "./closed-loop-row.ts";

export interface ClosedLoopStageOptions {
  readonly seed: number;
  readonly checkpoint: string;
  readonly scenes: readonly { readonly kind: ScenarioKind; readonly seed: number }[];
  readonly closedLoop: RunRecipe["closedLoop"];
}

/** A line of `closed-loop/*.jsonl`. */
export type ClosedLoopLine = { readonly row: ClosedLoopRow } | { readonly film: FilmArtefact };

/** Ticks between camera pictures in films: 5 a second. */
const filmEverySteps = 2;

export const work: Work<
  WorkInput<ClosedLoopStageOptions, DataSetting>,
  { scenes: number }
> = async ({ runDir, options, setting }, context) => {
  const { seed, scenes, closedLoop } = options;
  const { temperature, topP, flowTemperature, maxTokens } = closedLoop;
  const sampling = { temperature, topP, flowTemperature, maxTokens };
  const model = await AlpamayoModel.load(resolve(runDir, options.checkpoint));
  const { cameras: names, image } = model.codec.manifest;
  const size = { width: image.widthPx, height: image.heightPx };
  const cameras = camerasNamed(
    names.map((c) => c.name),
    size,
  );
  const dataset = await openDataset(resolve(runDir, setting.dataDir));
  const loader = await openLoader(dataset, { cameras: names.map((c) => c.name), ...size });
  const foreign = foreignPictures(await readSampleRows(dataset, ["test"]), loader, seed);

  const policies: readonly { readonly policy: Policy; readonly cameras: readonly CameraSpec[] }[] =
    [
      { policy: modelPolicy("model", model, sampling, seed), cameras },
      // It sees nothing of its own scene, so nothing needs to be drawn.
      { policy: modelPolicy("model_shuffled_images", model, sampling, seed, foreign), cameras: [] },
      { policy: constantVelocityPolicy(), cameras: [] },
    ];
  const batches = policies.flatMap(({ policy }, i) =>
    batchesOf(
      `${i}-${policy.name}`,
      scenes.map((scene) => ({ scene, index: i })),
      closedLoop.batch,
    ),
  );
  const front = (cameras.find((c) => c.yaw === 0) ?? cameras[0])?.name ?? "";

  try {
    await runBatches(join(runDir, "closed-loop"), batches, context, async ({ items }, report) => {
      const { policy, cameras: rig } = policies[items[0]?.index ?? 0] as (typeof policies)[number];
      const isFilmed = policy.name === "model";
      const results = await runClosedLoop({
        scenes: items.map((i) => i.scene),
        policy: stoppable(policy, context.signal),
        steps: Math.round(closedLoop.secs * 10),
        replanEverySteps: Math.round(closedLoop.replanEverySecs * 10),
        cameras: rig,
        batchScenes: closedLoop.batch,
        record: true,
        recordFrames: isFilmed ? { camera: front, everySteps: filmEverySteps } : null,
        onProgress: ({ ticksDone }) =>
          report(ticksDone / (16 + closedLoop.secs * 10), policy.name.replaceAll("_", " ")),
      });
      const lines: ClosedLoopLine[] = [];
      for (const result of results) {
        lines.push({ row: closedLoopRow(result) });
        if (isFilmed) lines.push({ film: await filmOf(result, cameras) });
      }
      return lines;
    });
    return { scenes: scenes.length };
  } finally {
    await loader.close();
    await model.dispose();
  }
};

/** Ctrl-C reaches a running batch at its next plan; the batch is driven again by the next run. */
function stoppable(policy: Policy, signal: AbortSignal): Policy {
  return {
    name: policy.name,
    act(observations) {
      signal.throwIfAborted();
      return policy.act(observations);
    },
  };
}

/** How many processes share the scenes. */
export const closedLoopParts = (): number => Math.max(1, Math.min(2, cpus().length));
