import { join } from "node:path";
import {
  compile,
  gradients,
  Graph,
  mul,
  reduceSum,
  tensor,
  type Tensor,
  type Value,
} from "@causeway/graph";
import { actionInProj, fourierFeatures, fourierFrequencies } from "../alpamayo/action-in-proj.ts";
import { feed, withTensors } from "./case-tensors.ts";
import { caseName, Comparison, type GoldenCheck, member } from "./check.ts";

const file = "data.safetensors";

/** Fourier features, every layer of the action MLP, and all gradients. */
export async function checkActionInProj(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const check = new Comparison(
    caseName(caseJson, "action-in-proj"),
    "fourier_out 2e-6; layers 1e-5; gradients 1e-3 of the largest entry",
  );
  const setting = (key: string) => Number(member(caseJson, "config", key));
  const settings = {
    hiddenSize: setting("hidden_size"),
    numEncLayers: setting("num_enc_layers"),
    numFourierFeats: setting("num_fourier_feats"),
    maxFreq: setting("max_freq"),
  };
  await withTensors(join(dir, file), async (data) => {
    const frequencies = fourierFrequencies(settings.numFourierFeats, settings.maxFreq);
    check.close("freqs", frequencies, (await data.floats("freqs")).data, { ofLargest: 1e-7 });
    const fourier = async (freqs: Float32Array, expected: string) => {
      const g = new Graph();
      const x = await feed(data, "fourier_in");
      const out = fourierFeatures(g, g.input("x", [x.shape[0] as number, 1]), freqs);
      const run = await runOnce(
        g,
        { out },
        new Map([["x", tensor(x.data as Float32Array, [x.shape[0] as number, 1])]]),
      );
      check.close(expected, run("out"), (await data.floats(expected)).data, { absolute: 2e-6 });
    };
    await fourier(frequencies, "fourier_out");
    await fourier((await data.floats("freqs_bf16")).data, "fourier_out_bf16_freqs");

    const g = new Graph();
    const [x, t, cotangent] = [
      await feed(data, "x"),
      await feed(data, "t"),
      await feed(data, "grad_out"),
    ];
    const action = g.input("x", x.shape);
    const { embeds, trace } = actionInProj(
      g,
      settings,
      setting("out_dim"),
      action,
      g.input("t", t.shape),
      "",
    );
    const objective = reduceSum(mul(embeds, g.input("grad_out", cotangent.shape)));
    const names = [...g.parameters.keys()];
    const grads = gradients(objective, [
      action,
      ...names.map((name) => g.parameters.get(name) as Value),
    ]);
    const outputs: Record<string, Value> = { out: embeds, ...Object.fromEntries(trace) };
    ["grad_x", ...names.map((name) => `grad.${name}`)].forEach((name, i) => {
      outputs[name] = grads[i] as Value;
    });
    const feeds = new Map<string, Tensor>([
      ["x", x],
      ["t", t],
      ["grad_out", cotangent],
    ]);
    for (const name of names) feeds.set(name, await feed(data, `weights.${name}`));
    const run = await runOnce(g, outputs, feeds);
    for (const name of Object.keys(outputs)) {
      const expected = (await data.floats(name)).data;
      const actual = run(name).subarray(0, name.startsWith("trunk_") ? expected.length : undefined);
      check.close(
        name,
        actual,
        expected,
        name.startsWith("grad") ? { ofLargest: 1e-3 } : { absolute: 1e-5 },
      );
    }
  });
  return [check.result()];
}

/** Compiles, runs once, frees; the result reads outputs by name. */
export async function runOnce(
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<(name: string) => Float32Array> {
  const executable = await compile(graph, { outputs });
  try {
    const results = await executable.run(feeds);
    return (name) => (results.get(name) as Tensor).data as Float32Array;
  } finally {
    await executable.dispose();
  }
}
