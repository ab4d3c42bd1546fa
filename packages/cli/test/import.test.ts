/** `causeway import` of people's own recordings: a printed mapping, and bad recordings beside good ones. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeDrive } from "@causeway/data";
import { bareDrive, straightStates } from "@causeway/data/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const entry = fileURLToPath(new URL("../bin/causeway.mjs", import.meta.url));
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "causeway-import-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function causeway(...args: string[]) {
  return spawnSync(process.execPath, [entry, ...args], { cwd: dir, encoding: "utf8" });
}

test("a mapping is printed, edited and used; without one the command says how to get it", async () => {
  const straight = bareDrive("straight", straightStates(10, 10));
  await writeDrive(straight, join(dir, "straight.mcap"));
  const printed = causeway("import", "mcap", "straight.mcap", "--print-mapping");
  expect([printed.status, printed.stderr]).toEqual([0, ""]);
  expect(printed.stdout).toContain('topic: "/tf" # foxglove.FrameTransform, 101 messages');
  const mapping = printed.stdout.replace("world: map", "world: world").replace("base_link", "rig");
  writeFileSync(join(dir, "own.yaml"), mapping);
  const without = causeway("import", "mcap", "straight.mcap", "--out", "none");
  expect(without.status).toBe(1);
  expect(without.stderr).toContain("--print-mapping");
  expect(without.stderr).not.toContain("    at ");
  const args = ["straight.mcap", "--mapping", "own.yaml", "--out", "own", "--json"];
  const result = causeway("import", "mcap", ...args);
  expect(result.stderr.split("\n").filter((l) => /error|skipped/.test(l))).toEqual([]);
  expect(JSON.parse(result.stdout)).toMatchObject({ imported: 1, skipped: [] });
});

test("a folder of recordings: the good one is imported, each bad one is one line and one row", () => {
  const rows = Array.from({ length: 50 }, (_, i) => `${i / 10},${i},0`);
  for (const [name, text] of [
    ["good", `t,x,y\n${rows.join("\n")}\n`],
    ["jump", `t,x,y\n${rows.join("\n").replace("\n2,20,0", "\n2,900,0")}\n`],
    ["words", "t,x,y\na,b,c\n"],
  ]) {
    mkdirSync(join(dir, "trips", name), { recursive: true });
    writeFileSync(join(dir, "trips", name, "ego.csv"), text);
  }
  const { status, stdout, stderr } = causeway(
    "import",
    "folder",
    "trips",
    "--out",
    "set",
    "--json",
  );
  expect(status).toBe(0);
  const { imported, skipped } = JSON.parse(stdout) as {
    imported: number;
    skipped: { id: string; error: string }[];
  };
  expect(imported).toBe(1);
  expect(skipped.map((s) => s.id)).toEqual(["folder-jump", "folder-words"]);
  expect(skipped[0].error).toContain("ego.csv row 21: position jumps");
  expect(skipped[1].error).toContain("ego.csv row 2: t is no number");
  expect(stderr.split("\n").filter((l) => l.startsWith("skipped"))).toHaveLength(2);
  const listed = readFileSync(join(dir, "set", "skipped.jsonl"), "utf8")
    .trim()
    .split("\n");
  expect(listed).toHaveLength(2);
});
