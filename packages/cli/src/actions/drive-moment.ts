/** Which moment `causeway model drive` asks about. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { navText, openDataset, openDrive, sampleAt, sampleGrid } from "@causeway/data";
import type { LocalPath } from "@causeway/geom";
import type { AlpamayoModel, ModelInput } from "@causeway/models";
import type { DriveCommandOptions } from "../commands/model/drive.ts";
import { shortNumber } from "../draw/terminal-plot.ts";
import { camerasOfClips } from "../engine/clip-cameras.ts";
import { straightHistory } from "../engine/driving-answer.ts";
import { isVideoPath, readVideoFile } from "../engine/read-video.ts";
import { UserError } from "../errors.ts";

/** A moment to be asked about, with the way that was driven where it is known. */
export interface Moment {
  readonly id: string;
  readonly input: ModelInput;
  readonly future: LocalPath | null;
}

/** The moment that a source and its options name: of a dataset, of a drive, or the end of a video. */
export async function momentOf(
  source: string,
  { manifest, config }: AlpamayoModel["codec"],
  options: DriveCommandOptions,
): Promise<Moment> {
  const info = await stat(source).catch(() => null);
  if (info === null) throw new UserError("PATH", `no such file or folder (${source})`);
  const cameras = manifest.cameras.map(({ name }) => name);
  const nav = (own: string | null): string | null =>
    manifest.promptVersion === "r1_5" ? (options.nav ?? own) : null;
  if (info.isFile() && isVideoPath(source)) {
    const clip = await readVideoFile(source, {
      fps: 1 / manifest.frameStepSecs,
      maxFrames: null,
      tailSecs: manifest.framesPerCamera * manifest.frameStepSecs,
    });
    return {
      id: `end of ${source.split(/[\\/]/).at(-1) ?? "clip"}`,
      input: {
        cameras: camerasOfClips([clip], manifest),
        history: straightHistory(manifest.historyPoses, config.actionSpace.dtSecs, options.speed),
        navText: nav(null),
      },
      future: null,
    };
  }
  let file = source;
  if (info.isDirectory()) {
    const dataset = await openDataset(source);
    const ids = dataset.drives.map(({ id }) => id);
    const id = options.drive ?? ids[0];
    if (id === undefined || !ids.includes(id))
      throw new UserError(
        "DRIVE",
        `this dataset has no drive "${String(id)}"; it has ${ids.slice(0, 8).join(", ")}${ids.length > 8 ? ", …" : ""} (${source})`,
      );
    file = join(source, "drives", `${id}.mcap`);
  }
  const drive = await openDrive(file);
  try {
    const size = { width: manifest.image.widthPx, height: manifest.image.heightPx };
    const times = sampleGrid(drive, { strideUs: 100_000, cameras });
    if (times.length === 0)
      throw new UserError(
        "DRIVE",
        drive.has.motion
          ? `this drive is too short: a moment needs 1.6 s before it and 6.4 s after it (${file})`
          : `this drive has no ego motion, which a driving model needs; ask about its pictures with \`causeway reason\` (${file})`,
      );
    const wanted = options.at === undefined ? null : Math.round(options.at * 1e6);
    const t0Us =
      wanted === null
        ? (times[Math.floor(times.length / 2)] as number)
        : times.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a));
    if (wanted !== null && Math.abs(t0Us - wanted) > 100_000)
      throw new UserError(
        "TIME",
        `--at ${options.at}: moments of this drive lie between ${shortNumber((times[0] as number) / 1e6)} and ${shortNumber((times.at(-1) as number) / 1e6)} s (${file})`,
      );
    const sample = await sampleAt(drive, t0Us, { ...size, cameras });
    return {
      id: sample.id,
      input: {
        cameras: sample.cameras,
        history: sample.history,
        navText: nav(navText(sample.route)),
      },
      future: sample.future,
    };
  } finally {
    await drive.close();
  }
}
