export { assign } from "./assignment.ts";
export * from "./boxes.ts";
export * from "./detection.ts";
export * from "./epipolar.ts";
export * from "./features.ts";
export * from "./view-consistency.ts";
