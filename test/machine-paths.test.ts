import { expect, test } from "vitest";
import { repoFiles, repoText } from "./repo-files.ts";

const isText = (path: string): boolean =>
  /\.(ts|js|mjs|json|md|py|sh|ya?ml|toml|html|css|txt)$/.test(path) || path === ".ci/run";

test("no file mentions a folder of somebody's machine", () => {
  // Assembled, so that this file does not find itself.
  const folders = ["work", "tmp", "home", "root", "Users"].join("|");
  const pattern = new RegExp(`(^|[\\s"'\`(=:])/(${folders})(/|["'\`\\s])`, "m");
  const problems = repoFiles()
    .filter((f) => isText(f) && f !== "package-lock.json")
    .filter((f) => pattern.test(repoText(f)));
  expect(problems).toEqual([]);
});
