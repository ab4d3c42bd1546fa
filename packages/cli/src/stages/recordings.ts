import { createRng } from "@causeway/geom";
import type { ScenarioKind } from "@causeway/sim";
import type { RunRecipe } from "../recipe/run-recipe.ts";

/** One drive to simulate. */
export interface Recording {
  readonly kind: ScenarioKind;
  readonly seed: number;
  readonly split: "train" | "test";
  /** Who has the wheel: the expert alone, with pushes at times, or the model that the recipe names. */
  readonly driver: "expert" | "pushed" | "model";
}

/** Room for each use of seeds under one run seed; nothing that is evaluated shares a seed with training. */
const seedBlock = 1_000_000;
const testOffset = 400_000;
const closedLoopOffset = 800_000;

const numBlocks = 2000;
const firstSeed = (recipe: Pick<RunRecipe, "seed">): number =>
  (recipe.seed % numBlocks) * seedBlock;

/** Whether runs of two seeds draw their drives and scenes from the same block. */
export const sharesSeeds = (a: number, b: number): boolean => a % numBlocks === b % numBlocks;

/** Training recordings, then held-out ones; kinds are dealt in turn. */
export function recordingsOf(recipe: Pick<RunRecipe, "seed" | "drives">): Recording[] {
  const { kinds, train, heldOut, pushed, onPolicy } = recipe.drives;
  const rng = createRng(recipe.seed).fork("pushed recordings");
  const driverOf = (i: number): Recording["driver"] => {
    const chance = rng.fork(i);
    if (chance.next() < pushed) return "pushed";
    return onPolicy !== null && chance.next() < onPolicy.share ? "model" : "expert";
  };
  const make = (split: Recording["split"], count: number, offset: number): Recording[] =>
    Array.from({ length: count }, (_, i) => ({
      kind: kinds[i % kinds.length] as ScenarioKind,
      seed: firstSeed(recipe) + offset + i,
      split,
      driver: split === "train" ? driverOf(i) : "expert",
    }));
  return [...make("train", train, 0), ...make("test", heldOut, testOffset)];
}

/** Scenes of the closed loop: seeds of their own. */
export function closedLoopScenes(
  recipe: Pick<RunRecipe, "seed" | "closedLoop">,
): { readonly kind: ScenarioKind; readonly seed: number }[] {
  const { kinds, scenes } = recipe.closedLoop;
  return Array.from({ length: scenes }, (_, i) => ({
    kind: kinds[i % kinds.length] as ScenarioKind,
    seed: firstSeed(recipe) + closedLoopOffset + i,
  }));
}

/** The id that the simulator gives a drive. */
export const driveIdOf = ({
  kind,
  seed,
}: {
  readonly kind: string;
  readonly seed: number;
}): string => `${kind}-${seed}`;
