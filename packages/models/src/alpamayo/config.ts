import { type ActionSpaceConfig, referenceActionSpace, upstreamLowSpeed } from "@causeway/geom";
import { ConfigError } from "../errors.ts";
import { formatQwen3VLConfig, parseQwen3VLConfig, type Qwen3VLConfig } from "../qwen3vl/config.ts";
import type { DecoderSizes } from "../qwen3vl/decoder.ts";

export interface AlpamayoConfig {
  readonly vlm: Qwen3VLConfig;
  /** Width, MLP and query heads of the expert; layers, KV heads, head size and norms are the VLM's. */
  readonly expert: {
    readonly hiddenSize: number;
    readonly intermediateSize: number;
    readonly numHeads: number;
  };
  readonly actionInProj: {
    readonly hiddenSize: number;
    readonly numEncLayers: number;
    readonly numFourierFeats: number;
    readonly maxFreq: number;
    /** Lowest Fourier frequency; 1 in the releases. */
    readonly minFreq?: number;
    /** "bfloat16" rounds the frequencies, see `asLoadedInBf16`; float32 when left out. */
    readonly frequencyType?: "bfloat16";
  };
  readonly actionSpace: ActionSpaceConfig;
  /** Uniform bins over normalised actions in [min, max]. */
  readonly futureTokens: {
    readonly bins: number;
    readonly min: number;
    readonly max: number;
    readonly count: number;
  };
  /** Uniform bins over steps per axis x, y, z, metres. */
  readonly historyTokens: {
    readonly bins: number;
    readonly min: readonly [number, number, number];
    readonly max: readonly [number, number, number];
    readonly count: number;
    /** Every n-th pose and how many axes are written; 1 and 3 in the releases. See `createHistoryTokenizer`. */
    readonly every?: number;
    readonly axes?: 2 | 3;
  };
  /** Euler steps at inference. */
  readonly flowSteps: number;
  readonly addSpecialTokens: boolean;
}

/** Acceleration and curvature. */
export const actionDim = 2;

export function expertSizes({ vlm, expert }: AlpamayoConfig): DecoderSizes {
  const { numLayers, numKvHeads, headDim, rmsNormEps } = vlm.text;
  return { ...expert, numLayers, numKvHeads, headDim, rmsNormEps };
}

type Json = Readonly<Record<string, unknown>>;
const field = (json: Json, key: string): Json => {
  const value = json[key];
  if (typeof value !== "object" || value === null) {
    throw new ConfigError(`config.json: ${key} is ${JSON.stringify(value)}; expected an object`);
  }
  return value as Json;
};
const numberAt = (json: Json, key: string, fallback?: number): number => {
  const value = json[key] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new ConfigError(`config.json: ${key} is ${JSON.stringify(value)}; expected a number`);
  }
  return value;
};
const tripleAt = (json: Json, key: string): [number, number, number] => {
  const value = json[key];
  if (!Array.isArray(value) || value.length !== 3 || !value.every((x) => typeof x === "number")) {
    throw new ConfigError(
      `config.json: ${key} is ${JSON.stringify(value)}; expected three numbers`,
    );
  }
  return value as [number, number, number];
};

/** The last part of a hydra class path; the rest is a place in someone else's code. */
function requireClass(json: Json, key: string, expected: string): void {
  const target = json["_target_"];
  const name = typeof target === "string" ? target.split(".").at(-1) : undefined;
  if (name !== expected) {
    throw new ConfigError(
      `config.json: ${key}._target_ is ${JSON.stringify(target)}; only ${expected} is implemented`,
    );
  }
}

function pairAt(json: Json, key: string, fallback: readonly [number, number]): [number, number] {
  const value = json[key] ?? fallback;
  if (!Array.isArray(value) || value.length !== 2 || !value.every((x) => typeof x === "number")) {
    throw new ConfigError(`config.json: ${key} is ${JSON.stringify(value)}; expected two numbers`);
  }
  return value as [number, number];
}

/** The class's own defaults are identity normalisation, so the four constants must be there. */
function actionSpace(json: Json, key: string): ActionSpaceConfig {
  requireClass(json, key, "UnicycleAccelCurvatureActionSpace");
  const base = referenceActionSpace;
  return {
    accelMean: numberAt(json, "accel_mean"),
    accelStd: numberAt(json, "accel_std"),
    curvatureMean: numberAt(json, "curvature_mean"),
    curvatureStd: numberAt(json, "curvature_std"),
    accelBounds: pairAt(json, "accel_bounds", base.accelBounds),
    curvatureBounds: pairAt(json, "curvature_bounds", base.curvatureBounds),
    dtSecs: numberAt(json, "dt", base.dtSecs),
    waypointCount: numberAt(json, "n_waypoints", base.waypointCount),
    thetaLambda: numberAt(json, "theta_lambda", base.thetaLambda),
    thetaRidge: numberAt(json, "theta_ridge", base.thetaRidge),
    speedLambda: numberAt(json, "v_lambda", base.speedLambda),
    speedRidge: numberAt(json, "v_ridge", base.speedRidge),
    accelLambda: numberAt(json, "a_lambda", base.accelLambda),
    accelRidge: numberAt(json, "a_ridge", base.accelRidge),
    curvatureLambda: numberAt(json, "kappa_lambda", base.curvatureLambda),
    curvatureRidge: numberAt(json, "kappa_ridge", base.curvatureRidge),
    // Not a release key: releases have no low-speed rule, our own presets may name one.
    lowSpeed: (json["low_speed"] as ActionSpaceConfig["lowSpeed"] | undefined) ?? upstreamLowSpeed,
  };
}

/**
 * Reads `config.json` of an Alpamayo release (model_type alpamayo_r1 or alpamayo1_5).
 *
 * @param vlmJson  The Qwen3-VL configuration that `vlm_name_or_path` stands for; our own folders carry it as `vlm_config`.
 */
export function parseAlpamayoConfig(value: unknown, vlmJson?: unknown): AlpamayoConfig {
  if (typeof value !== "object" || value === null)
    throw new ConfigError("config.json is not an object");
  const json = value as Json;
  const type = json["model_type"];
  if (type !== "alpamayo_r1" && type !== "alpamayo1_5") {
    throw new ConfigError(
      `config.json: model_type is ${JSON.stringify(type)}; expected "alpamayo_r1" or "alpamayo1_5"`,
    );
  }
  const vlm = parseQwen3VLConfig(vlmJson ?? json["vlm_config"]);
  const expert = field(json, "expert_cfg");
  const inProj = field(json, "action_in_proj_cfg");
  requireClass(inProj, "action_in_proj_cfg", "PerWaypointActionInProjV2");
  const future = field(json, "traj_tokenizer_cfg");
  requireClass(future, "traj_tokenizer_cfg", "DiscreteTrajectoryTokenizer");
  const history = field(json, "hist_traj_tokenizer_cfg");
  requireClass(history, "hist_traj_tokenizer_cfg", "DeltaTrajectoryTokenizer");
  const diffusion = field(json, "diffusion_cfg");
  requireClass(diffusion, "diffusion_cfg", "FlowMatching");
  if (json["expert_non_causal_attention"] === false) {
    throw new ConfigError(
      "config.json: expert_non_causal_attention is false; only the non-causal expert is implemented",
    );
  }
  const lows = future["dims_min"];
  const highs = future["dims_max"];
  if (
    !Array.isArray(lows) ||
    !Array.isArray(highs) ||
    new Set(lows).size !== 1 ||
    new Set(highs).size !== 1
  ) {
    throw new ConfigError(
      `config.json: dims_min ${JSON.stringify(lows)} and dims_max ${JSON.stringify(highs)}: both action dimensions must share one range`,
    );
  }
  const config: AlpamayoConfig = {
    vlm: {
      ...vlm,
      text: { ...vlm.text, vocabSize: numberAt(json, "vocab_size", vlm.text.vocabSize) },
    },
    expert: {
      hiddenSize: numberAt(expert, "hidden_size", vlm.text.hiddenSize),
      intermediateSize: numberAt(expert, "intermediate_size", vlm.text.intermediateSize),
      numHeads: numberAt(expert, "num_attention_heads", vlm.text.numHeads),
    },
    actionInProj: {
      hiddenSize: numberAt(inProj, "hidden_size"),
      numEncLayers: numberAt(inProj, "num_enc_layers"),
      numFourierFeats: numberAt(inProj, "num_fourier_feats"),
      maxFreq: numberAt(inProj, "max_freq"),
      // Not a release key.
      minFreq: numberAt(inProj, "min_freq", 1),
      ...(inProj["freqs_dtype"] === "bfloat16" ? { frequencyType: "bfloat16" as const } : {}),
    },
    actionSpace: actionSpace(field(json, "action_space_cfg"), "action_space_cfg"),
    futureTokens: {
      bins: numberAt(future, "num_bins"),
      min: lows[0] as number,
      max: highs[0] as number,
      count: numberAt(json, "tokens_per_future_traj"),
    },
    historyTokens: {
      bins: numberAt(history, "num_bins"),
      min: tripleAt(history, "ego_xyz_min"),
      max: tripleAt(history, "ego_xyz_max"),
      count: numberAt(json, "tokens_per_history_traj"),
      // Not release keys: our small presets write fewer history tokens.
      every: numberAt(history, "every", 1),
      axes: numberAt(history, "axes", 3) === 2 ? 2 : 3,
    },
    flowSteps: numberAt(diffusion, "num_inference_steps", 10),
    addSpecialTokens: json["add_special_tokens"] !== false,
  };
  checkSizes(config);
  return config;
}

/** Whole positive numbers of a sane size: a hostile one would otherwise fill the memory before any weight is read. */
function checkSizes(config: AlpamayoConfig): void {
  const { expert, actionInProj, actionSpace, futureTokens, historyTokens } = config;
  const sizes: readonly [string, number, number][] = [
    ["vocab_size", config.vlm.text.vocabSize, 10_000_000],
    ["expert hidden_size", expert.hiddenSize, 131_072],
    ["expert intermediate_size", expert.intermediateSize, 1_048_576],
    ["expert num_attention_heads", expert.numHeads, 4096],
    ["action_in_proj hidden_size", actionInProj.hiddenSize, 131_072],
    ["num_enc_layers", actionInProj.numEncLayers, 64],
    ["num_fourier_feats", actionInProj.numFourierFeats, 4096],
    ["n_waypoints", actionSpace.waypointCount, 4096],
    ["future num_bins", futureTokens.bins, 1_000_000],
    ["tokens_per_future_traj", futureTokens.count, 16_384],
    ["history num_bins", historyTokens.bins, 1_000_000],
    ["tokens_per_history_traj", historyTokens.count, 16_384],
    ["num_inference_steps", config.flowSteps, 10_000],
  ];
  for (const [name, value, limit] of sizes) {
    if (!Number.isInteger(value) || value < 1 || value > limit)
      throw new ConfigError(
        `config.json: ${name} is ${value}; expected a whole number from 1 to ${limit}`,
      );
  }
}

/** `config.json` in release form with the Qwen3-VL configuration inside, so that a folder is complete. */
export function formatAlpamayoConfig(config: AlpamayoConfig): Json {
  const { actionSpace: space, futureTokens: future, historyTokens: history } = config;
  const spaceJson = {
    _target_: "alpamayo_r1.action_space.unicycle_accel_curvature.UnicycleAccelCurvatureActionSpace",
    accel_mean: space.accelMean,
    accel_std: space.accelStd,
    curvature_mean: space.curvatureMean,
    curvature_std: space.curvatureStd,
    accel_bounds: space.accelBounds,
    curvature_bounds: space.curvatureBounds,
    dt: space.dtSecs,
    n_waypoints: space.waypointCount,
    theta_lambda: space.thetaLambda,
    theta_ridge: space.thetaRidge,
    v_lambda: space.speedLambda,
    v_ridge: space.speedRidge,
    a_lambda: space.accelLambda,
    a_ridge: space.accelRidge,
    kappa_lambda: space.curvatureLambda,
    kappa_ridge: space.curvatureRidge,
    ...(space.lowSpeed.version === upstreamLowSpeed.version ? {} : { low_speed: space.lowSpeed }),
  };
  return {
    architectures: ["AlpamayoR1"],
    model_type: "alpamayo_r1",
    vlm_name_or_path: ".",
    vlm_backend: "qwenvl3",
    vlm_config: formatQwen3VLConfig(config.vlm),
    vocab_size: config.vlm.text.vocabSize,
    add_special_tokens: config.addSpecialTokens,
    traj_vocab_size: future.bins + history.bins,
    tokens_per_history_traj: history.count,
    tokens_per_future_traj: future.count,
    traj_tokenizer_cfg: {
      _target_: "alpamayo_r1.action_space.discrete_action_space.DiscreteTrajectoryTokenizer",
      action_space_cfg: spaceJson,
      dims_min: [future.min, future.min],
      dims_max: [future.max, future.max],
      num_bins: future.bins,
    },
    hist_traj_tokenizer_cfg: {
      _target_: "alpamayo_r1.models.delta_tokenizer.DeltaTrajectoryTokenizer",
      ego_xyz_min: history.min,
      ego_xyz_max: history.max,
      num_bins: history.bins,
      ...((history.every ?? 1) === 1 ? {} : { every: history.every }),
      ...((history.axes ?? 3) === 3 ? {} : { axes: history.axes }),
      predict_yaw: false,
    },
    diffusion_cfg: {
      _target_: "alpamayo_r1.diffusion.flow_matching.FlowMatching",
      int_method: "euler",
      num_inference_steps: config.flowSteps,
    },
    action_space_cfg: spaceJson,
    action_in_proj_cfg: {
      _target_: "alpamayo_r1.models.action_in_proj.PerWaypointActionInProjV2",
      hidden_size: config.actionInProj.hiddenSize,
      max_freq: config.actionInProj.maxFreq,
      ...((config.actionInProj.minFreq ?? 1) === 1
        ? {}
        : { min_freq: config.actionInProj.minFreq }),
      ...(config.actionInProj.frequencyType === undefined
        ? {}
        : { freqs_dtype: config.actionInProj.frequencyType }),
      num_enc_layers: config.actionInProj.numEncLayers,
      num_fourier_feats: config.actionInProj.numFourierFeats,
    },
    action_out_proj_cfg: { _target_: "torch.nn.Linear" },
    expert_cfg: {
      hidden_size: config.expert.hiddenSize,
      intermediate_size: config.expert.intermediateSize,
      num_attention_heads: config.expert.numHeads,
    },
    keep_same_dtype: true,
    expert_non_causal_attention: true,
  };
}
