/**
 * What the machine can do at most, measured in the same process and moments as the model, so that ratios hold on a
 * machine that is shared.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import {
  compile,
  type Executable,
  Graph,
  linear,
  type QuantizedWeight,
  tensor,
} from "@causeway/graph";

/** A thread that compares two equal buffers (a vectorised read of both) and says how long it took. */
const readerSource = `
const { parentPort, workerData } = require("node:worker_threads");
const a = Buffer.alloc(workerData, 1);
const b = Buffer.alloc(workerData, 1);
parentPort.on("message", () => {
  if (!a.equals(b)) throw new Error("buffers differ");
  parentPort.postMessage(0);
});
parentPort.postMessage(0);
`;

const answerOf = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    // Each takes the other away: a meter asks the same worker many times.
    const onError = (error: Error) => {
      worker.off("message", onMessage);
      reject(error);
    };
    const onMessage = (answer: unknown) => {
      worker.off("error", onError);
      resolve(answer);
    };
    worker.once("message", onMessage);
    worker.once("error", onError);
  });

/** Read bandwidth over `threads` threads. Buffers are larger than any cache; close it, they are memory too. */
export class BandwidthMeter {
  readonly #workers: readonly Worker[];
  readonly #bytes: number;

  private constructor(workers: readonly Worker[], bytes: number) {
    this.#workers = workers;
    this.#bytes = bytes;
  }

  static async start(threads: number, bytesEach = 96 * 2 ** 20): Promise<BandwidthMeter> {
    const workers = Array.from(
      { length: threads },
      () => new Worker(readerSource, { eval: true, workerData: bytesEach }),
    );
    await Promise.all(workers.map(answerOf));
    return new BandwidthMeter(workers, 2 * bytesEach * threads);
  }

  /** Bytes a second of one pass. */
  async measure(): Promise<number> {
    const answers = this.#workers.map(answerOf);
    const start = performance.now();
    for (const worker of this.#workers) worker.postMessage(0);
    await Promise.all(answers);
    return this.#bytes / ((performance.now() - start) / 1000);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

export interface MatmulShape {
  readonly rows: number;
  readonly k: number;
  readonly n: number;
}

/** One linear layer of the model's shape as a runtime product: plain float32, or with the model's codes. */
export async function matmulRate(
  { rows, k, n }: MatmulShape,
  threads: number,
  quantized: { readonly bits: 4 | 8; readonly blockSize: number } | null,
): Promise<{ measure(): Promise<number>; close(): Promise<void> }> {
  const g = new Graph();
  g.output("y", linear(g.input("x", [rows, k]), g.parameter("w", [n, k])));
  let executable: Executable;
  if (quantized === null) {
    const weight = tensor(new Float32Array(n * k).fill(0.01), [n, k]);
    executable = await compile(g, { baked: new Map([["w", weight]]), threads });
  } else {
    const { bits, blockSize } = quantized;
    const blocks = Math.ceil(k / blockSize);
    const bytes = (blockSize * bits) / 8;
    const weight: QuantizedWeight = {
      bits,
      blockSize,
      k,
      n,
      codes: {
        dtype: "uint8",
        shape: [n, blocks, bytes],
        data: new Uint8Array(n * blocks * bytes).fill(0x5a),
      },
      scales: tensor(new Float32Array(n * blocks).fill(0.01), [n, blocks]),
      zeroPoints: null,
    };
    const weights = new Map([["w", weight]]);
    executable = await compile(g, { quantized: weights, quantizedCompute: "int8", threads });
  }
  const x = tensor(
    Float32Array.from({ length: rows * k }, (_, i) => Math.sin(i)),
    [rows, k],
  );
  await executable.run({ x });
  return {
    async measure() {
      const start = performance.now();
      await executable.run({ x });
      return (2 * rows * k * n) / ((performance.now() - start) / 1000);
    },
    close: () => executable.dispose(),
  };
}

/** Resident bytes now, and the most since `resetPeak`; the kernel's own counters where it has them. */
export function memoryNow(): { readonly rss: number; readonly peak: number } {
  const rss = process.memoryUsage.rss();
  try {
    const kilobytes = /VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kilobytes !== undefined) return { rss, peak: Number(kilobytes) * 1024 };
  } catch {
    // Not Linux: the process-wide peak below includes what came before the reset.
  }
  return { rss, peak: process.resourceUsage().maxRSS * 1024 };
}

/** Starts a new peak. Returns false where the system cannot; then the peak is that of the whole process. */
export function resetPeak(): boolean {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
    return true;
  } catch {
    return false;
  }
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
