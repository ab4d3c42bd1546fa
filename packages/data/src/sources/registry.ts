/** The formats that can be imported. */
import { stat } from "node:fs/promises";
import { DataConfigError } from "../errors.ts";
import { causewaySource } from "./causeway.ts";
import { carlaSource } from "./carla.ts";
import { argoverse2Source } from "./argoverse2.ts";
import { argoverse2ForecastingSource } from "./argoverse2-forecasting.ts";
import { comma2k19Source } from "./comma2k19.ts";
import { kittiSource } from "./kitti.ts";
import { mcapSource } from "./mcap-log.ts";
import { nuscenesSource } from "./nuscenes.ts";
import { physicalAiSource } from "./physical-ai.ts";
import { videoFolderSource } from "./video-folder.ts";
import type { DriveSource } from "./source.ts";

export const driveSources: readonly DriveSource[] = [
  comma2k19Source,
  argoverse2Source,
  argoverse2ForecastingSource,
  kittiSource,
  physicalAiSource,
  carlaSource,
  causewaySource,
  nuscenesSource,
  mcapSource,
  videoFolderSource,
];

/** A source by its name or an alias. */
export function findSource(name: string): DriveSource {
  const source = driveSources.find((s) => s.format === name || s.aliases.includes(name));
  if (source === undefined) {
    const known = driveSources.map((s) => [s.format, ...s.aliases].join(" or ")).join("; ");
    throw new DataConfigError(`no importer for "${name}". Known: ${known}.`);
  }
  return source;
}

/** Sources that find recordings below `path`; a folder may hold several formats. Empty when none does. */
export async function detectFormat(path: string): Promise<readonly DriveSource[]> {
  if ((await stat(path).catch(() => null)) === null) {
    throw new DataConfigError(`${path}: no such file or folder. Check the path to import from.`);
  }
  const found = [];
  for (const source of driveSources) if (await source.recognizes(path)) found.push(source);
  return found;
}
