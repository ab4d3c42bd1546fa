export * from "./decision.ts";
export * from "./drive.ts";
export * from "./sample.ts";
