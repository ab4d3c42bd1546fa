import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, gradients, type Tensor, type Value } from "@causeway/graph";
import {
  AlpamayoModel,
  asLoadedInBf16,
  BatchBuilder,
  buildStage1,
  buildStage2,
  drawFlowSample,
  type DriveResult,
  DrivingCodec,
  formatAlpamayoConfig,
  parseAlpamayoConfig,
  stage1Shape,
  stage2Shape,
  type TrainingExample,
  type TrainingGraph,
} from "@causeway/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rngOf, scene, sentences, straight, tinyCodec } from "../../test/tiny.ts";

const codec = tinyCodec();
let model: AlpamayoModel;
beforeAll(() => {
  model = AlpamayoModel.create(codec, rngOf(1));
});
afterAll(() => model.dispose());

const drive = (seed: number, samples = 2) => ({
  samples,
  rng: rngOf(seed),
  temperature: 1,
  topP: 1,
  maxTokens: 6,
});

describe("driving", () => {
  const inputs = [0, 1, 2].map((i) =>
    scene(rngOf(i), {
      red: i === 1,
      speedMps: 5 + i,
      ...(i === 2 ? { navText: "Turn left in 11m" } : {}),
    }),
  );

  it("gives the same answers for the same seed and other answers for another", async () => {
    const [a, b, c] = [
      await model.drive(inputs, drive(3)),
      await model.drive(inputs, drive(3)),
      await model.drive(inputs, drive(4)),
    ];
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
    const [first] = a;
    expect(first?.paths).toHaveLength(2);
    expect(first?.paths[0]?.x).toHaveLength(64);
    expect(first?.samples[0]?.tokens.at(-1)).toBe(codec.tokenizer.id("<|traj_future_start|>"));
    expect(first?.samples[0]?.path).not.toEqual(first?.samples[1]?.path);
  });

  it("does not mix inputs: an input alone gets what it gets in company", async () => {
    const ids = ["a", "b", "c"];
    const together = await model.drive(inputs, { ...drive(5), ids });
    for (const [i, input] of inputs.entries()) {
      const [alone] = await model.drive([input], { ...drive(5), ids: [ids[i] as string] });
      expect(alone?.tokens).toEqual(together[i]?.tokens);
      const [here, there] = [alone?.samples[1]?.action, together[i]?.samples[1]?.action] as [
        Float32Array,
        Float32Array,
      ];
      // Another batch size may sum in another order.
      here.forEach((value, k) => expect(value).toBeCloseTo(there[k] as number, 4));
    }
  });

  it("draws sets of trajectories over the same reasonings, the first as if it were the only one", async () => {
    const one = await model.drive(inputs, drive(6, 2));
    const three = await model.drive(inputs, { ...drive(6, 2), sets: 3 });
    for (const [i, { samples, paths }] of three.entries()) {
      expect(samples).toHaveLength(6);
      expect(paths).toEqual(samples.map(({ path }) => path));
      const alone = one[i]?.samples as DriveResult["samples"];
      samples.forEach(({ tokens }, j) => expect(tokens).toEqual(alone[j % 2]?.tokens));
      // Sums run in another order with more draws, and fast Fourier features of time magnify that over the steps.
      alone.forEach(({ action }, k) =>
        action.forEach((value, n) => expect(samples[k]?.action[n]).toBeCloseTo(value, 2)),
      );
      expect(new Set(samples.map(({ path }) => path.x[63])).size).toBe(6);
    }
    await expect(model.drive(inputs, { ...drive(6), sets: 0 })).rejects.toThrow(
      /sets is 0; expected a positive integer/,
    );
  });

  it("never writes trajectory tokens as text, and says when a text had to be closed", async () => {
    const results = await model.drive(inputs, { ...drive(7), maxTokens: 3 });
    const { futureFirst, futureBins, historyBins } = codec.manifest.vocabulary;
    for (const { tokens, isComplete, logProbs } of results.flatMap(({ samples }) => samples)) {
      expect(
        tokens.filter((id) => id >= futureFirst && id < futureFirst + futureBins + historyBins),
      ).toEqual([]);
      expect(isComplete).toBe(false);
      expect(tokens).toHaveLength(5);
      expect(logProbs.slice(-2)).toEqual([0, 0]);
      expect(logProbs[0]).toBeLessThan(0);
    }
  });

  it("refuses pictures that the model was not made for, by camera", async () => {
    const { cameras, ...rest } = inputs[0] as (typeof inputs)[number];
    const without = new Map([...cameras].slice(1));
    await expect(model.drive([{ ...rest, cameras: without }], drive(1))).rejects.toThrow(
      /camera_cross_left_120fov has no frames; expected 4/,
    );
  });
});

describe("model folders", () => {
  it("drive the same after saving and loading", async () => {
    const folder = await mkdtemp(join(tmpdir(), "causeway-model-"));
    try {
      await model.save(folder);
      const loaded = await AlpamayoModel.load(folder);
      const input = scene(rngOf(9), { red: true, speedMps: 7 });
      expect(await loaded.drive([input], drive(8))).toEqual(await model.drive([input], drive(8)));
      await loaded.dispose();
      await writeFile(
        join(folder, "manifest.json"),
        JSON.stringify({
          ...codec.manifest,
          vocabulary: { ...codec.manifest.vocabulary, futureFirst: 7 },
        }),
      );
      await expect(AlpamayoModel.load(folder)).rejects.toThrow(
        /futureFirst is 7 but the tokenizer gives/,
      );
      await rm(join(folder, "tokenizer.json"));
      await expect(AlpamayoModel.load(folder)).rejects.toThrow(/there is no tokenizer.json/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("refuse weights of another architecture by name and shape", () => {
    const weights = new Map(model.weights);
    weights.delete("expert.norm.weight");
    expect(() => new AlpamayoModel(codec, weights, "here")).toThrow(
      /1 missing: expert.norm.weight.*\(here\)/,
    );
    weights.set("expert.norm.weight", { dtype: "float32", shape: [3], data: new Float32Array(3) });
    weights.set("expert.bias", { dtype: "float32", shape: [3], data: new Float32Array(3) });
    expect(() => new AlpamayoModel(codec, weights)).toThrow(
      /1 misshapen: expert.norm.weight is \[3\] instead of \[32\]; 1 unknown: expert.bias/,
    );
  });
});

/** Plain gradient descent with momentum on one batch; returns the losses. */
async function descend(
  stage: TrainingGraph,
  feeds: Map<string, Tensor>,
  steps: number,
  rate: number,
): Promise<number[]> {
  const names = [...stage.trainable.keys()];
  const grads = gradients(
    stage.loss,
    names.map((name) => stage.trainable.get(name) as Value),
  );
  const executable = await compile(stage.graph, {
    outputs: {
      loss: stage.loss,
      ...Object.fromEntries(names.map((name, i) => [`grad ${name}`, grads[i] as Value])),
    },
  });
  const weights = new Map(
    [...model.weights].map(([name, w]) => [
      name,
      { ...w, data: Float32Array.from(w.data as Float32Array) },
    ]),
  );
  for (const name of stage.graph.parameters.keys()) feeds.set(name, weights.get(name) as Tensor);
  const losses: number[] = [];
  const speed = new Map(
    names.map((name) => [
      name,
      new Float32Array((weights.get(name) as { data: Float32Array }).data.length),
    ]),
  );
  for (let step = 0; step < steps; step++) {
    const out = await executable.run(feeds);
    losses.push(((out.get("loss") as Tensor).data as Float32Array)[0] as number);
    for (const name of names) {
      const grad = (out.get(`grad ${name}`) as Tensor).data as Float32Array;
      const { data } = weights.get(name) as { data: Float32Array };
      const v = speed.get(name) as Float32Array;
      let norm = 0;
      for (const g of grad) norm += g * g;
      const scale = rate / (Math.sqrt(norm) + 1e-6);
      for (let i = 0; i < v.length; i++) {
        v[i] = 0.8 * (v[i] as number) - scale * (grad[i] as number);
        data[i] = (data[i] as number) + (v[i] as number);
      }
    }
  }
  await executable.dispose();
  return losses;
}

/** Loss, its parts and the gradients of one batch at the model's weights. */
async function gradientsOf(
  stage: TrainingGraph,
  feeds: Map<string, Tensor>,
): Promise<{ scalars: Record<string, number>; gradients: Map<string, Float32Array> }> {
  const names = [...stage.trainable.keys()];
  const wrt = names.map((name) => stage.trainable.get(name) as Value);
  const grads = gradients(stage.loss, wrt);
  const executable = await compile(stage.graph, {
    outputs: new Map([
      ["loss", stage.loss],
      ...stage.parts,
      ...names.map((name, i) => [`grad ${name}`, grads[i] as Value] as const),
    ]),
  });
  for (const name of stage.graph.parameters.keys())
    feeds.set(name, model.weights.get(name) as Tensor);
  const out = await executable.run(feeds);
  const floats = (name: string) => Float32Array.from(out.get(name)?.data as Float32Array);
  const result = {
    scalars: Object.fromEntries(
      ["loss", ...stage.parts.keys()].map((name) => [name, floats(name)[0] as number]),
    ),
    gradients: new Map(names.map((name) => [name, floats(`grad ${name}`)])),
  };
  await executable.dispose();
  return result;
}

describe("training graphs", () => {
  const examples: TrainingExample[] = [0, 1, 2, 3].map((i) =>
    codec.example({
      input: scene(rngOf(i), {
        red: i % 2 === 1,
        speedMps: 6,
        ...(i === 2 ? { navText: "Turn left in 11m" } : {}),
      }),
      future: straight(64, 6, 0.1),
      cot: sentences[i % 2] as string,
    }),
  );
  const builder = new BatchBuilder(codec);

  it("stage 1 learns a batch and updates every VLM weight and nothing else", async () => {
    const shape = stage1Shape(codec, examples, 4);
    const stage = buildStage1(codec.config, shape);
    expect([...stage.trainable.keys()].every((name) => name.startsWith("vlm."))).toBe(true);
    const losses = await descend(stage, builder.stage1(examples, shape), 40, 0.02);
    // Near log(V) for each of the two means at first.
    expect(losses[0]).toBeGreaterThan(Math.log(codec.tokenizer.size));
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 3);
  });

  it("stage 2 learns the expert with the VLM frozen; draws share a prefix", async () => {
    const shape = stage2Shape(codec, examples, { batch: 4, drawsPerSample: 2 });
    const stage = buildStage2(codec.config, shape);
    expect([...stage.trainable.keys()].some((name) => name.startsWith("vlm."))).toBe(false);
    const flow = drawFlowSample(rngOf(5), builder.repeatedActions(examples, 2), 128);
    const losses = await descend(stage, builder.stage2(examples, flow, shape), 40, 0.02);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.8);
  });

  it("stage 2 trains the VLM along: what each learns is what it learns in its own stage", async () => {
    const flow = drawFlowSample(rngOf(5), builder.repeatedActions(examples, 2), 128);
    const language = stage1Shape(codec, examples, 4);
    const expert = stage2Shape(codec, examples, { batch: 4, drawsPerSample: 2 });
    const together = (from: "language" | "language-and-flow") => {
      const shape = {
        ...expert,
        length: language.length,
        cotrain: { labels: language.labels, gradients: from },
      };
      return gradientsOf(buildStage2(codec.config, shape), builder.stage2(examples, flow, shape));
    };
    const one = await gradientsOf(
      buildStage1(codec.config, language),
      builder.stage1(examples, language),
    );
    const two = await gradientsOf(
      buildStage2(codec.config, expert),
      builder.stage2(examples, flow, expert),
    );
    const both = await together("language");
    expect(both.scalars["loss_flow"]).toBeCloseTo(two.scalars["loss"] as number, 4);
    expect(both.scalars["loss"]).toBeCloseTo(
      (one.scalars["loss"] as number) + (two.scalars["loss"] as number),
      4,
    );
    const apart = new Map([...one.gradients, ...two.gradients]);
    expect([...both.gradients.keys()].toSorted()).toEqual([...apart.keys()].toSorted());
    const furthest = (name: string, a: Float32Array) => {
      const b = apart.get(name) as Float32Array;
      const largest = b.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
      return a.reduce((m, v, i) => Math.max(m, Math.abs(v - (b[i] as number))), 0) / largest;
    };
    for (const [name, grad] of both.gradients)
      expect(furthest(name, grad), name).toBeLessThan(2e-3);
    // The expert's own gradients stay; those of what it reads move, and the output head it does not read.
    const through = await together("language-and-flow");
    for (const [name, grad] of through.gradients) {
      const isRead =
        /k_proj|v_proj|embed_tokens|visual\.patch_embed/.test(name) && name.startsWith("vlm.");
      if (isRead) expect(furthest(name, grad), name).toBeGreaterThan(1e-2);
      if (!name.startsWith("vlm.") || name.includes("lm_head"))
        expect(furthest(name, grad), name).toBeLessThan(2e-3);
    }
  });

  it("a row's loss does not depend on the length it is padded to", async () => {
    const shape = stage1Shape(codec, examples, 4);
    const values: Float32Array[] = [];
    for (const length of [shape.length, shape.length + 9]) {
      const stage = buildStage1(codec.config, { ...shape, length });
      const executable = await compile(stage.graph, { outputs: { nll: stage.tokenLoss } });
      const feeds = builder.stage1(examples, { ...shape, length });
      for (const name of stage.graph.parameters.keys())
        feeds.set(name, model.weights.get(name) as Tensor);
      values.push(
        Float32Array.from(
          ((await executable.run(feeds)).get("nll") as Tensor).data as Float32Array,
        ),
      );
      await executable.dispose();
    }
    const [short, long] = values as [Float32Array, Float32Array];
    const labelled = examples.reduce(
      (sum, { isLabel }) => sum + isLabel.reduce((a, b) => a + b, 0),
      0,
    );
    for (let i = 0; i < labelled; i++) expect(long[i]).toBeCloseTo(short[i] as number, 4);
  });
});

describe("guidance on the navigation text", () => {
  it("extrapolates from the field without the route to the one with it", async () => {
    // One Euler step: the result is then linear in the weight.
    const oneStep = new AlpamayoModel(
      new DrivingCodec({ ...codec.config, flowSteps: 1 }, codec.manifest, codec.tokenizer),
      model.weights,
    );
    const input = scene(rngOf(3), { red: false, speedMps: 6, navText: "Turn left in 11m" });
    const actions = async (guidance?: number) => {
      const [result] = await oneStep.drive([input], {
        ...drive(5, 2),
        ...(guidance === undefined ? {} : { guidance }),
      });
      return (result as DriveResult).samples.map(({ action }) => action);
    };
    const [plain, one, without, twice] = await Promise.all([
      actions(),
      actions(1),
      actions(0),
      actions(2),
    ]);
    expect(one).toEqual(plain);
    expect(without).not.toEqual(plain);
    twice.forEach((action, k) =>
      action.forEach((value, i) =>
        expect(value).toBeCloseTo(
          2 * (plain[k] as Float32Array)[i] - (without[k] as Float32Array)[i],
          3,
        ),
      ),
    );
    const silent = scene(rngOf(3), { red: false, speedMps: 6 });
    await expect(oneStep.drive([silent], { ...drive(5), guidance: 1.5 })).rejects.toThrow(
      /guidance needs a navigation text, and input 0 has none/,
    );
    await oneStep.dispose();
  });
});

describe("a released folder", () => {
  it("has its manifest made from its configuration, and its ids asserted", async () => {
    const folder = await mkdtemp(join(tmpdir(), "release-"));
    try {
      await model.save(folder);
      await rm(join(folder, "manifest.json"));
      const release = await AlpamayoModel.load(folder);
      expect(release.codec.manifest).toMatchObject({
        name: "alpamayo-r1",
        promptVersion: "r1",
        cameraLabels: false,
        image: { heightPx: 320, widthPx: 576 },
        vocabulary: { futureFirst: codec.manifest.vocabulary.futureFirst },
      });
      expect(release.codec.manifest.cameras.map(({ index }) => index)).toEqual([0, 1, 2, 6]);
      const path = join(folder, "config.json");
      const json = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
      await writeFile(path, JSON.stringify({ ...json, traj_token_start_idx: 7 }));
      await expect(AlpamayoModel.load(folder)).rejects.toThrow(
        /traj_token_start_idx is \d+ here, 7 in the release/,
      );
      const { vlm_config: _, ...bare } = json;
      await writeFile(path, JSON.stringify({ ...bare, vlm_name_or_path: "some/backbone" }));
      await expect(AlpamayoModel.load(folder)).rejects.toThrow(/--backbone/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("can have its constants as they are once built in bfloat16", () => {
    const loaded = asLoadedInBf16({
      ...codec.config,
      actionInProj: { ...codec.config.actionInProj, minFreq: 1, maxFreq: 100 },
    });
    expect(loaded.actionSpace.accelStd).toBe(0.6796875);
    expect(loaded.actionSpace.accelMean).toBeCloseTo(0.0290527, 7);
    expect(loaded.actionSpace.curvatureStd).toBeCloseTo(0.026123, 6);
    const again = parseAlpamayoConfig(JSON.parse(JSON.stringify(formatAlpamayoConfig(loaded))));
    expect([again.actionSpace, again.actionInProj]).toEqual([
      loaded.actionSpace,
      loaded.actionInProj,
    ]);
  });
});
