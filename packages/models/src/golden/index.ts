export { checkActionInProj } from "./action-in-proj.ts";
export { checkChatTemplate } from "./chat-template.ts";
export type { GoldenCheck } from "./check.ts";
export { checkFlowMatching } from "./flow-matching.ts";
export { checkPrompts } from "./prompts.ts";
export { checkStage1Loss } from "./stage1-loss.ts";
export { checkQwen3vlCheckpoint } from "./qwen3vl-checkpoint.ts";
export { checkQwen3vlForward } from "./qwen3vl-forward.ts";
export { checkQwen3vlGenerate } from "./qwen3vl-generate.ts";
export {
  checkQwen3vlPositions,
  checkTokenizer,
} from "./qwen3vl-inputs.ts";
export { checkQwen3vlPreprocess } from "./qwen3vl-preprocess.ts";
export { checkQwen3vlLora, checkQwen3vlTrain } from "./qwen3vl-train.ts";
export { checkStage1, checkStage2 } from "./sft-stages.ts";
export { checkTinyModel } from "./tiny-model.ts";
export { checkUpstreamReward } from "./upstream-reward.ts";
export {
  isActionInProjCase,
  isChatTemplateCase,
  isFlowMatchingCase,
  isPromptsCase,
  isQwen3vlCheckpointCase,
  isQwen3vlForwardCase,
  isQwen3vlGenerateCase,
  isQwen3vlLoraCase,
  isQwen3vlPatchesCase,
  isQwen3vlPositionsCase,
  isQwen3vlTrainCase,
  isStage1Case,
  isStage1LossCase,
  isStage2Case,
  isTinyModelCase,
  isTokenizerCase,
  isUpstreamRewardCase,
} from "./match.ts";
