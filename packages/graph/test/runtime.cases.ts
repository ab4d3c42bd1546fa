/** What every runtime must do, whatever it runs on. */
import * as ops from "@causeway/graph";
import {
  add,
  attention,
  gather,
  gradients,
  Graph,
  linear,
  matmul,
  mul,
  reduceSum,
  reference,
  rmsNorm,
  type Runtime,
  ShapeError,
  silu,
  softmax,
  tensor,
  tensorBool,
  tensorInt64,
  where,
} from "@causeway/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, relative = 2e-5): void => {
  expect(actual.length).toBe(expected.length);
  let scale = 1e-6;
  for (let i = 0; i < expected.length; i++)
    scale = Math.max(scale, Math.abs(expected[i] as number));
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs((actual[i] as number) - (expected[i] as number)), `element ${i}`).toBeLessThan(
      relative * scale,
    );
};

export function runtimeCases(runtime: Runtime): void {
  describe(runtime.name, () => {
    test("writes results into the given arrays and leaves others alone", async () => {
      const g = new Graph();
      const x = g.input("x", [2, 2]);
      const executable = await runtime.compile(g, {
        outputs: { twice: mul(x, 2), sum: reduceSum(x) },
      });
      // Poisoned, to prove that every element is written.
      const arena = new Float32Array(8).fill(Number.NaN);
      const twice = tensor(arena.subarray(2, 6), [2, 2]);
      const results = await executable.run({ x: tensor([1, 2, 3, 4], [2, 2]) }, { twice });
      expect([...arena.subarray(2, 6)]).toEqual([2, 4, 6, 8]);
      expect([...arena.subarray(0, 2), ...arena.subarray(6)].every(Number.isNaN)).toBe(true);
      expect(results.get("sum")?.data[0]).toBe(10);
      expect(results.get("sum")?.shape).toEqual([]);
      await executable.dispose();
    });

    test("reads feeds in place: a changed array changes the next result", async () => {
      const g = new Graph();
      const w = g.parameter("w", [2]);
      const executable = await runtime.compile(g, { outputs: { y: mul(w, 3) } });
      const data = Float32Array.of(1, 2);
      await executable.run({ w: tensor(data, [2]) });
      data[1] = 5;
      const { data: y } =
        (await executable.run({ w: tensor(data, [2]) })).get("y") ?? tensor([], [0]);
      expect([...y].map(Number)).toEqual([3, 15]);
      await executable.dispose();
    });

    test("baked parameters need no feed", async () => {
      const g = new Graph();
      const y = linear(g.input("x", [1, 2]), g.parameter("w", [1, 2]));
      const baked = new Map([["w", tensor([10, 1], [1, 2])]]);
      const executable = await runtime.compile(g, { outputs: { y }, baked });
      expect(executable.inputNames).toEqual(["x"]);
      const results = await executable.run({ x: tensor([2, 3], [1, 2]) });
      expect(results.get("y")?.data[0]).toBe(23);
      await executable.dispose();
    });

    test("a missing or misshapen feed is an error that names it", async () => {
      const g = new Graph();
      const y = add(g.input("x", [3]), g.input("z", [3]));
      const executable = await runtime.compile(g, { outputs: { y } });
      await expect(executable.run({ x: tensor([1, 2, 3], [3]) })).rejects.toThrow(
        'no feed for "z"',
      );
      await expect(
        executable.run({ x: tensor([1, 2], [2]), z: tensor([1, 2, 3], [3]) }),
      ).rejects.toThrow('feed "x" is float32 [2], expected float32 [3]');
      await expect(executable.run({ x: tensor([1, 2], [2]) })).rejects.toBeInstanceOf(ShapeError);
      await executable.dispose();
    });

    test("integers and booleans go in and come out", async () => {
      const g = new Graph();
      const ids = g.input("ids", [3], "int64");
      const keep = g.input("keep", [3], "bool");
      const x = g.input("x", [4, 2]);
      const rows = gather(x, ids, 0);
      const executable = await runtime.compile(g, {
        outputs: { best: ops.argMax(x, 1), kept: where(ops.reshape(keep, [3, 1]), rows, -1) },
      });
      const results = await executable.run({
        ids: tensorInt64([3, -4, 1], [3]),
        keep: tensorBool([1, 0, 1], [3]),
        x: tensor([1, 0, 0, 5, 2, 2, 7, 9], [4, 2]),
      });
      expect([...(results.get("best")?.data ?? [])]).toEqual([0n, 1n, 0n, 1n]);
      expect([...(results.get("kept")?.data ?? [])]).toEqual([7, 9, -1, -1, 0, 5]);
      await executable.dispose();
    });

    test("a transformer block and its gradients agree with the reference", async () => {
      const [b, t, c, heads] = [2, 5, 12, 3];
      const g = new Graph();
      const x = g.input("x", [b, t, c]);
      const weights = ["q", "k", "v", "o"].map((name) =>
        g.parameter(name, name === "k" || name === "v" ? [c / heads, c] : [c, c]),
      );
      const norm = g.parameter("norm", [c]);
      const split = (value: typeof x, h: number) =>
        ops.transpose(ops.reshape(value, [b, t, h, -1]), [0, 2, 1, 3]);
      const hidden = rmsNorm(x, norm, 1e-6);
      const [q, k, v] = weights.slice(0, 3).map((w) => linear(hidden, w)) as [
        typeof x,
        typeof x,
        typeof x,
      ];
      const mixed = attention(split(q, heads), split(k, 1), split(v, 1));
      const merged = ops.reshape(ops.transpose(mixed, [0, 2, 1, 3]), [b, t, c]);
      const y = add(x, silu(linear(merged, weights[3] as typeof x)));
      const loss = reduceSum(mul(y, softmax(y, -1)));
      const wrt = [x, norm, ...weights];
      const outputs = new Map([["loss", loss]]);
      gradients(loss, wrt).forEach((grad, i) => outputs.set(`g${i}`, grad));
      let seed = 1;
      const random = () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
        return seed / 2 ** 31;
      };
      const feeds = new Map(
        [...g.inputs, ...g.parameters].map(([name, { shape }]) => [
          name,
          tensor(Float32Array.from({ length: shape.reduce((a, d) => a * d, 1) }, random), shape),
        ]),
      );
      const [actual, expected] = await Promise.all(
        [runtime, reference].map(async (r) => {
          const executable = await r.compile(g, { outputs });
          const results = await executable.run(feeds);
          await executable.dispose();
          return results;
        }),
      );
      for (const [name, { data }] of expected ?? [])
        close(actual?.get(name)?.data as Float32Array, data as Float32Array);
    });

    test("random programs agree with the reference, values and gradients", async () => {
      const unary = [
        "neg",
        "exp",
        "tanh",
        "sigmoid",
        "silu",
        "sin",
        "cos",
        "erf",
        "softmax",
        "gelu",
        "sum",
        "max",
        "transpose",
        "slice",
        "pad",
        "flip",
      ] as const;
      const step = fc.record({
        op: fc.constantFrom(...unary, "add", "mul", "sub", "div", "matmul", "concat", "norm"),
        a: fc.nat(20),
        b: fc.nat(20),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 8 }),
          fc.nat(),
          async (program, start) => {
            const g = new Graph();
            const leaves = [g.input("p", [3, 4]), g.input("q", [3, 4]), g.input("r", [1, 4])];
            const pool = [...leaves];
            for (const { op, a, b } of program) {
              const x = pool[a % pool.length] as (typeof pool)[number];
              const y = pool[b % pool.length] as (typeof pool)[number];
              const fits = x.shape.every((d, i) => d === y.shape[i] || d === 1 || y.shape[i] === 1);
              const result = {
                neg: () => ops.neg(x),
                exp: () => ops.exp(ops.tanh(x)),
                tanh: () => ops.tanh(x),
                sigmoid: () => ops.sigmoid(x),
                silu: () => silu(x),
                sin: () => ops.sin(x),
                cos: () => ops.cos(x),
                erf: () => ops.erf(x),
                softmax: () => softmax(x, a % 2),
                gelu: () => ops.gelu(x, a % 2 ? "none" : "tanh"),
                sum: () => reduceSum(x, [b % 2], true),
                max: () => ops.reduceMax(x, [b % 2], true),
                transpose: () => ops.transpose(x, [1, 0]),
                slice: () =>
                  ops.slice(x, {
                    starts: [0],
                    ends: [Math.max(1, (x.shape[1] as number) - 1)],
                    axes: [1],
                  }),
                pad: () => ops.pad(x, [0, 1], [1, 0]),
                flip: () => ops.slice(x, { starts: [-1], ends: [-1000], axes: [0], steps: [-1] }),
                add: () => (fits ? add(x, y) : x),
                mul: () => (fits ? mul(x, y) : x),
                sub: () => (fits ? ops.sub(x, y) : x),
                div: () => (fits ? ops.div(x, add(ops.exp(ops.tanh(y)), 1)) : x),
                matmul: () => matmul(ops.tanh(x), ops.tanh(x), { transB: true, alpha: 0.5 }),
                concat: () => (x.shape[0] === y.shape[0] ? ops.concat([x, y], 1) : x),
                norm: () => ops.layerNorm(x, null, null, 0.1),
              }[op]();
              pool.push(result);
            }
            const loss = reduceSum(ops.tanh(pool.at(-1) as (typeof pool)[number]));
            const outputs = new Map([["loss", loss]]);
            gradients(loss, leaves).forEach((grad, i) => outputs.set(`g${i}`, grad));
            let seed = start | 0;
            const random = () => {
              seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
              return seed / 2 ** 31;
            };
            const feeds = new Map(
              leaves.map(({ shape }, i) => [
                ["p", "q", "r"][i] as string,
                tensor(Float32Array.from({ length: (shape[0] as number) * 4 }, random), shape),
              ]),
            );
            const run = async (r: Runtime) => {
              const executable = await r.compile(g, { outputs });
              const results = await executable.run(feeds);
              await executable.dispose();
              return results;
            };
            const [actual, expected] = [await run(runtime), await run(reference)];
            for (const [name, { data }] of expected)
              close(actual.get(name)?.data as Float32Array, data as Float32Array, 1e-4);
          },
        ),
        { numRuns: runtime === reference ? 5 : 40, seed: 7 },
      );
    });
  });
}
