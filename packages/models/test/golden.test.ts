import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as golden from "@causeway/models/golden";
import { describe, expect, it } from "vitest";

type Check = (dir: string, caseJson: unknown) => Promise<golden.GoldenCheck[]>;
const topics: readonly (readonly [(caseJson: unknown) => boolean, Check])[] = [
  [golden.isFlowMatchingCase, golden.checkFlowMatching],
  [golden.isActionInProjCase, golden.checkActionInProj],
  [golden.isStage1LossCase, golden.checkStage1Loss],
  [golden.isStage1Case, golden.checkStage1],
  [golden.isStage2Case, golden.checkStage2],
  [golden.isPromptsCase, golden.checkPrompts],
  [golden.isUpstreamRewardCase, golden.checkUpstreamReward],
  [golden.isTinyModelCase, golden.checkTinyModel],
  [golden.isQwen3vlForwardCase, golden.checkQwen3vlForward],
  [golden.isQwen3vlGenerateCase, golden.checkQwen3vlGenerate],
  [golden.isQwen3vlTrainCase, golden.checkQwen3vlTrain],
  [golden.isQwen3vlCheckpointCase, golden.checkQwen3vlCheckpoint],
  [golden.isQwen3vlLoraCase, golden.checkQwen3vlLora],
  [golden.isQwen3vlPositionsCase, golden.checkQwen3vlPositions],
  [golden.isQwen3vlPatchesCase, golden.checkQwen3vlPreprocess],
  [golden.isChatTemplateCase, golden.checkChatTemplate],
  [golden.isTokenizerCase, golden.checkTokenizer],
];

const casesIn = (root: string) =>
  readdirSync(root)
    .map((name) => ({ name, dir: join(root, name) }))
    .filter(({ dir }) => existsSync(join(dir, "case.json")));

async function failures(dir: string): Promise<golden.GoldenCheck[] | null> {
  const caseJson: unknown = JSON.parse(readFileSync(join(dir, "case.json"), "utf8"));
  const found = topics.filter(([matches]) => matches(caseJson));
  // A case belongs to one topic or to none of this package's.
  expect(found.length).toBeLessThanOrEqual(1);
  const topic = found[0];
  return topic === undefined
    ? null
    : (await topic[1](dir, caseJson)).filter(({ passed }) => !passed);
}

describe("copied reference cases", () => {
  for (const { name, dir } of casesIn(join(import.meta.dirname, "golden"))) {
    it(name, async () => {
      expect(await failures(dir)).toEqual([]);
    });
  }
});

const shared = process.env["CAUSEWAY_SHARED"] ?? join(import.meta.dirname, "../../../../shared");
for (const family of ["alpamayo", "qwen3vl"]) {
  const root = join(shared, "golden", family);
  describe.skipIf(!existsSync(root))(`shared reference cases: ${family}`, () => {
    for (const { name, dir } of existsSync(root) ? casesIn(root) : []) {
      it(name, async (context) => {
        const failed = await failures(dir);
        if (failed === null) context.skip("no topic of this package");
        else expect(failed).toEqual([]);
      });
    }
  });
}
