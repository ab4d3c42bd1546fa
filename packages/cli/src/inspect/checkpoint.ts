import { join } from "node:path";
import { AlpamayoModel } from "@causeway/models";
import { alpamayoModules, type Lineage, lineageWarnings } from "@causeway/train";
import type { Outcome } from "../command.ts";
import { readJsonFile } from "../read-json.ts";

/** Architecture, parameters per module, lineage. */
export async function inspectCheckpoint(dir: string): Promise<Outcome> {
  const { codec, weights } = await AlpamayoModel.load(dir);
  const lineage = await readJsonFile<Lineage>(join(dir, "lineage.json"));
  const perModule = new Map<string, number>();
  for (const [name, { data }] of weights) {
    const module = alpamayoModules.moduleOf(name);
    perModule.set(module, (perModule.get(module) ?? 0) + data.length);
  }
  const total = [...perModule.values()].reduce((a, b) => a + b, 0);
  const { manifest, config } = codec;
  const { text, vision } = config.vlm;
  const millions = (n: number): string => `${(n / 1e6).toFixed(2)} M`;
  const modules = [...perModule].map(([name, count]) => {
    const state = lineage?.modules[name];
    const by = state?.trainedBy == null ? "" : ` by ${state.trainedBy}`;
    return `  ${name.padEnd(10)} ${millions(count).padStart(9)}  ${state === undefined ? "" : `${state.state}${by}`}`;
  });
  return {
    data: {
      name: manifest.name,
      parameters: total,
      modules: Object.fromEntries(perModule),
      config,
      manifest,
      lineage,
    },
    text: [
      `${manifest.name}: ${millions(total)} parameters, vocabulary ${text.vocabSize}`,
      `  text   ${text.numLayers} layers, width ${text.hiddenSize}, ${text.numHeads} heads (${text.numKvHeads} for keys and values)`,
      `  vision ${vision.depth} layers, width ${vision.hiddenSize}, patches of ${vision.patchSize} px`,
      `  sees   ${manifest.cameras.map((c) => c.name).join(", ")}: ${manifest.framesPerCamera} frames of ${manifest.image.widthPx}x${manifest.image.heightPx}`,
      ...modules,
      ...(lineage === null ? [] : lineageWarnings(lineage).map((w) => `  warning: ${w}`)),
    ].join("\n"),
  };
}
