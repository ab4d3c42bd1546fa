export {
  createRewardApp,
  defaultRewardApp,
  type FailurePolicy,
  type RewardAppOptions,
  type RewardResult,
} from "./reward-app.ts";
export { type RunningService, serveApp } from "./listen.ts";
