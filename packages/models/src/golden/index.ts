export { checkActionInProj, isActionInProjCase } from "./action-in-proj.ts";
export type { GoldenCheck } from "./check.ts";
export { checkFlowMatching, isFlowMatchingCase } from "./flow-matching.ts";
export { checkPrompts, isPromptsCase } from "./prompts.ts";
export { checkStage1Loss, isStage1LossCase } from "./stage1-loss.ts";
export {
  checkQwen3vlForward,
  checkQwen3vlTrain,
  isQwen3vlForwardCase,
  isQwen3vlTrainCase,
} from "./qwen3vl-forward.ts";
export { checkQwen3vlGenerate, isQwen3vlGenerateCase } from "./qwen3vl-generate.ts";
export {
  checkQwen3vlPatches,
  checkQwen3vlPositions,
  checkTokenizer,
  isQwen3vlPatchesCase,
  isQwen3vlPositionsCase,
  isTokenizerCase,
} from "./qwen3vl-inputs.ts";
export { checkStage1, checkStage2, isStage1Case, isStage2Case } from "./sft-stages.ts";
export { checkTinyModel, isTinyModelCase } from "./tiny-model.ts";
