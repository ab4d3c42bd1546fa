/**
 * Qwen3-VL as a graph: embeddings with visual tokens in place of their placeholders, decoder with DeepStack, output
 * head on chosen rows only. Shapes: B rows, T tokens, C width, M visual tokens of the whole batch, V vocabulary.
 */
import {
  add,
  attention,
  concat,
  gather,
  type Graph,
  linear,
  mul,
  reshape,
  sizeOf,
  sub,
  tensor,
  type Tensor,
  tensorInt64,
  type Value,
} from "@causeway/graph";
import type { Qwen3VLConfig, TextConfig } from "./config.ts";
import { type DecoderOutput, decoderStack, finalNorm } from "./decoder.ts";
import { patchLength } from "./patchify.ts";
import type { Grid, RopePositions, RotaryTable } from "./positions.ts";
import { visionTower, type VisionOutput } from "./vision.ts";

/** Additive mask value: finite, so that a fully masked padding row stays free of NaN. */
export const maskedScore = -1e9;

export interface BackboneShape {
  readonly batch: number;
  readonly length: number;
  /** Grids of all images of the batch in order of appearance, then of all videos; empty for text alone. */
  readonly grids: readonly Grid[];
  /** "causal" is right for unpadded and right-padded rows; "padded" adds an input that hides padding slots. */
  readonly mask: "causal" | "padded";
  readonly pixels: "float32" | "uint8";
}

export interface Backbone {
  readonly vision: VisionOutput | null;
  readonly decoder: DecoderOutput;
  /** Input of decoder layer 0. */
  readonly embeds: Value;
}

/**
 * Declares the inputs and builds vision tower and decoder, without the final norm and head. Inputs:
 * - `ids` int64 [B, T]; placeholders hold any valid id.
 * - `cos`, `sin` float32 [B, T, headDim / 2].
 * - `padding_mask` float32 [B, 1, 1, T], 0 or `maskedScore`, when mask is "padded".
 * - `pixels` [N, patchLength] (images, then videos), `visual_index` int64 [B * T] (0 = text, m + 1 = visual token m) and
 *   `is_text` float32 [B * T, 1] when there are grids.
 */
export function buildBackbone(
  g: Graph,
  config: Qwen3VLConfig,
  shape: BackboneShape,
  options: { readonly prefix: string; readonly onlyKeyValues?: boolean },
): Backbone {
  const { text, vision: visionConfig } = config;
  const { batch, length, grids } = shape;
  const rows = batch * length;
  const language = `${options.prefix}model.language_model.`;
  const ids = g.input("ids", [batch, length], "int64");
  const half = text.headDim / 2;
  const cos = g.input("cos", [batch, length, half]);
  const sin = g.input("sin", [batch, length, half]);
  const table = g.parameter(`${language}embed_tokens.weight`, [text.vocabSize, text.hiddenSize]);

  let embeds = gather(table, reshape(ids, [rows]), 0);
  let vision: VisionOutput | null = null;
  let features: readonly Value[] = [];
  if (grids.length > 0) {
    const patches = grids.reduce((sum, [t, h, w]) => sum + t * h * w, 0);
    const pixels = g.input("pixels", [patches, patchLength(visionConfig)], shape.pixels);
    vision = visionTower(g, visionConfig, pixels, grids, `${options.prefix}model.visual.`);
    const index = g.input("visual_index", [rows], "int64");
    const isText = g.input("is_text", [rows, 1]);
    const zero = g.constant(tensor(new Float32Array(text.hiddenSize), [1, text.hiddenSize]));
    const spread = (rowsOf: Value) => gather(concat([zero, rowsOf], 0), index, 0);
    // Text rows keep their embedding (times 1), placeholders lose it (times 0) and get their visual token.
    embeds = add(mul(embeds, isText), spread(vision.merged));
    features = vision.deepstack.map((level) =>
      reshape(spread(level), [batch, length, text.hiddenSize]),
    );
  }

  const { mask, isReal } = attentionMask(g, shape);
  const decoder = decoderStack(
    g,
    text,
    language,
    reshape(embeds, [batch, length, text.hiddenSize]),
    {
      cos,
      sin,
      attend: (q, { key, value }) => {
        const seen = attention(q, key, value, { mask });
        // Padding attends to nothing; a softmax over masked scores alone would give it a mean of what is hidden.
        return isReal === null ? seen : mul(seen, isReal);
      },
      afterLayer: (hidden, layer) => {
        const feature = features[layer];
        return feature === undefined ? hidden : add(hidden, feature);
      },
      onlyKeyValues: options.onlyKeyValues ?? false,
    },
  );
  return { vision, decoder, embeds: decoder.states[0] as Value };
}

/** Causal, plus the padding input when asked for: scores [B|1, 1, T, T], and 1 on real queries, 0 on padding [B, 1, T, 1]. */
function attentionMask(
  g: Graph,
  { batch, length, mask }: BackboneShape,
): { readonly mask: Value; readonly isReal: Value | null } {
  const causal = g.constant(tensor(causalMask(length), [1, 1, length, length]));
  if (mask === "causal") return { mask: causal, isReal: null };
  const padding = g.input("padding_mask", [batch, 1, 1, length]);
  const isPadding = mul(reshape(padding, [batch, 1, length, 1]), 1 / maskedScore);
  return { mask: add(causal, padding), isReal: sub(1, isPadding) };
}

/** 0 where key s is at or before query t, else `maskedScore`; [T, T] flat. */
export function causalMask(length: number): Float32Array {
  const mask = new Float32Array(length * length);
  for (let t = 0; t < length; t++) mask.fill(maskedScore, t * length + t + 1, (t + 1) * length);
  return mask;
}

/**
 * Logits of chosen rows: hidden [B, T, C] at flat token rows `rows` int64 [L] (null for all), [L, V].
 * Norm and head run on those rows only.
 */
export function outputHead(
  g: Graph,
  text: TextConfig,
  prefix: string,
  hidden: Value,
  rows: Value | null,
): Value {
  const flat = reshape(hidden, [-1, text.hiddenSize]);
  const chosen = rows === null ? flat : gather(flat, rows, 0);
  const normed = finalNorm(g, text, `${prefix}model.language_model.`, chosen);
  return linear(normed, headWeight(g, text, prefix));
}

export function headWeight(g: Graph, text: TextConfig, prefix: string): Value {
  const name = text.tieWordEmbeddings
    ? "model.language_model.embed_tokens.weight"
    : "lm_head.weight";
  return g.parameter(prefix + name, [text.vocabSize, text.hiddenSize]);
}

/** Feeds of `buildBackbone` from token rows and patches. */
export function backboneFeeds(
  config: Qwen3VLConfig,
  shape: BackboneShape,
  rotary: RotaryTable,
  data: {
    readonly ids: readonly (readonly number[])[];
    /** False on padding; null when rows are full or right-padded. */
    readonly isReal: readonly (readonly boolean[])[] | null;
    readonly positions: RopePositions;
    /** All patches in order, as bytes or floats like `shape.pixels`. */
    readonly patches: Uint8Array | Float32Array | null;
  },
): Map<string, Tensor> {
  const { batch, length, grids } = shape;
  const flat = data.ids.flat();
  const { cos, sin } = rotary.lookup(data.positions.axes);
  const half = config.text.headDim / 2;
  const feeds = new Map<string, Tensor>([
    ["ids", tensorInt64(flat, [batch, length])],
    ["cos", tensor(cos, [batch, length, half])],
    ["sin", tensor(sin, [batch, length, half])],
  ]);
  if (shape.mask === "padded") {
    const hidden = new Float32Array(batch * length);
    data.isReal?.forEach((row, b) =>
      row.forEach((real, t) => {
        if (!real) hidden[b * length + t] = maskedScore;
      }),
    );
    feeds.set("padding_mask", tensor(hidden, [batch, 1, 1, length]));
  }
  if (grids.length > 0 && data.patches !== null) {
    const width = patchLength(config.vision);
    const patchShape = [data.patches.length / width, width];
    feeds.set(
      "pixels",
      data.patches instanceof Float32Array
        ? tensor(data.patches, patchShape)
        : { dtype: "uint8", shape: patchShape, data: data.patches },
    );
    const index = new Float64Array(sizeOf([batch, length]));
    const isText = new Float32Array(index.length).fill(1);
    // Patches of all images come first, those of videos after them, whatever the order in the text.
    let image = 0;
    let video = flat.reduce((count, id) => count + (id === config.imageTokenId ? 1 : 0), 0);
    for (let i = 0; i < flat.length; i++) {
      const id = flat[i];
      if (id !== config.imageTokenId && id !== config.videoTokenId) continue;
      index[i] = id === config.imageTokenId ? ++image : ++video;
      isText[i] = 0;
    }
    feeds.set("visual_index", tensorInt64(index, [index.length]));
    feeds.set("is_text", tensor(isText, [index.length, 1]));
  }
  return feeds;
}
