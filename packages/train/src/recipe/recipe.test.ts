import { expect, test } from "vitest";
import { RecipeError } from "../errors.ts";
import { exampleRecipe } from "./example.ts";
import { parseRecipe, recipeDifferences } from "./parse.ts";

const failure = (value: unknown): string => {
  try {
    parseRecipe(value, "my.json");
  } catch (error) {
    expect(error).toBeInstanceOf(RecipeError);
    return (error as Error).message;
  }
  throw new Error("the recipe was accepted");
};

test("a complete recipe is accepted unchanged", () => {
  const recipe = exampleRecipe();
  expect(parseRecipe(structuredClone(recipe), "my.json")).toEqual(recipe);
});

test("a typo names file and field and what was meant", () => {
  const { lr, ...rest } = exampleRecipe();
  expect(failure({ ...rest, lr, wieghtDecay: 0.1 })).toBe(
    'my.json: wieghtDecay: unknown key. Did you mean "weightDecay"?',
  );
  expect(
    failure({ ...exampleRecipe(), batch: { size: 2, acumulate: 1, accumulate: 1 } }),
  ).toContain('batch.acumulate: unknown key. Did you mean "accumulate"?');
  expect(
    failure({
      ...exampleRecipe(),
      schedule: { kind: "cosine", warmpu: 3, warmup: 3, minRatio: 0 },
    }),
  ).toContain('schedule.warmpu: unknown key. Did you mean "warmup"?');
});

test("an unknown kind lists the known ones", () => {
  expect(failure({ ...exampleRecipe(), schedule: { kind: "cosin", warmup: 1, minRatio: 0 } })).toBe(
    'my.json: schedule.kind: "cosin" is not known. Known: constant, linear, cosine, cosmos-rl. Did you mean "cosine"?',
  );
  expect(failure({ ...exampleRecipe(), stage: "stage3" })).toContain("Known: stage1, stage2");
});

test("missing and impossible values are all listed", () => {
  const { lr: removed, ...rest } = exampleRecipe();
  expect(removed).toBeGreaterThan(0);
  const message = failure({ ...rest, steps: -1 });
  expect(message).toContain("lr:");
  expect(message).toContain("got nothing");
  expect(message).toContain("steps:");
  expect(message).toContain("got -1");
});

test("contradictions are found", () => {
  expect(
    failure({ ...exampleRecipe(), steps: 5, schedule: { kind: "constant", warmup: 9 } }),
  ).toContain("9 steps of warm-up, but the run has 5 steps");
  const {
    trajectoryInputDropout: _a,
    perception: _b,
    textWeights: _c,
    ...common
  } = exampleRecipe();
  const stage2 = {
    ...common,
    stage: "stage2",
    init: { kind: "checkpoint", path: "runs/stage1" },
    drawsPerSample: 1,
    cachePrefix: true,
    pathWeight: null,
  };
  expect(() => parseRecipe(stage2, "a test")).not.toThrow();
  expect(failure({ ...stage2, cotrain: "language" })).toContain("set cachePrefix to false");
  expect(failure({ ...stage2, augment: { ...common.augment, navigationDropout: 0.1 } })).toContain(
    "kept prefixes cannot change with augmentation",
  );
});

test("differences name the field and both values", () => {
  const a = exampleRecipe();
  expect(recipeDifferences(a, { ...a, lr: 7, batch: { ...a.batch, size: 3 } })).toEqual([
    `batch.size: ${a.batch.size}, now 3`,
    `lr: ${a.lr}, now 7`,
  ]);
});
