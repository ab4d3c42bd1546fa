/** Which weights a recipe trains, and with which learning rate and decay. */
import type { FlatRange, ParameterGroup } from "@causeway/graph";
import type { TrainRecipe } from "../recipe/schema.ts";
import { RecipeError } from "../errors.ts";
import type { FlatLayout } from "./flat-layout.ts";

/** A name pattern: `*` stands for anything, dots included. */
export function matcher(pattern: string): (name: string) => boolean {
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  const regex = new RegExp(`^${source}$`);
  return (name) => regex.test(name);
}

/** Splits weight names into trained and frozen. A pattern that fits no name is an error: it was meant to. */
export function splitFrozen(
  names: readonly string[],
  freeze: readonly string[],
): { readonly trained: string[]; readonly frozen: string[] } {
  const tests = freeze.map(matcher);
  tests.forEach((fits, i) => {
    if (!names.some(fits))
      throw new RecipeError(
        `modules.freeze[${i}]: "${freeze[i]}" fits no trainable weight. Weights begin like: ${examples(names)}`,
      );
  });
  const isFrozen = (name: string) => tests.some((fits) => fits(name));
  const trained = names.filter((name) => !isFrozen(name));
  if (trained.length === 0)
    throw new RecipeError("modules.freeze: every weight of this stage is frozen; nothing to train");
  return { trained, frozen: names.filter(isFrozen) };
}

const examples = (names: readonly string[]): string =>
  [...new Set(names.map((n) => n.split(".").slice(0, 3).join(".")))].slice(0, 6).join(", ");

/** Groups of equal learning rate and decay; neighbours of one group become one range. */
export function parameterGroups(
  layout: FlatLayout,
  recipe: Pick<TrainRecipe, "modules" | "weightDecay">,
): ParameterGroup[] {
  const rules = recipe.modules.lrMultipliers.map(({ pattern, multiplier }) => ({
    fits: matcher(pattern),
    multiplier,
  }));
  rules.forEach((rule, i) => {
    if (!layout.entries.some((e) => rule.fits(e.name)))
      throw new RecipeError(
        `modules.lrMultipliers[${i}]: "${recipe.modules.lrMultipliers[i]?.pattern}" fits no trained weight. Weights begin like: ${examples(layout.entries.map((e) => e.name))}`,
      );
  });
  const groups = new Map<string, ParameterGroup & { readonly ranges: FlatRange[] }>();
  let lastKey = "";
  layout.entries.forEach((entry, i) => {
    const lrMultiplier = rules.find((r) => r.fits(entry.name))?.multiplier ?? 1;
    const weightDecay = entry.shape.length > 1 ? recipe.weightDecay : 0;
    const key = `${lrMultiplier} ${weightDecay}`;
    let group = groups.get(key);
    if (!group) {
      group = { ranges: [], lrMultiplier, weightDecay };
      groups.set(key, group);
    }
    const end = layout.entries[i + 1]?.start ?? layout.length;
    const last = group.ranges.at(-1);
    if (last && lastKey === key) group.ranges[group.ranges.length - 1] = { start: last.start, end };
    else group.ranges.push({ start: entry.start, end });
    lastKey = key;
  });
  return [...groups.values()];
}
