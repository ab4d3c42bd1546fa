import { compile, type Tensor, tensor } from "@causeway/graph";
import { expect, test } from "vitest";
import { rngOf, tinyCodec } from "../../test/tiny.ts";
import { buildFlowStep } from "../generation/graphs.ts";
import { maskedScore } from "../qwen3vl/model.ts";
import { initialWeights } from "./weights.ts";

const codec = tinyCodec();

test("draws that share a prefix get what each would get over a copy of it", async () => {
  const { config, manifest } = codec;
  const weights = initialWeights(config, rngOf(1), manifest.vocabulary);
  const { numLayers, numKvHeads, headDim } = config.vlm.text;
  const [rows, draws, capacity, steps] = [2, 3, 8, config.actionSpace.waypointCount];
  const rng = rngOf(2);
  const random = (...shape: number[]): Tensor =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => rng.normal()),
      shape,
    );
  // Row 0 has 5 slots, row 1 all 8.
  const mask = new Float32Array(rows * (capacity + steps));
  mask.fill(maskedScore, 5, capacity);
  const perRow = new Map<string, Tensor>([
    ["mask", tensor(mask, [rows, 1, 1, capacity + steps])],
    ["cos", random(rows, steps, headDim / 2)],
    ["sin", random(rows, steps, headDim / 2)],
    ...Array.from({ length: numLayers }, (_, i) =>
      (["cache_key", "cache_value"] as const).map((name): [string, Tensor] => [
        `${name}.${i}`,
        random(rows, numKvHeads, capacity, headDim),
      ]),
    ).flat(),
  ]);
  const perDraw = new Map<string, Tensor>([
    ["noisy", random(rows * draws, steps, 2)],
    ["time", tensor(new Float32Array(rows * draws).fill(0.3), [rows * draws, 1, 1])],
  ]);
  const velocity = async (
    shape: { rows: number; draws: number },
    own: ReadonlyMap<string, Tensor>,
  ): Promise<Float32Array> => {
    const { graph } = buildFlowStep(config, { ...shape, capacity });
    const executable = await compile(graph);
    const feeds = new Map<string, Tensor>([...own, ...perDraw]);
    for (const name of graph.parameters.keys()) feeds.set(name, weights.get(name) as Tensor);
    const out = Float32Array.from(
      (await executable.run(feeds)).get("velocity")?.data as Float32Array,
    );
    await executable.dispose();
    return out;
  };
  const copied = new Map(
    [...perRow].map(([name, { data, shape }]) => {
      const width = data.length / rows;
      const out = new Float32Array(draws * data.length);
      for (let r = 0; r < rows * draws; r++) {
        const row = Math.floor(r / draws);
        out.set((data as Float32Array).subarray(row * width, (row + 1) * width), r * width);
      }
      return [name, tensor(out, [rows * draws, ...shape.slice(1)])] as const;
    }),
  );
  const shared = await velocity({ rows, draws }, perRow);
  const apart = await velocity({ rows: rows * draws, draws: 1 }, copied);
  expect(shared).toHaveLength(rows * draws * steps * 2);
  shared.forEach((v, i) => expect(v).toBeCloseTo(apart[i] as number, 4));
  expect(Math.max(...shared.map(Math.abs))).toBeGreaterThan(0.1);
});
