/** The page scripts are plain JavaScript that runs as it is written; their JSDoc types are checked here. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("page scripts agree with the types of the data that they read", () => {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const compiler = fileURLToPath(import.meta.resolve("typescript/package.json")).replace(
    /package\.json$/,
    "bin/tsc",
  );
  let output = "";
  try {
    execFileSync(
      process.execPath,
      [compiler, "--noEmit", "-p", "packages/eval/tsconfig.client.json"],
      { cwd: root, encoding: "utf8" },
    );
  } catch (error) {
    output = (error as { stdout?: string }).stdout ?? String(error);
  }
  // Types of other packages are checked with them; only the scripts are this test's business.
  expect(output.split("\n").filter((line) => line.includes("assets/"))).toEqual([]);
});
