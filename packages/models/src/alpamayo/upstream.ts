/**
 * What the released code does differently from what it means to do, for comparison only. Nothing here is used unless it
 * is asked for by name; the intended behaviour is everywhere else (research on NVlabs/alpamayo 1cba38c and its recipes).
 */
import { bfloat16FromFloat, floatFromBfloat16 } from "../safetensors/dtypes.ts";
import type { AlpamayoConfig } from "./config.ts";
import { cameraNames, type LabelComponent } from "./prompt.ts";
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
  | "padding_visible"
  /**
   * A reasoning that reaches its longest is not closed: the expert reads it without its last token and as if that token
   * were the start of a trajectory, so its prefix is of a kind that training never showed.
   */
  | "open_reasoning"
  /**
   * `cotrain_vlm` of stage 2: futures are not put into the ids, so the language model is taught to write the placeholder
   * `<|traj_future|>`, in one mean over all labelled tokens.
   */
  | "placeholder_future";

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

/** Left and right as the original swaps them: "Left" becomes "right", "Right" stays "Left", "leftmost" stays. */
export function upstreamSwapDirection(text: string): string {
  return text.replace(/\b(left|right)\b/gi, (word) => {
    if (word.toLowerCase() === "left") return "right";
    return word.startsWith("R") ? "Left" : "left";
  });
}

/** Index of a camera by its name in the data: a name that is not known is camera 0, front left. */
export const upstreamCameraIndex = (name: string): number => Math.max(0, cameraNames.indexOf(name));

/**
 * Future bins of generated ids, `extract_traj_tokens`: what lies between the last start and the first end (all before the
 * end without a start), cut or filled with zeros to the count, ids of other tokens pulled to the nearest bin. Of the cases
 * only the number is checked, for a warning, and an id just past the last bin passes that check too.
 */
export function upstreamExtractTrajectory(
  ids: readonly number[],
  {
    driving,
    futureFirst,
    futureBins,
  }: Pick<VocabularyMap, "driving" | "futureFirst" | "futureBins">,
  count: number,
): Int32Array {
  const start = ids.lastIndexOf(driving.traj_future_start ?? -1);
  const end = ids.indexOf(driving.traj_future_end ?? -1);
  const between = ids.slice(start + 1, end < 0 ? undefined : Math.max(start + 1, end));
  return Int32Array.from({ length: count }, (_, i) =>
    Math.min(futureBins - 1, Math.max(0, (between[i] ?? futureFirst) - futureFirst)),
  );
}

/** A row as `cotrain_vlm` has it ("placeholder_future"): every future bin is still its placeholder, to read and to learn. */
export function upstreamUnfusedFuture<Row extends { readonly ids: Int32Array }>(
  row: Row,
  vocabulary: VocabularyMap,
): Row {
  const { futureFirst, futureBins } = vocabulary;
  const placeholder = drivingId(vocabulary, "traj_future");
  const isBin = (id: number) => id >= futureFirst && id < futureFirst + futureBins;
  return { ...row, ids: row.ids.map((id) => (isBin(id) ? placeholder : id)) };
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
