import { resolve } from "node:path";
import { action, type CommonOptions, createCommand, type Outcome } from "../../command.ts";

export const command = createCommand(
  "inspect",
  "Architecture, parameters per module, number types, vocabulary map and lineage of a model folder. Reads headers, not weights.",
  ["causeway model inspect ./Cosmos-Reason2-2B", "causeway model inspect runs/quickstart --json"],
)
  .argument("<folder>", "a folder with config.json and safetensors files")
  .action(
    action<CommonOptions, [string]>("model inspect", async (_, __, folder): Promise<Outcome> => {
      const { inspectModel } = await import("../../actions/model-inspect.ts");
      return inspectModel(resolve(folder));
    }),
  );
