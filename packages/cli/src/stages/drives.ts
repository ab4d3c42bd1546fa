/** Stage: simulate recordings, one MCAP file each. Files that are there are whole, so a resumed run skips them. */
import { mkdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeDrive } from "@causeway/data";
import { AlpamayoModel, type BackboneName, backboneFolder } from "@causeway/models";
import {
  camerasNamed,
  defaultPerturbation,
  type DriveOptions,
  generateDrive,
  type Policy,
  recordOnPolicy,
  withPictures,
} from "@causeway/sim";
import type { Work } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import { modelPolicy } from "./model-input.ts";
import { driveIdOf, type Recording } from "./recordings.ts";

export interface DrivesOptions {
  readonly recordings: readonly Recording[];
  readonly secs: number;
  readonly cameras: readonly string[];
  readonly image: { readonly width: number; readonly height: number };
  readonly jpegQuality: number;
  /** The model that drives the recordings of driver "model"; `weights` is its hash, so that others make other drives. */
  readonly onPolicy: {
    readonly preset: BackboneName;
    readonly replanEverySecs: number;
    readonly weights: string;
  } | null;
}
export interface DataSetting {
  /** Dataset folder, relative to the run folder or absolute. */
  readonly dataDir: string;
}

/** Recordings that a model drives in lockstep; each holds its pictures as raw RGB until the last has ended. */
const batchSize = 6;

export const work: Work<WorkInput<DrivesOptions, DataSetting>, { drives: number }> = async (
  { runDir, options, setting },
  context,
) => {
  const folder = resolve(runDir, setting.dataDir, "drives");
  await mkdir(folder, { recursive: true });
  const mine = shareOf(options.recordings, context.part, context.parts);
  const cameras = camerasNamed(options.cameras, options.image);
  const { jpegQuality } = options;
  let done = 0;
  const pathOf = (recording: Recording) => join(folder, `${driveIdOf(recording)}.mcap`);
  const isMissing = async (recording: Recording): Promise<boolean> =>
    (await stat(pathOf(recording)).catch(() => null)) === null;
  const optionsOf = ({ kind, seed, driver }: Recording): DriveOptions => ({
    kind,
    seed,
    durationSecs: options.secs,
    cameras,
    perturbation: driver === "pushed" ? defaultPerturbation : null,
    jpegQuality,
  });
  const report = (count: number) => {
    done += count;
    context.progress({ done, total: mine.length });
  };
  for (const recording of mine.filter((r) => r.driver !== "model")) {
    context.signal.throwIfAborted();
    if (await isMissing(recording))
      await writeDrive(await generateDrive(optionsOf(recording)), pathOf(recording));
    report(1);
  }
  const driven = mine.filter((r) => r.driver === "model");
  let policy: Policy | null = null;
  for (let first = 0; first < driven.length; first += batchSize) {
    context.signal.throwIfAborted();
    const batch = driven.slice(first, first + batchSize);
    const missing = await Promise.all(batch.map(isMissing));
    if (missing.includes(true) && options.onPolicy !== null) {
      const { replanEverySecs } = options.onPolicy;
      policy ??= await policyOf(options.onPolicy.preset);
      const steps = Math.round(replanEverySecs * 10);
      // The whole batch again, because the engine may round otherwise in a smaller one.
      const drives = await recordOnPolicy(batch.map(optionsOf), policy, steps, () =>
        context.signal.throwIfAborted(),
      );
      for (const [i, drive] of drives.entries())
        if (missing[i] === true)
          await writeDrive(await withPictures(drive, jpegQuality), pathOf(batch[i] as Recording));
    }
    report(batch.length);
  }
  return { drives: mine.length };
};

/** One process has the model, because engines on the same processors starve each other; the others share the rest. */
function shareOf(recordings: readonly Recording[], part: number, parts: number): Recording[] {
  const isDriven = (r: Recording): boolean => r.driver === "model";
  if (!recordings.some(isDriven) || parts === 1)
    return recordings.filter((_, i) => i % parts === part);
  const others = recordings.filter((r) => !isDriven(r));
  return part === 0
    ? recordings.filter(isDriven)
    : others.filter((_, i) => i % (parts - 1) === part - 1);
}

async function policyOf(preset: BackboneName): Promise<Policy> {
  const model = await AlpamayoModel.load(backboneFolder(preset));
  const sampling = { temperature: 0, topP: 1, flowTemperature: 0.3, maxTokens: 64 };
  return modelPolicy(`${preset}, shipped`, model, sampling, 0);
}
