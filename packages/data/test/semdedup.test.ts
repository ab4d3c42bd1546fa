import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  greedyRemovals,
  memoryStore,
  openVectors,
  removedAt,
  semDedup,
  writeVectors,
} from "../src/index.ts";

const dim = 16;
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "semdedup-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Random directions; row 2i + 1 of the first `copies` pairs is a copy of row 2i at a small angle. */
function rows(n: number, copies: number, angle: number, seed = 3): Float32Array {
  const rng = createRng(seed);
  const out = new Float32Array(n * dim);
  for (let i = 0; i < n; i++) {
    const isCopy = i % 2 === 1 && i < 2 * copies;
    for (let j = 0; j < dim; j++) {
      out[i * dim + j] = isCopy
        ? out[(i - 1) * dim + j] + angle * 0.25 * rng.normal()
        : rng.normal();
    }
  }
  return out;
}
const names = (n: number) => Array.from({ length: n }, (_, i) => `c${String(i).padStart(4, "0")}`);

describe("semantic de-duplication", () => {
  it("finds planted copies, one of each pair, and nothing else", async () => {
    const store = memoryStore(names(200), dim, rows(200, 20, 0.01));
    const found = await semDedup(store, { seed: 1, clusters: 1 });
    const removed = removedAt(found.tables, 0.01);
    expect(removed).toHaveLength(20);
    const pairs = removed.map((id) => Math.floor(Number(id.slice(1)) / 2));
    expect(new Set(pairs).size).toBe(20);
    expect(pairs.every((p) => p < 20)).toBe(true);
  });

  it("puts every row into one cluster and removes more as eps grows", async () => {
    const store = memoryStore(names(150), dim, rows(150, 40, 0.2));
    const found = await semDedup(store, { seed: 1 });
    expect(found.clusters).toBe(12);
    expect(found.tables.flatMap((t) => [...t.ids]).sort()).toEqual([...store.ids]);
    const counts = [0, 0.001, 0.01, 0.1, 0.5].map((eps) => removedAt(found.tables, eps).length);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[4]).toBeGreaterThan(counts[1]);
  });

  it("keeps at least as much when compared with kept rows only, and spares the end of a chain", async () => {
    // Three directions in a plane, 8° apart, and eps at 10°: the outer two differ enough.
    const chain = new Float32Array(3 * dim);
    [0, 8, 16].forEach((degrees, i) => {
      chain[i * dim] = Math.cos((degrees * Math.PI) / 180);
      chain[i * dim + 1] = Math.sin((degrees * Math.PI) / 180);
    });
    // A far row pulls the centroid, so that the chain is compared from one end to the other.
    const store = memoryStore(
      ["a", "b", "c", "far"],
      dim,
      Float32Array.from([
        ...chain,
        ...new Float32Array(dim).fill(0).map((_, j) => (j === 1 ? 1 : 0)),
      ]),
    );
    const eps = 1 - Math.cos((10 * Math.PI) / 180);
    const found = await semDedup(store, { seed: 1, clusters: 1 });
    const plain = removedAt(found.tables, eps);
    const greedy = await greedyRemovals(store, found.tables, eps);
    expect(plain.length).toBe(2);
    expect(greedy).toEqual(["b"]);
    expect(greedy.every((id) => plain.includes(id))).toBe(true);
  });

  it("gives the same from a file, and from a fit on a part of the rows", async () => {
    const values = rows(120, 30, 0.02);
    const path = join(dir, "vectors.f32");
    await writeVectors(
      path,
      dim,
      Array.from({ length: 120 }, (_, i) => values.subarray(i * dim, (i + 1) * dim)),
    );
    const memory = memoryStore(names(120), dim, values);
    const file = await openVectors(path, names(120), dim);
    try {
      const a = await semDedup(memory, { seed: 5, fitRows: 60 });
      const b = await semDedup(file, { seed: 5, fitRows: 60 });
      expect(b.tables).toEqual(a.tables);
      expect(a.labels).toHaveLength(120);
    } finally {
      await file.close();
    }
    await expect(openVectors(path, names(119), dim)).rejects.toThrow(/expected 7616/);
  });

  it("does not depend on the order of the rows when the start is given", async () => {
    const values = rows(60, 10, 0.01);
    const start = { rows: 2, dim, data: Float64Array.from(values.subarray(0, 2 * dim)) };
    const ids = names(60);
    const order = ids.map((_, i) => i).reverse();
    const turned = memoryStore(
      order.map((i) => ids[i]),
      dim,
      await memoryStore(ids, dim, values).gather(order),
    );
    const options = { seed: 1, initialCentroids: start };
    const a = await semDedup(memoryStore(ids, dim, values), options);
    const b = await semDedup(turned, options);
    expect(b.tables.map((t) => t.ids)).toEqual(a.tables.map((t) => t.ids));
    expect(removedAt(b.tables, 0.01)).toEqual(removedAt(a.tables, 0.01));
  });

  it("says what is wrong with its input", async () => {
    await expect(semDedup(memoryStore([], dim, new Float32Array(0)), { seed: 1 })).rejects.toThrow(
      /no rows/,
    );
    await expect(
      semDedup(memoryStore(["a", "a"], dim, rows(2, 0, 0)), { seed: 1 }),
    ).rejects.toThrow(/share ids/);
    expect(() => memoryStore(["a"], dim, new Float32Array(3))).toThrow(/expected 16/);
  });
});
