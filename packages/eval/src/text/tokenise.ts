/**
 * Tokenisers of the machine-translation scorers, so that a BLEU here equals a BLEU there.
 * `13a` follows mteval-v13a, `intl` mteval-v14 with Unicode classes, `zh` separates Chinese characters,
 * `char` takes code points, `whitespace` nothing. All end as one string whose tokens are split at white space.
 */

export type TokeniserName = "13a" | "intl" | "zh" | "char" | "whitespace";

/** White space as Unicode has it (and as reference scorers split): wider than JavaScript's `\s` by 6, without U+FEFF. */
const whiteSpaceClass = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`;
const whiteSpace = new RegExp(whiteSpaceClass, "u");
const trailingWhiteSpace = new RegExp(`${whiteSpaceClass}$`, "u");

/** Tokens between runs of Unicode white space. */
export function splitWhiteSpace(text: string): string[] {
  return text.split(whiteSpace).filter((token) => token !== "");
}

const punctuationRules: readonly (readonly [RegExp, string])[] = [
  [/([{-~[-` -&(-+:-@/])/gu, " $1 "],
  // A full stop or comma is part of a number only between digits.
  [/([^0-9])([.,])/gu, "$1 $2 "],
  [/([.,])([^0-9])/gu, " $1 $2"],
  [/([0-9])(-)/gu, "$1 $2 "],
];
const internationalRules: readonly (readonly [RegExp, string])[] = [
  [/(\P{N})(\p{P})/gu, "$1 $2 "],
  [/(\p{P})(\P{N})/gu, " $1 $2"],
  [/(\p{S})/gu, " $1 "],
];

const applyRules = (text: string, rules: readonly (readonly [RegExp, string])[]): string => {
  let out = text;
  for (const [pattern, replacement] of rules) out = out.replace(pattern, replacement);
  return splitWhiteSpace(out).join(" ");
};

function tokenise13a(text: string): string {
  const line = text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return applyRules(` ${line} `, punctuationRules);
}

/**
 * Code points that `zh` sets apart. U+2001 to U+2A6D (general punctuation, arrows, symbols) is among them because
 * the reference scorer's table spells two supplementary ranges with four hex digits; scores must agree, so it stays.
 */
const chineseRanges: readonly (readonly [number, number])[] = [
  [0x2001, 0x2a6d],
  [0x2e80, 0x2eff],
  [0x2f00, 0x2fdf],
  [0x2ff0, 0x303f],
  [0x3100, 0x312f],
  [0x31a0, 0x31bf],
  [0x31c0, 0x31ef],
  [0x3200, 0x33ff],
  [0x3400, 0x4db5],
  [0x4e00, 0x9fbb],
  [0xf900, 0xfa2d],
  [0xfa30, 0xfa6a],
  [0xfa70, 0xfad9],
  [0xfe10, 0xfe1f],
  [0xfe30, 0xfe4f],
  [0xff00, 0xffef],
];
const isChinese = (char: string): boolean => {
  const code = char.codePointAt(0) ?? 0;
  return chineseRanges.some(([low, high]) => code >= low && code <= high);
};

const tokenisers: Readonly<Record<TokeniserName, (text: string) => string>> = {
  "13a": tokenise13a,
  intl: (text) => applyRules(text, internationalRules),
  zh: (text) =>
    applyRules(
      Array.from(text.trim(), (char) => (isChinese(char) ? ` ${char} ` : char)).join(""),
      punctuationRules,
    ),
  char: (text) => Array.from(text).join(" "),
  whitespace: (text) => text,
};

/** The text with a space between tokens. Trailing white space is dropped first. */
export function tokenise(text: string, name: TokeniserName): string {
  const trimmed = text.replace(trailingWhiteSpace, "");
  return tokenisers[name](trimmed);
}
