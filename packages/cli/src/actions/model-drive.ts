/** `causeway model drive`: what a driving model says and plans at one moment. */
import { acrossSets, displacementsM, minAde, pathToJson, prefixMean } from "@causeway/eval";
import { createRng, type LocalPath } from "@causeway/geom";
import {
  AlpamayoModel,
  type DriveResult,
  type ModelInput,
  type NavigationCondition,
  navigationVariants,
} from "@causeway/models";
import type { CommandContext, Outcome } from "../command.ts";
import type { DriveCommandOptions } from "../commands/model/drive.ts";
import { rateText } from "../draw/rate-text.ts";
import { plotSeries, shortNumber } from "../draw/terminal-plot.ts";
import { modelFolder } from "../engine/model-folder.ts";
import { UserError } from "../errors.ts";
import { momentOf } from "./drive-moment.ts";

/** What a model said to one input, scored where the way that was driven is known. */
interface Answer {
  readonly result: DriveResult;
  /** Mean distance of every path, m. */
  readonly adesM: readonly number[] | null;
  /** Mean and deviation over sets, m. */
  readonly minAdeM: { readonly mean: number; readonly std: number } | null;
  /** Mean direction of the last poses. */
  readonly finalHeadingRad: number;
}

function answerOf(result: DriveResult, future: LocalPath | null, numSamples: number): Answer {
  const last = result.paths.map(({ yaw }) => yaw.at(-1) as number);
  const finalHeadingRad = Math.atan2(
    prefixMean(last.map(Math.sin)),
    prefixMean(last.map(Math.cos)),
  );
  if (future === null) return { result, adesM: null, minAdeM: null, finalHeadingRad };
  const errors = result.paths.map((path) => displacementsM(path, future));
  const sets = Array.from(
    { length: errors.length / numSamples },
    (_, n) => minAde(errors.slice(n * numSamples, (n + 1) * numSamples)).full,
  );
  return {
    result,
    adesM: errors.map((own) => prefixMean(own)),
    minAdeM: acrossSets(sets),
    finalHeadingRad,
  };
}

function dataOf({ result, minAdeM, finalHeadingRad }: Answer, navText: string | null) {
  return {
    navText,
    samples: result.samples.map(({ text, isComplete, tokens, logProbs, path, action }) => ({
      text,
      isComplete,
      tokens,
      logProbs,
      action: [...action],
      path: pathToJson(path),
    })),
    finalHeadingRad,
    minAde: minAdeM?.mean ?? null,
    minAdeStd: minAdeM?.std ?? null,
  };
}

const at = (path: LocalPath, index: number): string =>
  `(${shortNumber(path.x[index] as number)}, ${shortNumber(path.y[index] as number)})`;

const degrees = (rad: number): string => `${((rad * 180) / Math.PI).toFixed(1)}°`;

/** Each reasoning with its trajectories below it. */
function answerLines({ result, adesM }: Answer, numSamples: number, dtSecs: number): string[] {
  const second = Math.round(1 / dtSecs) - 1;
  return result.samples.slice(0, numSamples).flatMap(({ text, isComplete }, k) => [
    `  ${k + 1}. ${text}${isComplete ? "" : " … (cut)"}`,
    ...result.paths.flatMap((path, j) => {
      if (j % numSamples !== k) return [];
      const last = path.x.length - 1;
      const own = adesM === null ? "" : `  ADE ${shortNumber(adesM[j] as number)} m`;
      return `     1 s ${at(path, second)}  ${shortNumber((last + 1) * dtSecs)} s ${at(path, last)}${own}`;
    }),
  ]);
}

function minAdeText({ minAdeM }: Answer, numSamples: number, numSets: number): string[] {
  if (minAdeM === null) return [];
  const mean = shortNumber(minAdeM.mean);
  return [
    numSets === 1
      ? `minADE over ${numSamples}: ${mean} m`
      : `minADE over ${numSamples}: ${mean} ± ${shortNumber(minAdeM.std)} m over ${numSets} sets`,
  ];
}

/** One line per condition: where the first trajectory ends, and where all of them point in the end. */
function navigationLines(
  answers: ReadonlyMap<NavigationCondition, Answer>,
  inputs: ReadonlyMap<NavigationCondition, ModelInput>,
): string[] {
  return [
    "navigation: end of the first trajectory, mean heading of all at their ends",
    ...[...answers].map(([condition, { result, minAdeM, finalHeadingRad }]) => {
      const navText = inputs.get(condition)?.navText ?? null;
      const path = result.paths[0] as LocalPath;
      const name = `${condition}${navText === null ? "" : ` "${navText}"`}`;
      const error = minAdeM === null ? "" : `  minADE ${shortNumber(minAdeM.mean)} m`;
      return `  ${name.padEnd(32)} ${at(path, path.x.length - 1)}  ${degrees(finalHeadingRad)}${error}`;
    }),
    ...(answers.has("swapped") ? [] : ["  (the text names no side, so there is nothing to swap)"]),
  ];
}

function inputsOf(
  input: ModelInput,
  { compareNavigation }: DriveCommandOptions,
): ReadonlyMap<NavigationCondition, ModelInput> {
  if (compareNavigation !== true) return new Map([["with", input]]);
  if (input.navText === null)
    throw new UserError(
      "NAV",
      '--compare-navigation: this moment has no navigation text. Give one with --nav "Turn left in 11m"; prompts of R1 take none',
    );
  return navigationVariants(input);
}

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
  const { samples, sets } = options;
  try {
    const moment = await momentOf(source, codec, options);
    const inputs = inputsOf(moment.input, options);
    if (isDryRun)
      return {
        data: { moment: moment.id, samples, sets, conditions: [...inputs.keys()] },
        text: `would ask ${codec.manifest.name} ${samples * inputs.size} times about ${moment.id}`,
      };
    const start = performance.now();
    const answers = new Map<NavigationCondition, Answer>();
    for (const [condition, input] of inputs) {
      // The same seed and id: conditions differ by their text alone.
      const [result] = await model.drive([input], {
        samples,
        sets,
        temperature: options.temperature,
        topP: options.topP,
        flowTemperature: options.flowTemperature,
        maxTokens: options.maxTokens,
        rng: createRng(options.seed),
        ids: [moment.id],
        ...(options.guidance === undefined || condition === "without"
          ? {}
          : { guidance: options.guidance }),
      });
      if (result === undefined) throw new Error("the model gave no result");
      answers.set(condition, answerOf(result, moment.future, samples));
    }
    const milliseconds = performance.now() - start;
    const dtSecs = codec.config.actionSpace.dtSecs;
    const first = answers.get("with") as Answer;
    const results = [...answers.values()].map(({ result }) => result);
    const lines = [
      `${codec.manifest.name} at ${moment.id}${moment.input.navText === null ? "" : `, route "${moment.input.navText}"`}`,
      ...answerLines(first, samples, dtSecs),
      plotSeries(
        {
          title: "left of the start, first trajectory",
          unit: "m",
          values: (first.result.paths[0] as LocalPath).y,
        },
        { columns: Math.min(process.stdout.columns ?? 80, 100), rows: 5 },
      ),
      ...minAdeText(first, samples, sets),
      ...(options.compareNavigation === true ? navigationLines(answers, inputs) : []),
      rateText(
        [...inputs.values()].reduce((sum, input) => sum + codec.prompt(input).ids.length, 0),
        results.reduce((sum, result) => sum + tokensOf(result, samples), 0),
        milliseconds,
      ),
    ];
    return {
      data: {
        model: codec.manifest.name,
        moment: moment.id,
        ...dataOf(first, moment.input.navText),
        ...(options.compareNavigation === true
          ? {
              navigation: Object.fromEntries(
                [...answers].map(([condition, answer]) => [
                  condition,
                  dataOf(answer, inputs.get(condition)?.navText ?? null),
                ]),
              ),
            }
          : {}),
      },
      text: lines.join("\n"),
    };
  } finally {
    await model.dispose();
  }
}

/** Tokens that were written; the sets of a reasoning share them. */
const tokensOf = ({ samples }: DriveResult, numSamples: number): number =>
  samples.slice(0, numSamples).reduce((sum, { tokens }) => sum + tokens.length, 0);
