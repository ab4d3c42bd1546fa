/** What all processes of a labelling run have come to, read from their ledgers. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readLog } from "@causeway/reason";
import { z } from "zod";
import type { TeacherRow } from "./teach.ts";
import { componentsReplySchema, decisionReplySchema } from "./replies.ts";

const rowSchema = z.looseObject({
  id: z.string(),
  driveId: z.string(),
  t0Us: z.number().int(),
  promptVersion: z.string(),
  promptHash: z.string(),
  sampling: z.looseObject({ maxTokens: z.number(), seed: z.number().optional() }),
  inputs: z.object({ history: z.string(), future: z.string() }),
  components: componentsReplySchema.shape.components,
  decision: decisionReplySchema,
  calls: z.array(z.looseObject({ inputTokens: z.number(), outputTokens: z.number() })),
});
const endSchema = z.object({
  type: z.literal("item"),
  item: z.string(),
  end: z.discriminatedUnion("status", [
    z.object({ status: z.literal("done"), row: z.unknown() }),
    z.object({ status: z.literal("failed"), kind: z.string(), message: z.string() }),
  ]),
});
const headerSchema = z.object({
  type: z.literal("run"),
  identity: z.looseObject({ models: z.array(z.string()), isSynthetic: z.boolean() }),
});

export interface Collected {
  /** Chat model id of the teacher; null for an empty run. */
  readonly teacher: string | null;
  readonly isSynthetic: boolean;
  /** By id: done wins over failed, the first of two wins. */
  readonly rows: ReadonlyMap<string, TeacherRow>;
  readonly failures: ReadonlyMap<string, { readonly kind: string; readonly message: string }>;
  readonly damaged: readonly string[];
}

/** Reads every ledger of a folder; a missing folder is an empty run. */
export async function collectTaught(folder: string): Promise<Collected> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const rows = new Map<string, TeacherRow>();
  const failures = new Map<string, { kind: string; message: string }>();
  const damaged: string[] = [];
  let teacher: string | null = null;
  let isSynthetic = false;
  for (const name of names.filter((n) => /^ledger.*\.jsonl$/.test(n)).sort()) {
    const log = await readLog(join(folder, name));
    damaged.push(...log.damagedLines.map((line) => `${name}:${line}`));
    for (const raw of log.rows) {
      const header = headerSchema.safeParse(raw);
      if (header.success) {
        teacher = header.data.identity.models[0] ?? null;
        isSynthetic = header.data.identity.isSynthetic;
        continue;
      }
      const ended = endSchema.safeParse(raw);
      if (!ended.success) continue;
      const { item, end } = ended.data;
      if (end.status === "failed") {
        if (!rows.has(item)) failures.set(item, { kind: end.kind, message: end.message });
        continue;
      }
      const row = rowSchema.safeParse(end.row);
      if (!row.success) damaged.push(`${name}: the row of ${item}`);
      else if (!rows.has(item)) {
        rows.set(item, row.data as unknown as TeacherRow);
        failures.delete(item);
      }
    }
  }
  return { teacher, isSynthetic, rows, failures, damaged };
}
