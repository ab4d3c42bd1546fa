import { createRng, type LocalPath, type RgbImage, type Rng } from "@causeway/geom";
import {
  cameraNames,
  createCodec,
  type DrivingCodec,
  type ModelInput,
  nano,
  type Preset,
  trainDrivingTokenizer,
} from "@causeway/models";

/** The nano architecture at the smallest sizes that still have every part. */
export const tiny: Preset = {
  ...nano,
  name: "tiny",
  text: {
    ...nano.text,
    hiddenSize: 32,
    intermediateSize: 48,
    numLayers: 2,
    numHeads: 4,
    numKvHeads: 2,
    headDim: 16,
    mropeSection: [4, 2, 2],
  },
  vision: {
    ...nano.vision,
    depth: 2,
    hiddenSize: 32,
    intermediateSize: 48,
    numHeads: 2,
    numPositionEmbeddings: 16,
    deepstackIndexes: [0],
    patchSize: 4,
  },
  expert: { hiddenSize: 32, intermediateSize: 48, numHeads: 4 },
  actionInProj: { ...nano.actionInProj, hiddenSize: 32 },
  futureTokens: { bins: 256, min: -10, max: 10, count: 32 },
  historyTokens: { bins: 128, min: [-1, -1, -1], max: [3, 1, 1], count: 48 },
  bpeVocabSize: 400,
  manifest: {
    ...nano.manifest,
    cameraIndices: [0, 1, 2],
    image: { widthPx: 16, heightPx: 16 },
  },
};

export const sentences = [
  "Keep lane since the road ahead is clear.",
  "Stop behind the lead vehicle at the red light.",
];

export const tinyCodec = (): DrivingCodec =>
  createCodec(tiny, trainDrivingTokenizer(tiny, [...sentences, "Turn left in 11m"]));

/** Straight history at a speed; row 15 is the identity. */
export function straight(count: number, speedMps: number, firstSecs: number): LocalPath {
  const zeros = () => new Float64Array(count);
  return {
    x: Float64Array.from({ length: count }, (_, i) => speedMps * (firstSecs + 0.1 * i)),
    y: zeros(),
    z: zeros(),
    yaw: zeros(),
  };
}

/** Noise pictures, red ones when `red`. */
export function scene(
  rng: Rng,
  options: { red: boolean; speedMps: number; navText?: string },
): ModelInput {
  const frame = (): RgbImage => ({
    width: 16,
    height: 16,
    pixels: Uint8Array.from(
      { length: 768 },
      (_, i) => (options.red && i % 3 === 0 ? 230 : 60) + rng.int(20),
    ),
  });
  return {
    cameras: new Map(
      cameraNames.slice(0, 3).map((name) => [name, Array.from({ length: 4 }, frame)]),
    ),
    history: straight(16, options.speedMps, -1.5),
    navText: options.navText ?? null,
  };
}

export const rngOf = (seed: number): Rng => createRng(seed);
