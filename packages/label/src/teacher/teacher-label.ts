/** A teacher's row as a label, in the schema that the oracle fills. It is unverified until the filter has seen it. */
import { cocLabelSchemaId, type CocLabel } from "../coc/schema.ts";
import { hashJson } from "../hash.ts";
import { componentKindCategories } from "./component-kinds.ts";
import type { TaughtComponent } from "./replies.ts";
import type { TeacherRow } from "./teach.ts";

export const unverified = "not verified yet";

function attributesOf(c: TaughtComponent): Record<string, string | number> {
  return {
    text: c.text,
    uncertainty: c.uncertainty,
    ...(c.side === null ? {} : { side: c.side }),
    ...(c.state === null ? {} : { state: c.state }),
    ...(c.distance_m === null ? {} : { distanceM: c.distance_m }),
    ...(c.frames.length === 0 ? {} : { frames: c.frames.join(",") }),
  };
}

/** @param teacher the chat model's id */
export function labelFromTeacher(
  row: TeacherRow,
  teacher: string,
  window: { readonly historySecs: number; readonly futureSecs: number },
): CocLabel {
  const { decision } = row;
  const decides = decision.longitudinal !== null || decision.lateral !== null;
  return {
    schema: cocLabelSchemaId,
    id: row.id,
    driveId: row.driveId,
    t0Us: row.t0Us,
    window: {
      startUs: row.t0Us - Math.round(window.historySecs * 1e6),
      endUs: row.t0Us + Math.round(window.futureSecs * 1e6),
    },
    teacher,
    origin: "auto",
    template: { version: row.promptVersion, hash: row.promptHash },
    seed: row.sampling.seed ?? 0,
    inputs: { motion: row.inputs.history, decision: hashJson(row.inputs) },
    status: decides ? "review" : "no-decision",
    statusReason: decides
      ? decision.unobserved === null
        ? unverified
        : `the cause was not seen: ${decision.unobserved}`
      : "the teacher found no decision on either axis",
    longitudinal: decision.longitudinal,
    lateral: decision.lateral,
    lateralSide: decision.lateral_side,
    components: row.components.map((c) => ({
      id: c.id,
      category: componentKindCategories[c.kind],
      kind: c.kind,
      attributes: attributesOf(c),
    })),
    causeIds: [...decision.cause_ids],
    trace: decision.trace,
  };
}
