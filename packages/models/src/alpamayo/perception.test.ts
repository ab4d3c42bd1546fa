import { compile, Graph, tensor, type Value } from "@causeway/graph";
import { expect, it } from "vitest";
import type { VisionOutput } from "../qwen3vl/vision.ts";
import { perceptionLoss } from "./perception.ts";

/** The loss for tokens whose logits are all 0 is ln 2 a cell, whatever the target. */
it("is the weighted logistic loss over merged tokens and DeepStack levels", async () => {
  const g = new Graph();
  const tokens: Value = g.input("tokens", [2, 4]);
  const vision = { merged: tokens, deepstack: [tokens], trace: new Map() } as VisionOutput;
  g.output(
    "loss",
    perceptionLoss(g, vision, {
      channels: 3,
      weight: 1,
      positiveWeights: [2, 2, 2],
      negativeWeights: [1, 1, 1],
    }),
  );
  const run = await compile(g);
  const loss = async (values: number[], target: number[], weights: number[]) =>
    Number(
      (
        await run.run({
          tokens: tensor(values, [2, 4]),
          perception: tensor(target, [2, 3]),
          perception_weights: tensor(weights, [2, 3]),
        })
      ).get("loss")?.data[0],
    );
  const ones = [1, 1, 1, 1, 1, 1];
  const zeros = [0, 0, 0, 0, 0, 0];
  const blank = [0, 0, 0, 0, 0, 0, 0, 0];
  expect(await loss(blank, zeros, ones)).toBeCloseTo(2 * Math.LN2, 6);
  expect(await loss(blank, ones, [3, 3, 3, 3, 3, 3])).toBeCloseTo(6 * Math.LN2, 5);
  // softplus(z) - z y: seen and unseen differ by z, which turning the token around turns around.
  const token = [1, -2, 3, 0.5, 0, 0, 0, 0];
  const back = token.map((v) => -v);
  expect(await loss(token, ones, ones)).toBeCloseTo(await loss(back, zeros, ones), 5);
  // Neither overflows far out.
  expect(
    Number.isFinite(
      await loss(
        token.map((v) => 1e3 * v),
        ones,
        ones,
      ),
    ),
  ).toBe(true);
  await run.dispose();
});
