import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ortNode, reference } from "@causeway/graph";
import { checkOnnxOps, checkOptim } from "@causeway/graph/golden";
import { expect, test } from "vitest";

const caseDir = (topic: string) => join(import.meta.dirname, "golden", topic);
const folder = (topic: string) => ({
  text: async (name: string) => readFileSync(join(caseDir(topic), name), "utf8"),
  bytes: async (name: string) => new Uint8Array(readFileSync(join(caseDir(topic), name))),
});
const caseJson = async (topic: string): Promise<unknown> =>
  JSON.parse(await folder(topic).text("case.json"));

test("optim: every case passes", async () => {
  const results = await checkOptim(await caseJson("optim"), folder("optim"));
  expect(results.filter((r) => !r.passed)).toEqual([]);
  expect(results.length).toBe(6);
});

test.each([
  { runtime: ortNode, precision: 32 },
  { runtime: reference, precision: 64 },
] as const)("onnx-ops: every op on $runtime.name", async ({ runtime, precision }) => {
  const json = await caseJson("onnx-ops");
  const results = await checkOnnxOps(json, folder("onnx-ops"), runtime, precision);
  expect(results.filter((r) => !r.passed)).toEqual([]);
  expect(results.length).toBe(34);
});
