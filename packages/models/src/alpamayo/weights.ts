import type { Rng } from "@causeway/geom";
import { sizeOf, type Tensor } from "@causeway/graph";
import { compareTensors, requireTensors } from "../folder/tensor-check.ts";
import { isScale, isSpareQwen3VLTensor } from "../qwen3vl/weights.ts";
import type { AlpamayoConfig } from "./config.ts";
import type { VocabularyMap } from "./vocabulary.ts";
import { fillOrdinalRows, fillPatchBasis } from "./structured-init.ts";
import { buildStage1, buildStage2 } from "./training.ts";

/** Weights by checkpoint name ("vlm.model.visual…", "expert…", "action_in_proj…"), float32. */
export type Weights = ReadonlyMap<string, Tensor>;

/** Names and shapes of all weights of a configuration, as the graphs declare them. */
export function weightShapes(config: AlpamayoConfig): ReadonlyMap<string, readonly number[]> {
  const merge = config.vlm.vision.spatialMergeSize;
  const shape = {
    batch: 1,
    length: 1,
    grids: [[1, merge, merge]] as const,
    mask: "causal",
    pixels: "float32",
  } as const;
  const stage1 = buildStage1(config, { ...shape, labels: 1 });
  const stage2 = buildStage2(config, { ...shape, drawsPerSample: 1 });
  return new Map(
    [...stage1.trainable, ...stage2.trainable].map(
      ([name, { shape: own }]) => [name, own] as const,
    ),
  );
}

/** Which module of the model a weight belongs to. */
export type WeightModule = "vision" | "text" | "expert" | "action";
export function moduleOf(name: string): WeightModule {
  if (name.startsWith("vlm.model.visual.")) return "vision";
  if (name.startsWith("vlm.")) return "text";
  return name.startsWith("expert.") ? "expert" : "action";
}

/**
 * Fresh weights: norms 1, biases 0, matrices normal. The standard deviation is the released 0.02 for large widths and
 * 1/sqrt(inputs) where that is larger (a width of 128 with 0.02 would start with a tenth of the signal); embeddings
 * keep `initializerRange`. Projections back into a residual stream are smaller by sqrt(2 * layers), as in GPT-2.
 * Every tensor has its own generator, so adding one changes no other.
 *
 * @param trajectoryTokens First future bin and first history bin, which then start ordered (see structured-init.ts).
 */
export function initialWeights(
  config: AlpamayoConfig,
  rng: Rng,
  trajectoryTokens: Pick<VocabularyMap, "futureFirst" | "historyFirst"> | null = null,
): Map<string, Tensor> {
  const out = new Map<string, Tensor>();
  const { text, vision } = config.vlm;
  for (const [name, shape] of weightShapes(config)) {
    const data = new Float32Array(sizeOf(shape));
    if (name.endsWith("norm.weight") || /norm[12]?\.weight$|layernorm\.weight$/.test(name))
      data.fill(1);
    else if (isTrunkNorm(config, name)) data.fill(1);
    else if (!name.endsWith(".bias")) {
      const inputs = shape.slice(1).reduce((a, b) => a * b, 1);
      let std = Math.max(text.initializerRange, 1 / Math.sqrt(inputs));
      if (/embed_tokens|pos_embed|lm_head/.test(name)) std = text.initializerRange;
      if (/(o_proj|down_proj)\.weight$/.test(name)) std /= Math.sqrt(2 * text.numLayers);
      if (/blocks\.\d+\.(attn\.proj|mlp\.linear_fc2)\.weight$/.test(name))
        std /= Math.sqrt(2 * vision.depth);
      const own = rng.fork(name);
      for (let i = 0; i < data.length; i++) data[i] = std * own.normal();
    }
    if (name === "vlm.model.visual.patch_embed.proj.weight") fillPatchBasis(data, vision);
    if (/(embed_tokens|lm_head)\.weight$/.test(name) && trajectoryTokens !== null)
      for (const [first, { bins }] of [
        [trajectoryTokens.futureFirst, config.futureTokens],
        [trajectoryTokens.historyFirst, config.historyTokens],
      ] as const)
        fillOrdinalRows(data, {
          first,
          bins,
          width: text.hiddenSize,
          std: text.initializerRange,
          rng: rng.fork(`${name}@${first}`),
        });
    out.set(name, { dtype: "float32", shape, data });
  }
  return out;
}

/** The RMSNorms inside the action MLP are numbered like its linear layers. */
function isTrunkNorm({ actionInProj }: AlpamayoConfig, name: string): boolean {
  const match = /^action_in_proj\.encoder\.trunk\.(\d+)\.weight$/.exec(name);
  return (
    match !== null && Number(match[1]) % 3 === 2 && Number(match[1]) < 3 * actionInProj.numEncLayers
  );
}

/**
 * Tensors that releases store although they follow from the configuration: the normalisation of actions and the Fourier
 * frequencies. They are never read: under another library version they have come back as uninitialised memory.
 */
export function isSpareAlpamayoTensor({ vlm }: AlpamayoConfig, name: string): boolean {
  return (
    /\.freqs$|^action_space\./.test(name) ||
    (name.startsWith("vlm.") && isSpareQwen3VLTensor(vlm, name.slice("vlm.".length))) ||
    isScale(name)
  );
}

/** Checks that weights are complete, known and of the right shapes; one error lists all that is wrong. */
export function checkWeights(
  config: AlpamayoConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
  where: string,
): void {
  requireTensors(
    compareTensors(weightShapes(config), shapes, (name) => isSpareAlpamayoTensor(config, name)),
    where,
  );
}
