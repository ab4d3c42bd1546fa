/**
 * How a user names a model, in one word:
 *
 *   openai:nvidia/Cosmos-Reason2-2B@http://127.0.0.1:8000/v1   an OpenAI-compatible server (vLLM, SGLang, NIM, …)
 *   openai:@http://127.0.0.1:8000                              the first model that it serves
 *   openai:gpt-5                                               OpenAI itself, for its own model names
 *   engine:runs/quickstart/stage2/checkpoints/step_600         our own engine, no server
 *   fake                                                       a scripted stand-in; what it writes is marked synthetic
 *
 * `?json=guided_json&frames=video&timeout=600` after the address adjusts the dialect.
 */
import type { ChatModel } from "./chat-model.ts";
import { type OpenAiDialect, openAiDialect, vllmDialect } from "./openai-request.ts";
import { createScriptedModel } from "./scripted-model.ts";

export type ModelSpec =
  | { readonly kind: "fake" }
  | { readonly kind: "engine"; readonly folder: string }
  | {
      readonly kind: "openai";
      /** Empty: the first model that the server lists. */
      readonly model: string;
      readonly baseUrl: string;
      readonly dialect: OpenAiDialect;
      readonly timeoutMs: number | null;
    };

/** The user's word for a model cannot be read. */
export class ModelSpecError extends Error {
  override readonly name = "ModelSpecError";
  readonly code = "MODEL";
}

export const modelSpecForms = "openai:MODEL@URL, engine:FOLDER, fake";
const defaultUrl = "http://127.0.0.1:8000/v1";
const openAiUrl = "https://api.openai.com/v1";
const isOpenAiName = /^(gpt-|o\d|chatgpt)/;

export function parseModelSpec(text: string): ModelSpec {
  if (text === "fake") return { kind: "fake" };
  const colon = text.indexOf(":");
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? "" : text.slice(colon + 1);
  if (kind === "engine") {
    if (rest === "") throw new ModelSpecError(`model "${text}": a checkpoint folder must follow.`);
    return { kind: "engine", folder: rest };
  }
  if (kind !== "openai" || rest === "")
    throw new ModelSpecError(`model "${text}" is not understood; expected ${modelSpecForms}.`);
  const at = /@(?=https?:\/\/)/.exec(rest);
  const model = at === null ? rest.replace(/\?.*$/, "") : rest.slice(0, at.index);
  const address = at === null ? "" : rest.slice(at.index + 1);
  const url = parseUrl(
    address === "" ? (isOpenAiName.test(model) ? openAiUrl : defaultUrl) : address,
    text,
  );
  const query = new URLSearchParams(at === null ? (rest.split("?")[1] ?? "") : url.search);
  if (url.username !== "" || url.password !== "")
    throw new ModelSpecError(
      `model "${kind}:${model}": the address holds a password. Put keys into the environment (CAUSEWAY_API_KEY).`,
    );
  if (model === "" && address === "")
    throw new ModelSpecError(`model "${text}": a name or an address must follow.`);
  const path = url.pathname.replace(/\/+$/, "");
  return {
    kind: "openai",
    model,
    baseUrl: `${url.origin}${path === "" ? "/v1" : path}`,
    dialect: {
      ...(url.hostname === "api.openai.com" ? openAiDialect : vllmDialect),
      ...choice(query, "json", ["response_format", "guided_json", "none"], text),
      ...choice(query, "frames", ["images", "video"], text),
      ...(query.has("dialect") ? { kind: dialectKind(query, text) } : {}),
    },
    timeoutMs: timeout(query, text),
  };
}

function parseUrl(address: string, text: string): URL {
  try {
    return new URL(address);
  } catch {
    throw new ModelSpecError(`model "${text}": "${address}" is no address.`);
  }
}

function choice<K extends string, V extends string>(
  query: URLSearchParams,
  key: K,
  values: readonly V[],
  text: string,
): { [P in K]?: V } {
  const value = query.get(key);
  if (value === null) return {};
  const known = values.find((v) => v === value);
  if (known === undefined)
    throw new ModelSpecError(
      `model "${text}": ${key} is "${value}"; expected ${values.join(" or ")}.`,
    );
  return { [key]: known } as { [P in K]?: V };
}

function dialectKind(query: URLSearchParams, text: string): OpenAiDialect["kind"] {
  return choice(query, "dialect", ["vllm", "openai"], text).dialect ?? "vllm";
}

function timeout(query: URLSearchParams, text: string): number | null {
  const value = query.get("timeout");
  if (value === null) return null;
  const seconds = Number(value);
  if (!(seconds > 0 && seconds <= 86_400))
    throw new ModelSpecError(`model "${text}": timeout is "${value}"; expected seconds.`);
  return seconds * 1000;
}

/** Environment variables that may hold a key for a host. A key goes to no other host than its provider's. */
const providerKeys: readonly { readonly host: RegExp; readonly variable: string }[] = [
  { host: /(^|\.)openai\.com$/, variable: "OPENAI_API_KEY" },
  { host: /(^|\.)nvidia\.com$/, variable: "NVIDIA_API_KEY" },
];

/** The key for a server: its provider's own, else CAUSEWAY_API_KEY, which is for whatever address you name. */
export function apiKeyFor(
  baseUrl: string,
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  const { hostname } = new URL(baseUrl);
  const own = providerKeys.find((p) => p.host.test(hostname));
  const key = (own === undefined ? undefined : env[own.variable]) ?? env.CAUSEWAY_API_KEY;
  return key === undefined || key === "" ? null : key;
}

export interface OpenModelOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Opens a checkpoint folder with our own engine; the command line wires it. */
  readonly openEngine?: (folder: string) => Promise<ChatModel>;
}

export async function openModel(spec: ModelSpec, options: OpenModelOptions): Promise<ChatModel> {
  if (spec.kind === "fake") return createScriptedModel();
  if (spec.kind === "engine") {
    if (options.openEngine === undefined)
      throw new ModelSpecError(
        `model "engine:${spec.folder}": this program has no engine built in; expected openai:MODEL@URL or fake.`,
      );
    return options.openEngine(spec.folder);
  }
  // The client library loads only where a server is used.
  const { createOpenAiModel, listServedModels } = await import("./openai-model.ts");
  const apiKey = apiKeyFor(spec.baseUrl, options.env);
  let { model } = spec;
  if (model === "") {
    const [first] = await listServedModels(spec.baseUrl, apiKey);
    if (first === undefined)
      throw new ModelSpecError(`the server lists no model; name one: openai:MODEL@URL.`);
    model = first;
  }
  return createOpenAiModel({
    model,
    baseUrl: spec.baseUrl,
    apiKey,
    dialect: spec.dialect,
    ...(spec.timeoutMs === null ? {} : { timeoutMs: spec.timeoutMs }),
  });
}
