/** `causeway model bench`: one released shape, random weights, machine limits measured in between. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createRng } from "@causeway/geom";
import { defaultScheme, QuantizedFolder, writeRandomFolder } from "@causeway/models";
import { type BenchResult, benchText } from "../bench/bench-text.ts";
import { memoryNow, resetPeak } from "../bench/machine.ts";
import { measureBackbone } from "../bench/measure-backbone.ts";
import { measureExpert } from "../bench/measure-expert.ts";
import { benchShape } from "../bench/shapes.ts";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { UserError } from "../errors.ts";

export interface ModelBenchOptions extends CommonOptions {
  readonly shape: string;
  readonly dtype: string;
  readonly block: string;
  readonly prompt: number;
  readonly image: number;
  readonly tokens: number;
  readonly threads: number;
  readonly work?: string;
}

export async function benchModel(
  { isDryRun, progress, signal }: CommandContext,
  options: ModelBenchOptions,
): Promise<Outcome> {
  const shape = benchShape(options.shape);
  if (options.dtype !== "int4" && options.dtype !== "int8")
    throw new UserError("BAD_OPTION", `--dtype is ${options.dtype}; expected int4 or int8`);
  if (options.image % 32 !== 0)
    throw new UserError("BAD_OPTION", `--image is ${options.image}; expected a multiple of 32`);
  const bits = options.dtype === "int4" ? 4 : 8;
  const scheme = {
    ...defaultScheme,
    bits,
    blockSize: Number(options.block),
    symmetric: true,
    headBits: 8,
  } as const;
  const numParameters = [...shape.weights.values()].reduce(
    (sum, dims) => sum + dims.reduce((a, b) => a * b, 1),
    0,
  );
  if (isDryRun)
    return {
      data: { shape: shape.name, numParameters, scheme },
      text: `would write about ${((numParameters * bits) / 8e9).toFixed(1)} GB of random ${options.dtype} weights for ${shape.name} (${(numParameters / 1e9).toFixed(2)} B parameters), measure, and delete them`,
    };
  const root = await mkdtemp(join(resolve(options.work ?? tmpdir()), "causeway-bench-"));
  try {
    const label = `weights of ${shape.name}`;
    await writeRandomFolder(root, shape.weights, scheme, createRng(1), {
      tiedHead: shape.config.text.tieWordEmbeddings,
      signal,
      onTensor: (done, total) => progress.update(label, { done, total }),
    });
    const fileBytes = (await stat(join(root, "model.safetensors"))).size;
    progress.finish(label, `${(fileBytes / 1e9).toFixed(2)} GB`);
    const before = memoryNow().rss;
    const hasOwnPeak = resetPeak();
    const folder = await QuantizedFolder.open(root);
    try {
      const { backbone, engine } = await measureBackbone(shape, folder, {
        ...options,
        bits,
        signal,
        say: (text) => progress.line(text),
      });
      const expert =
        shape.driving === null
          ? null
          : await measureExpert(shape.driving, folder, engine.steps.cache, options.threads);
      const kvBytes = engine.steps.cache.keys.reduce((sum, k) => sum + 2 * k.byteLength, 0);
      await engine.dispose();
      const result: BenchResult = {
        shape: shape.name,
        dtype: options.dtype,
        blockSize: scheme.blockSize,
        threads: options.threads,
        cpu: cpus()[0]?.model.trim() ?? "unknown",
        numParameters,
        fileBytes,
        ...backbone,
        expert,
        kvBytes,
        rssBeforeBytes: before,
        peakRssBytes: memoryNow().peak,
        isPeakOfWholeProcess: !hasOwnPeak,
      };
      return { data: result, text: benchText(result) };
    } finally {
      await folder.close();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
