export { ConfigError, FormatError } from "./errors.ts";
export type { ModelInput } from "./input.ts";
export { Checkpoint } from "./safetensors/checkpoint.ts";
export {
  bfloat16FromFloat,
  float16FromFloat,
  floatFromBfloat16,
  floatFromFloat16,
  type SafetensorsDtype,
} from "./safetensors/dtypes.ts";
export {
  type FloatTensor,
  floatTensorToWrite,
  SafetensorsFile,
  type TensorToWrite,
  writeSafetensors,
} from "./safetensors/file.ts";
