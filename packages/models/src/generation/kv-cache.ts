import type { Tensor } from "@causeway/graph";
import { ConfigError } from "../errors.ts";

/**
 * Keys and values of all layers in fixed buffers [R, Hk, capacity, D]. Rows are packed from slot 0 without padding, so
 * a row's slot is its token index; new rows are written in place and the graph reads the buffers without a copy.
 */
export class KvCache {
  readonly rows: number;
  capacity: number;
  /** Tokens held per row. */
  readonly lengths: number[];
  /** Per layer; replaced when the cache grows. */
  readonly keys: Float32Array[];
  readonly values: Float32Array[];
  readonly #heads: number;
  readonly #headDim: number;

  constructor(sizes: {
    rows: number;
    layers: number;
    heads: number;
    headDim: number;
    capacity: number;
  }) {
    const { rows, layers, heads, headDim, capacity } = sizes;
    this.rows = rows;
    this.capacity = capacity;
    this.lengths = Array.from({ length: rows }, () => 0);
    this.#heads = heads;
    this.#headDim = headDim;
    const buffers = () =>
      Array.from({ length: layers }, () => new Float32Array(rows * heads * capacity * headDim));
    this.keys = buffers();
    this.values = buffers();
  }

  get shape(): readonly number[] {
    return [this.rows, this.#heads, this.capacity, this.#headDim];
  }

  /**
   * Appends `count` tokens of one source row.
   *
   * @param keys, values  Per layer [S, Hk, T, D]; tokens [from, from + count) of row `sourceRow` are taken.
   */
  append(
    row: number,
    keys: readonly Tensor[],
    values: readonly Tensor[],
    sourceRow: number,
    from: number,
    count: number,
  ): void {
    const start = this.lengths[row] as number;
    if (start + count > this.capacity) {
      throw new ConfigError(
        `kv cache: row ${row} would hold ${start + count} tokens; the capacity is ${this.capacity}`,
      );
    }
    const d = this.#headDim;
    for (const [buffers, tensors] of [
      [this.keys, keys],
      [this.values, values],
    ] as const) {
      for (const [layer, buffer] of buffers.entries()) {
        const { data, shape } = tensors[layer] as Tensor;
        const tokens = shape[2] as number;
        for (let h = 0; h < this.#heads; h++) {
          const source = ((sourceRow * this.#heads + h) * tokens + from) * d;
          buffer.set(
            (data as Float32Array).subarray(source, source + count * d),
            ((row * this.#heads + h) * this.capacity + start) * d,
          );
        }
      }
    }
    this.lengths[row] = start + count;
  }

  /** Moves to larger buffers; what is held stays. The only time that the cache is copied. */
  grow(capacity: number): void {
    if (capacity <= this.capacity) return;
    const d = this.#headDim;
    for (const buffers of [this.keys, this.values]) {
      for (const [layer, old] of buffers.entries()) {
        const buffer = new Float32Array(this.rows * this.#heads * capacity * d);
        for (let block = 0; block < this.rows * this.#heads; block++) {
          const held = (this.lengths[Math.floor(block / this.#heads)] as number) * d;
          const from = block * this.capacity * d;
          buffer.set(old.subarray(from, from + held), block * capacity * d);
        }
        buffers[layer] = buffer;
      }
    }
    this.capacity = capacity;
  }
}
