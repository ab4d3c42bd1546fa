export type { EgoMotion, LocalPath, RgbImage } from "./motion.ts";
export { createRng, hash32, restoreRng, type Rng } from "./rng.ts";
