import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadTopics } from "./registry.ts";
import { type GoldenLine, runGoldens } from "./runner.ts";
import { type GoldenTopic, stringField } from "./topic.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "golden-"));
});
afterEach(() => rm(root, { recursive: true }));

async function putCase(path: string, json: unknown): Promise<void> {
  await mkdir(join(root, path), { recursive: true });
  const text = typeof json === "string" ? json : JSON.stringify(json);
  await writeFile(join(root, path, "case.json"), text);
}

const sums: GoldenTopic = {
  name: "sums",
  matches: (json) => stringField(json, "topic") === "sums",
  run: async (_dir, json) => {
    const { cases } = json as { cases: { id: string; a: number; b: number; sum: number }[] };
    return cases.map((c) => {
      if (c.id === "explodes") throw new RangeError("the sum is out of range");
      const worst = Math.abs(c.a + c.b - c.sum);
      const passed = worst === 0;
      return { topic: "sums", case: c.id, passed, worst, tolerance: "exact", note: "" };
    });
  },
};

async function run(topics: GoldenTopic[] = [sums]) {
  const lines: GoldenLine[] = [];
  const totals = await runGoldens([root], { topics, broken: [] }, (line) => lines.push(line));
  return { lines, totals };
}

test("one case.json may hold many cases and folders nest", async () => {
  await putCase("deep/er", { topic: "sums", cases: [{ id: "two", a: 1, b: 1, sum: 2 }] });
  await putCase("flat", {
    topic: "sums",
    cases: [
      { id: "three", a: 1, b: 2, sum: 3 },
      { id: "wrong", a: 1, b: 2, sum: 5 },
    ],
  });
  const { lines, totals } = await run();
  expect(totals).toEqual({ passed: 2, failed: 1, notRun: 0 });
  expect(lines.map((l) => [l.case, l.passed, l.worst])).toEqual([
    ["two", true, 0],
    ["three", true, 0],
    ["wrong", false, 2],
  ]);
});

test("an unknown topic is named and neither passes nor fails", async () => {
  await putCase("group/one", { case: "one" });
  await putCase("other", { schema: "lidar-reference/1", id: "spin" });
  const { lines, totals } = await run();
  expect(totals).toEqual({ passed: 0, failed: 0, notRun: 2 });
  expect(lines.map((l) => [l.topic, l.case, l.passed])).toEqual([
    ["group", "one", null],
    ["lidar", "spin", null],
  ]);
  expect(lines[0]?.note).toContain("Known topics: sums");
});

test("a topic that throws and an unreadable case.json fail, and the rest goes on", async () => {
  await putCase("a", { topic: "sums", cases: [{ id: "explodes", a: 0, b: 0, sum: 0 }] });
  await putCase("b", "{ not json");
  await putCase("c", { topic: "sums", cases: [{ id: "zero", a: 0, b: 0, sum: 0 }] });
  const { lines, totals } = await run();
  expect(totals).toEqual({ passed: 1, failed: 2, notRun: 0 });
  expect(lines[0]?.note).toBe("RangeError: the sum is out of range");
  expect(lines[1]?.note).toContain("case.json: SyntaxError");
});

test("topic files are found by place; one that cannot load is a failed case", async () => {
  await writeFile(
    join(root, "good.ts"),
    `export const topic = { name: "good", matches: () => false, run: async () => [] };`,
  );
  await writeFile(join(root, "broken.ts"), `throw new Error("missing part");`);
  await writeFile(join(root, "shared.ts"), "export const helper = 1;");
  const registry = await loadTopics(root);
  expect(registry.topics.map((t) => t.name)).toEqual(["good"]);
  expect(registry.broken).toEqual([{ file: "broken.ts", message: "missing part" }]);
  const totals = await runGoldens([], registry, () => {});
  expect(totals).toEqual({ passed: 0, failed: 1, notRun: 0 });
});

test("every shipped topic loads, has its own name and survives any JSON", async () => {
  const { topics, broken } = await loadTopics();
  expect(broken).toEqual([]);
  expect(new Set(topics.map((t) => t.name)).size).toBe(topics.length);
  for (const topic of topics)
    for (const odd of [null, 1, "x", [], {}, { topic: 3 }, { cases: "no" }])
      expect(topic.matches(odd, root)).toBe(false);
});
