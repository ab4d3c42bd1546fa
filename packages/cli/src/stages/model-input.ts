import type { ModelSample, RouteStep } from "@causeway/data";
import { navText } from "@causeway/data";
import { createRng, type LocalPath, type RgbImage } from "@causeway/geom";
import type { AlpamayoModel, ModelInput } from "@causeway/models";
import type { Observation, Plan, Policy } from "@causeway/sim";

/** How a model is asked: see the recipe's `openLoop` and `closedLoop`. */
export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly flowTemperature: number;
  readonly maxTokens: number;
}

type Pictures = ReadonlyMap<string, readonly RgbImage[]>;

export function modelInput(
  cameras: Pictures,
  history: LocalPath,
  route: RouteStep | null,
): ModelInput {
  return { cameras, history, navText: navText(route) };
}

export const inputOfSample = (
  sample: ModelSample,
  cameras: Pictures = sample.cameras,
): ModelInput => modelInput(cameras, sample.history, sample.route);

/** Settings of a `drive` call; one reasoning per input, shared by its trajectories. */
export const driveOptions = (
  sampling: Sampling,
  paths: number,
  seed: number,
  ids: readonly string[],
) => ({
  ...sampling,
  samples: 1,
  sets: paths,
  rng: createRng(seed),
  ids,
});

/** Pictures that a policy sees instead of its own, or its own. */
export type PictureSource = (observation: Observation) => Promise<Pictures>;

/** A model as a driver: one reasoning and one trajectory per call. */
export function modelPolicy(
  name: string,
  model: AlpamayoModel,
  sampling: Sampling,
  seed: number,
  pictures: PictureSource = async (observation) => observation.cameras,
): Policy {
  return {
    name,
    async act(observations) {
      const inputs: ModelInput[] = [];
      for (const observation of observations)
        inputs.push(
          modelInput(await pictures(observation), observation.history, observation.route),
        );
      // The generator of an answer depends on scene and time alone, not on who else is driven in the same call.
      const ids = observations.map((o) => `${o.sceneId}@${o.stampUs}`);
      const results = await model.drive(inputs, driveOptions(sampling, 1, seed, ids));
      return results.map((result): Plan => {
        const [path] = result.paths;
        if (path === undefined) throw new Error(`policy ${name}: the model gave no path`);
        return { path, reasoning: result.text };
      });
    },
  };
}
