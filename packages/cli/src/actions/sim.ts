import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { planText } from "../draw/plan-text.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { planStages, runStages } from "../pipeline/run-stages.ts";
import { loadRunRecipe } from "../recipe/load-recipe.ts";
import { drivesStage, labelsStage } from "../stages/build-stages.ts";
import { knownText } from "../suggest.ts";

export interface SimOptions extends CommonOptions {
  readonly out: string;
  readonly drives: number;
  readonly heldOut: number;
  readonly secs: number;
  readonly seed: number;
  readonly kinds?: string;
  readonly pushed: string;
}

export async function simulateDrives(
  context: CommandContext,
  options: SimOptions,
): Promise<Outcome> {
  const { defaultCameras, scenarioKinds } = await import("@causeway/sim");
  const quickstart = await loadRunRecipe("quickstart");
  const kinds = options.kinds?.split(",").map((name) => {
    const kind = scenarioKinds.find((k) => k === name.trim());
    if (kind === undefined)
      throw new UserError(
        "KIND",
        `scenario kind "${name}" not found. ${knownText(name, scenarioKinds)}`,
      );
    return kind;
  });
  const pushed = Number(options.pushed);
  if (!(pushed >= 0 && pushed <= 1))
    throw new UserError("OPTION", `--pushed is ${options.pushed}; expected a share from 0 to 1`);
  const dir = resolve(options.out);
  const recipe = {
    name: "sim",
    seed: options.seed,
    samples: quickstart.samples,
    drives: {
      ...quickstart.drives,
      // The whole rig: what a later model looks at is not known here.
      cameras: defaultCameras().map((camera) => camera.name),
      kinds: kinds ?? [...scenarioKinds],
      train: options.drives,
      heldOut: options.heldOut,
      secs: options.secs,
      pushed,
    },
  };
  const stages = [drivesStage(recipe, "."), labelsStage(recipe, ".")];
  if (context.isDryRun) {
    const plans = await planStages(dir, stages);
    return {
      data: { dir, stages: plans.map((p) => ({ name: p.stage.name, state: p.state })) },
      text: planText(dir, plans),
    };
  }
  const release = await lockFolder(dir);
  try {
    const { progress, signal } = context;
    const { markers } = await runStages({
      runDir: dir,
      stages,
      progress,
      signal,
      now: Date.now,
    });
    return {
      data: {
        dir,
        drives: options.drives + options.heldOut,
        stages: markers.map((m) => m.summary),
      },
      text: `dataset: ${options.out} (${markers.map((m) => m.summary).join("; ")})`,
    };
  } finally {
    await release();
  }
}
