/** One label = one JSONL row. The sentence is exactly what a model is trained to write; the ids beside it are what it means. */
import { componentCategories, lateralDecisions, longitudinalDecisions } from "@causeway/data";
import { z } from "zod";

export const cocLabelSchemaId = "causeway/coc-label/1";

const component = z.object({
  id: z.string().min(1),
  category: z.enum(componentCategories),
  kind: z.string().min(1),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

export const cocLabelSchema = z
  .object({
    schema: z.literal(cocLabelSchemaId),
    /** `${driveId}@${t0Us}`: joins samples, predictions and scores. */
    id: z.string(),
    driveId: z.string().min(1),
    t0Us: z.number().int(),
    /** Time span of the recording that the teacher was given, microseconds. */
    window: z.object({ startUs: z.number().int(), endUs: z.number().int() }),
    /** "oracle" = simulator truth; otherwise the teacher model's name. */
    teacher: z.string().min(1),
    origin: z.enum(["auto", "human", "auto+human"]),
    /** What wrote the sentence. */
    template: z.object({ version: z.string(), hash: z.string() }),
    seed: z.number().int(),
    /** Hashes of what the label was made from. */
    inputs: z.object({ motion: z.string(), decision: z.string() }),
    status: z.enum(["accepted", "review", "rejected", "no-decision"]),
    /** Why the status is not "accepted". */
    statusReason: z.string().nullable(),
    longitudinal: z.enum(longitudinalDecisions).nullable(),
    lateral: z.enum(lateralDecisions).nullable(),
    lateralSide: z.enum(["left", "right"]).nullable(),
    components: z.array(component),
    causeIds: z.array(z.string()),
    trace: z.string().nullable(),
  })
  .strict();

export type CocLabel = z.infer<typeof cocLabelSchema>;

export class LabelError extends Error {
  override readonly name = "LabelError";
  readonly code: "no-truth" | "out-of-range" | "format";
  constructor(code: LabelError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** @param place for the message, e.g. "labels/a.jsonl row 12" */
export function parseCocLabel(line: string, place: string): CocLabel {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new LabelError(
      "format",
      `${place}: not JSON (${String(cause)}); expected one label per line.`,
    );
  }
  const result = cocLabelSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new LabelError(
    "format",
    `${place}: field "${issue.path.join(".")}": ${issue.message}; expected a ${cocLabelSchemaId} row.`,
  );
}

/** One line without its newline. */
export function writeCocLabel(label: CocLabel): string {
  return JSON.stringify(label);
}
