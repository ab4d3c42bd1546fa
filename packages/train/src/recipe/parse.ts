/** Parses a recipe once, at the edge; every problem names its field, and a typo its probable meaning. */
import { z } from "zod";
import { RecipeError } from "../errors.ts";
import { nearest } from "./suggest.ts";
import { recipeSchema, type TrainRecipe } from "./schema.ts";

const show = (path: readonly PropertyKey[]): string =>
  path.length === 0 ? "recipe" : path.map(String).join(".");

/** The value that a path leads to. */
function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return value;
}

/** Keys that an object at this path may have; unions give the keys of the member that the value chose. */
function keysAt(path: readonly PropertyKey[], root: unknown): string[] {
  let schemas: z.core.$ZodType[] = [recipeSchema];
  const members = (schema: z.core.$ZodType): z.core.$ZodType[] => {
    if (schema instanceof z.ZodUnion) return schema.options.flatMap(members);
    if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
      return members(schema.unwrap());
    return [schema];
  };
  const chosen = (candidates: z.core.$ZodType[], value: unknown): z.core.$ZodType[] => {
    const objects = candidates.flatMap(members);
    const fitting = objects.filter((s) => {
      if (!(s instanceof z.ZodObject)) return true;
      const shape = s.shape as Record<string, z.core.$ZodType>;
      return Object.entries(shape).every(([key, field]) => {
        const isTag = field instanceof z.ZodLiteral || field instanceof z.ZodEnum;
        const given = (value as Record<string, unknown> | undefined)?.[key];
        return !isTag || (key !== "kind" && key !== "stage") || z.safeParse(field, given).success;
      });
    });
    return fitting.length > 0 ? fitting : objects;
  };
  for (const [depth, key] of path.entries()) {
    schemas = chosen(schemas, valueAt(root, path.slice(0, depth))).flatMap((s) => {
      if (s instanceof z.ZodArray) return [s.element];
      if (s instanceof z.ZodObject) {
        const field = (s.shape as Record<string, z.core.$ZodType>)[String(key)];
        return field ? [field] : [];
      }
      return [];
    });
  }
  return [
    ...new Set(
      chosen(schemas, valueAt(root, path)).flatMap((s) =>
        s instanceof z.ZodObject ? Object.keys(s.shape) : [],
      ),
    ),
  ];
}

type Issue = z.core.$ZodIssue;

function explain(issue: Issue, root: unknown): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(issue.path, root);
    return issue.keys.map((key) => {
      const meant = nearest(key, known);
      const hint = meant ? ` Did you mean "${meant}"?` : ` Known: ${known.join(", ")}.`;
      return `${show([...issue.path, key])}: unknown key.${hint}`;
    });
  }
  const value = valueAt(root, issue.path);
  const got = value === undefined ? "nothing" : JSON.stringify(value)?.slice(0, 80);
  if (issue.code === "invalid_value" && typeof value === "string") {
    const meant = nearest(value, issue.values.map(String));
    const choices = issue.values.map(String).join(", ");
    return [
      `${show(issue.path)}: ${got} is not known. Known: ${choices}.${meant ? ` Did you mean "${meant}"?` : ""}`,
    ];
  }
  if (issue.code === "invalid_union" && issue.discriminator !== undefined) {
    const choices = unionTags(issue.path.slice(0, -1));
    const tag = value;
    const meant = typeof tag === "string" ? nearest(tag, choices) : null;
    return [
      `${show(issue.path)}: ${got} is not known. Known: ${choices.join(", ")}.${meant ? ` Did you mean "${meant}"?` : ""}`,
    ];
  }
  return [`${show(issue.path)}: ${issue.message} (got ${got})`];
}

/** Values of the tag of the union at a path. */
function unionTags(path: readonly PropertyKey[]): string[] {
  let schemas: z.core.$ZodType[] = [recipeSchema];
  for (const key of path)
    schemas = schemas.flatMap((s) => {
      const objects = s instanceof z.ZodUnion ? s.options : [s];
      return objects.flatMap((o) => {
        if (!(o instanceof z.ZodObject)) return [];
        const field = (o.shape as Record<string, z.core.$ZodType>)[String(key)];
        return field ? [field] : [];
      });
    });
  const tags = schemas.flatMap((s) => (s instanceof z.ZodDiscriminatedUnion ? s.options : []));
  return [
    ...new Set(
      tags.flatMap((option) => {
        if (!(option instanceof z.ZodObject)) return [];
        const shape = option.shape as Record<string, z.core.$ZodType>;
        const tag = shape["kind"] ?? shape["stage"];
        if (tag instanceof z.ZodLiteral) return [...tag.values].map(String);
        return tag instanceof z.ZodEnum ? tag.options.map(String) : [];
      }),
    ),
  ];
}

/** Checks what types cannot: settings that contradict each other. */
function contradictions(recipe: TrainRecipe): string[] {
  const problems: string[] = [];
  const { schedule, steps } = recipe;
  const warmup = typeof schedule.warmup === "number" ? schedule.warmup : 0;
  if (warmup >= steps)
    problems.push(`schedule.warmup: ${warmup} steps of warm-up, but the run has ${steps} steps`);
  if (recipe.stage === "stage2" && recipe.init.kind !== "checkpoint")
    problems.push(
      'init: stage2 trains the expert on a trained VLM; give { kind: "checkpoint", path } of a stage-1 run',
    );
  const { mirror, brightness, contrast, navigationDropout = 0 } = recipe.augment;
  const changes = mirror + brightness + contrast + navigationDropout;
  if (recipe.stage === "stage2" && recipe.cachePrefix && changes > 0)
    problems.push(
      "cachePrefix: kept prefixes cannot change with augmentation; set augment to zeros or cachePrefix to false",
    );
  if (recipe.stage === "stage2" && recipe.cachePrefix && recipe.cotrain !== undefined)
    problems.push(
      "cachePrefix: kept prefixes cannot follow a language model that is trained; set cachePrefix to false or leave out cotrain",
    );
  return problems;
}

/**
 * A recipe from plain data.
 *
 * @param where  What to call it in messages: a file name, or `recipe "quickstart"`.
 * @throws RecipeError listing every problem with its field.
 */
export function parseRecipe(value: unknown, where: string): TrainRecipe {
  const result = recipeSchema.safeParse(value);
  const problems = result.success
    ? contradictions(result.data)
    : result.error.issues.flatMap((issue) => explain(issue, value));
  if (result.success && problems.length === 0) return result.data;
  throw new RecipeError(`${where}: ${problems.join("\n  ")}`);
}

/** Fields that differ between two recipes, as `path: a, b`. Used when a run folder holds another recipe. */
export function recipeDifferences(a: unknown, b: unknown, path: readonly string[] = []): string[] {
  const isObject = (x: unknown): x is Record<string, unknown> =>
    typeof x === "object" && x !== null;
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((key) => recipeDifferences(a[key], b[key], [...path, key]));
  }
  if (Object.is(a, b)) return [];
  const text = (x: unknown) => (x === undefined ? "absent" : JSON.stringify(x));
  return [`${show(path)}: ${text(a)}, now ${text(b)}`];
}
