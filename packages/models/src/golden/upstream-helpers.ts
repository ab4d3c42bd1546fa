/** Small helpers of the original, kept with their defects: texts and ids, exact. */
import { upstreamReasoning } from "../alpamayo/upstream-reward.ts";
import { upstreamExtractTrajectory, upstreamSwapDirection } from "../alpamayo/upstream.ts";
import { Comparison, type GoldenCheck } from "./check.ts";

interface Helpers {
  readonly extract_between_cot: readonly { readonly in: string; readonly out: string }[];
  readonly swap_direction: readonly { readonly in: string; readonly out: string }[];
  readonly extract_traj_tokens: {
    readonly rows: readonly (readonly number[])[];
    readonly special: { readonly traj_future_start: number; readonly traj_future_end: number };
    readonly tokens_per_future_traj: number;
    readonly future_token_start_idx: number;
    readonly vocab: number;
    readonly out: readonly (readonly number[])[];
  };
}

/** @param helpers  `helpers.json` of a case of prompts. */
export function checkUpstreamHelpers(name: string, helpers: unknown): GoldenCheck {
  const check = new Comparison(`${name}/helpers`, "exact");
  const { extract_between_cot, swap_direction, extract_traj_tokens } = helpers as Helpers;
  for (const row of extract_between_cot)
    check.exact(`reasoning of ${row.in}`, upstreamReasoning(row.in), row.out);
  for (const row of swap_direction)
    check.exact(`swapped ${row.in}`, upstreamSwapDirection(row.in), row.out);
  const { rows, special, tokens_per_future_traj, future_token_start_idx, vocab, out } =
    extract_traj_tokens;
  const vocabulary = {
    driving: special,
    futureFirst: future_token_start_idx,
    futureBins: vocab,
  };
  for (const [i, row] of rows.entries())
    check.exact(
      `trajectory of row ${i}`,
      [...upstreamExtractTrajectory(row, vocabulary, tokens_per_future_traj)],
      out[i],
    );
  return check.result();
}
