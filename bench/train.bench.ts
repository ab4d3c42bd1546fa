/**
 * Where the time of a training step goes: host preparation, engine, optimiser, for both stages of the nano driver on
 * made-up moments. Run: npx tsx bench/train.bench.ts [batch] [steps]
 */
import { cpus } from "node:os";
import { createRng, type LocalPath, type RgbImage } from "../packages/geom/src/index.ts";
import { allocateFlat, createOptimizer, kernelsFor } from "../packages/graph/src/index.ts";
import {
  createCodec,
  initialWeights,
  nano,
  trainDrivingTokenizer,
} from "../packages/models/src/index.ts";
import {
  createDataOrder,
  createStage1Task,
  createStage2Task,
  fillFlat,
  flatLayout,
  type LabelledMoment,
  type LabelledSamples,
  parameterGroups,
  type TrainTask,
  tensorViews,
} from "../packages/train/src/index.ts";
import { stage1Nano } from "../recipes/stage1.ts";
import { stage2Nano } from "../recipes/stage2.ts";

const batchSize = Number(process.argv[2] ?? 16);
const numSteps = Number(process.argv[3] ?? 12);
const texts = [
  "Keep lane since the road ahead is clear.",
  "Slow down for the pedestrian at the crosswalk ahead.",
  "Stop behind the lead vehicle at the red light.",
  "Nudge left to pass the parked truck, then return to the lane.",
];

function line(numPoses: number, speedMps: number, firstSecs: number): LocalPath {
  const zeros = () => new Float64Array(numPoses);
  const x = Float64Array.from({ length: numPoses }, (_, i) => speedMps * (firstSecs + i * 0.1));
  return { x, y: zeros(), z: zeros(), yaw: zeros() };
}
const { widthPx: width, heightPx: height } = nano.manifest.image;
const rng = createRng(1);
const frames = Array.from({ length: 64 }, (): RgbImage => {
  const pixels = Uint8Array.from({ length: width * height * 3 }, () => rng.int(256));
  return { width, height, pixels };
});
const moment = (index: number): LabelledMoment => ({
  input: {
    cameras: new Map(
      codec.manifest.cameras.map(({ name }, camera) => [
        name,
        [0, 1, 2, 3].map((k) => frames[(index * 7 + camera * 3 + k) % frames.length] as RgbImage),
      ]),
    ),
    history: line(16, 10, -1.5),
    navText: null,
  },
  future: line(64, 10, 0.1),
  cot: texts[index % texts.length] as string,
});
const samples: LabelledSamples = {
  length: 256,
  id: String,
  words: (index) => ({ navText: null, cot: moment(index).cot, meaning: moment(index).cot }),
  read: async (index) => moment(index),
};

const codec = createCodec(nano, trainDrivingTokenizer(nano, texts));
const weights = initialWeights(codec.config, createRng(2));

async function measure<Batch>(task: TrainTask<Batch>): Promise<void> {
  const layout = flatLayout(task.trainable);
  const n = layout.length;
  const arena = allocateFlat([n, n, n, n]);
  const [p, g, m, v] = arena.buffers as [Float32Array, Float32Array, Float32Array, Float32Array];
  fillFlat(layout, p, task.weights);
  const views = { parameters: tensorViews(layout, p), gradients: tensorViews(layout, g) };
  const optimizer = createOptimizer(
    { kind: "adamw", beta1: 0.9, beta2: 0.95, eps: 1e-8 },
    parameterGroups(layout, stage1Nano()),
    { parameters: p, gradients: g, state: [m, v], kernels: kernelsFor(arena) },
  );
  const order = createDataOrder(task.numSamples, batchSize, 1);
  const times = { prepare: [] as number[], run: [] as number[], optimizer: [] as number[] };
  let numTokens = 0;
  let loss = Number.NaN;
  for (let step = 0; step < numSteps + 2; step++) {
    const t0 = performance.now();
    const batch = await task.prepare(order.batch(step), createRng(step));
    const t1 = performance.now();
    const result = await task.run(batch, views);
    const t2 = performance.now();
    optimizer.step(1e-3);
    const t3 = performance.now();
    loss = result.losses["loss"] as number;
    // The first steps compile and warm up.
    if (step < 2) continue;
    numTokens += result.numTokens;
    times.prepare.push(t1 - t0);
    times.run.push(t2 - t1);
    times.optimizer.push(t3 - t2);
  }
  if (!Number.isFinite(loss)) throw new Error("the loss is not finite: the times mean nothing");
  const median = (x: number[]) => x.toSorted((a, b) => a - b)[x.length >> 1] as number;
  const [prepareMs, runMs, optimizerMs] = [times.prepare, times.run, times.optimizer].map(
    median,
  ) as [number, number, number];
  const stepMs = prepareMs + runMs + optimizerMs;
  console.table([
    {
      stage: task.stage,
      trained: layout.numParameters,
      prepareMs,
      runMs,
      optimizerMs,
      preparePercent: (100 * prepareMs) / stepMs,
      samplesPerSec: (batchSize * 1000) / stepMs,
      tokensPerSec: ((numTokens / numSteps) * 1000) / stepMs,
      loss,
    },
  ]);
  await task.dispose();
}

console.log(
  `${cpus()[0]?.model} x ${cpus().length}, node ${process.version}, nano, batch ${batchSize}`,
);
const batch = { size: batchSize, accumulate: 1 };
await measure(
  await createStage1Task({
    codec,
    weights,
    samples,
    recipe: { ...stage1Nano(), perception: null, batch },
  }),
);
await measure(
  await createStage2Task({ codec, weights, samples, recipe: { ...stage2Nano("x"), batch } }),
);
console.log(`peak resident memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
