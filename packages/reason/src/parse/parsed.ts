/** What a parser found, or why it found nothing. Notes say what it had to overlook. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly notes: readonly string[] }
  | { readonly ok: false; readonly reason: string };

export const found = <T>(value: T, notes: readonly string[] = []): Parsed<T> => ({
  ok: true,
  value,
  notes,
});
export const failed = (reason: string): { readonly ok: false; readonly reason: string } => ({
  ok: false,
  reason,
});

/** A piece of the reply for a message: one line, at most 60 characters. */
export const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 60 ? `"${line.slice(0, 60)}…"` : `"${line}"`;
};
