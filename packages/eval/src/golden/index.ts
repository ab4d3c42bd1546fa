export { checkFiles, type GoldenCheck, type GoldenFolder } from "./check.ts";
export { checkTextMetrics } from "./text-metrics.ts";
export { checkImageMetrics, type GoldenArray, type GoldenArrays } from "./image-metrics.ts";
