/**
 * Prompts as typed templates. A file holds `user_prompt`, `system_prompt` and `sampling_params` as Cosmos-Reason's own
 * prompt files do, so those load as they are; `placeholders`, `output` and `schema` are ours and optional.
 *
 * Only declared placeholders are replaced: braces of JSON examples in a prompt stay what they are.
 */
import { LineCounter, parseDocument, stringify } from "yaml";
import { z } from "zod";
import type { Sampling } from "../chat/chat-model.ts";
import { contentKey } from "../batch/content-key.ts";

/** What a reply to a prompt is, so that it can be read and drawn. */
export const outputKinds = [
  "text",
  "spans",
  "subjects",
  "boxes",
  "boxes3d",
  "points",
  "choice",
  "json",
] as const;
export type OutputKind = (typeof outputKinds)[number];

export interface Placeholder {
  readonly name: string;
  readonly about: string;
  /** Used when no value is given; without one the value must be given. */
  readonly byDefault?: string;
}

export interface PromptTemplate {
  readonly name: string;
  /** One line for lists. */
  readonly about: string;
  /** What it is made for; empty for any. A warning, not a rule. */
  readonly media: readonly ("image" | "video")[];
  readonly systemPrompt: string;
  readonly userPrompt: string;
  readonly placeholders: readonly Placeholder[];
  readonly sampling: Partial<Sampling>;
  readonly output: OutputKind;
  /** JSON Schema of the answer, for guided decoding and for scripted replies. */
  readonly schema: Readonly<Record<string, unknown>> | null;
}

/** A prompt file or its values are wrong. */
export class PromptError extends Error {
  override readonly name = "PromptError";
  readonly code = "PROMPT";
}

export const defaultSystemPrompt = "You are a helpful assistant.";

const samplingShape = z.strictObject({
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().optional(),
  repetition_penalty: z.number().gt(0).optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
  max_tokens: z.int().positive().optional(),
  seed: z.int().optional(),
  stop: z.array(z.string()).optional(),
  n: z.literal(1).optional(),
});

const fileShape = z.strictObject({
  user_prompt: z.string().default(""),
  system_prompt: z.string().default(defaultSystemPrompt),
  sampling_params: samplingShape.default({}),
  about: z.string().optional(),
  media: z.array(z.enum(["image", "video"])).optional(),
  placeholders: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z]\w*$/),
        about: z.string().default(""),
        default: z.string().optional(),
      }),
    )
    .optional(),
  output: z.enum(outputKinds).default("text"),
  schema: z.record(z.string(), z.unknown()).nullish(),
});

/** `{name}`: letters, digits and underscores between braces, as in the original files. */
const mention = /\{([A-Za-z]\w*)\}/g;

const mentionsOf = (text: string): string[] => [
  ...new Set([...text.matchAll(mention)].map((m) => m[1] as string)),
];

/**
 * Reads a prompt file. `name` is for messages and results. Without a `placeholders` list, every `{name}` in the prompts
 * is a placeholder; an empty list says that there are none.
 */
export function parsePromptFile(text: string, name: string): PromptTemplate {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new PromptError(
      `${name}:${line}:${col}: not valid YAML: ${broken.message.split("\n")[0]}`,
    );
  }
  const parsed = fileShape.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path ?? [];
    const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
    const at = node?.range === undefined ? "" : `:${lines.linePos(node.range[0]).line}`;
    throw new PromptError(
      `${name}${at}: ${path.join(".") || "the file"}: ${issue?.message ?? "wrong"}. Expected user_prompt, system_prompt, sampling_params; optional: about, media, placeholders, output, schema.`,
    );
  }
  const file = parsed.data;
  const s = file.sampling_params;
  return {
    name,
    about: file.about ?? "",
    media: file.media ?? [],
    systemPrompt: file.system_prompt,
    userPrompt: file.user_prompt,
    placeholders:
      file.placeholders?.map(({ default: byDefault, ...rest }) => ({
        ...rest,
        ...(byDefault === undefined ? {} : { byDefault }),
      })) ??
      mentionsOf(`${file.system_prompt}\n${file.user_prompt}`).map((p) => ({ name: p, about: "" })),
    sampling: withoutUndefined({
      temperature: s.temperature,
      topP: s.top_p,
      topK: s.top_k,
      repetitionPenalty: s.repetition_penalty,
      presencePenalty: s.presence_penalty,
      maxTokens: s.max_tokens,
      seed: s.seed,
      stop: s.stop,
    }),
    output: file.output,
    schema: file.schema ?? null,
  };
}

const withoutUndefined = <T extends object>(value: T): Partial<T> =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>;

/** The template as a file that `parsePromptFile` reads back: a start for an own prompt. */
export function promptToYaml(template: PromptTemplate): string {
  const { sampling } = template;
  return stringify(
    {
      about: template.about,
      ...(template.media.length > 0 ? { media: template.media } : {}),
      system_prompt: template.systemPrompt,
      user_prompt: template.userPrompt,
      sampling_params: withoutUndefined({
        temperature: sampling.temperature,
        top_p: sampling.topP,
        top_k: sampling.topK,
        repetition_penalty: sampling.repetitionPenalty,
        presence_penalty: sampling.presencePenalty,
        max_tokens: sampling.maxTokens,
        seed: sampling.seed,
        stop: sampling.stop,
      }),
      placeholders: template.placeholders.map((p) => ({
        name: p.name,
        about: p.about,
        ...(p.byDefault === undefined ? {} : { default: p.byDefault }),
      })),
      output: template.output,
      ...(template.schema === null ? {} : { schema: template.schema }),
    },
    { lineWidth: 100 },
  );
}

/** Both prompts with their placeholders replaced. Missing and unknown values are errors. */
export function fillPrompt(
  template: PromptTemplate,
  values: Readonly<Record<string, string>>,
): { readonly system: string; readonly user: string } {
  const declared = new Map(template.placeholders.map((p) => [p.name, p]));
  const unknown = Object.keys(values).filter((name) => !declared.has(name));
  if (unknown.length > 0)
    throw new PromptError(
      `prompt ${template.name} has no placeholder "${unknown[0]}"; it has ${listOf([...declared.keys()])}.`,
    );
  const missing = template.placeholders.filter(
    (p) => values[p.name] === undefined && p.byDefault === undefined,
  );
  if (missing.length > 0)
    throw new PromptError(
      `prompt ${template.name} needs ${listOf(missing.map((p) => (p.about === "" ? p.name : `${p.name} (${p.about})`)))}: give a value for it.`,
    );
  const fill = (text: string): string =>
    text.replace(mention, (whole, name: string) =>
      declared.has(name) ? (values[name] ?? declared.get(name)?.byDefault ?? whole) : whole,
    );
  return { system: fill(template.systemPrompt), user: fill(template.userPrompt) };
}

const listOf = (names: readonly string[]): string =>
  names.length === 0 ? "none" : names.join(", ");

/** Changes when anything that the model reads from the template changes. */
export const promptHash = (template: PromptTemplate): string =>
  contentKey({
    system: template.systemPrompt,
    user: template.userPrompt,
    placeholders: template.placeholders,
    schema: template.schema,
  }).slice(0, 16);
