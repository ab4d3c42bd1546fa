/** Text, statistics and image metrics against the numbers of sacrebleu, nltk, scipy, scikit-image, OpenCV and others. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkImageMetrics, checkTextMetrics, type GoldenFolder } from "@causeway/eval/golden";
import { describe, expect, it } from "vitest";
import { readTensors } from "./safetensors.ts";

const shared = join(
  process.env["CAUSEWAY_SHARED"] ?? join(import.meta.dirname, "../../../../shared"),
  "golden",
);
const folderOf = (dir: string): GoldenFolder => ({
  text: (name) => readFile(join(dir, name), "utf8"),
  bytes: async (name) => new Uint8Array(await readFile(join(dir, name))),
});
const caseOf = (dir: string): unknown => JSON.parse(readFileSync(join(dir, "case.json"), "utf8"));

describe("golden scores", () => {
  it("statistics equal scipy, scikit-learn and statsmodels", async () => {
    const dir = join(import.meta.dirname, "golden/statistics");
    const checks = await checkTextMetrics(caseOf(dir), folderOf(dir));
    expect(checks.filter((c) => !c.passed)).toEqual([]);
    expect(checks).toHaveLength(5);
  });

  const text = join(shared, "text-metrics");
  it.skipIf(!existsSync(text))(
    "text metrics of the shared folder (skipped without it)",
    async () => {
      const checks = await checkTextMetrics(caseOf(text), folderOf(text));
      expect(checks.filter((c) => !c.passed)).toEqual([]);
      expect(checks).toHaveLength(11);
    },
  );

  const image = join(shared, "image-metrics");
  it.skipIf(!existsSync(image))(
    "image metrics of the shared folder (skipped without it)",
    async () => {
      const arrays = new Map([
        ...readTensors(join(image, "images.safetensors")),
        ...readTensors(join(image, "arrays.safetensors")),
      ]);
      const checks = await checkImageMetrics(caseOf(image), folderOf(image), arrays);
      expect(checks.filter((c) => !c.passed)).toEqual([]);
      expect(checks).toHaveLength(20);
    },
  );

  it("a wrong expectation fails and says where", async () => {
    const checks = await checkTextMetrics(
      { cases: [{ file: "agreement.json" }] },
      {
        text: async () =>
          JSON.stringify({
            cohen_kappa: [
              { name: "off", a: [1, 2], b: [1, 2], unweighted: 0.5, linear: 1, quadratic: 1 },
            ],
          }),
        bytes: async () => new Uint8Array(),
      },
    );
    expect(checks[0]).toMatchObject({ passed: false, note: "off unweighted: got 1, expected 0.5" });
  });
});
