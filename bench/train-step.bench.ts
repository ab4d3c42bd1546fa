/**
 * A training step (forward, backward, gradients into preallocated buffers) of a decoder, against ONNX Runtime's own
 * matmul peak. A shared machine changes its speed by more than twice within seconds, so each step is held against the
 * products just before and just after it, and the median of those ratios counts. Prints one JSON line.
 *
 *   npx tsx bench/train-step.bench.ts [--layers 6 --width 384 --heads 6 --mlp 1024 --batch 8 --tokens 256 --vocab 512]
 *   npx tsx bench/train-step.bench.ts --layers 2 --width 2048 --heads 16 --mlp 6144 --batch 1 --tokens 512   # layers of the 2 B
 *
 * Stages of a run set GLIBC_TUNABLES (packages/cli/src/pipeline/child-work.ts); set the same to measure what they get.
 *
 * FLOPs: 6 per weight and token plus 12 L T^2 C for attention (no discount for the causal mask), embeddings left out.
 * The same model in PyTorch: tools/goldens/torch-train-bench.py.
 */
import { parseArgs } from "node:util";
import { createRng } from "@causeway/geom";
import {
  type Executable,
  Graph,
  compile,
  gather,
  gradients,
  attention,
  nll,
  linear,
  reduceMean,
  reshape,
  sizeOf,
  tensor,
  tensorInt64,
  type Tensor,
} from "@causeway/graph";
import { decoderStack, finalNorm } from "../packages/models/src/qwen3vl/decoder.ts";

const { values } = parseArgs({
  options: {
    layers: { type: "string", default: "6" },
    width: { type: "string", default: "384" },
    heads: { type: "string", default: "6" },
    mlp: { type: "string", default: "1024" },
    batch: { type: "string", default: "8" },
    tokens: { type: "string", default: "256" },
    vocab: { type: "string", default: "512" },
    rounds: { type: "string", default: "12" },
  },
});
const [layers, width, heads, mlp, batch, tokens, vocab, rounds] = (
  ["layers", "width", "heads", "mlp", "batch", "tokens", "vocab", "rounds"] as const
).map((key) => Number(values[key])) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const headDim = width / heads;

async function trainingStep(): Promise<{
  run: () => Promise<void>;
  flops: number;
  parameters: number;
}> {
  const g = new Graph();
  const ids = g.input("ids", [batch * tokens], "int64");
  const table = g.parameter("embed", [vocab, width]);
  const half = headDim / 2;
  const angle = (f: (x: number) => number) =>
    g.constant(
      tensor(
        Float32Array.from({ length: tokens * half }, (_, i) =>
          f(Math.floor(i / half) * 10000 ** (-(i % half) / half)),
        ),
        [1, tokens, half],
      ),
    );
  const mask = g.constant(
    tensor(
      Float32Array.from({ length: tokens * tokens }, (_, i) =>
        i % tokens > Math.floor(i / tokens) ? -1e9 : 0,
      ),
      [1, 1, tokens, tokens],
    ),
  );
  const sizes = {
    hiddenSize: width,
    intermediateSize: mlp,
    numLayers: layers,
    numHeads: heads,
    numKvHeads: heads,
    headDim,
    rmsNormEps: 1e-6,
  };
  const { hidden } = decoderStack(
    g,
    sizes,
    "model.",
    reshape(gather(table, ids, 0), [batch, tokens, width]),
    {
      cos: angle(Math.cos),
      sin: angle(Math.sin),
      attend: (q, { key, value }) => attention(q, key, value, { mask }),
    },
  );
  const logits = linear(
    reshape(finalNorm(g, sizes, "model.", hidden), [batch * tokens, width]),
    table,
  );
  const loss = reduceMean(nll(logits, g.input("labels", [batch * tokens], "int64")));
  const names = [...g.parameters.keys()];
  g.output("loss", loss);
  gradients(loss, [...g.parameters.values()]).forEach((grad, i) =>
    g.output(`grad.${names[i]}`, grad),
  );
  const step = await compile(g);
  const rng = createRng(1);
  const feeds = new Map<string, Tensor>();
  const into = new Map<string, Tensor>();
  let parameters = 0;
  for (const [name, { shape }] of g.parameters) {
    parameters += sizeOf(shape);
    feeds.set(
      name,
      tensor(
        Float32Array.from({ length: sizeOf(shape) }, () =>
          shape.length === 1 ? 1 : 0.02 * rng.normal(),
        ),
        shape,
      ),
    );
    into.set(`grad.${name}`, tensor(new Float32Array(sizeOf(shape)), shape));
  }
  const random = () =>
    tensorInt64(
      Array.from({ length: batch * tokens }, () => rng.int(vocab)),
      [batch * tokens],
    );
  feeds.set("ids", random());
  feeds.set("labels", random());
  const flops = batch * tokens * (6 * parameters + 12 * layers * tokens * width);
  const run = async () => {
    const loss = (await step.run(feeds, into)).get("loss")?.data[0];
    if (!(Math.abs(Number(loss) - Math.log(vocab)) < 1))
      throw new Error(`loss ${loss}, expected about ln ${vocab}`);
  };
  return { run, flops, parameters };
}

/** The larger product of the model's own layers, with its weight packed beforehand: as fast as the runtime gets. */
async function matmulPeak(): Promise<{ run: () => Promise<void>; flops: number }> {
  const g = new Graph();
  const [m, k, n] = [batch * tokens, width, mlp];
  g.output("c", linear(g.input("a", [m, k]), g.parameter("b", [n, k])));
  const weight = tensor(new Float32Array(n * k).fill(0.5), [n, k]);
  const product: Executable = await compile(g, { baked: new Map([["b", weight]]) });
  const feeds = { a: tensor(new Float32Array(m * k).fill(0.5), [m, k]) };
  const into = { c: tensor(new Float32Array(m * n), [m, n]) };
  const repeats = Math.ceil(6e10 / (2 * m * k * n));
  return {
    flops: repeats * 2 * m * k * n,
    run: async () => {
      for (let i = 0; i < repeats; i++) await product.run(feeds, into);
      if (into.c.data[0] !== k / 4) throw new Error(`product ${into.c.data[0]}, expected ${k / 4}`);
    },
  };
}

const median = (list: number[]) => [...list].sort((a, b) => a - b)[list.length >> 1] as number;
const time = async (run: () => Promise<void>) => {
  const start = performance.now();
  await run();
  return performance.now() - start;
};

const step = await trainingStep();
const peak = await matmulPeak();
await step.run();
await peak.run();
const stepMs: number[] = [];
const peakMs = [await time(peak.run)];
for (let i = 0; i < rounds; i++) {
  stepMs.push(await time(step.run));
  peakMs.push(await time(peak.run));
}
const gflops = (flops: number, ms: number) => flops / ms / 1e6;
const ratios = stepMs.map(
  (ms, i) => (2 * step.flops) / ms / (peak.flops / peakMs[i] + peak.flops / peakMs[i + 1]),
);
console.log(
  JSON.stringify({
    parameters: step.parameters,
    batch,
    tokens,
    stepMs: Math.round(median(stepMs)),
    tokensPerSec: Math.round((batch * tokens * 1000) / median(stepMs)),
    stepGflops: Math.round(gflops(step.flops, median(stepMs))),
    matmulPeakGflops: Math.round(gflops(peak.flops, median(peakMs))),
    ratio: Number(median(ratios).toFixed(3)),
    ratios: ratios.map((r) => Number(r.toFixed(2))),
    rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
  }),
);
