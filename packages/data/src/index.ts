export { checkDrive, checkMotion, driveIdFrom, driveIdPattern, motionGaps } from "./check-drive.ts";
export * from "./decision.ts";
export * from "./drive.ts";
export { type CameraIndex, type DriveHandle, handleOfDrive } from "./drive-handle.ts";
export {
  DataConfigError,
  FormatError,
  type FormatErrorCode,
  type InputPlace,
  SampleError,
  StorageError,
} from "./errors.ts";
export {
  type AtomicFile,
  type AtomicFs,
  type AtomicOptions,
  type AtomicSink,
  atomicWrite,
  atomicWriteFile,
} from "./io/atomic.ts";
export { sha256File, sha256Text } from "./io/hash.ts";
export { type JsonLimits, parseJson, readJsonl, writeJsonl } from "./io/json.ts";
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
