import type { StagePlan } from "../pipeline/run-stages.ts";

/** What a run would do, one line per stage. */
export function planText(runDir: string, plans: readonly StagePlan[]): string {
  const width = Math.max(...plans.map((p) => p.stage.title.length));
  const lines = plans.map(
    ({ stage, state, reason }, i) =>
      `  ${String(i + 1).padStart(2)}. ${stage.title.padEnd(width)}  ${state}${reason === "" ? "" : ` (${reason})`}${stage.parts > 1 ? `, ${stage.parts} processes` : ""}`,
  );
  return [`run folder: ${runDir}`, ...lines, "Nothing was written (--dry-run)."].join("\n");
}
