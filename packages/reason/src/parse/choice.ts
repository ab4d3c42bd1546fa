/**
 * The letter of a multiple-choice answer. "The answer is B" is B, not T: a letter counts where it stands alone, and a
 * letter that the text calls the answer beats one that it only mentions.
 */
import { answerOf } from "./tags.ts";
import { excerpt, failed, found, type Parsed } from "./parsed.ts";

/** @param letters The letters on offer, such as "ABCD". */
export function parseChoice(raw: string, letters = "ABCDEFGH"): Parsed<string> {
  const text = answerOf(raw).replace(/[*_`$]/g, "");
  const set = `[${letters}${letters.toLowerCase()}]`;
  const upper = `[${letters}]`;
  const alone = new RegExp(`^\\W*(${set})\\W*$`).exec(text.trim());
  if (alone !== null) return found((alone[1] as string).toUpperCase());
  // "(B) stop", "B. stop", "B: stop" at the beginning. "A car stops" is no choice of A.
  const leading = new RegExp(`^\\W*(?:\\((${set})\\)|(${upper})\\s*[.):])(?=\\s|$)`).exec(text);
  const named = [
    ...text.matchAll(
      new RegExp(
        `\\b(?:answer|choice|option|choose|select|pick)\\b(?:\\s+(?:is|would be|should be|option|choice|the))*\\s*[:=]?\\s*["'(\\[]*(${upper})(?![\\w'])`,
        "gi",
      ),
    ),
  ]
    .map((m) => m[1] as string)
    .filter((letter) => letters.includes(letter));
  const bracketed = [...text.matchAll(new RegExp(`\\((${upper})\\)`, "g"))].map(
    (m) => m[1] as string,
  );
  for (const group of [
    named.slice(-1),
    leading === null ? [] : [(leading[1] ?? leading[2] ?? "").toUpperCase()],
    [...new Set(bracketed)],
  ]) {
    const [letter] = group;
    if (letter !== undefined && group.length === 1) return found(letter);
  }
  if (bracketed.length > 0) return failed(`it names several choices: ${excerpt(text)}.`);
  // A capital A before a word is an article, unless it is "A or B".
  const loose = new Set(
    [...text.matchAll(new RegExp(`(?<![\\w'])(${upper})(?![\\w'])`, "g"))]
      .filter((m) => !/^[AI]\s+(?!(?:or|and)\b)[a-z]/.test(text.slice(m.index)))
      .map((m) => m[1] as string),
  );
  const [letter] = loose;
  if (letter !== undefined && loose.size === 1)
    return found(letter, ["the letter was found in prose"]);
  return failed(`it names no single choice of ${letters.split("").join(", ")}: ${excerpt(text)}.`);
}
