/**
 * Dimensions that are left open in the compiled form. The graph itself has static shapes; a free size is a large prime
 * that stands in for any number, and whatever is a multiple of it is open too (a batch of free lengths, folded).
 */
import { ShapeError } from "../tensor.ts";

export class FreeSizes {
  readonly #names: ReadonlyMap<number, string>;

  constructor(names: ReadonlyMap<number, string>) {
    this.#names = names;
  }

  #of(size: number): string | null {
    if (size === 0) return null;
    for (const [prime, name] of this.#names)
      if (size % prime === 0) return size === prime ? name : `${name}_x${size / prime}`;
    return null;
  }

  /** The shape with names in place of open sizes. */
  open(shape: readonly number[]): (number | string)[] {
    return shape.map((size) => this.#of(size) ?? size);
  }

  /** A Reshape target: one open size may be left to the runtime to infer. */
  reshapeTarget(shape: readonly number[]): readonly number[] {
    const open = shape.filter((size) => this.#of(size) !== null);
    if (open.length > 1)
      throw new ShapeError(
        `reshape to [${this.open(shape).join(", ")}] has ${open.length} open sizes; at most one can be inferred`,
      );
    return shape.map((size) => (this.#of(size) === null ? size : -1));
  }

  /** Values that the compiled form would hold must not depend on an open size. */
  refuse(what: string, sizes: readonly number[]): void {
    if (sizes.some((size) => this.#of(size) !== null))
      throw new ShapeError(
        `${what} [${this.open(sizes).join(", ")}] fixes a size that is declared open; feed it as an input instead`,
      );
  }
}
