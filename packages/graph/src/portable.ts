/** What runs anywhere: everything but ONNX Runtime's native build and files. A bundler's "browser" condition gets this. */
export {
  Graph,
  type Node,
  type OpAttrs,
  type OpName,
  type Value,
} from "./graph.ts";
export { gradients, unbroadcast, vjpRules } from "./gradient.ts";
export {
  add,
  and,
  argMax,
  attention,
  broadcastTo,
  cast,
  concat,
  constantLike,
  conv2d,
  conv3dPatch,
  cos,
  crossEntropy,
  div,
  equal,
  erf,
  exp,
  gather,
  gelu,
  greater,
  layerNorm,
  linear,
  log,
  logSoftmax,
  matmul,
  mse,
  mul,
  neg,
  nll,
  not,
  type Operand,
  pad,
  pow,
  reduceMax,
  reduceMean,
  reduceSum,
  reshape,
  rmsNorm,
  rope,
  scatterAdd,
  sigmoid,
  silu,
  sin,
  slice,
  softmax,
  sqrt,
  stopGradient,
  sub,
  tanh,
  transpose,
  where,
} from "./ops.ts";
export { lowerGraph, type LowerOptions } from "./onnx/lower.ts";
export { writeOnnxModel } from "./onnx/model.ts";
export { printGraph } from "./print.ts";
export { verifyGraph } from "./verify.ts";
export { createOrtWeb, type OrtWeb } from "./ort-web.ts";
export type {
  CompileOptions,
  Executable,
  Feeds,
  QuantizedWeight,
  Runtime,
  StoredTensor,
} from "./runtime.ts";
export {
  type DType,
  ShapeError,
  sizeOf,
  tensor,
  tensorBool,
  tensorInt64,
  type Tensor,
  type TensorData,
} from "./tensor.ts";
export { allocateFlat, type FlatArena } from "./optim/arena.ts";
export { clipCoefficient, gradNorm } from "./optim/clip.ts";
export { betaLogDensity, betaQuantile, flowTime } from "./optim/flow-time.ts";
export { type FloatArray, type Kernels, kernelsFor } from "./optim/kernels.ts";
export {
  createOptimizer,
  type FlatRange,
  type Optimizer,
  type OptimizerBuffers,
  type OptimizerConfig,
  type ParameterGroup,
  stateNames,
} from "./optim/optimizer.ts";
export { type CosmosRlSchedule, learningRate, type Schedule } from "./optim/schedule.ts";
export { fromNarrow, narrowBits, type NarrowFormat, toNarrow } from "./numerics/float-bits.ts";
export {
  type BlockQuantized,
  type BlockQuantOptions,
  dequantizeBlocks,
  quantizeBlocks,
} from "./numerics/block-quant.ts";
export { evaluate, reference } from "./reference/runtime.ts";
export type { Dense } from "./reference/dense.ts";
export { peakLiveBytes } from "./live-memory.ts";
