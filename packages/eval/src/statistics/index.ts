export * from "./agreement.ts";
export * from "./correlation.ts";
export {
  betaQuantile,
  incompleteBeta,
  normalCdf,
  normalQuantile,
  normalUpperTail,
  studentTwoSided,
} from "./distributions.ts";
export * from "./resampling.ts";
