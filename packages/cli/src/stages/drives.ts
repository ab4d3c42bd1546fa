/** Stage: simulate recordings, one MCAP file each. Files that are there are whole, so a resumed run skips them. */
import { mkdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeDrive } from "@causeway/data";
import { camerasNamed, defaultPerturbation, generateDrive } from "@causeway/sim";
import type { Work } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import { driveIdOf, type Recording } from "./recordings.ts";

export interface DrivesOptions {
  readonly recordings: readonly Recording[];
  readonly secs: number;
  readonly cameras: readonly string[];
  readonly image: { readonly width: number; readonly height: number };
  readonly jpegQuality: number;
}
export interface DataSetting {
  /** Dataset folder, relative to the run folder or absolute. */
  readonly dataDir: string;
}

export const work: Work<WorkInput<DrivesOptions, DataSetting>, { drives: number }> = async (
  { runDir, options, setting },
  context,
) => {
  const folder = resolve(runDir, setting.dataDir, "drives");
  await mkdir(folder, { recursive: true });
  const mine = options.recordings.filter((_, i) => i % context.parts === context.part);
  const cameras = camerasNamed(options.cameras, options.image);
  for (const [i, recording] of mine.entries()) {
    context.signal.throwIfAborted();
    const { kind, seed, pushed } = recording;
    const path = join(folder, `${driveIdOf(recording)}.mcap`);
    if ((await stat(path).catch(() => null)) === null) {
      const drive = await generateDrive({
        kind,
        seed,
        durationSecs: options.secs,
        cameras,
        perturbation: pushed ? defaultPerturbation : null,
        jpegQuality: options.jpegQuality,
      });
      await writeDrive(drive, path);
    }
    context.progress({ done: i + 1, total: mine.length });
  }
  return { drives: mine.length };
};
