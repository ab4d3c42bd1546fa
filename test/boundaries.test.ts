/**
 * npm hoists, so a package can import a neighbour that it never declared, and nothing else notices.
 * The arrows between packages are the `dependencies` of their package.json files; this compares code with them.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { repoFiles, repoRoot, repoText } from "./repo-files.ts";

/** What tests may import beyond their package's own dependencies: the root's tools. */
const testTools = new Set(["vitest", "fast-check", "playwright-core"]);

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const packages = readdirSync(join(repoRoot, "packages"))
  .filter((name) => existsSync(join(repoRoot, "packages", name, "package.json")))
  .map((name) => ({
    folder: `packages/${name}`,
    manifest: JSON.parse(repoText(`packages/${name}/package.json`)) as Manifest,
  }));

/** Specifiers of static, re-exporting and dynamic imports; comments do not count. */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
  const pattern =
    /(?:^|[\s;}])(?:import|export)\s(?:[^"'`;]*?\sfrom\s*)?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']\s*\)/g;
  return [...code.matchAll(pattern)].map((m) => (m[1] ?? m[2]) as string);
}

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

const sources = repoFiles().filter((f) => /^packages\/[^/]+\/.*\.ts$/.test(f));

test("imports of each package are listed in its package.json", () => {
  const problems: string[] = [];
  for (const { folder, manifest } of packages) {
    const allowed = new Set([manifest.name, ...Object.keys(manifest.dependencies ?? {})]);
    for (const file of sources.filter((f) => f.startsWith(`${folder}/`))) {
      const isTest = file.endsWith(".test.ts") || file.startsWith(`${folder}/test/`);
      for (const specifier of importsOf(repoText(file))) {
        if (specifier.startsWith("node:")) continue;
        if (specifier.startsWith(".")) {
          const target = posix.join(posix.dirname(file), specifier);
          if (!target.startsWith(`${folder}/`))
            problems.push(`${file} -> ${specifier} (leaves the package)`);
          continue;
        }
        const name = packageOf(specifier);
        if (!allowed.has(name) && !(isTest && testTools.has(name)))
          problems.push(`${file} -> ${name}`);
      }
    }
  }
  expect(problems).toEqual([]);
});

test("packages do not depend on each other in a circle", () => {
  const arrows = new Map(
    packages.map(({ manifest }) => [manifest.name, Object.keys(manifest.dependencies ?? {})]),
  );
  const circles: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      circles.push([...path.slice(path.indexOf(name)), name].join(" -> "));
      return;
    }
    for (const next of arrows.get(name) ?? []) if (arrows.has(next)) visit(next, [...path, name]);
  };
  for (const name of arrows.keys()) visit(name, []);
  expect(circles).toEqual([]);
});

test("geom and graph know nothing of each other, and only cli sees everything", () => {
  const deps = (name: string) =>
    Object.keys(
      packages.find((p) => p.manifest.name === `@causeway/${name}`)?.manifest.dependencies ?? {},
    ).filter((d) => d.startsWith("@causeway/"));
  expect(deps("geom")).toEqual([]);
  expect(deps("graph")).toEqual([]);
  // The simulator meets a model only through Policy, labels only through ChatModel.
  expect(deps("sim")).not.toContain("@causeway/models");
  expect(deps("label")).not.toContain("@causeway/models");
  for (const { manifest } of packages)
    expect(Object.keys(manifest.dependencies ?? {})).not.toContain("@causeway/cli");
});

test("the import scanner sees every form and skips comments", () => {
  const source = [
    `import { a } from "one";`,
    `import "two";`,
    `export * from "three";`,
    `const x = await import("four");`,
    `import type { B } from 'five';`,
    `import {\n  c,\n  d,\n} from "six";`,
    `// import { no } from "seven";`,
    `/* import "eight"; */`,
  ].join("\n");
  expect(importsOf(source).sort()).toEqual(["five", "four", "one", "six", "three", "two"]);
});
