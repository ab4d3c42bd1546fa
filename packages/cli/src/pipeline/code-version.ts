import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashText } from "./content-hash.ts";

const packagesDir = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * Changes exactly when code that a work module can run changes: the module, the files that it imports, and the whole
 * source of the packages that these import (what those build on included). A cached stage is then run again.
 * By content, not by commit, so that unrelated commits keep the cache and local edits do not fool it.
 *
 * @param module  `import.meta.url`-style address.
 */
export function codeVersion(module: string): string {
  const files = new Map<string, string>();
  const packages = new Set<string>();
  const visit = (url: URL): void => {
    if (files.has(url.href)) return;
    const text = readFileSync(url, "utf8");
    files.set(url.href, text);
    for (const specifier of valueImports(text)) {
      if (specifier.startsWith(".")) visit(new URL(specifier, url));
      else if (specifier.startsWith("@causeway/"))
        addPackage(specifier.slice("@causeway/".length), packages);
    }
  };
  visit(new URL(module));
  // Addresses differ from machine to machine; their order here does not matter.
  const own = [...files.values()].map(hashText).sort();
  return hashText([...own, ...[...packages].sort().map(packageVersion)].join(" "));
}

/** Modules that are imported for more than their types. */
export function valueImports(source: string): string[] {
  const pattern = /^\s*(?:import|export)\s(?!type\s)(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']/gm;
  const dynamic = /\bimport\(\s*["']([^"']+)["']/g;
  return [...source.matchAll(pattern), ...source.matchAll(dynamic)].map((m) => m[1] as string);
}

function addPackage(name: string, seen: Set<string>): void {
  if (seen.has(name)) return;
  seen.add(name);
  const manifest = JSON.parse(readFileSync(join(packagesDir, name, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  for (const dependency of Object.keys(manifest.dependencies ?? {}))
    if (dependency.startsWith("@causeway/"))
      addPackage(dependency.slice("@causeway/".length), seen);
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.(ts|json|mjs|js|css)$/.test(entry.name) && !entry.name.endsWith(".test.ts")
      ? [path]
      : [];
  });
}

const versions = new Map<string, string>();

function packageVersion(name: string): string {
  let version = versions.get(name);
  if (version === undefined) {
    // Of assets only the JSON files are read; those of weights hold the hash of the weights.
    const texts = ["src", "assets"].flatMap((folder) => {
      const dir = join(packagesDir, name, folder);
      return (existsSync(dir) ? sourceFiles(dir) : [])
        .sort()
        .map((file) => `${file.slice(dir.length)}\n${readFileSync(file, "utf8")}`);
    });
    version = `${name}=${hashText(texts.join("\0"))}`;
    versions.set(name, version);
  }
  return version;
}
