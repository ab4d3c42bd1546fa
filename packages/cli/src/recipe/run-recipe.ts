/**
 * A run recipe: the whole loop as complete plain data. Recipes are functions in `recipes/` that return it; variants
 * spread another one. Nothing has a hidden default, so what is written beside the results is what ran.
 */
import { scenarioKinds } from "@causeway/sim";
import { parseRecipe, RecipeError, type TrainRecipe } from "@causeway/train";
import { backboneFacts, backboneNames } from "@causeway/models";
import { z } from "zod";
import { sharesSeeds } from "../stages/recordings.ts";
import { knownText } from "../suggest.ts";

const count = z.int().positive();
const secs = z.number().positive();
const share = z.number().min(0).max(1);
const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "expected lower-case words and hyphens");

const sampling = {
  /** Of the written reasoning; 0 takes the likeliest token. */
  temperature: z.number().min(0),
  topP: share,
  /** Scale of the flow's start noise; 1 draws from the learned distribution. */
  flowTemperature: z.number().min(0),
  /** Longest reasoning, tokens. */
  maxTokens: count,
};

const loopSchema = z.strictObject({
  name,
  /** Heading of the report. */
  title: z.string().min(1),
  /** Fixes every byte of the run on one machine. */
  seed: z.int().min(0).max(0xffffffff),
  drives: z.strictObject({
    /** Scenario kinds, dealt in turn. */
    kinds: z.array(z.enum(scenarioKinds)).min(1),
    /** Recordings to train on. */
    train: count,
    /** Recordings that nothing is trained on: open-loop evaluation. */
    heldOut: count,
    /** Length of each recording. */
    secs,
    /** Share of the training recordings in which the car is pushed off line at times, so that recovery is seen. */
    pushed: share,
    /**
     * The shipped model of a preset at the wheel, with the expert beside it, in this share of the recordings that are not
     * pushed: what it does wrong is what it learns from. Null: no model.
     */
    onPolicy: z
      .strictObject({ preset: z.enum(backboneNames), share, replanEverySecs: secs })
      .nullable(),
    /** Cameras that are recorded, by name. */
    cameras: z.array(z.string().min(1)).min(1),
    image: z.strictObject({ width: count, height: count }),
    jpegQuality: z.int().min(1).max(100),
  }),
  samples: z.strictObject({
    /** Seconds between training samples of one recording; a multiple of 0.1. */
    trainEverySecs: secs,
    heldOutEverySecs: secs,
  }),
  /** Complete training recipes. Stage 1 begins fresh or from a shipped backbone; stage 2 begins from `ownStage1`. */
  stage1: z.record(z.string(), z.unknown()),
  stage2: z.record(z.string(), z.unknown()),
  /** Held-out losses in the training curves; they decide nothing. */
  validation: z.strictObject({
    everySteps: count,
    /** Held-out samples, spread over the drives; at least one batch of each stage, or 0 for none. */
    samples: z.int().min(0),
  }),
  openLoop: z.strictObject({
    /** Trajectories per sample: the k of minADE_k. */
    paths: count,
    /** Samples in one call of the model. */
    batch: count,
    ...sampling,
  }),
  closedLoop: z.strictObject({
    kinds: z.array(z.enum(scenarioKinds)).min(1),
    /** Scenes in all, seeds that no recording has. */
    scenes: z.int().min(0),
    /** Seconds that the policy drives. */
    secs,
    /** Seconds between plans; a multiple of 0.1. */
    replanEverySecs: secs,
    /** Scenes that run at once in one process. */
    batch: count,
    ...sampling,
  }),
  report: z.strictObject({
    /** Open-loop moments with pictures kept for the report. */
    clips: z.int().min(0),
    /** Closed-loop scenes filmed, for the model; one of each kind first. */
    films: z.int().min(0),
  }),
});

type Stage1 = Extract<TrainRecipe, { stage: "stage1" }>;
type Stage2 = Extract<TrainRecipe, { stage: "stage2" }>;

export type RunRecipe = Omit<z.infer<typeof loopSchema>, "stage1" | "stage2"> & {
  readonly stage1: Stage1;
  readonly stage2: Stage2;
};

/** What a run's stage 2 names as its checkpoint: the weights that stage 1 of the same run ends with. */
export const ownStage1 = "stage1";

/** The preset that a run trains. */
export function presetOfRun({ stage1 }: Pick<RunRecipe, "stage1">): string {
  if (stage1.init.kind === "checkpoint")
    throw new RecipeError("stage1.init: a run begins fresh or from a shipped backbone");
  return stage1.init.preset;
}

/** Folder of a stage's final weights, relative to the run folder. */
export const checkpointOf = (stage: "stage1" | "stage2", steps: number): string =>
  `${stage}/checkpoints/step_${steps}`;

/** The training recipe of a stage as it runs. Paths in it are relative to the run folder. */
export function stageRecipe(
  recipe: Pick<RunRecipe, "stage1" | "stage2">,
  stage: "stage1" | "stage2",
): TrainRecipe {
  if (stage === "stage1") return recipe.stage1;
  const path = checkpointOf("stage1", recipe.stage1.steps);
  return { ...recipe.stage2, init: { kind: "checkpoint", path } };
}

const keysOf = (schema: z.ZodType, path: readonly PropertyKey[]): string[] => {
  let at: z.ZodType | undefined = schema;
  for (const key of path)
    at =
      at instanceof z.ZodObject ? (at.shape as Record<string, z.ZodType>)[String(key)] : undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
};

const isTenthOfSecond = (value: number): boolean =>
  Math.abs(value * 10 - Math.round(value * 10)) < 1e-9;

/** What types cannot say. */
function contradictions(recipe: RunRecipe): string[] {
  const problems: string[] = [];
  const grid = {
    "samples.trainEverySecs": recipe.samples.trainEverySecs,
    "samples.heldOutEverySecs": recipe.samples.heldOutEverySecs,
    "closedLoop.replanEverySecs": recipe.closedLoop.replanEverySecs,
  };
  for (const [path, value] of Object.entries(grid))
    if (!isTenthOfSecond(value)) problems.push(`${path}: ${value} is not a multiple of 0.1 s`);
  const begin = recipe.stage1.init;
  if (begin.kind === "checkpoint")
    problems.push(
      `stage1.init: a run begins with fresh weights or a shipped backbone; give { kind: "fresh", preset } or { kind: "backbone", preset }`,
    );
  if (
    begin.kind === "backbone" &&
    backboneFacts(begin.preset).runs.some(
      // The same recipe again holds out what it held out then.
      (run) => run.recipe !== recipe.name && sharesSeeds(recipe.seed, run.seed),
    )
  )
    problems.push(
      `seed: ${recipe.seed} gives drives that the ${begin.preset} backbone was trained on, so nothing here would be held out; take another seed`,
    );
  const { init } = recipe.stage2;
  if (init.kind !== "checkpoint" || init.path !== ownStage1)
    problems.push(
      `stage2.init: the expert is trained on this run's own stage 1; give { kind: "checkpoint", path: "${ownStage1}" }`,
    );
  // 1.5 s of history and 6.4 s of future.
  if (recipe.drives.secs < 8)
    problems.push(`drives.secs: ${recipe.drives.secs} s leaves no sample; expected at least 8 s`);
  return problems;
}

/**
 * Checks a recipe once, at the edge.
 *
 * @param where  What to call it in messages, e.g. `recipe "quickstart"`.
 * @throws RecipeError that lists every problem with its field.
 */
export function parseRunRecipe(value: unknown, where: string): RunRecipe {
  const result = loopSchema.safeParse(value);
  const problems: string[] = [];
  if (!result.success) {
    for (const issue of result.error.issues) {
      const path = issue.path.map(String).join(".");
      if (issue.code === "unrecognized_keys")
        for (const key of issue.keys)
          problems.push(
            `${path === "" ? key : `${path}.${key}`}: unknown key. ${knownText(key, keysOf(loopSchema, issue.path))}`,
          );
      else if (issue.code === "invalid_value")
        problems.push(`${path}: not known. Known: ${issue.values.map(String).join(", ")}`);
      else if (issue.code === "invalid_type" && issue.message.endsWith("received undefined"))
        problems.push(`${path}: missing; expected ${issue.expected}`);
      else problems.push(`${path}: ${issue.message}`);
    }
    throw new RecipeError(`${where}: ${problems.join("; ")}`);
  }
  const data = result.data;
  const recipe: RunRecipe = {
    ...data,
    stage1: stageOf(parseRecipe(data.stage1, `${where}: stage1`), "stage1", where),
    stage2: stageOf(parseRecipe(data.stage2, `${where}: stage2`), "stage2", where),
  };
  problems.push(...contradictions(recipe));
  if (problems.length > 0) throw new RecipeError(`${where}: ${problems.join("; ")}`);
  return recipe;
}

function stageOf<S extends TrainRecipe["stage"]>(
  recipe: TrainRecipe,
  stage: S,
  where: string,
): Extract<TrainRecipe, { stage: S }> {
  if (recipe.stage !== stage)
    throw new RecipeError(`${where}: ${stage}.stage: "${recipe.stage}"; expected "${stage}"`);
  return recipe as Extract<TrainRecipe, { stage: S }>;
}
