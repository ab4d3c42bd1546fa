export * from "./bleu.ts";
export * from "./chrf.ts";
export * from "./rouge.ts";
export * from "./token-bleu.ts";
export { splitWhiteSpace, tokenise, type TokeniserName } from "./tokenise.ts";
