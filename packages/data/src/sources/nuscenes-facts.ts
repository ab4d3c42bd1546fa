/** What the drives of nuScenes scenes share, with tables or without. */
import type { EgoMotion } from "@causeway/geom";
import type { CameraFrame, Drive } from "../drive.ts";
import { readWholeFile } from "../io/json.ts";

export const nuscenesFormat = "nuscenes";
export const licence = "CC BY-NC-SA 4.0 and the nuScenes terms of use";
/** The Renault Zoe of the data set. */
export const egoSize: Drive["egoSize"] = {
  lengthM: 4.084,
  widthM: 1.73,
  heightM: 1.562,
  rearAxleToCenterM: 1.26,
};
const maxPictureBytes = 64 * 2 ** 20;

export interface SceneTrack {
  readonly motion: EgoMotion;
  readonly startUs: number;
  readonly origin: readonly [number, number, number];
  readonly channel: string;
}

export async function readPicture(path: string, stampUs: number): Promise<CameraFrame> {
  const encoding = path.toLowerCase().endsWith(".png") ? "png" : "jpeg";
  return { stampUs, encoding, bytes: await readWholeFile(path, maxPictureBytes) };
}
