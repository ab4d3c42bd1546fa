/** What a model folder holds, from its JSON files and the headers of its weights; no weight is read. */
import {
  baseTokens,
  compareTensors,
  drivingTokenNames,
  readFolderJson,
  Tokenizer,
} from "@causeway/models";
import { lineageWarnings, parseLineage } from "@causeway/train";
import type { Outcome } from "../command.ts";
import { modelFolder } from "../engine/model-folder.ts";
import { quantizationLines, readModelTensors } from "../inspect/model-tensors.ts";
import { architectureOf } from "./model-architecture.ts";

const millions = (n: number): string =>
  n >= 1e9 ? `${(n / 1e9).toFixed(2)} B` : `${(n / 1e6).toFixed(2)} M`;
const megabytes = (n: number): string =>
  n >= 1e9 ? `${(n / 1e9).toFixed(2)} GB` : `${(n / 1e6).toFixed(1)} MB`;

interface ModuleCount {
  parameters: number;
  readonly dtypes: Map<string, number>;
}

/** Known tokens and where they sit; null when the folder has no tokenizer. */
async function vocabulary(folder: string): Promise<{
  readonly size: number;
  readonly base: Readonly<Record<string, number>>;
  readonly driving: Readonly<Record<string, number>>;
  readonly trajectory: { readonly first: number; readonly count: number } | null;
} | null> {
  const json = await readFolderJson(folder, "tokenizer.json", { isOptional: true });
  if (json === null) return null;
  const tokenizer = new Tokenizer(json as ConstructorParameters<typeof Tokenizer>[0]);
  const pick = (names: readonly string[], text: (name: string) => string) =>
    Object.fromEntries(
      names
        .filter((name) => tokenizer.has(text(name)))
        .map((name) => [text(name), tokenizer.id(text(name))]),
    );
  let count = 0;
  while (tokenizer.has(`<i${count}>`)) count++;
  return {
    size: tokenizer.size,
    base: pick(Object.values(baseTokens), (text) => text),
    driving: pick(
      drivingTokenNames.filter((name) => name !== "image_pad"),
      (name) => `<|${name}|>`,
    ),
    trajectory: count === 0 ? null : { first: tokenizer.id("<i0>"), count },
  };
}

export async function inspectModel(path: string): Promise<Outcome> {
  const folder = await modelFolder(path);
  const architecture = await architectureOf(folder);
  const { tensors, bytes, metadata, quantization } = await readModelTensors(folder);
  const modules = new Map<string, ModuleCount>();
  for (const [name, { shape, dtype }] of tensors) {
    if (architecture.isSpare(name)) continue;
    const module = architecture.moduleOf(name);
    const count = modules.get(module) ?? { parameters: 0, dtypes: new Map<string, number>() };
    modules.set(module, count);
    const size = shape.reduce((a, b) => a * b, 1);
    count.parameters += size;
    count.dtypes.set(dtype, (count.dtypes.get(dtype) ?? 0) + size);
  }
  const total = [...modules.values()].reduce((sum, { parameters }) => sum + parameters, 0);
  const difference = compareTensors(
    architecture.expected,
    new Map([...tensors].map(([name, { shape }]) => [name, shape])),
    architecture.isSpare,
  );
  const problems = Object.entries(difference).flatMap(([kind, names]) =>
    (names as readonly string[]).map((name) => `${kind}: ${name}`),
  );
  const words = await vocabulary(folder);
  const history = await readFolderJson(folder, "lineage.json", { isOptional: true });
  const lineage = history === null ? null : parseLineage(history);
  const manifest = await readFolderJson(folder, "manifest.json", { isOptional: true });
  const generation = await readFolderJson(folder, "generation_config.json", { isOptional: true });
  const { text, vision } = architecture.vlm;
  const expert = architecture.alpamayo?.expert;
  const lines = [
    `${architecture.name}: ${millions(total)} parameters, ${megabytes(bytes)} on disk`,
    `  text   ${text.numLayers} layers, width ${text.hiddenSize}, MLP ${text.intermediateSize}, ${text.numHeads} heads of ${text.headDim} (${text.numKvHeads} for keys and values), ${text.vocabSize} embeddings${text.tieWordEmbeddings ? ", tied" : ""}`,
    `  vision ${vision.depth} layers, width ${vision.hiddenSize}, patches of ${vision.patchSize} px, ${vision.spatialMergeSize}x${vision.spatialMergeSize} merged, DeepStack after ${vision.deepstackIndexes.join(", ")}`,
    ...(expert === undefined
      ? []
      : [
          `  expert ${text.numLayers} layers, width ${expert.hiddenSize}, MLP ${expert.intermediateSize}, ${expert.numHeads} heads; ${architecture.alpamayo?.actionSpace.waypointCount} waypoints, ${architecture.alpamayo?.flowSteps} flow steps`,
        ]),
    "modules",
    ...[...modules].map(([name, { parameters, dtypes }]) => {
      const state = lineage?.modules[name];
      const by = state?.trainedBy == null ? "" : ` by ${state.trainedBy}`;
      const note = state === undefined ? "" : `  ${state.state}${by}`;
      return `  ${name.padEnd(8)} ${millions(parameters).padStart(10)}  ${[...dtypes.keys()].join(" + ")}${note}`;
    }),
    ...(quantization === null ? [] : quantizationLines(quantization)),
    ...(words === null
      ? ["vocabulary  no tokenizer.json in this folder"]
      : [
          `vocabulary  ${words.size} tokens`,
          ...[...Object.entries(words.base), ...Object.entries(words.driving)].map(
            ([token, id]) => `  ${String(id).padStart(7)}  ${token}`,
          ),
          ...(words.trajectory === null
            ? []
            : [
                `  ${String(words.trajectory.first).padStart(7)}  <i0> … <i${words.trajectory.count - 1}> (${words.trajectory.count} trajectory bins)`,
              ]),
        ]),
    ...(lineage === null
      ? []
      : [
          "lineage",
          ...lineage.history.map(
            (h) => `  ${h.run} (${h.stage}): ${h.steps} steps, updated ${h.updated.join(", ")}`,
          ),
          ...lineageWarnings(lineage).map((w) => `  warning: ${w}`),
        ]),
    ...(problems.length === 0
      ? ["all tensors are known, complete and of the right shape"]
      : [
          `${problems.length} tensors do not fit config.json; loading would refuse them`,
          ...problems.slice(0, 20).map((p) => `  ${p}`),
        ]),
  ];
  return {
    data: {
      folder,
      architecture: architecture.name,
      parameters: total,
      bytes,
      modules: Object.fromEntries(
        [...modules].map(([name, { parameters, dtypes }]) => [
          name,
          { parameters, dtypes: Object.fromEntries(dtypes) },
        ]),
      ),
      config: architecture.alpamayo ?? architecture.vlm,
      vocabulary: words,
      manifest,
      generation,
      lineage,
      quantization,
      metadata: Object.fromEntries(metadata),
      difference,
    },
    text: lines.join("\n"),
  };
}
