import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJsonl, writeJsonl } from "@causeway/data";
import type { Keyframe } from "@causeway/label";
import { expect, test } from "vitest";
import { type KeyframeRow, writeKeyframes } from "./keyframe-choice.ts";

const keyframe = (t0Us: number, score: number): Keyframe => ({
  t0Tick: t0Us / 100_000,
  t0Us,
  score,
  longitudinal: { from: "MaintainSpeed", to: "Stop", onsetTick: t0Us / 100_000 + 5, score },
  lateral: null,
  stratum: { longitudinal: "Stop", lateral: "none", curvatureBin: "straight", speedBin: "city" },
  reason: "0.5 s before a stop",
});

test("the quota takes each drive's best first, and every keyframe is in the file with its reason", async () => {
  const dir = await mkdtemp(join(tmpdir(), "keyframes-"));
  try {
    const [meta, out] = [join(dir, "meta.jsonl"), join(dir, "keyframes.jsonl")];
    await writeJsonl(meta, [
      { driveId: "a", keyframes: [keyframe(3_000_000, 90), keyframe(9_000_000, 80)] },
      { driveId: "b", keyframes: [keyframe(4_000_000, 70)] },
    ]);
    expect(await writeKeyframes(meta, out, 2, 1)).toEqual({ chosen: 2, leftOut: 1 });
    const rows: KeyframeRow[] = [];
    for await (const row of readJsonl(out)) rows.push(row as KeyframeRow);
    expect(rows.map((r) => [r.id, r.isChosen])).toEqual([
      ["a@3000000", true],
      ["b@4000000", true],
      ["a@9000000", false],
    ]);
    expect(rows[2]?.reason).toBe("quota: 2 of 3 kept in Stop|none|straight|city");
    expect(await writeKeyframes(meta, out, null, 1)).toEqual({ chosen: 3, leftOut: 0 });
  } finally {
    await rm(dir, { recursive: true });
  }
});
