import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashText } from "./content-hash.ts";

const packagesDir = fileURLToPath(new URL("../../../", import.meta.url));

/** Packages of this repository that `name` builds on, itself included. */
function closure(name: string, seen: Set<string>): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  const manifest = JSON.parse(readFileSync(join(packagesDir, name, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  for (const dependency of Object.keys(manifest.dependencies ?? {}))
    if (dependency.startsWith("@causeway/")) closure(dependency.slice("@causeway/".length), seen);
  return seen;
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.(ts|json|mjs)$/.test(entry.name) && !entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

const ofPackage = new Map<string, string>();

/**
 * Changes exactly when the source of one of these packages, or of what they build on, changes: a cached stage is
 * then run again. By content, not by commit, so that unrelated commits keep the cache and local edits do not fool it.
 */
export function codeVersion(names: readonly string[]): string {
  const all = new Set<string>();
  for (const name of names) closure(name, all);
  const parts = [...all].sort().map((name) => {
    let hash = ofPackage.get(name);
    if (hash === undefined) {
      const src = join(packagesDir, name, "src");
      const texts = sourceFiles(src)
        .sort()
        .map((file) => `${file.slice(src.length)}\n${readFileSync(file, "utf8")}`);
      hash = hashText(texts.join("\0"));
      ofPackage.set(name, hash);
    }
    return `${name}=${hash}`;
  });
  return hashText(parts.join(" "));
}
