import { expect, test } from "vitest";
import { repoText } from "./repo-files.ts";

interface LockEntry {
  readonly version?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const { packages } = JSON.parse(repoText("package-lock.json")) as {
  packages: Readonly<Record<string, LockEntry>>;
};

/** Where `name` is found from the package at `from`, as Node resolves it. */
function found(from: string, name: string): boolean {
  for (let base = from; ; ) {
    if (packages[`${base === "" ? "" : `${base}/`}node_modules/${name}`] !== undefined) return true;
    if (base === "") return false;
    const parent = base.lastIndexOf("/node_modules/");
    base = parent < 0 ? "" : base.slice(0, parent);
  }
}

test("the lock names the binaries of every platform, or npm ci refuses it", () => {
  const missing = Object.entries(packages).flatMap(([from, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !found(from, name))
      .map((name) => `${from} -> ${name}`),
  );
  expect(missing).toEqual([]);
});

const canonical = (dependencies: Readonly<Record<string, string>> = {}): string =>
  JSON.stringify(Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1)));

test("the lock agrees with the dependencies of every workspace", () => {
  const workspaces = Object.keys(packages).filter((p) => p.startsWith("packages/"));
  const differences = ["", ...workspaces].flatMap((path) => {
    const manifest = JSON.parse(
      repoText(path === "" ? "package.json" : `${path}/package.json`),
    ) as {
      dependencies?: Record<string, string>;
    };
    const wanted = canonical(manifest.dependencies);
    const locked = canonical(packages[path]?.dependencies);
    return wanted === locked ? [] : [`${path}: ${wanted} but the lock has ${locked}`];
  });
  expect(differences).toEqual([]);
});
