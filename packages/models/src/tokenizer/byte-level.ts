/**
 * The byte-level alphabet of GPT-2 style tokenizers: every byte has a printable character, so that any UTF-8 text is
 * a string over 256 letters. Printable Latin-1 stands for itself, the other 68 bytes follow from U+0100 on.
 */
const printable = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) ||
  (byte >= 0xa1 && byte <= 0xac) ||
  (byte >= 0xae && byte <= 0xff);

/** Character of each byte. */
export const byteCharacters: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : next++),
  );
})();

/** UTF-8 bytes of a text as byte-level characters. */
export function byteLevel(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) out += byteCharacters[byte] as string;
  return out;
}

/** The pre-tokenisation pattern of Qwen2 and later, as its tokenizer.json states it (Oniguruma syntax). */
export const qwenSplitPattern =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** The same pattern for JavaScript, which has no inline case-insensitive groups here. */
const splitter =
  /'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu;

/** Pieces that merges never cross, after NFC. */
export function splitText(text: string): readonly string[] {
  return text.normalize("NFC").match(splitter) ?? [];
}
