/** Hand-kept documents drift; what can be checked is checked here. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import commandList from "../packages/cli/src/commands.json" with { type: "json" };
import { repoRoot, repoText } from "./repo-files.ts";

const documents = ["README.md", "README.ja.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/** Lines of fenced code blocks, and inline code, that look like commands. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```[a-z]*\n([\s\S]*?)^```/gm)].flatMap((m) =>
    (m[1] as string).split("\n"),
  );
  const inline = [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)];
  return [...blocks, ...inline.map((m) => m[1] as string)]
    .flatMap((line) => line.replace(/\s#.*$/, "").split("&&"))
    .map((c) => c.trim().replace(/^\$ /, ""))
    .filter((c) => /^(npm|npx|causeway)\b/.test(c));
}

const scripts = Object.keys(
  (JSON.parse(repoText("package.json")) as { scripts: Record<string, string> }).scripts,
);
const known = commandList.commands.map((c) => c.name);

function problemOf(command: string): string | null {
  const words = command.split(/\s+/).filter((w) => w !== "--");
  const [tool, verb = "", name = ""] = words;
  if (tool === "npm") {
    if (["ci", "i", "install"].includes(verb)) return null;
    if (verb === "test") return scripts.includes("test") ? null : "no test script";
    if (verb !== "run") return `npm ${verb} is not checked`;
    const script = words.slice(2).find((w) => !w.startsWith("-")) ?? "";
    if (!scripts.includes(script)) return `no script "${script}"`;
    if (script !== "causeway") return null;
    const sub = words[words.indexOf(script) + 1] ?? "";
    return sub === "" || sub.startsWith("-") || known.includes(sub) ? null : `no command "${sub}"`;
  }
  if (tool === "npx" && verb !== "causeway") return null;
  const sub = tool === "npx" ? name : verb;
  return sub.startsWith("-") || sub.startsWith("<") || known.includes(sub) || sub === ""
    ? null
    : `no command "${sub}"`;
}

test.each(documents)("the commands in %s exist", (document) => {
  const commands = commandsIn(repoText(document));
  const problems = commands.flatMap((c) => {
    const problem = problemOf(c);
    return problem === null ? [] : [`${c}: ${problem}`];
  });
  expect(problems).toEqual([]);
});

test.each(documents)("links and paths in %s lead to files", (document) => {
  const text = repoText(document);
  const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((m) => m[1] as string);
  const paths = [
    ...text.matchAll(
      /`((?:packages|recipes|bench|test|tools|changes|docs|\.ci)(?:\/[^`\s*<…]*)?)`/g,
    ),
  ];
  const missing = [
    ...links.filter((l) => !/^[a-z]+:/.test(l)),
    ...paths.map((m) => m[1] as string),
  ].filter((path) => !existsSync(join(repoRoot, path)));
  expect(missing).toEqual([]);
});

test("README has one sentence, two commands and one picture before its first section", () => {
  for (const document of ["README.md", "README.ja.md"]) {
    const screen = repoText(document).split("\n## ")[0] as string;
    expect(screen.match(/^```/gm)?.length).toBe(2);
    expect(screen.match(/!\[[^\]]*\]\([^)]*\)/g)?.length).toBe(1);
    expect(commandsIn(screen.slice(screen.indexOf("```"), screen.lastIndexOf("```") + 4))).toEqual([
      "npm ci",
      "npm run quickstart",
      "npm ci",
      "npm test",
    ]);
  }
});

test("the maps of README and ARCHITECTURE name every package", () => {
  const packages = readdirSync(join(repoRoot, "packages")).sort();
  for (const document of ["README.md", "ARCHITECTURE.md"]) {
    const named = [...repoText(document).matchAll(/^\| `packages\/([a-z]+)` \|/gm)].map(
      (m) => m[1],
    );
    expect(named.sort()).toEqual(packages);
  }
});

test("every package has a README with a first sentence and its dependencies", () => {
  for (const name of readdirSync(join(repoRoot, "packages"))) {
    const path = `packages/${name}/README.md`;
    expect(existsSync(join(repoRoot, path)), path).toBe(true);
    expect(repoText(path).startsWith(`# @causeway/${name}\n`), path).toBe(true);
  }
});

test("the command list of --help matches what main.ts can load", () => {
  const loaders = [
    ...repoText("packages/cli/src/main.ts").matchAll(/import\("\.\/commands\/([a-z-]+)\.ts"\)/g),
  ];
  expect(loaders.map((m) => m[1]).sort()).toEqual([...known].sort());
});
