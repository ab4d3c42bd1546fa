/**
 * Embeds every noisy waypoint: Fourier features of acceleration, curvature and flow time, then an MLP.
 *   enc(x) = √2 [sin 2πf_k x, cos 2πf_k x],  f_k = maxFreq^(k / (F/2 - 1)), k = 0 .. F/2 - 1
 * (PerWaypointActionInProjV2 of NVlabs/alpamayo 1cba38c.)
 */
import {
  broadcastTo,
  concat,
  cos,
  type Graph,
  layerNorm,
  linear,
  mul,
  reshape,
  rmsNorm,
  silu,
  sin,
  tensor,
  type Value,
} from "@causeway/graph";
import { bfloat16FromFloat, floatFromBfloat16 } from "../safetensors/dtypes.ts";
import type { AlpamayoConfig } from "./config.ts";

const normEps = 1e-5;

/**
 * Frequencies evenly spaced in the exponent from minFreq (1 in the releases) to maxFreq, rounded to float32 once: an ulp
 * here turns 1885 rad by 2e-4. From 1 on, every sine repeats within the ±3 that noise covers, so a network must first
 * learn to read the value back; a low first frequency gives it the value almost linearly.
 */
export function fourierFrequencies(
  numFourierFeats: number,
  maxFreq: number,
  minFreq = 1,
): Float32Array {
  const half = numFourierFeats / 2;
  const low = Math.log10(minFreq);
  const top = Math.log10(maxFreq);
  return Float32Array.from(
    { length: half },
    (_, k) => 10 ** (low + ((top - low) * k) / (half - 1)),
  );
}

/**
 * x [..., 1] to [..., F]: all sines, then all cosines, times √2. The argument is built as ((x f) 2) π, in that order:
 * at f = 100 it reaches thousands of radians, where another order moves the result by 1e-4.
 */
export function fourierFeatures(g: Graph, x: Value, frequencies: Float32Array): Value {
  const argument = mul(
    mul(mul(x, g.constant(tensor(frequencies, [frequencies.length]))), 2),
    Math.PI,
  );
  return mul(concat([sin(argument), cos(argument)], -1), Math.SQRT2);
}

/**
 * @param action_BKA  Noisy normalised actions [B, K, 2].
 * @param time_B  Flow time [B, 1, 1], repeated for all waypoints.
 * @returns [B, K, outDim] and named layers for goldens.
 */
export function actionInProj(
  g: Graph,
  settings: AlpamayoConfig["actionInProj"],
  outDim: number,
  action_BKA: Value,
  time_B: Value,
  prefix = "action_in_proj.",
): { readonly embeds: Value; readonly trace: ReadonlyMap<string, Value> } {
  const [batch, steps, dims] = action_BKA.shape as [number, number, number];
  const { hiddenSize, numEncLayers, numFourierFeats, maxFreq, minFreq, frequencyType } = settings;
  const weight = (name: string, ...shape: number[]) => g.parameter(prefix + name, shape);
  const exact = fourierFrequencies(numFourierFeats, maxFreq, minFreq);
  const frequencies =
    frequencyType === undefined ? exact : exact.map((f) => floatFromBfloat16(bfloat16FromFloat(f)));
  // [B, K, 2, 1] to [B, K, 2, F] to [B, K, 2F]: per dimension its sines and cosines.
  const ofActions = fourierFeatures(g, reshape(action_BKA, [batch, steps, dims, 1]), frequencies);
  const ofTime = broadcastTo(fourierFeatures(g, reshape(time_B, [batch, 1, 1]), frequencies), [
    batch,
    steps,
    numFourierFeats,
  ]);
  const features = concat([reshape(ofActions, [batch, steps, dims * numFourierFeats]), ofTime], -1);
  const trace = new Map([["features", features]]);
  let x = features;
  let width = (dims + 1) * numFourierFeats;
  const keep = (index: number, value: Value) => {
    trace.set(`trunk_${index}`, value);
    return value;
  };
  for (let layer = 0; layer < numEncLayers; layer++) {
    const at = 3 * layer;
    x = keep(
      at,
      linear(
        x,
        weight(`encoder.trunk.${at}.weight`, hiddenSize, width),
        weight(`encoder.trunk.${at}.bias`, hiddenSize),
      ),
    );
    x = keep(at + 1, silu(x));
    x = keep(at + 2, rmsNorm(x, weight(`encoder.trunk.${at + 2}.weight`, hiddenSize), normEps));
    width = hiddenSize;
  }
  const last = 3 * numEncLayers;
  x = keep(
    last,
    linear(
      x,
      weight(`encoder.trunk.${last}.weight`, outDim, width),
      weight(`encoder.trunk.${last}.bias`, outDim),
    ),
  );
  return {
    embeds: layerNorm(x, weight("norm.weight", outDim), weight("norm.bias", outDim), normEps),
    trace,
  };
}

/** Velocity [B, K, 2] of hidden waypoints [B, K, C]. */
export function actionOutProj(g: Graph, hidden: Value, prefix = "action_out_proj."): Value {
  const width = hidden.shape.at(-1) as number;
  return linear(
    hidden,
    g.parameter(`${prefix}weight`, [2, width]),
    g.parameter(`${prefix}bias`, [2]),
  );
}
