/** The PhysicalAI-AV layout as a sink; what writes it (Parquet, zip) is loaded when it is used. */
import type { DatasetSink } from "./sink.ts";

export const physicalAiSink: DatasetSink = {
  format: "physicalai-av",
  aliases: ["pai", "physical-ai"],
  about: "the PhysicalAI-AV layout with ood_reasoning.parquet",
  takesUnlabelled: true,
  async write(input, out, options) {
    const { writePhysicalAi } = await import("./physical-ai-layout.ts");
    return writePhysicalAi(input, out, options);
  },
};
