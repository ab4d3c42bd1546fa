/** A curation policy: plain data with defaults, read from YAML or JSON; its hash names what was decided by it. */
import { parse } from "yaml";
import { z } from "zod";
import { DataConfigError } from "../errors.ts";
import { sha256Text } from "../io/hash.ts";
import { readWholeFile } from "../io/json.ts";
import { filterNames } from "./filters.ts";

const secs = z.number().positive().max(86_400);
const windowSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("drive") }),
  z.strictObject({
    kind: z.literal("stride"),
    lengthSecs: secs.default(20),
    strideSecs: secs.default(20),
    leastSecs: secs.default(8),
  }),
  z.strictObject({
    kind: z.literal("events"),
    beforeSecs: z.number().min(0).max(3600).default(4),
    afterSecs: secs.default(8),
  }),
]);

export const policySchema = z.strictObject({
  windows: windowSchema.default({ kind: "stride", lengthSecs: 20, strideSecs: 20, leastSecs: 8 }),
  /** Limits by filter name; null switches a filter off (its score is still written). Left out: the default limit. */
  filters: z.partialRecord(z.enum(filterNames), z.number().nullable()).default({}),
  pictures: z
    .strictObject({
      /** Camera to look at; null: the first one that looks ahead. */
      camera: z.string().nullable().default(null),
      everySecs: secs.default(2),
      most: z.number().int().min(1).max(200).default(12),
    })
    .default({ camera: null, everySecs: 2, most: 12 }),
  dedup: z
    .strictObject({
      /** Cosines above 1 - eps are duplicates; null: none is removed. */
      eps: z.number().min(0).max(1).nullable().default(0.01),
      /** "greedy" compares with kept clips only. */
      mode: z.enum(["plain", "greedy"]).default("plain"),
      clusters: z.number().int().min(1).nullable().default(null),
    })
    .default({ eps: 0.01, mode: "plain", clusters: null }),
  balance: z
    .strictObject({
      /** Tags that make a cell, e.g. ["manoeuvre", "speed"]. */
      by: z
        .array(
          z.enum([
            "manoeuvre",
            "longitudinal",
            "speed",
            "curvature",
            "decision",
            "scenario",
            "light",
          ]),
        )
        .min(1),
      /** Clips per cell at most; null: as many as there are. */
      most: z.number().int().min(0).nullable().default(null),
      /** Other numbers for single cells, by their key, e.g. { "turn left|city": 200 }. */
      cells: z.record(z.string(), z.number().int().min(0)).default({}),
    })
    .nullable()
    .default(null),
  splits: z
    .strictObject({
      val: z.number().min(0).max(1).default(0.1),
      test: z.number().min(0).max(1).default(0.1),
    })
    .default({ val: 0.1, test: 0.1 }),
  seed: z.number().int().min(0).max(0xffffffff).default(1),
});
export type CurationPolicy = z.infer<typeof policySchema>;

export function parsePolicy(value: unknown, where: string): CurationPolicy {
  const parsed = policySchema.safeParse(value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new DataConfigError(
      `policy: ${issue.path.join(".") || "top level"}: ${issue.message}. See "causeway curate --help" for its fields. (${where})`,
    );
  }
  return parsed.data;
}

/** @param path YAML or JSON */
export async function readPolicy(path: string): Promise<CurationPolicy> {
  const text = Buffer.from(await readWholeFile(path, 1 << 20)).toString();
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20 });
  } catch (cause) {
    throw new DataConfigError(
      `policy: not valid YAML: ${(cause as Error).message.split("\n")[0]} (${path})`,
      { cause },
    );
  }
  return parsePolicy(value, path);
}

const sorted = (value: unknown): unknown =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([k, v]) => [k, sorted(v)]),
      )
    : value;

/** First 16 hex digits over the canonical JSON of any plain value. */
export function hashOf(value: unknown): string {
  return sha256Text(JSON.stringify(sorted(value))).slice(0, 16);
}
