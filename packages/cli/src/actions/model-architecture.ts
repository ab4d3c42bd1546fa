/** What kind of model a folder holds, from its configuration. */
import {
  type AlpamayoConfig,
  FormatError,
  isSpareAlpamayoTensor,
  isSpareQwen3VLTensor,
  moduleOf,
  parseAlpamayoConfig,
  parseQwen3VLConfig,
  qwen3vlModuleOf,
  type Qwen3VLConfig,
  qwen3vlWeightShapes,
  readFolderJson,
  weightShapes,
} from "@causeway/models";
import { UserError } from "../errors.ts";

type Shapes = ReadonlyMap<string, readonly number[]>;

/** An architecture as the model commands need it. */
export interface Architecture {
  readonly name: string;
  readonly vlm: Qwen3VLConfig;
  readonly alpamayo: AlpamayoConfig | null;
  readonly expected: Shapes;
  readonly moduleOf: (name: string) => string;
  readonly isSpare: (name: string) => boolean;
}

function isJson(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export async function architectureOf(folder: string): Promise<Architecture> {
  const json = await readFolderJson(folder, "config.json");
  if (!isJson(json)) throw new FormatError(`config.json is not an object. (${folder})`);
  const type = json["model_type"];
  if (type === "qwen3_vl") {
    const config = parseQwen3VLConfig(json);
    return {
      name: "Qwen3-VL",
      vlm: config,
      alpamayo: null,
      expected: qwen3vlWeightShapes(config),
      moduleOf: qwen3vlModuleOf,
      isSpare: (name) => isSpareQwen3VLTensor(config, name),
    };
  }
  if (type === "alpamayo_r1" || type === "alpamayo1_5") {
    const vlmJson =
      json["vlm_config"] ?? (await readFolderJson(folder, "vlm_config.json", { isOptional: true }));
    const config = parseAlpamayoConfig(json, vlmJson ?? undefined);
    return {
      name: type === "alpamayo_r1" ? "Alpamayo R1" : "Alpamayo 1.5",
      vlm: config.vlm,
      alpamayo: config,
      expected: weightShapes(config),
      moduleOf,
      isSpare: (name) => isSpareAlpamayoTensor(config, name),
    };
  }
  throw new UserError(
    "MODEL",
    `config.json: model_type is ${JSON.stringify(type)}; known: "qwen3_vl", "alpamayo_r1", "alpamayo1_5" (${folder})`,
  );
}
