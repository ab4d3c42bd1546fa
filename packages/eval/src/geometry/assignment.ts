/**
 * Optimal assignment (the Hungarian problem) by shortest augmenting paths with potentials, O(rows² · columns).
 * Rectangular costs are fine: the smaller side is matched in full.
 */

/** Pairs [row, column] of least total cost, by row. Costs must be finite. */
export function assign(cost: readonly ArrayLike<number>[]): [number, number][] {
  const numRows = cost.length;
  const numColumns = numRows > 0 ? cost[0].length : 0;
  if (numRows > numColumns) {
    const turned = Array.from({ length: numColumns }, (_, c) =>
      Float64Array.from(cost, (row) => row[c]),
    );
    return assign(turned)
      .map(([c, r]): [number, number] => [r, c])
      .sort((a, b) => a[0] - b[0]);
  }
  // Column 0 is a virtual start; rows and columns count from 1.
  const rowPotential = new Float64Array(numRows + 1);
  const columnPotential = new Float64Array(numColumns + 1);
  const rowOf = new Int32Array(numColumns + 1);
  const cameFrom = new Int32Array(numColumns + 1);
  for (let row = 1; row <= numRows; row++) {
    const shortest = new Float64Array(numColumns + 1).fill(Number.POSITIVE_INFINITY);
    const isDone = new Uint8Array(numColumns + 1);
    rowOf[0] = row;
    let column = 0;
    while (rowOf[column] !== 0) {
      isDone[column] = 1;
      const r = rowOf[column];
      let step = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let c = 1; c <= numColumns; c++) {
        if (isDone[c] === 1) continue;
        const reduced = cost[r - 1][c - 1] - rowPotential[r] - columnPotential[c];
        if (reduced < shortest[c]) {
          shortest[c] = reduced;
          cameFrom[c] = column;
        }
        if (shortest[c] < step) {
          step = shortest[c];
          next = c;
        }
      }
      for (let c = 0; c <= numColumns; c++) {
        if (isDone[c] === 1) {
          rowPotential[rowOf[c]] += step;
          columnPotential[c] -= step;
        } else shortest[c] -= step;
      }
      column = next;
    }
    while (column !== 0) {
      rowOf[column] = rowOf[cameFrom[column]];
      column = cameFrom[column];
    }
  }
  const pairs: [number, number][] = [];
  for (let c = 1; c <= numColumns; c++) if (rowOf[c] !== 0) pairs.push([rowOf[c] - 1, c - 1]);
  return pairs.sort((a, b) => a[0] - b[0]);
}
