/** Counts of labels/meta-actions.jsonl: keyframes by stratum, and why candidates were dropped. */
import { FormatError, readJsonl } from "@causeway/data";
import type { DatasetReportData } from "@causeway/eval";
import {
  type DroppedKeyframe,
  type Keyframe,
  scenarioCatalogue,
  scenarioIds,
  type ScenarioOccurrence,
  stratumKey,
} from "@causeway/label";

export async function countKeyframes(path: string): Promise<DatasetReportData["keyframes"]> {
  const dropped: Record<string, number> = {};
  const strata = new Map<string, number>();
  const scenarios = new Map<string, number>();
  let [drives, chosen] = [0, 0];
  try {
    for await (const row of readJsonl(path)) {
      const {
        keyframes = [],
        droppedKeyframes = [],
        scenarios: found = [],
      } = row as {
        scenarios?: readonly ScenarioOccurrence[];
        keyframes?: readonly Keyframe[];
        droppedKeyframes?: readonly DroppedKeyframe[];
      };
      drives++;
      chosen += keyframes.length;
      for (const { scenario } of found) scenarios.set(scenario, (scenarios.get(scenario) ?? 0) + 1);
      for (const k of keyframes) {
        const key = stratumKey(k.stratum);
        strata.set(key, (strata.get(key) ?? 0) + 1);
      }
      for (const d of droppedKeyframes) dropped[d.code] = (dropped[d.code] ?? 0) + 1;
    }
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!isMissing && !(error instanceof FormatError)) throw error;
    if (drives === 0) return null;
  }
  return {
    drives,
    chosen,
    dropped,
    // All of the catalogue, so that what never occurs is seen.
    scenarios: scenarioIds.map((id) => ({
      title: scenarioCatalogue[id].title,
      count: scenarios.get(id) ?? 0,
    })),
    strata: [...strata]
      .map(([stratum, count]) => ({ stratum, count }))
      .sort((a, b) => b.count - a.count || (a.stratum < b.stratum ? -1 : 1)),
  };
}
