import { describe, expect, it } from "vitest";
import {
  add,
  compile,
  gradients,
  Graph,
  linear,
  mse,
  mul,
  peakLiveBytes,
  reference,
  rmsNorm,
  silu,
  tensor,
  type Tensor,
  type Value,
} from "@causeway/graph";

const [rows, width, inner] = [64, 16, 64];
const values = (shape: readonly number[], seed: number): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      Math.sin(seed + 1.3 * i + 0.001 * i * i),
    ),
    shape,
  );

/** A stack of gated layers with residuals; gradients of every weight, with or without checkpoints between layers. */
function stack(layers: number, isCheckpointed: boolean) {
  const g = new Graph();
  let x: Value = g.input("x", [rows, width]);
  const states = [x];
  for (let layer = 0; layer < layers; layer++) {
    const weight = (name: string, ...shape: number[]) => g.parameter(`${layer}.${name}`, shape);
    const normed = rmsNorm(x, weight("norm", width), 1e-6);
    const gate = silu(linear(normed, weight("gate", inner, width)));
    const up = linear(normed, weight("up", inner, width));
    x = add(x, linear(mul(gate, up), weight("down", width, inner)));
    states.push(x);
  }
  const loss = mse(x, g.input("y", [rows, width]));
  const wrt = [...g.parameters.values()];
  const grads = gradients(loss, wrt, undefined, isCheckpointed ? { checkpoints: states } : {});
  g.output("loss", loss);
  [...g.parameters.keys()].forEach((name, i) => g.output(`d ${name}`, grads[i] as Value));
  const feeds = new Map<string, Tensor>([
    ["x", values([rows, width], 1)],
    ["y", values([rows, width], 2)],
    ...[...g.parameters].map(([name, { shape }], i) => [name, values(shape, 3 + i)] as const),
  ]);
  return { g, feeds };
}

/** Whether `value` cannot be computed before `other`. */
function waitsFor(value: Value, other: Value, seen = new Set<Value>()): boolean {
  if (value === other) return true;
  if (seen.has(value)) return false;
  seen.add(value);
  return value.node.inputs.some((input) => waitsFor(input, other, seen));
}

describe("checkpointed gradients", () => {
  it.each([
    ["ort-node", compile],
    ["reference", (g: Graph) => reference.compile(g)],
  ] as const)("are those without checkpoints on %s", async (_, build) => {
    const results = await Promise.all(
      [false, true].map(async (isCheckpointed) => {
        const { g, feeds } = stack(3, isCheckpointed);
        const executable = await build(g);
        const out = await executable.run(feeds);
        await executable.dispose();
        return out;
      }),
    );
    const [plain, again] = results as [ReadonlyMap<string, Tensor>, ReadonlyMap<string, Tensor>];
    expect(plain.size).toBe(13);
    for (const [name, { data }] of plain)
      (data as Float32Array).forEach((v, i) => {
        // The same kernels on the same numbers; additions of cotangents may come in another order.
        expect(again.get(name)?.data[i] as number).toBeCloseTo(v, 4);
      });
  });

  it("need memory that grows with one layer's width times depth no more", () => {
    const peak = (layers: number, isCheckpointed: boolean) =>
      peakLiveBytes(stack(layers, isCheckpointed).g.outputs.values());
    const growth = (isCheckpointed: boolean) =>
      (peak(24, isCheckpointed) - peak(12, isCheckpointed)) / 12;
    const state = 4 * rows * width;
    const weights = 4 * (3 * width * inner + width);
    // What stays of a layer: its input and, as results, the gradients of its weights.
    expect(growth(true)).toBeLessThanOrEqual(weights + state);
    // Otherwise also the norm, gate, up, their product and their activations.
    expect(growth(false)).toBeGreaterThan(state + 4 * rows * 3 * inner);
  });

  it("begin a layer's copy when all weight gradients of the layer above are there", () => {
    const { g } = stack(3, true);
    const starts = g.nodes.filter(({ op }) => op === "where").map(({ outputs: [start] }) => start);
    // From the top: layer 2, 1, 0.
    expect(starts).toHaveLength(3);
    const gradient = (name: string) => g.outputs.get(`d ${name}`) as Value;
    starts.forEach((start, i) => {
      const [own, above] = [2 - i, 3 - i];
      for (const weight of ["norm", "gate", "up", "down"]) {
        if (above < 3) expect(waitsFor(start, gradient(`${above}.${weight}`))).toBe(true);
        expect(waitsFor(start, gradient(`${own}.${weight}`))).toBe(false);
      }
    });
  });

  it("do compute every layer twice in the compiled form", () => {
    const count = (isCheckpointed: boolean) =>
      stack(3, isCheckpointed).g.nodes.filter(({ op }) => op === "rmsNorm").length;
    expect(count(false)).toBe(3);
    expect(count(true)).toBe(6);
  });
});
