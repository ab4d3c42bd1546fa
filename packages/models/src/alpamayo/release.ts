/**
 * Released Alpamayo folders: R1 and 1.5. They carry no manifest and, unlike ours, neither tokenizer nor backbone
 * configuration: upstream fetches both while it reads config.json. Here they come from the folder itself, or from the
 * folder of the backbone (Cosmos-Reason2-8B or Qwen3-VL-8B-Instruct, same tokenizer); nothing is fetched, and every id
 * that the release or its configuration states is asserted.
 */
import { basename } from "node:path";
import { ConfigError } from "../errors.ts";
import { readFolderJson } from "../folder/read-json.ts";
import { formatQwen3VLConfig } from "../qwen3vl/config.ts";
import { cosmosReason2_8b } from "../qwen3vl/released-shapes.ts";
import type { TokenizerJson } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { smartResize } from "../vision/smart-resize.ts";
import { type AlpamayoConfig, parseAlpamayoConfig } from "./config.ts";
import { createManifest, type ModelManifest } from "./manifest.ts";
import { cameraNames } from "./prompt.ts";
import {
  type DrivingTokenName,
  type PromptVersion,
  type VocabularyMap,
  withDrivingTokens,
} from "./vocabulary.ts";

/** Ids of the 155 697-token vocabulary of both releases. */
export const releasedIds = {
  size: 155_697,
  futureFirst: 151_669,
  historyFirst: 154_669,
  driving: {
    traj_history_start: 155_674,
    traj_history_end: 155_676,
    cot_start: 155_677,
    cot_end: 155_678,
    traj_future_start: 155_681,
    traj_future_end: 155_683,
    traj_history: 155_684,
    traj_future: 155_685,
    route_start: 155_690,
    route_end: 155_692,
    question_start: 155_693,
    question_end: 155_694,
    answer_start: 155_695,
    answer_end: 155_696,
  },
} as const;

/** Pictures come as 1080 x 1920; the releases' pixel limits make 320 x 576 of them. */
const sourceSize = { heightPx: 1080, widthPx: 1920 };
const patchFactor = 32;
/** Cross left, front wide, cross right, front telephoto. */
const cameraIndices = [0, 1, 2, 6] as const;

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export interface Release {
  readonly config: AlpamayoConfig;
  readonly tokenizer: Tokenizer;
  readonly manifest: ModelManifest;
}

/** @param backbone  Folder of the backbone, for what the release does not carry; null when it carries all. */
export async function readRelease(folder: string, backbone: string | null): Promise<Release> {
  const json = await readFolderJson(folder, "config.json");
  if (!isJson(json)) throw new ConfigError(`config.json is not an object. (${folder})`);
  const version: PromptVersion = json["model_type"] === "alpamayo1_5" ? "r1_5" : "r1";
  const config = parseAlpamayoConfig(json, await backboneConfig(folder, json, backbone));
  const tokenizer = await releaseTokenizer(folder, json, config, version, backbone);
  const pixels = (key: string, fallback: number): number => {
    const value = json[key] ?? fallback;
    if (typeof value !== "number" || !(value > 0))
      throw new ConfigError(
        `config.json: ${key} is ${JSON.stringify(value)}; expected a number of pixels`,
      );
    return value;
  };
  const image = smartResize(sourceSize.heightPx, sourceSize.widthPx, patchFactor, {
    minPixels: pixels("min_pixels", 163_840),
    maxPixels: pixels("max_pixels", 196_608),
  });
  // The class default leaves names out although 1.5 was trained with them.
  const cameraLabels = json["include_camera_ids"] ?? version === "r1_5";
  const manifest = createManifest(config, tokenizer, {
    name: version === "r1" ? "alpamayo-r1" : "alpamayo-1.5",
    promptVersion: version,
    cameraLabels: cameraLabels === true,
    cameras: cameraIndices.map((index) => ({ name: cameraNames[index] as string, index })),
    image,
    framesPerCamera: 4,
    frameStepSecs: 0.1,
    frameGrouping: "image",
    historyPoses: 16,
    ...(version === "r1_5" ? { answersQuestions: true } : {}),
  });
  assertReleaseIds(json, manifest.vocabulary);
  return { config, tokenizer, manifest };
}

/** Beside the release, in the backbone's folder, or known by name. */
async function backboneConfig(
  folder: string,
  json: Json,
  backbone: string | null,
): Promise<unknown> {
  if (json["vlm_config"] !== undefined) return json["vlm_config"];
  const beside = await readFolderJson(folder, "vlm_config.json", { isOptional: true });
  if (beside !== null) return beside;
  if (backbone !== null) return readFolderJson(backbone, "config.json");
  const name = String(json["vlm_name_or_path"]);
  if (["Cosmos-Reason2-8B", "Qwen3-VL-8B-Instruct", "Qwen3-VL-8B"].includes(basename(name)))
    return formatQwen3VLConfig(cosmosReason2_8b);
  throw new ConfigError(
    `config.json: vlm_name_or_path is ${JSON.stringify(name)}, whose configuration is not in this folder; give the folder of the backbone (--backbone). (${folder})`,
  );
}

async function releaseTokenizer(
  folder: string,
  json: Json,
  config: AlpamayoConfig,
  version: PromptVersion,
  backbone: string | null,
): Promise<Tokenizer> {
  const own = await readFolderJson(folder, "tokenizer.json", { isOptional: true });
  const source =
    own ??
    (backbone === null
      ? null
      : await readFolderJson(backbone, "tokenizer.json", { expected: "the backbone's folder" }));
  if (source === null) {
    throw new ConfigError(
      `this release has no tokenizer.json; give the folder of its backbone (--backbone), Cosmos-Reason2-8B or Qwen3-VL-8B-Instruct. (${folder})`,
    );
  }
  const tokenizer = new Tokenizer(source as TokenizerJson);
  if (tokenizer.has("<i0>")) return tokenizer;
  return withDrivingTokens(tokenizer, {
    trajectoryTokens: config.futureTokens.bins + config.historyTokens.bins,
    version,
    addSpecialTokens: json["add_special_tokens"] !== false,
  });
}

/** Ids that config.json states, and those of the released vocabulary where it is that one. */
export function assertReleaseIds(json: Json, vocabulary: VocabularyMap): void {
  const wrong: string[] = [];
  const expect = (what: string, own: number | undefined, stated: unknown) => {
    if (typeof stated === "number" && own !== stated)
      wrong.push(`${what} is ${own} here, ${stated} in the release`);
  };
  expect("traj_token_start_idx", vocabulary.futureFirst, json["traj_token_start_idx"]);
  const ids = json["traj_token_ids"];
  if (isJson(ids)) {
    for (const [key, stated] of Object.entries(ids))
      expect(`traj_${key}`, vocabulary.driving[`traj_${key}` as DrivingTokenName], stated);
  }
  if (json["vocab_size"] === releasedIds.size && json["add_special_tokens"] !== false) {
    expect("vocabulary size", vocabulary.size, releasedIds.size);
    expect("<i0>", vocabulary.futureFirst, releasedIds.futureFirst);
    expect("first history bin", vocabulary.historyFirst, releasedIds.historyFirst);
    for (const [name, id] of Object.entries(releasedIds.driving))
      expect(name, vocabulary.driving[name as DrivingTokenName], id);
  }
  if (wrong.length > 0) {
    throw new ConfigError(
      `vocabulary: ${wrong.join("; ")}. Is this the tokenizer that the model was trained with?`,
    );
  }
}
