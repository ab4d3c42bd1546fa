export type { GoldenCheck, GoldenFolder } from "./check.ts";
export { checkOptim } from "./optim.ts";
