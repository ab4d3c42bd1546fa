import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  compile,
  type Executable,
  Graph,
  linear,
  quantizeBlocks,
  type QuantizedWeight,
  reduceSum,
  reference,
  reshape,
  rope,
  slice,
  softmax,
  type StoredTensor,
  tensor,
  type Tensor,
} from "@causeway/graph";

/** Values in [-1, 1] that differ from place to place. */
const wave = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i + 0.01 * i * i));

function packed(weight: Float32Array, n: number, k: number, bits: 4 | 8, symmetric: boolean) {
  const q = quantizeBlocks(weight, k, n, "nk", { bits, blockSize: 32, symmetric });
  const blocks = Math.ceil(k / 32);
  const bytes = (data: Uint8Array, shape: number[]): Tensor => ({ dtype: "uint8", shape, data });
  const out: QuantizedWeight = {
    bits,
    blockSize: 32,
    k,
    n,
    codes: bytes(q.codes, [n, blocks, 4 * bits]),
    scales: tensor(q.scales, [n, blocks]),
    zeroPoints: q.zeroPoints === null ? null : bytes(q.zeroPoints, [n, q.zeroPoints.length / n]),
  };
  return out;
}

const linearGraph = (rows: number, k: number, n: number): Graph => {
  const g = new Graph();
  g.output("y", linear(g.input("x", [rows, k]), g.parameter("w", [n, k])));
  return g;
};

async function outputOf(executable: Executable, feeds: Record<string, Tensor>) {
  const result = (await executable.run(feeds)).get("y") as Tensor;
  await executable.dispose();
  return result;
}

describe("quantised linear layers", () => {
  it.each([
    [4, true],
    [4, false],
    [8, true],
    [8, false],
  ] as const)(
    "of %i bits, symmetric %s, multiply what their codes stand for",
    async (bits, symmetric) => {
      const [rows, k, n] = [3, 96, 5];
      const quantized = new Map([["w", packed(wave(n * k, 1), n, k, bits, symmetric)]]);
      const graph = linearGraph(rows, k, n);
      const feeds = { x: tensor(wave(rows * k, 2), [rows, k]) };
      const fast = await outputOf(await compile(graph, { quantized }), feeds);
      const exact = await outputOf(await reference.compile(graph, { quantized }), feeds);
      for (const [i, y] of (exact.data as Float32Array).entries())
        expect(fast.data[i] as number).toBeCloseTo(y, 4);
      // Rounded activations: within 1 % of the largest value, and not the same path.
      const coarse = await outputOf(
        await compile(graph, { quantized, quantizedCompute: "int8" }),
        feeds,
      );
      const largest = Math.max(...(exact.data as Float32Array).map(Math.abs));
      for (const [i, y] of (exact.data as Float32Array).entries())
        expect(Math.abs((coarse.data[i] as number) - y)).toBeLessThan(0.01 * largest + 0.01);
    },
  );

  it("refuse a weight that something else reads", async () => {
    const g = new Graph();
    const w = g.parameter("w", [4, 32]);
    g.output("y", linear(g.input("x", [1, 32]), slice(w, { starts: [0], ends: [2], axes: [0] })));
    const quantized = new Map([["w", packed(wave(128, 1), 4, 32, 4, true)]]);
    await expect(compile(g, { quantized })).rejects.toThrow(/"w" is read by slice.*Exclude it/);
  });
});

describe("stored weights", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-stored-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("are read from their file at their offset", async () => {
    const [k, n] = [64, 4];
    const values = wave(k * n, 3);
    const q = packed(values, n, k, 4, true);
    const parts = [new Uint8Array(24), values, q.codes, q.scales].map((part) => {
      const data =
        part instanceof Uint8Array || part instanceof Float32Array ? part : (part as Tensor).data;
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    });
    const file = join(folder, "weights.bin");
    await writeFile(file, Buffer.concat(parts));
    const offset = (i: number) => parts.slice(0, i).reduce((sum, part) => sum + part.length, 0);
    const at = (
      t: { dtype: Tensor["dtype"]; shape: readonly number[] },
      i: number,
    ): StoredTensor => ({
      dtype: t.dtype,
      shape: t.shape,
      file,
      offset: offset(i),
    });
    const feeds = { x: tensor(wave(k, 5), [1, k]) };
    const graph = linearGraph(1, k, n);
    const plain = at({ dtype: "float32", shape: [n, k] }, 1);
    const fromFile = await outputOf(
      await compile(graph, { stored: new Map([["w", plain]]) }),
      feeds,
    );
    const baked = new Map([["w", tensor(values, [n, k])]]);
    expect(fromFile.data).toEqual((await outputOf(await compile(graph, { baked }), feeds)).data);
    const codes = at(q.codes, 2);
    const scales = at(q.scales, 3);
    const quantized = new Map([["w", { ...q, codes, scales }]]);
    const memory = await outputOf(await compile(graph, { quantized: new Map([["w", q]]) }), feeds);
    expect((await outputOf(await compile(graph, { quantized }), feeds)).data).toEqual(memory.data);
  });
});

describe("free sizes", () => {
  const any = 8191;
  const build = (length: number): Graph => {
    const g = new Graph();
    const x = g.input("x", [1, length, 2, 4]);
    const cos = g.input("cos", [1, length, 2]);
    const heads = rope(reshape(x, [1, 2, length, 4]), cos, g.input("sin", [1, length, 2]));
    g.output("y", softmax(reshape(heads, [2 * length, 4]), 1));
    return g;
  };

  it("let one compiled graph run at any length, as graphs of that length do", async () => {
    const open = await compile(build(any), { freeSizes: new Map([[any, "T"]]) });
    for (const length of [1, 5]) {
      const feeds = {
        x: tensor(wave(8 * length, 7), [1, length, 2, 4]),
        cos: tensor(wave(2 * length, 8), [1, length, 2]),
        sin: tensor(wave(2 * length, 9), [1, length, 2]),
      };
      const result = (await open.run(feeds)).get("y") as Tensor;
      const fixed = await outputOf(await compile(build(length)), feeds);
      expect(result.shape).toEqual([2 * length, 4]);
      expect(result.data).toEqual(fixed.data);
    }
    await open.dispose();
  });

  it("refuse a graph that has the size built in", async () => {
    const g = new Graph();
    const x = g.input("x", [any]);
    const table = g.constant(tensor(new Float32Array(any), [any]));
    g.output("y", reduceSum(add(x, table)));
    await expect(compile(g, { freeSizes: new Map([[any, "T"]]) })).rejects.toThrow(
      /constant \[T\] fixes a size that is declared open/,
    );
  });
});
