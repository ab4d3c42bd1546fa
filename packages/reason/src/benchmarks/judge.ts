/**
 * A text model scores one field of a caption against the human label: 1 no match, 2 some overlap but in substance
 * different, 3 partly right, 4 the same but for details, 5 the same meaning.
 *
 * What needs no judge is not asked: a field that the caption lacks is a 1, equal values are a 5. A field that the
 * label lacks is not scored and counted apart. So a mean has an exact denominator, and leaving fields out never helps.
 */
import type { ChatModel } from "../chat/chat-model.ts";
import type { ItemTools } from "../batch/run-batch.ts";
import { failed, type Parsed } from "../parse/parsed.ts";
import { findJson } from "../parse/json.ts";
import { parseScore } from "../parse/score.ts";
import { answerOf } from "../parse/tags.ts";
import { avCaptionFields } from "../prompts/av-caption.ts";
import type { PromptTemplate } from "../prompts/template.ts";
import { type AnswerRecord, answerItem } from "./answer.ts";

export const judgePrompt: PromptTemplate = {
  name: "field-judge",
  about: "how well does one field of a caption match the human label",
  media: [],
  systemPrompt:
    "You compare short statements about driving scenes. You judge meaning, not wording, and you are strict about facts that matter for driving.",
  userPrompt:
    "Field: {field}\nHuman label: {reference}\nStatement to judge: {statement}\n\nHow well does the statement match the human label?\n1: no match\n2: some words or facts in common, but in substance different\n3: partly right\n4: clearly the same, details differ\n5: the same meaning, also when it is said in other words\n\nGive your reason in one or two sentences, then the number alone inside <answer></answer>.",
  placeholders: [
    { name: "field", about: "name of the field" },
    { name: "reference", about: "what the human wrote" },
    { name: "statement", about: "what the model wrote" },
  ],
  sampling: { temperature: 0, maxTokens: 512 },
  output: "text",
  schema: null,
};

export interface FieldScore {
  /** 1 to 5; null when the label has no such field or the judge could not be read. */
  readonly score: number | null;
  readonly from: "judge" | "equal" | "missing" | "no-label" | "unread";
  readonly statement: unknown;
  readonly reference: unknown;
  readonly judge: AnswerRecord | null;
}

const isMissing = (value: unknown): boolean =>
  value === undefined || (typeof value === "string" && value.trim() === "");

/** Values in words: lists as lists, null as "none". */
export function fieldText(value: unknown): string {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.map(fieldText).join(", ");
  if (typeof value === "object") return JSON.stringify(value);
  return String(value as string | number | boolean);
}

/** Order of lists and case do not matter for being equal; null equals "none" and "N/A". */
function plain(value: unknown): string {
  const words = (Array.isArray(value) ? value : [value])
    .map((v) =>
      fieldText(v)
        .trim()
        .toLowerCase()
        .replace(/[.\s]+$/, ""),
    )
    .sort()
    .join("|");
  return words === "" || words === "n/a" || words === "null" ? "none" : words;
}

/** The caption object of a reply. Any object with at least one known field will do. */
export const parseCaption = (raw: string): Parsed<Readonly<Record<string, unknown>>> => {
  const isCaption = (value: unknown): boolean =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    avCaptionFields.some((field) => field in value);
  const parsed = findJson(answerOf(raw), isCaption);
  if (!parsed.ok) return failed(parsed.reason);
  return { ...parsed, value: parsed.value as Readonly<Record<string, unknown>> };
};

/** The number in the answer tag, else as `parseScore` reads it; never a number of the reasons before it. */
export function parseJudge(raw: string): Parsed<number> {
  return parseScore(raw, 5);
}

export async function judgeFields(
  caption: Readonly<Record<string, unknown>> | null,
  label: Readonly<Record<string, unknown>>,
  judge: ChatModel,
  tools: Pick<ItemTools, "ask">,
  fields: readonly string[] = avCaptionFields,
): Promise<Readonly<Record<string, FieldScore>>> {
  const scores = await Promise.all(
    fields.map(async (field): Promise<readonly [string, FieldScore]> => {
      const statement = caption?.[field];
      const reference = label[field];
      const known = { statement: statement ?? null, reference: reference ?? null, judge: null };
      if (isMissing(reference)) return [field, { ...known, score: null, from: "no-label" }];
      if (isMissing(statement)) return [field, { ...known, score: 1, from: "missing" }];
      if (plain(statement) === plain(reference))
        return [field, { ...known, score: 5, from: "equal" }];
      const asked = await answerItem(
        {
          template: judgePrompt,
          values: {
            field: field.replaceAll("_", " "),
            reference: fieldText(reference),
            statement: fieldText(statement),
          },
          media: [],
          model: judge,
          settings: { isReasoning: false, style: "reason2", sampling: {}, retries: 2 },
          read: parseJudge,
        },
        tools,
      );
      return [
        field,
        {
          ...known,
          score: asked.value,
          from: asked.value === null ? "unread" : "judge",
          judge: asked.answer,
        },
      ];
    }),
  );
  return Object.fromEntries(scores);
}
