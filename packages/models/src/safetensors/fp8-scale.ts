import { FormatError } from "../errors.ts";
import type { FloatTensor } from "./file.ts";

/**
 * A weight stored in 8 bits times its scale: one number, one per row ([R] or [R, 1]), or one per block of a grid
 * ([R / a, C / b], rounded up), as compressed-tensors and block-fp8 checkpoints store them.
 *
 * @param weight  [R, …]; changed in place.
 */
export function applyScale(weight: FloatTensor, scale: FloatTensor, name: string): void {
  const { data, shape } = weight;
  const count = scale.data.length;
  const rows = shape[0] ?? 1;
  const columns = data.length / Math.max(1, rows);
  let at: (row: number, column: number) => number;
  if (count === 1) at = () => 0;
  else if (count === rows && (scale.shape[1] ?? 1) === 1) at = (row) => row;
  else if (scale.shape.length === 2 && shape.length === 2) {
    const [down, across] = scale.shape as [number, number];
    const blockRows = blockSize(rows, down);
    const blockColumns = blockSize(columns, across);
    at = (row, column) => Math.floor(row / blockRows) * across + Math.floor(column / blockColumns);
  } else {
    throw new FormatError(
      `tensor "${name}" is [${shape.join(", ")}] but its scale is [${scale.shape.join(", ")}]; expected one scale, one per row, or a grid of blocks`,
    );
  }
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c;
      data[i] = (data[i] as number) * (scale.data[at(r, c)] as number);
    }
  }
}

/** The block that gives `blocks` blocks: a power of two where one fits (128 in releases), else the even share. */
function blockSize(size: number, blocks: number): number {
  for (let block = 1; block <= size; block *= 2)
    if (Math.ceil(size / block) === blocks) return block;
  return Math.ceil(size / blocks);
}
