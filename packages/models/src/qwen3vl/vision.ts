/**
 * The vision tower of Qwen3-VL as a graph: patch embedding (a matrix product), learned position table interpolated to
 * the grid, 2-D rotary, full attention inside each frame group, DeepStack mergers at chosen blocks, final merger.
 * Shapes: N patches of all grids, P patches of one frame group, C width, M = N / merge² merged tokens.
 */
import {
  add,
  attention,
  broadcastTo,
  cast,
  concat,
  div,
  gather,
  gelu,
  type Graph,
  layerNorm,
  linear,
  mul,
  reduceSum,
  reshape,
  rope,
  slice,
  sub,
  tensor,
  tensorInt64,
  transpose,
  type Value,
} from "@causeway/graph";
import type { VisionConfig } from "./config.ts";
import { patchLength } from "./patchify.ts";
import type { Grid } from "./positions.ts";

const layerNormEps = 1e-6;

export interface VisionOutput {
  /** [M, outHiddenSize]: one row per placeholder token, in grid order. */
  readonly merged: Value;
  /** Per DeepStack level, same shape as `merged`. */
  readonly deepstack: readonly Value[];
  /** Named intermediate values, for goldens: "patch_embed", "pos_embed", "block.i". */
  readonly trace: ReadonlyMap<string, Value>;
}

/** Consecutive frame groups of equal size: attention runs on each group, batched over `count`. */
interface Segment {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
}

function segments(grids: readonly Grid[]): readonly Segment[] {
  const out: { count: number; rows: number; columns: number }[] = [];
  for (const [t, rows, columns] of grids) {
    const last = out.at(-1);
    if (last !== undefined && last.rows === rows && last.columns === columns) last.count += t;
    else out.push({ count: t, rows, columns });
  }
  return out;
}

/** Patch coordinates of one frame group in merge-block order. */
function patchCoordinates(
  { rows, columns }: Segment,
  merge: number,
): { row: number[]; column: number[] } {
  const row: number[] = [];
  const column: number[] = [];
  for (let r = 0; r < rows; r += merge) {
    for (let c = 0; c < columns; c += merge) {
      for (let i = 0; i < merge * merge; i++) {
        row.push(r + Math.floor(i / merge));
        column.push(c + (i % merge));
      }
    }
  }
  return { row, column };
}

/** Bilinear reading of the square position table with aligned corners: four rows and weights per patch. */
export function tableCorners(
  segment: { readonly rows: number; readonly columns: number },
  merge: number,
  side: number,
): { readonly indices: Float64Array; readonly weights: Float32Array } {
  const along = (size: number) =>
    Array.from({ length: size }, (_, i) => {
      const at = size === 1 ? 0 : Math.fround((i * (side - 1)) / (size - 1));
      const low = Math.floor(at);
      return { low, high: Math.min(low + 1, side - 1), part: Math.fround(at - low) };
    });
  const vertical = along(segment.rows);
  const horizontal = along(segment.columns);
  const { row, column } = patchCoordinates({ count: 1, ...segment }, merge);
  const patches = row.length;
  const indices = new Float64Array(4 * patches);
  const weights = new Float32Array(4 * patches);
  for (let n = 0; n < patches; n++) {
    const y = vertical[row[n] as number] as (typeof vertical)[number];
    const x = horizontal[column[n] as number] as (typeof horizontal)[number];
    const corners = [
      [y.low, x.low, (1 - y.part) * (1 - x.part)],
      [y.low, x.high, (1 - y.part) * x.part],
      [y.high, x.low, y.part * (1 - x.part)],
      [y.high, x.high, y.part * x.part],
    ] as const;
    corners.forEach(([r, c, weight], k) => {
      indices[k * patches + n] = r * side + c;
      weights[k * patches + n] = weight;
    });
  }
  return { indices, weights };
}

/** cos and sin [1, P, headDim / 2]: the first half of the pairs turns with the row, the second with the column. */
function rotary(
  g: Graph,
  segment: Segment,
  merge: number,
  headDim: number,
): { cos: Value; sin: Value } {
  const quarter = headDim / 4;
  const { row, column } = patchCoordinates(segment, merge);
  const angles = new Float32Array(row.length * 2 * quarter);
  for (let n = 0; n < row.length; n++) {
    for (let i = 0; i < quarter; i++) {
      const inverse = 1 / Math.fround(10000 ** Math.fround((2 * i) / (headDim / 2)));
      angles[n * 2 * quarter + i] = Math.fround((row[n] as number) * Math.fround(inverse));
      angles[n * 2 * quarter + quarter + i] = Math.fround(
        (column[n] as number) * Math.fround(inverse),
      );
    }
  }
  const shape = [1, row.length, 2 * quarter];
  return {
    cos: g.constant(tensor(angles.map(Math.cos), shape)),
    sin: g.constant(tensor(angles.map(Math.sin), shape)),
  };
}

/**
 * @param pixels  [N, patchLength]: float32 already normalised, or uint8 levels (normalised here).
 * @param prefix  e.g. "model.visual." or "vlm.model.visual.".
 */
export function visionTower(
  g: Graph,
  config: VisionConfig,
  pixels: Value,
  grids: readonly Grid[],
  prefix: string,
): VisionOutput {
  const { hiddenSize: c, numHeads, spatialMergeSize: merge } = config;
  const headDim = c / numHeads;
  const weight = (name: string, ...shape: number[]) => g.parameter(prefix + name, shape);
  const parts = segments(grids);
  const trace = new Map<string, Value>();

  const levels =
    pixels.dtype === "uint8" ? div(sub(cast(pixels, "float32"), 127.5), 127.5) : pixels;
  const kernel = weight(
    "patch_embed.proj.weight",
    c,
    config.inChannels,
    config.temporalPatchSize,
    config.patchSize,
    config.patchSize,
  );
  const embedded = linear(
    levels,
    reshape(kernel, [c, patchLength(config)]),
    weight("patch_embed.proj.bias", c),
  );
  trace.set("patch_embed", embedded);

  const table = weight("pos_embed.weight", config.numPositionEmbeddings, c);
  const side = Math.sqrt(config.numPositionEmbeddings);
  const positions = concat(
    parts.map((part) => {
      const { indices, weights } = tableCorners(part, merge, side);
      const patches = part.rows * part.columns;
      const corners = gather(table, g.constant(tensorInt64(indices, [4, patches])), 0);
      const one = reduceSum(mul(corners, g.constant(tensor(weights, [4, patches, 1]))), [0]);
      return reshape(broadcastTo(one, [part.count, patches, c]), [part.count * patches, c]);
    }),
    0,
  );
  trace.set("pos_embed", positions);

  const turns = parts.map((part) => rotary(g, part, merge, headDim));
  const attend = (q: Value, k: Value, v: Value): Value => {
    let start = 0;
    const outputs = parts.map((part, i) => {
      const patches = part.rows * part.columns;
      const end = start + part.count * patches;
      const heads = (x: Value) => {
        const own = parts.length === 1 ? x : slice(x, { starts: [start], ends: [end], axes: [0] });
        return transpose(reshape(own, [part.count, patches, numHeads, headDim]), [0, 2, 1, 3]);
      };
      const { cos, sin } = turns[i] as (typeof turns)[number];
      const mixed = attention(rope(heads(q), cos, sin), rope(heads(k), cos, sin), heads(v));
      start = end;
      return reshape(transpose(mixed, [0, 2, 1, 3]), [part.count * patches, c]);
    });
    return concat(outputs, 0);
  };

  const merger = (x: Value, name: string, normFirst: boolean): Value => {
    const wide = c * merge * merge;
    const norm = (value: Value, width: number) =>
      layerNorm(
        value,
        weight(`${name}.norm.weight`, width),
        weight(`${name}.norm.bias`, width),
        layerNormEps,
      );
    const grouped = normFirst
      ? reshape(norm(x, c), [-1, wide])
      : norm(reshape(x, [-1, wide]), wide);
    const hidden = linear(
      grouped,
      weight(`${name}.linear_fc1.weight`, wide, wide),
      weight(`${name}.linear_fc1.bias`, wide),
    );
    return linear(
      gelu(hidden, "none"),
      weight(`${name}.linear_fc2.weight`, config.outHiddenSize, wide),
      weight(`${name}.linear_fc2.bias`, config.outHiddenSize),
    );
  };

  let x = add(embedded, positions);
  const deepstack: Value[] = [];
  for (let i = 0; i < config.depth; i++) {
    const at = `blocks.${i}.`;
    const normed = layerNorm(
      x,
      weight(`${at}norm1.weight`, c),
      weight(`${at}norm1.bias`, c),
      layerNormEps,
    );
    // Slicing the fused weight instead of the fused output: the gradient then pads [C, C] blocks, not activations.
    const fused = weight(`${at}attn.qkv.weight`, 3 * c, c);
    const fusedBias = weight(`${at}attn.qkv.bias`, 3 * c);
    const [q, k, v] = [0, 1, 2].map((j) => {
      const range = { starts: [j * c], ends: [(j + 1) * c], axes: [0] };
      return linear(normed, slice(fused, range), slice(fusedBias, range));
    }) as [Value, Value, Value];
    x = add(
      x,
      linear(
        attend(q, k, v),
        weight(`${at}attn.proj.weight`, c, c),
        weight(`${at}attn.proj.bias`, c),
      ),
    );
    const inner = linear(
      layerNorm(x, weight(`${at}norm2.weight`, c), weight(`${at}norm2.bias`, c), layerNormEps),
      weight(`${at}mlp.linear_fc1.weight`, config.intermediateSize, c),
      weight(`${at}mlp.linear_fc1.bias`, config.intermediateSize),
    );
    x = add(
      x,
      linear(
        gelu(inner, "tanh"),
        weight(`${at}mlp.linear_fc2.weight`, c, config.intermediateSize),
        weight(`${at}mlp.linear_fc2.bias`, c),
      ),
    );
    trace.set(`block.${i}`, x);
    const level = config.deepstackIndexes.indexOf(i);
    if (level >= 0) deepstack[level] = merger(x, `deepstack_merger_list.${level}`, false);
  }
  return { merged: merger(x, "merger", true), deepstack, trace };
}
