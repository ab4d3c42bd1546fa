/**
 * One AdamW step and one gradient norm over 12 M parameters: WebAssembly SIMD against plain JavaScript.
 * Run: npx tsx --expose-gc bench/optim.bench.ts
 */
import { cpus } from "node:os";
import { allocateFlat } from "../packages/graph/src/optim/arena.ts";
import { gradNorm } from "../packages/graph/src/optim/clip.ts";
import { kernelsFor } from "../packages/graph/src/optim/kernels.ts";
import { createOptimizer } from "../packages/graph/src/optim/optimizer.ts";

const numParameters = 12_000_000;
const numSteps = 15;

function measure(plain: boolean) {
  const arena = allocateFlat([numParameters, numParameters, numParameters, numParameters], {
    plain,
  });
  const [p, g, m, v] = arena.buffers as [
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
  ];
  for (let i = 0; i < numParameters; i++) {
    p[i] = Math.sin(i);
    g[i] = Math.cos(i * 0.7) * 0.01;
  }
  const kernels = kernelsFor(arena);
  const range = { start: 0, end: numParameters };
  const optimizer = createOptimizer(
    { kind: "adamw", beta1: 0.9, beta2: 0.95, eps: 1e-8 },
    [{ ranges: [range], lrMultiplier: 1, weightDecay: 0.01 }],
    { parameters: p, gradients: g, state: [m, v], kernels },
  );
  const stepMs: number[] = [];
  const normMs: number[] = [];
  let norm = 0;
  for (let i = 0; i < numSteps; i++) {
    const start = performance.now();
    norm = gradNorm(g, [range], { kernels });
    const middle = performance.now();
    optimizer.step(1e-3, 1);
    stepMs.push(performance.now() - middle);
    normMs.push(middle - start);
  }
  const best = (x: number[]) => Math.min(...x);
  const median = (x: number[]) => x.toSorted((a, b) => a - b)[x.length >> 1] as number;
  let checksum = 0;
  const words = new Uint32Array(p.buffer, p.byteOffset, p.length);
  for (const w of words) checksum = (Math.imul(checksum, 31) + w) | 0;
  return {
    kind: kernels.simd ? "wasm simd" : "plain js",
    stepMsBest: best(stepMs),
    stepMsMedian: median(stepMs),
    normMsBest: best(normMs),
    normMsMedian: median(normMs),
    norm,
    checksum,
    // p, g, m, v are read and p, m, v written.
    stepGBps: (numParameters * 4 * 7) / best(stepMs) / 1e6,
  };
}

const simd = measure(false);
const plain = measure(true);
if (simd.checksum !== plain.checksum || simd.norm !== plain.norm)
  throw new Error("SIMD and plain kernels disagree: the times mean nothing");
console.log(
  `${cpus()[0]?.model}, node ${process.version}, ${numParameters} parameters, ${numSteps} steps`,
);
console.table([simd, plain]);
console.log(`AdamW step: ${(plain.stepMsBest / simd.stepMsBest).toFixed(2)}x faster`);
