import { createHash } from "node:crypto";

/** JSON with object keys sorted at every level, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v !== null && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

/** First 16 hex digits of the SHA-256 of `canonicalJson(value)`. */
export function hashJson(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 16);
}

/** First 16 hex digits of the SHA-256 over the bytes of numeric columns, in order. */
export function hashColumns(columns: readonly Float64Array[]): string {
  const hash = createHash("sha256");
  for (const c of columns) hash.update(new Uint8Array(c.buffer, c.byteOffset, c.byteLength));
  return hash.digest("hex").slice(0, 16);
}
