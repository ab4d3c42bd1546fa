export { assign } from "./assignment.ts";
export * from "./boxes.ts";
export * from "./detection.ts";
export * from "./epipolar.ts";
