/**
 * What the released code does differently from what it means to do, for comparison only. Nothing here is used unless it
 * is asked for by name; the intended behaviour is everywhere else (research on NVlabs/alpamayo 1cba38c and its recipes).
 */
import { bfloat16FromFloat, floatFromBfloat16 } from "../safetensors/dtypes.ts";
import type { AlpamayoConfig } from "./config.ts";
import type { LabelComponent } from "./prompt.ts";
import { drivingId, type VocabularyMap } from "./vocabulary.ts";

/** Named after what upstream does. */
export type UpstreamDefect =
  /** Stage 2 under sdpa or eager attention: waypoint k sees only waypoints up to k, while inference shows all. */
  | "sdpa_causal"
  /** Label spans pair all starts with all ends of the batch, so one open span shifts every later row. */
  | "zip_spans_over_batch"
  /**
   * R1 sampling and stage 2: the expert is given no padding mask, so in a left-padded batch it reads the keys and values
   * of padding before its prompt; a trajectory then depends on which other prompts are in the batch.
   */
  | "padding_visible";

interface At {
  readonly row: number;
  readonly column: number;
}

function places(
  rows: readonly (readonly number[])[],
  matches: (row: readonly number[], column: number) => boolean,
): At[] {
  return rows.flatMap((ids, row) =>
    ids.flatMap((_, column) => (matches(ids, column) ? [{ row, column }] : [])),
  );
}

/**
 * Label masks of a batch as upstream makes them ("zip_spans_over_batch"): the k-th start of the batch with the k-th end,
 * in the start's row up to the end's column. `labelMask` is the intended one, row by row.
 */
export function zipSpansOverBatch(
  rows: readonly (readonly number[])[],
  vocabulary: VocabularyMap,
  assistantIds: readonly number[],
  components: readonly LabelComponent[],
): boolean[][] {
  const mask = rows.map((row) => row.map(() => false));
  for (const component of components) {
    const [start, end] = [`${component}_start`, `${component}_end`].map((name) =>
      drivingId(vocabulary, name as `${LabelComponent}_start`),
    ) as [number, number];
    const starts = places(rows, (ids, i) => ids[i] === start);
    const ends = places(rows, (ids, i) => ids[i] === end);
    starts.slice(0, ends.length).forEach(({ row, column }, k) => {
      (mask[row] as boolean[]).fill(true, column, (ends[k] as At).column + 1);
    });
  }
  for (const { row, column } of zipAssistantEnds(rows, vocabulary, assistantIds))
    (mask[row] as boolean[])[column] = true;
  return mask;
}

/** Ends of assistant turns by the same pairing: turn beginnings are cut to the number of turn ends in the batch. */
export function zipAssistantEnds(
  rows: readonly (readonly number[])[],
  { base }: VocabularyMap,
  assistantIds: readonly number[],
): readonly At[] {
  const begins = places(rows, (ids, i) => ids[i] === base.imStart);
  const ends = places(rows, (ids, i) => ids[i] === base.imEnd);
  return begins.slice(0, ends.length).flatMap(({ row, column }, k) => {
    const ids = rows[row] as readonly number[];
    const isAssistant = assistantIds.every((id, j) => ids[column + 1 + j] === id);
    return isAssistant ? [ends[k] as At] : [];
  });
}

const rounded = (value: number): number => floatFromBfloat16(bfloat16FromFloat(value));

/**
 * The constants of a release as they are once the model was built with bfloat16 as its default type, which is how it is
 * deployed: action normalisation and Fourier frequencies lose all but 8 bits (accel_std 0.6810 becomes 0.6797).
 */
export function asLoadedInBf16(config: AlpamayoConfig): AlpamayoConfig {
  const { actionSpace } = config;
  return {
    ...config,
    actionSpace: {
      ...actionSpace,
      accelMean: rounded(actionSpace.accelMean),
      accelStd: rounded(actionSpace.accelStd),
      curvatureMean: rounded(actionSpace.curvatureMean),
      curvatureStd: rounded(actionSpace.curvatureStd),
    },
    actionInProj: { ...config.actionInProj, frequencyType: "bfloat16" },
  };
}
