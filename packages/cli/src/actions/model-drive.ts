/** `causeway model drive`: what a driving model says and plans at one moment. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { navText, openDataset, openDrive, sampleAt, sampleGrid } from "@causeway/data";
import { displacementsM, minAde, pathToJson } from "@causeway/eval";
import { createRng, type LocalPath } from "@causeway/geom";
import { AlpamayoModel, type ModelInput } from "@causeway/models";
import type { CommandContext, Outcome } from "../command.ts";
import { modelFolder } from "../engine/model-folder.ts";
import type { DriveCommandOptions } from "../commands/model/drive.ts";
import { camerasOfClips } from "../engine/clip-cameras.ts";
import { straightHistory } from "../engine/driving-answer.ts";
import { isVideoPath, readVideoFile } from "../engine/read-video.ts";
import { UserError } from "../errors.ts";
import { rateText } from "../draw/rate-text.ts";
import { plotSeries, shortNumber } from "../draw/terminal-plot.ts";

/** A moment to be asked about, with the way that was driven where it is known. */
interface Moment {
  readonly id: string;
  readonly input: ModelInput;
  readonly future: LocalPath | null;
}

async function momentOf(
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
        `this drive is too short: a moment needs 1.6 s before it and 6.4 s after it (${file})`,
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

const at = (path: LocalPath, index: number): string =>
  `(${shortNumber(path.x[index] as number)}, ${shortNumber(path.y[index] as number)})`;

export async function driveOnce(
  folder: string,
  source: string,
  options: DriveCommandOptions,
  { isDryRun }: CommandContext,
): Promise<Outcome> {
  const model = await AlpamayoModel.load(await modelFolder(folder), {
    constants: options.constants,
    ...(options.backbone === undefined ? {} : { backbone: options.backbone }),
  });
  const { codec } = model;
  try {
    const moment = await momentOf(source, codec, options);
    if (isDryRun)
      return {
        data: { moment: moment.id, samples: options.samples },
        text: `would ask ${codec.manifest.name} ${options.samples} times about ${moment.id}`,
      };
    const start = performance.now();
    const [result] = await model.drive([moment.input], {
      samples: options.samples,
      temperature: options.temperature,
      topP: options.topP,
      flowTemperature: options.flowTemperature,
      maxTokens: options.maxTokens,
      rng: createRng(options.seed),
      ids: [moment.id],
      ...(options.guidance === undefined ? {} : { guidance: options.guidance }),
    });
    const milliseconds = performance.now() - start;
    if (result === undefined) throw new Error("the model gave no result");
    const dtSecs = codec.config.actionSpace.dtSecs;
    const { future } = moment;
    const errors = future === null ? null : result.paths.map((p) => displacementsM(p, future));
    const least = errors === null ? null : minAde(errors);
    const lines = [
      `${codec.manifest.name} at ${moment.id}${moment.input.navText === null ? "" : `, route "${moment.input.navText}"`}`,
      ...result.samples.map(({ text, path, isComplete }, i) => {
        const last = path.x.length - 1;
        const second = Math.round(1 / dtSecs) - 1;
        const own =
          errors === null ? "" : `  ADE ${shortNumber(mean(errors[i] as Float64Array))} m`;
        return `  ${i + 1}. ${text}${isComplete ? "" : " … (cut)"}\n     1 s ${at(path, second)}  ${shortNumber((last + 1) * dtSecs)} s ${at(path, last)}${own}`;
      }),
      plotSeries(
        {
          title: "left of the start, first trajectory",
          unit: "m",
          values: (result.paths[0] as LocalPath).y,
        },
        { columns: Math.min(process.stdout.columns ?? 80, 100), rows: 5 },
      ),
      ...(least === null
        ? []
        : [`minADE over ${result.paths.length}: ${shortNumber(least.full)} m`]),
      rateText(
        codec.prompt(moment.input).ids.length,
        result.samples.reduce((sum, { tokens }) => sum + tokens.length, 0),
        milliseconds,
      ),
    ];
    return {
      data: {
        model: codec.manifest.name,
        moment: moment.id,
        navText: moment.input.navText,
        samples: result.samples.map(
          ({ text, isComplete, tokens, logProbs, path, action: own }) => ({
            text,
            isComplete,
            tokens,
            logProbs,
            action: [...own],
            path: pathToJson(path),
          }),
        ),
        minAde: least?.full ?? null,
      },
      text: lines.join("\n"),
    };
  } finally {
    await model.dispose();
  }
}

function mean(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
