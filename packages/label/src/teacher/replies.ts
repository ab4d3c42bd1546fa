/** What a teacher must answer, as schemas for the server and again for us, and the checks that a schema cannot say. */
import { lateralDecisions, longitudinalDecisions } from "@causeway/data";
import { z } from "zod";
import { taughtKinds } from "./component-kinds.ts";

const taughtComponent = z
  .object({
    id: z.string().regex(/^[a-z]\w{0,15}$/),
    kind: z.enum(taughtKinds),
    /** A few words, as the trace may name it. */
    text: z.string().min(2).max(160),
    side: z.enum(["left", "right", "ahead", "behind"]).nullable(),
    /** "stopped", "crossing", "red" …, or null. */
    state: z.string().max(40).nullable(),
    distance_m: z.number().min(0).max(300).nullable(),
    uncertainty: z.enum(["low", "medium", "high"]),
    /** Numbers of the pictures that show it. */
    frames: z.array(z.number().int().min(0)).max(64),
  })
  .strict();

/** Answer to call 1. */
export const componentsReplySchema = z.object({ components: z.array(taughtComponent).max(16) });
export type ComponentsReply = z.infer<typeof componentsReplySchema>;
export type TaughtComponent = z.infer<typeof taughtComponent>;

/** Answer to call 2. */
export const decisionReplySchema = z
  .object({
    longitudinal: z.enum(longitudinalDecisions).nullable(),
    lateral: z.enum(lateralDecisions).nullable(),
    lateral_side: z.enum(["left", "right"]).nullable(),
    /** Most important first. */
    cause_ids: z.array(z.string()).max(6),
    /** One sentence, or null when nothing is decided. */
    trace: z.string().max(400).nullable(),
    /** What the history does not show although the car reacts to it, or null. */
    unobserved: z.string().max(200).nullable(),
  })
  .strict();
export type DecisionReply = z.infer<typeof decisionReplySchema>;

/** JSON Schema as servers take it: every object closed, no `$schema`. */
export function jsonSchemaOf(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-7" }) as Record<
    string,
    unknown
  >;
  return close(rest) as Record<string, unknown>;
}

function close(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(close);
  if (value === null || typeof value !== "object") return value;
  const out = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, close(v)]));
  return out["type"] === "object" ? { ...out, additionalProperties: false } : out;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  /** In words that can go back to the model. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** The first whole JSON object of a text: fences and prose around it are left out. Null when there is none. */
export function firstJsonObject(text: string): unknown {
  for (let start = text.indexOf("{"); start >= 0; start = text.indexOf("{", start + 1)) {
    const end = closingBrace(text, start);
    if (end < 0) continue;
    try {
      return JSON.parse(text.slice(start, end + 1)) as unknown;
    } catch {
      // Prose may hold braces; the next one may open the answer.
    }
  }
  return null;
}

function closingBrace(text: string, start: number): number {
  let depth = 0;
  let isInString = false;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (isInString) {
      if (c === "\\") i++;
      else if (c === '"') isInString = false;
    } else if (c === '"') isInString = true;
    else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return i;
  }
  return -1;
}

/** Largest reply that is parsed at all, characters. */
const maxReplyLength = 200_000;

export function parseReply<T>(text: string, schema: z.ZodType<T>): Checked<T> {
  if (text.length > maxReplyLength) {
    return { ok: false, problems: [`the answer has ${text.length} characters; a few hundred do`] };
  }
  const value = firstJsonObject(text);
  if (value === null) return { ok: false, problems: ["the answer holds no JSON object"] };
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  return {
    ok: false,
    problems: result.error.issues
      .slice(0, 8)
      .map((i) => `field "${i.path.join(".") || "(top)"}": ${i.message}`),
  };
}

const checked = <T>(value: T, problems: readonly string[]): Checked<T> =>
  problems.length === 0 ? { ok: true, value } : { ok: false, problems };

/** @param frameCount pictures that the model was shown */
export function checkComponents(text: string, frameCount: number): Checked<ComponentsReply> {
  const parsed = parseReply(text, componentsReplySchema);
  if (!parsed.ok) return parsed;
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const c of parsed.value.components) {
    if (seen.has(c.id)) problems.push(`id "${c.id}" is used twice`);
    seen.add(c.id);
    const outside = c.frames.filter((f) => f >= frameCount);
    if (outside.length > 0) {
      problems.push(`component "${c.id}" cites frames ${outside.join(", ")} of ${frameCount}`);
    }
    if (c.frames.length === 0 && c.kind !== "route") {
      problems.push(`component "${c.id}" cites no frame; name those that show it`);
    }
  }
  return checked(parsed.value, problems);
}

const sided = new Set(["turn", "lane_change", "in_lane_nudge", "out_of_lane_nudge"]);

/** @param componentIds ids of call 1; a trace may rest on these alone */
export function checkDecision(
  text: string,
  componentIds: readonly string[],
): Checked<DecisionReply> {
  const parsed = parseReply(text, decisionReplySchema);
  if (!parsed.ok) return parsed;
  const { longitudinal, lateral, lateral_side, cause_ids, trace, unobserved } = parsed.value;
  const problems: string[] = [];
  const strange = cause_ids.filter((id) => !componentIds.includes(id));
  if (strange.length > 0) {
    problems.push(
      `cause_ids ${strange.join(", ")} are not among the components (${componentIds.join(", ") || "none"})`,
    );
  }
  if (new Set(cause_ids).size < cause_ids.length) problems.push("cause_ids holds an id twice");
  const decides = longitudinal !== null || lateral !== null;
  if (decides !== (trace !== null)) {
    problems.push(
      decides ? "a decision needs a trace" : "without a decision the trace must be null",
    );
  }
  if (decides && cause_ids.length === 0 && unobserved === null) {
    problems.push("a decision needs a cause, or unobserved must say that the history shows none");
  }
  if (lateral !== null && sided.has(lateral) && lateral_side === null) {
    problems.push(`${lateral} needs lateral_side`);
  }
  if (trace !== null && /[.!?]\s+\S/.test(trace.trim())) {
    problems.push("the trace must be one sentence");
  }
  return checked(parsed.value, problems);
}
