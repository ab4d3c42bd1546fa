import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkOptim } from "@causeway/graph/golden";

const folder = (dir: string) => ({
  text: async (name: string) => readFileSync(join(dir, name), "utf8"),
  bytes: async (name: string) => new Uint8Array(readFileSync(join(dir, name))),
});
const caseJson = (dir: string): unknown => JSON.parse(readFileSync(join(dir, "case.json"), "utf8"));

describe("golden optim", () => {
  const dir = join(import.meta.dirname, "golden/optim");
  test("every case passes", async () => {
    const results = await checkOptim(caseJson(dir), folder(dir));
    expect(results.filter((r) => !r.passed)).toEqual([]);
    expect(results.length).toBeGreaterThan(0);
  });
});
