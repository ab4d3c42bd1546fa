export { checkDrive, checkMotion, driveIdFrom, driveIdPattern, motionGaps } from "./check-drive.ts";
export { balanceClips, type BalanceItem, type BalanceResult } from "./curate/balance.ts";
export {
  binTicks,
  clipIdOf,
  type ClipRecord,
  type ClipTags,
  curvatureEdges,
  type DriveReader,
  type DriveReading,
  noMotionTag,
  speedEdges,
} from "./curate/clip.ts";
export { cutDrive } from "./curate/cut.ts";
export {
  type CurationSummary,
  decideClips,
  type Decisions,
  readClips,
  type RejectedClip,
  type RejectStage,
} from "./curate/decide.ts";
export { embedClip, embeddingDim, embeddingVersion } from "./curate/embedding.ts";
export {
  type ClipScores,
  type FilterName,
  filterNames,
  filterRules,
  judgeClip,
  type Rejection,
} from "./curate/filters.ts";
export {
  countClip,
  type Inventory,
  newInventory,
  type ScoreHistogram,
  tagNames,
} from "./curate/inventory.ts";
export { type MotionScores, scoreMotion, sliceMotion } from "./curate/motion-score.ts";
export { type PictureScore, scorePicture } from "./curate/picture-score.ts";
export {
  type CurationPolicy,
  hashOf as hashOfPolicy,
  parsePolicy,
  readPolicy,
} from "./curate/policy.ts";
export { cameraFor, type DriveScores, scoreDrive } from "./curate/score-drive.ts";
export {
  type CurateContext,
  curateFiles,
  scoreDataset,
  type ScoreResult,
  type SkippedDrive,
} from "./curate/score-dataset.ts";
export {
  type DatasetVersion,
  readVersion,
  requireSameVersion,
  writeVersion,
  type WriteVersionResult,
} from "./curate/version.ts";
export {
  type ClipWindow,
  clipWindows,
  type LeftOver,
  type WindowPolicy,
  type Windows,
} from "./curate/windows.ts";
export { readEmbeddings } from "./curate/external-embeddings.ts";
export { type Clustering, kmeans, type Matrix, unitRows } from "./curate/kmeans.ts";
export {
  greedyRemovals,
  type PruningTable,
  removedAt,
  type SemDedup,
  semDedup,
  type SemDedupOptions,
} from "./curate/semdedup.ts";
export {
  memoryStore,
  openVectors,
  type VectorStore,
  writeVectors,
} from "./curate/vector-store.ts";
export {
  createDataset,
  type Dataset,
  type DatasetOptions,
  type DriveEntry,
  fingerprintOf,
  openDataset,
  splitOf,
} from "./dataset/dataset.ts";
export {
  importDrives,
  type ImportOptions,
  type ImportProgress,
  type ImportResult,
  type SkippedItem,
} from "./dataset/import.ts";
export {
  type SplitDrive,
  splitDrives,
  type SplitName,
  splitNames,
  type SplitOptions,
  type Splits,
} from "./dataset/splits.ts";
export * from "./decision.ts";
export { countQuestions, describeDrive, type DriveDescription, type Rate } from "./describe.ts";
export * from "./drive.ts";
export { hasMotion, noMotion } from "./motion-columns.ts";
export { type CameraIndex, type DriveHandle, handleOfDrive } from "./drive-handle.ts";
export {
  DataConfigError,
  FormatError,
  type FormatErrorCode,
  type InputPlace,
  SampleError,
  StorageError,
} from "./errors.ts";
export { decodeImage, type DecodeOptions, encodeJpeg } from "./image.ts";
export {
  type AtomicFile,
  type AtomicFs,
  type AtomicOptions,
  type AtomicSink,
  atomicWrite,
  atomicWriteFile,
  removeStaleTemporaries,
} from "./io/atomic.ts";
export { sha256File, sha256Text } from "./io/hash.ts";
export {
  type JsonLimits,
  parseJson,
  type PutRow,
  readJsonl,
  writeJsonl,
  writeRows,
} from "./io/json.ts";
export { type ChunkCache, createChunkCache } from "./mcap/frame-index.ts";
export type { McapLimits } from "./mcap/mcap-file.ts";
export {
  openDrive,
  type OpenDriveOptions,
  readDrive,
  type ReadDriveOptions,
} from "./mcap/open-drive.ts";
export { writeDrive, type WriteDriveOptions, type WrittenDrive } from "./mcap/write-drive.ts";
export * from "./sample.ts";
export {
  type DriveFiles,
  openSampleLoader,
  type SampleKey,
  type SampleLoader,
  type SampleLoaderOptions,
  type SampleLoaderStats,
} from "./sampling/loader.ts";
export {
  requireSample,
  routeAt,
  sampleAt,
  sampleGrid,
  type SampleGridOptions,
  sampleIdOf,
  type SampleOptions,
  type SampleWindowOptions,
} from "./sampling/sample-at.ts";
export { suggestMapping } from "./sources/mcap-log.ts";
export { detectFormat, driveSources, findSource } from "./sources/registry.ts";
export type {
  DriveRef,
  DriveSource,
  PrepareProgress,
  PrepareWatch,
  ReadOptions,
} from "./sources/source.ts";
export type {
  DecodeRequest,
  EncodeOptions,
  VideoBackend,
  VideoFrame,
} from "./video/backend.ts";
export {
  findVideoBackend,
  type FrameSize,
  openVideo,
  openVideoBackend,
  type VideoReader,
  type VideoReaderOptions,
  writeVideo,
} from "./video/open-video.ts";
export { type IndexVideoOptions, indexVideo, type VideoIndex } from "./video/video-index.ts";
export {
  defaultLabelFiles,
  exportDataset,
  type ExportResult,
  type ExportRunOptions,
} from "./exporters/export.ts";
export { datasetSinks, findSink } from "./exporters/registry.ts";
export {
  type DatasetSink,
  defaultExportOptions,
  type ExportInput,
  type ExportItem,
  type ExportLabel,
  type ExportOptions,
  type ExportSkip,
} from "./exporters/sink.ts";
