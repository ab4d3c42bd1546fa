/** The smallest value that a JSON Schema allows, for scripted replies. Knows the part of the schema that we write. */
import { z } from "zod";

const schemaShape = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  prefixItems: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  minItems: z.number().optional(),
  minimum: z.number().optional(),
  minLength: z.number().optional(),
});

/** `text` fills strings; arrays get at least one element so that what reads them is exercised. */
export function sampleOfSchema(schema: unknown, text: string, depth = 0): unknown {
  const parsed = schemaShape.safeParse(schema);
  if (!parsed.success || depth > 16) return text;
  const s = parsed.data;
  const next = (inner: unknown): unknown => sampleOfSchema(inner, text, depth + 1);
  if (s.const !== undefined) return s.const;
  if (s.enum !== undefined && s.enum.length > 0) return s.enum[0];
  const [alternative] = s.anyOf ?? s.oneOf ?? [];
  if (alternative !== undefined) return next(alternative);
  const type = Array.isArray(s.type) ? s.type[0] : s.type;
  switch (type) {
    case "object":
      return Object.fromEntries(
        Object.entries(s.properties ?? {})
          .filter(([key]) => s.required === undefined || s.required.includes(key))
          .map(([key, inner]) => [key, next(inner)]),
      );
    case "array":
      if (s.prefixItems !== undefined) return s.prefixItems.map(next);
      return Array.from({ length: Math.max(1, s.minItems ?? 1) }, () => next(s.items));
    case "integer":
    case "number":
      return Math.ceil(s.minimum ?? 0);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return text.padEnd(s.minLength ?? 0, ".");
  }
}
