/** Convex polygon fill on a world-aligned grid, with coverage for soft edges. */
export interface Grid {
  /** World position of the lower left corner of cell (0, 0). */
  readonly originX: number;
  readonly originY: number;
  readonly cellM: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Calls `paint(cell, coverage)` for each cell that the polygon touches; coverage in (0, 1], from the distance of the
 * cell centre to the nearest edge. Vertices in either order.
 */
export function fillConvex(
  grid: Grid,
  xs: readonly number[],
  ys: readonly number[],
  paint: (cell: number, coverage: number, ix: number, iy: number) => void,
): void {
  const n = xs.length;
  let area = 0;
  let minX = Number.POSITIVE_INFINITY;
  let maxX = Number.NEGATIVE_INFINITY;
  let minY = Number.POSITIVE_INFINITY;
  let maxY = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const j = (i + 1) % n;
    area += xs[i] * ys[j] - xs[j] * ys[i];
    minX = Math.min(minX, xs[i]);
    maxX = Math.max(maxX, xs[i]);
    minY = Math.min(minY, ys[i]);
    maxY = Math.max(maxY, ys[i]);
  }
  if (Math.abs(area) < 1e-9) return;
  const sign = area > 0 ? 1 : -1;
  const { cellM } = grid;
  // Edge i: a x + b y + c, positive inside, in cells.
  const a: number[] = [];
  const b: number[] = [];
  const c: number[] = [];
  for (let i = 0; i < n; i++) {
    const j = (i + 1) % n;
    const ex = xs[j] - xs[i];
    const ey = ys[j] - ys[i];
    const len = Math.hypot(ex, ey);
    if (len < 1e-9) continue;
    const nx = (-ey / len) * sign;
    const ny = (ex / len) * sign;
    a.push(nx);
    b.push(ny);
    c.push((nx * (grid.originX - xs[i]) + ny * (grid.originY - ys[i])) / cellM);
  }
  const m = a.length;
  const x0 = Math.max(0, Math.floor((minX - grid.originX) / cellM - 0.5));
  const x1 = Math.min(grid.width - 1, Math.ceil((maxX - grid.originX) / cellM));
  const y0 = Math.max(0, Math.floor((minY - grid.originY) / cellM - 0.5));
  const y1 = Math.min(grid.height - 1, Math.ceil((maxY - grid.originY) / cellM));
  for (let iy = y0; iy <= y1; iy++) {
    // Cells of this row inside all edges by more than -0.5: an interval, found edge by edge.
    let low = x0;
    let high = x1;
    for (let e = 0; e < m; e++) {
      const rest = b[e] * (iy + 0.5) + c[e] + 0.5;
      if (Math.abs(a[e]) < 1e-9) {
        if (rest < 0) high = low - 1;
      } else {
        const cross = -rest / a[e] - 0.5;
        if (a[e] > 0) low = Math.max(low, Math.ceil(cross));
        else high = Math.min(high, Math.floor(cross));
      }
    }
    for (let ix = low; ix <= high; ix++) {
      let cover = 1;
      for (let e = 0; e < m; e++) {
        const dist = a[e] * (ix + 0.5) + b[e] * (iy + 0.5) + c[e] + 0.5;
        if (dist < cover) cover = dist;
      }
      if (cover > 0.01) paint(iy * grid.width + ix, cover, ix, iy);
    }
  }
}
