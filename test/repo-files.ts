import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repoRoot: string = fileURLToPath(new URL("..", import.meta.url));

/** Files of the repository (tracked, or new and not ignored), relative to its root. Works from an archive as well. */
export function repoFiles(): string[] {
  try {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    const text = execFileSync("git", args, { cwd: repoRoot, encoding: "utf8", stdio: "pipe" });
    const files = text.split("\0").filter((f) => f !== "");
    if (files.length > 0)
      return [...new Set(files)].filter((f) => existsSync(join(repoRoot, f))).sort();
  } catch {
    // Not a git checkout: fall through to a walk.
  }
  const skipped = new Set(["node_modules", ".git", "runs", "dist", "coverage"]);
  const found: string[] = [];
  const visit = (dir: string): void => {
    for (const entry of readdirSync(join(repoRoot, dir), { withFileTypes: true })) {
      const path = dir === "" ? entry.name : `${dir}/${entry.name}`;
      if (!entry.isDirectory()) found.push(path);
      else if (!skipped.has(entry.name)) visit(path);
    }
  };
  visit("");
  return found.sort();
}

export function repoText(path: string): string {
  return readFileSync(join(repoRoot, path), "utf8");
}
