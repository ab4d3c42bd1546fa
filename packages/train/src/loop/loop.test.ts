import fc from "fast-check";
import { expect, test } from "vitest";
import { createDataOrder } from "./data-order.ts";
import { flatLayout, tensorViews } from "./flat-layout.ts";
import { matcher, parameterGroups, splitFrozen } from "./groups.ts";

test("each epoch holds every sample once, whatever the batch size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(),
      (n, b, seed) => {
        const order = createDataOrder(n, b, seed);
        const seen = Array.from({ length: Math.ceil((3 * n) / b) }, (_, i) =>
          order.batch(i),
        ).flat();
        for (let epoch = 0; epoch < 3; epoch++)
          expect(seen.slice(epoch * n, (epoch + 1) * n).sort((x, y) => x - y)).toEqual(
            Array.from({ length: n }, (_, i) => i),
          );
      },
    ),
  );
});

test("a batch does not depend on the batches before it", () => {
  const order = createDataOrder(17, 5, 3);
  const inOrder = Array.from({ length: 12 }, (_, i) => order.batch(i));
  for (let i = 11; i >= 0; i--) expect(createDataOrder(17, 5, 3).batch(i)).toEqual(inOrder[i]);
  expect(createDataOrder(17, 5, 4).batch(0)).not.toEqual(inOrder[0]);
});

test("views share the buffer, and groups cover exactly the weights that train", () => {
  const layout = flatLayout(
    new Map([
      ["b.weight", [3, 5]],
      ["a.weight", [2, 2]],
      ["a.bias", [7]],
      ["c.weight", [4, 4]],
    ]),
  );
  expect(layout.entries.map((e) => e.name)).toEqual(["a.bias", "a.weight", "b.weight", "c.weight"]);
  expect(layout.numParameters).toBe(42);
  const buffer = new Float32Array(layout.length);
  tensorViews(layout, buffer)
    .get("b.weight")
    ?.data.fill(1 as never);
  expect(buffer.reduce((a, b) => a + b, 0)).toBe(15);
  const groups = parameterGroups(layout, {
    weightDecay: 0.1,
    modules: { freeze: [], lrMultipliers: [{ pattern: "c.*", multiplier: 0.5 }] },
  });
  const [a, aw, , c] = layout.entries.map((e) => e.start);
  expect(groups).toEqual([
    { ranges: [{ start: a, end: aw }], lrMultiplier: 1, weightDecay: 0 },
    { ranges: [{ start: aw, end: c }], lrMultiplier: 1, weightDecay: 0.1 },
    { ranges: [{ start: c, end: layout.length }], lrMultiplier: 0.5, weightDecay: 0.1 },
  ]);
});

test("patterns stand for whole names, and one that fits nothing is an error", () => {
  expect(matcher("vlm.*.bias")("vlm.model.x.bias")).toBe(true);
  expect(matcher("vlm.*.bias")("vlm.model.x.bias2")).toBe(false);
  expect(matcher("a.b")("axb")).toBe(false);
  expect(splitFrozen(["a.x", "b.x"], ["a.*"])).toEqual({ trained: ["b.x"], frozen: ["a.x"] });
  expect(() => splitFrozen(["a.x"], ["c.*"])).toThrow('modules.freeze[0]: "c.*" fits no');
  expect(() => splitFrozen(["a.x"], ["*"])).toThrow("nothing to train");
});
