export * from "./choices.ts";
export * from "./compare.ts";
export * from "./critic.ts";
export * from "./fields.ts";
export * from "./grounding.ts";
export * from "./ordinal.ts";
export * from "./sheet.ts";
export * from "./temporal.ts";
export { bootstrapShare, type Estimate } from "../metrics/bootstrap.ts";
export {
  type ItemFrames,
  renderComparison,
  renderScoreReport,
  worstFirst,
} from "../report/score-page.ts";
