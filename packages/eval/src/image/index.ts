export * from "./canny.ts";
export * from "./depth.ts";
export * from "./frechet.ts";
export * from "./masks.ts";
export { channelOf, type PixelMask, type Raster, toGray } from "./raster.ts";
export {
  blurSsim,
  defaultSsim,
  meanSquaredError,
  psnr,
  ssim,
  type SsimOptions,
  type SsimResult,
} from "./ssim.ts";
