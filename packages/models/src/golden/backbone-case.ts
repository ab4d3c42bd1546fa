/** What cases over a whole backbone share: token rows, masks, grids and patches to the feeds of a graph. */
import type { Tensor } from "@causeway/graph";
import { type BackboneShape, backboneFeeds } from "../qwen3vl/model.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import { type Grid, type RopePositions, ropePositions, RotaryTable } from "../qwen3vl/positions.ts";

export interface BackboneCase {
  readonly ids: readonly (readonly number[])[];
  /** 1 on real tokens; null for all. */
  readonly attentionMask: readonly (readonly number[])[] | null;
  readonly images: readonly Grid[];
  readonly videos?: readonly Grid[];
  /** Patches of all images, then of all videos. */
  readonly pixels: Float32Array | null;
  /** On all axes of padding: 0 unless given, 1 in transformers 4.57. Matters only to who reads padding. */
  readonly paddingPosition?: number;
}

export interface PreparedCase {
  readonly shape: BackboneShape;
  readonly positions: RopePositions;
  readonly isReal: readonly (readonly boolean[])[] | null;
  readonly feeds: Map<string, Tensor>;
  readonly rotary: RotaryTable;
}

export function prepareCase(config: Qwen3VLConfig, input: BackboneCase): PreparedCase {
  const isReal = input.attentionMask?.map((row) => row.map((v) => v === 1)) ?? null;
  const shape: BackboneShape = {
    batch: input.ids.length,
    length: (input.ids[0] as readonly number[]).length,
    grids: [...input.images, ...(input.videos ?? [])],
    mask: isReal === null ? "causal" : "padded",
    pixels: "float32",
  };
  const positions = ropePositions(
    input.ids,
    isReal,
    { images: input.images, videos: input.videos ?? [] },
    {
      imageTokenId: config.imageTokenId,
      videoTokenId: config.videoTokenId,
      spatialMergeSize: config.vision.spatialMergeSize,
    },
  );
  const { paddingPosition = 0 } = input;
  isReal?.flat().forEach((real, i) => {
    if (!real) for (const axis of positions.axes) axis[i] = paddingPosition;
  });
  const rotary = new RotaryTable(config.text);
  const feeds = backboneFeeds(config, shape, rotary, {
    ids: input.ids,
    isReal,
    positions,
    patches: input.pixels,
  });
  return { shape, positions, isReal, feeds, rotary };
}

/** Entries of [B, …, L, …] data at real tokens only, in order; `inner` values per token, `outer` blocks per row. */
export function realEntries(
  data: ArrayLike<number>,
  isReal: readonly (readonly boolean[])[] | null,
  length: number,
  layout: { readonly outer: number; readonly inner: number },
): number[] {
  const { outer, inner } = layout;
  const out: number[] = [];
  const rows = data.length / (outer * length * inner);
  for (let b = 0; b < rows; b++) {
    for (let o = 0; o < outer; o++) {
      for (let t = 0; t < length; t++) {
        if (isReal !== null && !(isReal[b] as readonly boolean[])[t]) continue;
        const at = ((b * outer + o) * length + t) * inner;
        for (let i = 0; i < inner; i++) out.push(data[at + i] as number);
      }
    }
  }
  return out;
}
