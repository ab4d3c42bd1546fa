export type { GoldenCheck, GoldenFolder } from "./check.ts";
export { checkOnnxOps } from "./onnx-ops.ts";
export { checkOptim } from "./optim.ts";
