export * from "./artefact-files.ts";
export * from "./artefacts.ts";
export {
  bandTone,
  type BandTone,
  type AskedMoment,
  type DriveBand,
  type DriveKeyframe,
  type DrivePageData,
} from "./drive-page/data.ts";
export {
  type DatasetIndexData,
  type DatasetIndexDrive,
  renderDatasetIndex,
} from "./drive-page/dataset-index.ts";
export type {
  DatasetReportData,
  LabelRates,
  LedgerCost,
  RejectedShot,
  ReportDisagreement,
  ReportSample,
  Shot,
} from "./dataset-page/data.ts";
export { wilson } from "./dataset-page/bars.ts";
export { renderDatasetReport } from "./dataset-page/dataset-report.ts";
export { renderDrivePage } from "./drive-page/drive-page.ts";
export * from "./baselines.ts";
export { EvalError } from "./errors.ts";
export * from "./metrics/bootstrap.ts";
export * from "./metrics/classification.ts";
export * from "./metrics/closed-loop.ts";
export * from "./metrics/corners.ts";
export * from "./metrics/decisions.ts";
export * from "./metrics/displacement.ts";
export * from "./metrics/movement.ts";
export * from "./metrics/open-loop.ts";
export {
  defaultReportOptions,
  type ReportArtefacts,
  type ReportOptions,
  renderReport,
} from "./report/report.ts";
export { imageFromRig, projectPath, projectPoint, projectRibbon } from "./report/camera.ts";
export * from "./scene-artefacts.ts";
export * from "./summary.ts";
