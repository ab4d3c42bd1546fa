/** The released shapes that `model bench` knows, and all weights of one. */
import {
  type AlpamayoConfig,
  alpamayoR1,
  cosmosReason2_2b,
  cosmosReason2_8b,
  type Qwen3VLConfig,
  weightShapes,
  qwen3vlWeightShapes,
} from "@causeway/models";
import { referenceActionSpace } from "@causeway/geom";
import { UserError } from "../errors.ts";

export interface BenchShape {
  readonly name: string;
  readonly config: Qwen3VLConfig;
  /** Set for driving models. */
  readonly driving: AlpamayoConfig | null;
  readonly prefix: "" | "vlm.";
  readonly weights: ReadonlyMap<string, readonly number[]>;
}

export const shapeNames = ["cosmos-reason2-2b", "cosmos-reason2-8b", "alpamayo-r1"] as const;

export function benchShape(name: string): BenchShape {
  const plain = (config: Qwen3VLConfig): BenchShape => ({
    name,
    config,
    driving: null,
    prefix: "",
    weights: qwen3vlWeightShapes(config),
  });
  if (name === "cosmos-reason2-2b") return plain(cosmosReason2_2b);
  if (name === "cosmos-reason2-8b") return plain(cosmosReason2_8b);
  if (name !== "alpamayo-r1")
    throw new UserError("BAD_OPTION", `--shape is ${name}; expected ${shapeNames.join(", ")}`);
  const { expert, actionInProj, futureTokens, historyTokens, flowSteps } = alpamayoR1;
  const driving: AlpamayoConfig = {
    vlm: { ...cosmosReason2_8b, text: { ...cosmosReason2_8b.text, vocabSize: alpamayoVocabulary } },
    expert,
    actionInProj,
    actionSpace: referenceActionSpace,
    futureTokens,
    historyTokens,
    flowSteps,
    addSpecialTokens: true,
  };
  return {
    name,
    config: driving.vlm,
    driving,
    prefix: "vlm.",
    weights: weightShapes(driving),
  };
}

/** Rows of the released R1 table: the base vocabulary, 4000 trajectory tokens and the prompt's own. */
const alpamayoVocabulary = 155_697;
