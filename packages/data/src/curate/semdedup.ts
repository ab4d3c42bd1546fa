/**
 * Semantic de-duplication (SemDeDup, arXiv 2303.09540): cluster embeddings, then inside each cluster score every row by its
 * largest cosine with a row that stands before it. Rows are ordered by their distance to the centroid, farthest first, so
 * that odd ones survive and central look-alikes go. A row is kept at `eps` when its score is at most 1 - eps.
 *
 * `eps` is applied late: the table holds the scores, and any number of thresholds can be tried on it. The rule compares
 * with every earlier row, kept or not, as the original does; `greedyRemovals` compares with kept rows only and keeps a
 * superset. Duplicates that fall into different clusters are not found; near √n clusters keep that rare and the work low.
 *
 * Memory: `fitRows` rows while clustering, one cluster's rows while scoring, and a few numbers per row.
 */
import { createRng } from "@causeway/geom";
import { DataConfigError } from "../errors.ts";
import {
  dotRows,
  kmeans,
  type Matrix,
  nearestCentroids,
  seedCentroids,
  unitRows,
} from "./kmeans.ts";
import type { VectorStore } from "./vector-store.ts";

export interface SemDedupOptions {
  /** Default: the whole number nearest to √n. */
  readonly clusters?: number;
  readonly seed: number;
  /** Clusters are fitted on at most so many rows, drawn by seed; all rows are then assigned. Default 20 000. */
  readonly fitRows?: number;
  readonly maxRounds?: number;
  /** k x dim: replaces the seeded start. */
  readonly initialCentroids?: Matrix;
  readonly signal?: AbortSignal;
}

/** One cluster: rows in the order in which they are compared. */
export interface PruningTable {
  readonly cluster: number;
  readonly ids: readonly string[];
  /** Row where the score is reached; of the first row, its own id. */
  readonly maxIds: readonly string[];
  /** Largest cosine with an earlier row; 0 for the first. */
  readonly scores: Float64Array;
  /** 1 - cosine with the centroid. */
  readonly distances: Float64Array;
}

export interface SemDedup {
  readonly clusters: number;
  readonly iterations: number;
  readonly labels: Int32Array;
  readonly centroids: Matrix;
  /** Clusters that hold at least one row. */
  readonly tables: readonly PruningTable[];
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const clamp = (v: number) => Math.min(1, Math.max(-1, v));
/** Copies of one row differ in the last digits of their distance; rounding lets the id decide. */
const rounded = (v: number) => Math.round(v * 1e9);

const chunkRows = 4096;

export async function semDedup(store: VectorStore, options: SemDedupOptions): Promise<SemDedup> {
  const { ids, dim } = store;
  const n = ids.length;
  if (n === 0) throw new DataConfigError("semDedup: no rows; expected at least one embedding.");
  if (new Set(ids).size !== n) {
    throw new DataConfigError(`semDedup: ${n} rows share ids; expected each id once.`);
  }
  const k =
    options.initialCentroids?.rows ?? options.clusters ?? Math.max(1, Math.round(Math.sqrt(n)));
  if (!(Number.isInteger(k) && k >= 1 && k <= n)) {
    throw new DataConfigError(`semDedup: ${k} clusters for ${n} rows; expected 1 … ${n}.`);
  }
  const fitted = await store.gather(
    drawRows(n, Math.max(k, options.fitRows ?? 20_000), options.seed),
  );
  const points = unitRows(fitted.length / dim, dim, fitted);
  const start =
    options.initialCentroids ?? seedCentroids(points, k, createRng(options.seed).fork("centroids"));
  const fit = kmeans(points, start, options.maxRounds ?? 100);
  const labels = points.rows === n ? fit.labels : await assignAll(store, fit.centroids);

  const members = Array.from({ length: k }, (): number[] => []);
  labels.forEach((label, row) => members[label].push(row));
  const tables: PruningTable[] = [];
  for (const [cluster, rows] of members.entries()) {
    options.signal?.throwIfAborted();
    if (rows.length > 0) tables.push(await tableOf(store, cluster, rows, fit.centroids));
  }
  return { clusters: k, iterations: fit.iterations, labels, centroids: fit.centroids, tables };
}

/** Rows in order; all of them when there are at most `most`. */
function drawRows(n: number, most: number, seed: number): number[] {
  const rows = Array.from({ length: n }, (_, i) => i);
  if (n <= most) return rows;
  const rng = createRng(seed).fork("fit");
  for (let i = 0; i < most; i++) {
    const j = i + rng.int(n - i);
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
  return rows.slice(0, most).sort((a, b) => a - b);
}

async function assignAll(store: VectorStore, centroids: Matrix): Promise<Int32Array> {
  const n = store.ids.length;
  const labels = new Int32Array(n);
  for (let from = 0; from < n; from += chunkRows) {
    const to = Math.min(n, from + chunkRows);
    const chunk = await store.gather(Array.from({ length: to - from }, (_, i) => from + i));
    labels.set(nearestCentroids(unitRows(to - from, store.dim, chunk), centroids), from);
  }
  return labels;
}

async function tableOf(
  store: VectorStore,
  cluster: number,
  rows: readonly number[],
  centroids: Matrix,
): Promise<PruningTable> {
  const { dim } = store;
  const points = unitRows(rows.length, dim, await store.gather(rows));
  const centre = unitRows(1, dim, centroids.data.subarray(cluster * dim, (cluster + 1) * dim));
  const distance = rows.map((_, i) => 1 - clamp(dotRows(points, i, centre, 0)));
  const order = rows
    .map((_, i) => i)
    .sort(
      (a, b) =>
        rounded(distance[b]) - rounded(distance[a]) ||
        byText(store.ids[rows[a]], store.ids[rows[b]]),
    );
  const ids = order.map((i) => store.ids[rows[i]]);
  const scores = new Float64Array(order.length);
  const maxIds = ids.slice();
  for (let b = 1; b < order.length; b++) {
    let best = Number.NEGATIVE_INFINITY;
    for (let a = 0; a < b; a++) {
      const cosine = dotRows(points, order[a], points, order[b]);
      if (cosine > best) {
        best = cosine;
        maxIds[b] = ids[a];
      }
    }
    scores[b] = best;
  }
  return { cluster, ids, maxIds, scores, distances: Float64Array.from(order, (i) => distance[i]) };
}

/** Ids that `eps` removes, sorted. Costs nothing: the scores are there. */
export function removedAt(tables: readonly PruningTable[], eps: number): string[] {
  return tables.flatMap((t) => t.ids.filter((_, i) => !(t.scores[i] <= 1 - eps))).sort(byText);
}

/** Removals when a row is compared with kept rows only: the end of a chain A~B~C stays when B goes. Sorted. */
export async function greedyRemovals(
  store: VectorStore,
  tables: readonly PruningTable[],
  eps: number,
): Promise<string[]> {
  const rowOf = new Map(store.ids.map((id, row) => [id, row]));
  const removed: string[] = [];
  for (const table of tables) {
    // Whoever is far enough from all earlier rows is far enough from the kept ones.
    if (table.scores.every((score) => score <= 1 - eps)) continue;
    const rows = table.ids.map((id) => rowOf.get(id) as number);
    const points = unitRows(rows.length, store.dim, await store.gather(rows));
    const kept: number[] = [];
    table.ids.forEach((id, i) => {
      const isFar =
        table.scores[i] <= 1 - eps || kept.every((j) => dotRows(points, i, points, j) <= 1 - eps);
      if (isFar) kept.push(i);
      else removed.push(id);
    });
  }
  return removed.sort(byText);
}
