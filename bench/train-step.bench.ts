/**
 * A training step (forward, backward, gradients into preallocated buffers) of a decoder, against ONNX Runtime's own
 * matmul peak measured in between, so that both see the same machine. Prints one JSON line.
 *
 *   npx tsx bench/train-step.bench.ts [--layers 6 --width 384 --heads 6 --mlp 1024 --batch 8 --tokens 256 --vocab 512]
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
  matmul,
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

/** The larger matrix product of the model's own layers. */
async function matmulPeak(): Promise<{ run: () => Promise<void>; flops: number }> {
  const g = new Graph();
  const [m, k, n] = [batch * tokens, width, mlp];
  g.output("c", matmul(g.input("a", [m, k]), g.input("b", [k, n])));
  const product: Executable = await compile(g);
  const feeds = {
    a: tensor(new Float32Array(m * k).fill(0.5), [m, k]),
    b: tensor(new Float32Array(k * n).fill(0.5), [k, n]),
  };
  const into = { c: tensor(new Float32Array(m * n), [m, n]) };
  const repeats = 40;
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
const peakMs: number[] = [];
for (let i = 0; i < rounds; i++) {
  peakMs.push(await time(peak.run));
  stepMs.push(await time(step.run));
}
const stepGflops = step.flops / median(stepMs) / 1e6;
const peakGflops = peak.flops / median(peakMs) / 1e6;
console.log(
  JSON.stringify({
    parameters: step.parameters,
    batch,
    tokens,
    stepMs: Math.round(median(stepMs)),
    tokensPerSec: Math.round((batch * tokens * 1000) / median(stepMs)),
    stepGflops: Math.round(stepGflops),
    matmulPeakGflops: Math.round(peakGflops),
    ratio: Number((stepGflops / peakGflops).toFixed(3)),
    rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
  }),
);
