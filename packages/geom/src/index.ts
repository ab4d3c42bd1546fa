export { angleBetween, unwrapAngles, wrapAngle } from "./angle.ts";
export { GeomError, requireFinite, type GeomErrorCode } from "./errors.ts";
export { futureAt, historyAt, poseAt, poseAtRow, posesInRig } from "./local-frame.ts";
export type { EgoMotion, LocalPath, RgbImage } from "./motion.ts";
export {
  conjugateQuat,
  identityQuat,
  matrixFromQuat,
  multiplyQuat,
  normalizeQuat,
  quatFromMatrix,
  quatFromYaw,
  quatFromYawPitchRoll,
  rotateByQuat,
  slerp,
  yawOfQuat,
  type Quat,
} from "./quaternion.ts";
export {
  checkEgoMotion,
  resample,
  resampleAt,
  rotationAtRow,
  slopesPerSecond,
} from "./resample.ts";
export { createRng, hash32, restoreRng, type Rng } from "./rng.ts";
export { composeSe2, identitySe2, inverseSe2, transformPoint2, type Se2 } from "./se2.ts";
export {
  composeSe3,
  identitySe3,
  inverseSe3,
  rotationOf,
  se3From,
  transformPoint,
  type Se3,
} from "./se3.ts";
export {
  minSpeedForCurvatureMps,
  motionSeries,
  pathSeries,
  rateOf,
  type MotionSeries,
} from "./series.ts";
export { fitSpline, splineValue, type Spline } from "./spline.ts";
export {
  futureGrid,
  gridStamps,
  gridWithin,
  historyGrid,
  lastAtOrBefore,
  modelStepUs,
  type TimeGrid,
} from "./time-grid.ts";
export {
  actionSpaceConstants,
  bf16AsLoadedActionSpace,
  createActionSpace,
  kappaClamp,
  referenceActionSpace,
  upstreamLowSpeed,
  type ActionSpace,
  type ActionSpaceConfig,
  type EncodedActions,
  type LowSpeedRule,
  type PathStart,
} from "./action-space.ts";
export { roundHalfEven } from "./round.ts";
export {
  createFutureTokenizer,
  releasedFutureTokens,
  type FutureTokenizer,
  type FutureTokenizerConfig,
} from "./tokens/future-tokenizer.ts";
export { headingsFromPositions } from "./tokens/heading-fit.ts";
export {
  createHistoryTokenizer,
  releasedHistoryTokens,
  type HistoryTokenizer,
  type HistoryTokenizerConfig,
  type PointPath,
} from "./tokens/history-tokenizer.ts";
export { createQuantiser, type Quantiser } from "./tokens/quantiser.ts";
