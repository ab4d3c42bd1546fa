import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { codeVersion, valueImports } from "./code-version.ts";

test("types are not code, everything else that is imported is", () => {
  const source = [
    `import type { A } from "./types.ts";`,
    `import { b, type B } from "./value.ts";`,
    `import {\n  c,\n  d,\n} from "@causeway/geom";`,
    `export * from "./again.ts";`,
    `import "./effect.ts";`,
    `const late = await import("./late.ts");`,
  ].join("\n");
  expect(valueImports(source).sort()).toEqual([
    "./again.ts",
    "./effect.ts",
    "./late.ts",
    "./value.ts",
    "@causeway/geom",
  ]);
});

test("an edit of an imported file changes the version, of a type-only one does not", () => {
  const dir = mkdtempSync(join(tmpdir(), "code-"));
  try {
    const put = (name: string, text: string): void => writeFileSync(join(dir, name), text);
    put("work.ts", `import type { T } from "./types.ts";\nimport { f } from "./helper.ts";\n`);
    put("helper.ts", `export const f = 1;\n`);
    put("types.ts", `export type T = 1;\n`);
    const module = pathToFileURL(join(dir, "work.ts")).href;
    const before = codeVersion(module);
    put("types.ts", `export type T = 2;\n`);
    expect(codeVersion(module)).toBe(before);
    put("helper.ts", `export const f = 2;\n`);
    expect(codeVersion(module)).not.toBe(before);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
