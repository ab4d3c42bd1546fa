/** How long the rows of a data set are, and which lengths graphs are compiled for. */
import { type DrivingCodec, swapSides } from "@causeway/models";
import { RecipeError } from "../errors.ts";
import type { TrainRecipe } from "../recipe/schema.ts";
import type { LabelledSamples } from "./samples.ts";

/** Sizes of a training row without its pictures. */
export interface RowSize {
  /** Tokens. */
  readonly length: number;
  /** Tokens that stage 1 learns. */
  readonly numLabels: number;
  /** Tokens up to and including `<|traj_future_start|>`. */
  readonly prefixLength: number;
}

/**
 * Sizes of every different pair of texts in the data. Only words make rows differ in length, so one moment with its
 * pictures is enough to know all sizes.
 */
export async function rowSizes({
  codec,
  samples,
  recipe,
  validation,
}: {
  readonly codec: DrivingCodec;
  readonly samples: LabelledSamples;
  readonly recipe: Pick<TrainRecipe, "augment">;
  readonly validation?: { readonly samples: LabelledSamples };
}): Promise<RowSize[]> {
  if (samples.length === 0)
    throw new RecipeError("the dataset has no labelled samples to train on");
  const moment = await samples.read(0);
  const count = (text: string | null) =>
    text === null ? 0 : codec.renderer.encodeText(text).length;
  const { ids, isLabel, prefixLength } = codec.example({
    ...moment,
    cot: "",
    input: { ...moment.input, navText: null },
  });
  const numLabels = isLabel.reduce((a, b) => a + b, 0);
  const hasRoute = codec.manifest.promptVersion === "r1_5";
  const known = new Map<string, RowSize>();
  const add = (navText: string | null, cot: string) => {
    const key = JSON.stringify([navText, cot]);
    if (known.has(key)) return;
    // Navigation text stands between two tokens of its own.
    const route = navText === null || !hasRoute ? 0 : count(navText) + 2;
    const words = count(cot);
    known.set(key, {
      length: ids.length + route + words,
      numLabels: numLabels + words,
      prefixLength: prefixLength + route + words,
    });
  };
  const { mirror, navigationDropout = 0 } = recipe.augment;
  const addShown = (navText: string | null, cot: string) => {
    add(navText, cot);
    if (navigationDropout > 0) add(null, cot);
  };
  for (let i = 0; i < samples.length; i++) {
    const { navText, cot } = samples.words(i);
    addShown(navText, cot);
    if (mirror > 0) addShown(navText === null ? null : swapSides(navText), swapSides(cot));
  }
  const heldOut = validation?.samples;
  for (let i = 0; i < (heldOut?.length ?? 0); i++) {
    const words = heldOut?.words(i);
    if (words) add(words.navText, words.cot);
  }
  return [...known.values()];
}

/** Ascending lengths that graphs are compiled for: the recipe's, as far as they are needed, and the longest row. */
export function lengthBuckets(wanted: readonly number[], lengths: readonly number[]): number[] {
  const longest = Math.max(...lengths);
  const shortest = Math.min(...lengths);
  const inner = wanted.filter((n) => n >= shortest && n < longest);
  return [...new Set([...inner, longest])].sort((a, b) => a - b);
}
