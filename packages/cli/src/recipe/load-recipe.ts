import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UserError } from "../errors.ts";
import { knownText } from "../suggest.ts";
import { parseRunRecipe, type RunRecipe } from "./run-recipe.ts";

const recipesDir = fileURLToPath(new URL("../../../../recipes/runs/", import.meta.url));

export function recipeNames(): string[] {
  return readdirSync(recipesDir)
    .filter((f) => f.endsWith(".ts") && !f.endsWith(".test.ts"))
    .map((f) => f.slice(0, -".ts".length))
    .sort();
}

/** A recipe by name, or by the path of a file that exports `recipe` (a function, or the data itself). */
export async function loadRunRecipe(nameOrPath: string): Promise<RunRecipe> {
  const isPath = /[/\\]|\.(ts|js|mjs|json)$/.test(nameOrPath);
  const path = isPath ? resolve(nameOrPath) : join(recipesDir, `${nameOrPath}.ts`);
  if (!isPath && !recipeNames().includes(nameOrPath))
    throw new UserError(
      "RECIPE",
      `recipe "${nameOrPath}" not found. ${knownText(nameOrPath, recipeNames())}`,
    );
  if (!existsSync(path)) throw new UserError("RECIPE", `recipe file not found (${path})`);
  const where = isPath ? nameOrPath : `recipe "${nameOrPath}"`;
  const loaded = await importRecipe(path, isPath);
  const exported = path.endsWith(".json") ? loaded.default : loaded.recipe;
  if (exported === undefined)
    throw new UserError(
      "RECIPE",
      `${where}: exports no \`recipe\`; expected a function that returns a RunRecipe`,
    );
  const value: unknown = typeof exported === "function" ? (exported as () => unknown)() : exported;
  return parseRunRecipe(value, where);
}

interface RecipeModule {
  readonly recipe?: unknown;
  readonly default?: unknown;
}

async function importRecipe(path: string, isForeign: boolean): Promise<RecipeModule> {
  const url = pathToFileURL(path).href;
  if (path.endsWith(".json"))
    return { default: JSON.parse(await readFile(path, "utf8")) as unknown };
  if (!isForeign) return (await import(url)) as RecipeModule;
  // A file outside of any package counts as CommonJS; a plain import of it fails in a way that nobody understands.
  const { tsImport } = await import("tsx/esm/api");
  return (await tsImport(url, import.meta.url)) as RecipeModule;
}
