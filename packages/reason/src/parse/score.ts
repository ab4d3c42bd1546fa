/** A whole score on a scale from 1 to 5 (or another small scale), as models write it. */
import { excerpt, failed, found, type Parsed } from "./parsed.ts";
import { answerOf } from "./tags.ts";

/**
 * The rule of the published VideoPhy-2 evaluation: the first line that is one digit from 1 to 5, with a full stop or
 * not. "Score: 3", "3/5" and "**4**" are unread by it; kept so that published numbers can be made again.
 */
export function parseScoreStrictly(text: string): number | null {
  for (const line of text.split(/\r?\n/)) {
    const match = /^([1-5])\.?$/.exec(line.trim());
    if (match !== null) return Number(match[1]);
  }
  return null;
}

/**
 * A score as a reader would take it: the answer tag or the text after the reasoning; a line with the number alone;
 * then "score: 3", "3/5", "3 out of 5", "I give it a 4". Two different numbers with the same claim are no score.
 */
export function parseScore(raw: string, highest = 5): Parsed<number> {
  const text = answerOf(raw).replace(/[*_`#]/g, "");
  const isOnScale = (value: number): boolean =>
    Number.isInteger(value) && value >= 1 && value <= highest;
  const number = String.raw`(\d{1,3}(?:\.\d+)?)`;
  const readers: readonly RegExp[] = [
    new RegExp(String.raw`^\s*${number}\s*\.?\s*$`, "gm"),
    new RegExp(
      String.raw`\b(?:score|rating|answer|grade|rate)\b[^\d\n]{0,20}?${number}(?!\d)`,
      "gi",
    ),
    new RegExp(String.raw`(?<![\d.])${number}\s*(?:/|out of|of)\s*${highest}\b`, "gi"),
    new RegExp(String.raw`\bgive\s+(?:it|this)\s+(?:an?\s+)?${number}\b(?![-:%])`, "gi"),
  ];
  for (const reader of readers) {
    const values = new Set([...text.matchAll(reader)].map((m) => Number(m[1])));
    if (values.size === 0) continue;
    if (values.size > 1)
      return failed(`it gives several scores (${[...values].join(", ")}): ${excerpt(text)}.`);
    const [value] = values as unknown as [number];
    return isOnScale(value)
      ? found(value)
      : failed(`the score ${value} is not a whole number from 1 to ${highest}.`);
  }
  return failed(`it holds no score from 1 to ${highest}: ${excerpt(text)}.`);
}

/** The verdict of a yes-or-no question: the last one that the answer states, if it states one kind only. */
export function parseYesNo(raw: string): Parsed<boolean> {
  const text = answerOf(raw);
  const leading = /^\W*(yes|no)\b/i.exec(text);
  if (leading !== null) return found((leading[1] as string).toLowerCase() === "yes");
  const all = new Set(
    [...text.matchAll(/\b(yes|no)\b/gi)].map((m) => (m[1] as string).toLowerCase()),
  );
  const [only] = all;
  if (only !== undefined && all.size === 1)
    return found(only === "yes", ["the verdict was found in prose"]);
  return failed(`it says neither yes nor no, or both: ${excerpt(text)}.`);
}
