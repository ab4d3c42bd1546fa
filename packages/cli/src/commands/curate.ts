import type { CurateOptions } from "../actions/curate.ts";
import { action, createCommand, type Outcome } from "../command.ts";

export const command = createCommand(
  "curate",
  "Cut drives into clips, score them, and keep those that a policy wants: filters, de-duplication, balance.",
  [
    "causeway curate data/kitti                                   # score only: look before you choose limits",
    "causeway curate data/kitti --policy policy.yaml --out data/kitti-v1",
    "causeway curate data/kitti --eps 0.03                        # another threshold, from the scores that are there",
    "causeway curate data/kitti --embeddings clips.parquet --out data/kitti-v2",
  ],
)
  .argument("<dataset>", "dataset folder")
  .option("--policy <file>", "YAML or JSON; every field has a default")
  .option("--out <folder>", "write the kept clips as a dataset version (without it: score only)")
  .option("--eps <number>", "clips whose cosine is above 1 - eps are duplicates; off: none")
  .option("--embeddings <file>", "embeddings of your own (.parquet or .jsonl with id, embedding)")
  .option("--no-report", "do not write report.html")
  .addHelpText(
    "after",
    `
Policy fields and defaults:
  windows:  {kind: stride, lengthSecs: 20, strideSecs: 20, leastSecs: 8}
            or {kind: events, beforeSecs: 4, afterSecs: 8} around keyframes, or {kind: drive}
  filters:  limits by name; null switches one off: length parked accel lateralAccel poseGap frameGap
            jump yawJump dark blown blur black frozen
  pictures: {camera: null, everySecs: 2, most: 12}
  dedup:    {eps: 0.01, mode: plain | greedy, clusters: null}
  balance:  {by: [manoeuvre, speed], most: 50, cells: {"turn left|city": 200}}
  splits:   {val: 0.1, test: 0.1}
  seed:     1

Writes curate/{clips,rejected,dedup,left-over,skipped}.jsonl, curate/summary.json and report.html in the dataset;
a version has dataset.json, drives/, splits.json (by recording) and version.json (policy, fingerprint, lineage).
A killed run goes on; rejected clips stay in the dataset and rejected.jsonl says why.`,
  )
  .action(
    action<CurateOptions, [string]>("curate", async (...given): Promise<Outcome> => {
      const { curateDataset } = await import("../actions/curate.ts");
      return curateDataset(...given);
    }),
  );
