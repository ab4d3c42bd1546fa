/** What a page needs to drive with a model folder: no file system, no native code. */
export { ConfigError, FormatError } from "./errors.ts";
export type { ModelInput } from "./input.ts";
export {
  type DriveOptions,
  Driver,
  type DriveResult,
  type DriveSample,
} from "./alpamayo/driver.ts";
export {
  driverFiles,
  driverFromFiles,
  type ModelFileReader,
} from "./alpamayo/driver-from-files.ts";
export { DrivingCodec } from "./alpamayo/codec.ts";
export type { ModelManifest } from "./alpamayo/manifest.ts";
export { SafetensorsBytes } from "./safetensors/bytes.ts";
export { Tokenizer } from "./tokenizer/tokenizer.ts";
