/**
 * JSON as models write it: in prose, in fences, with Python's literals, with a comma too many, or cut off.
 * The first value that `accept` takes wins; what had to be mended is said in the notes.
 */
import { excerpt, failed, found, type Parsed } from "./parsed.ts";

const maxCharacters = 1 << 20;
const maxCandidates = 64;
const maxDepth = 64;

export function findJson(
  text: string,
  accept: (value: unknown) => boolean = (v) => typeof v === "object" && v !== null,
): Parsed<unknown> {
  if (text.length > maxCharacters)
    return failed(
      `the reply is ${text.length} characters long; at most ${maxCharacters} are read.`,
    );
  let lastProblem: string | null = null;
  let rejected: unknown;
  let isRejected = false;
  for (const candidate of candidates(text)) {
    if (typeof candidate !== "string") {
      const { elements } = candidate;
      if (elements.length > 0 && accept(elements))
        return found(elements, [
          `the list is cut off; its ${elements.length} whole elements were kept`,
        ]);
      continue;
    }
    for (const { mend, note } of mendings) {
      const value = parseOrNothing(mend(candidate));
      if ("problem" in value) {
        lastProblem ??= value.problem;
        continue;
      }
      if (accept(value.value)) return found(value.value, note === null ? [] : [note]);
      isRejected = true;
      rejected ??= value.value;
      break;
    }
  }
  if (isRejected)
    return failed(
      `its JSON is not of the kind that was asked for: ${excerpt(JSON.stringify(rejected))}.`,
    );
  if (lastProblem !== null) return failed(`its JSON is broken (${lastProblem}).`);
  return failed(`it holds no JSON: ${excerpt(text)}.`);
}

/** A list without an end, as its whole elements. */
interface CutList {
  readonly elements: readonly unknown[];
}

/** The whole text, fenced blocks, then objects and lists from left to right, outer ones first. */
function* candidates(text: string): Generator<string | CutList> {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed)) yield trimmed;
  for (const match of text.matchAll(/```[a-zA-Z]*\s*\n?([\s\S]*?)```/g)) {
    const inner = (match[1] as string).trim();
    if (inner !== "") yield inner;
  }
  let count = 0;
  for (let at = nextOpening(text, 0); at >= 0 && count < maxCandidates; count++) {
    const end = balancedEnd(text, at);
    if (end >= 0) yield text.slice(at, end);
    else if (/^\[\s*[[{]/.test(text.slice(at, at + 80))) yield { elements: elementsFrom(text, at) };
    at = nextOpening(text, end >= 0 ? end : at + 1);
  }
}

function nextOpening(text: string, from: number): number {
  const rest = /[[{]/.exec(text.slice(from));
  return rest === null ? -1 : from + rest.index;
}

/** Index after the bracket that closes the one at `start`, or -1. Strings are skipped. */
function balancedEnd(text: string, start: number): number {
  const open: string[] = [];
  let quote = "";
  for (let i = start; i < text.length; i++) {
    const c = text[i] as string;
    if (quote !== "") {
      if (c === "\\") i++;
      else if (c === quote) quote = "";
    } else if (c === '"') quote = c;
    else if (c === "[" || c === "{") {
      open.push(c);
      if (open.length > maxDepth) return -1;
    } else if (c === "]" || c === "}") {
      if (open.pop() !== (c === "]" ? "[" : "{")) return -1;
      if (open.length === 0) return i + 1;
    }
  }
  return -1;
}

const mendings: readonly {
  readonly note: string | null;
  readonly mend: (text: string) => string;
}[] = [
  { note: null, mend: (text) => text },
  { note: "commas before closing brackets were dropped", mend: (text) => dropCommas(text) },
  { note: "Python literals were read as JSON", mend: (text) => dropCommas(fromPython(text)) },
];

/** Replaces outside of strings only. */
const outsideStrings = (text: string, change: (piece: string) => string): string =>
  text
    .split(/("(?:[^"\\]|\\.)*")/)
    .map((piece, i) => (i % 2 === 1 ? piece : change(piece)))
    .join("");

const dropCommas = (text: string): string =>
  outsideStrings(text, (piece) => piece.replace(/,(\s*[\]}])/g, "$1"));

const fromPython = (text: string): string =>
  outsideStrings(text, (piece) =>
    piece
      .replace(/'((?:[^'\\\n]|\\.)*)'/g, (_, inner: string) =>
        JSON.stringify(inner.replace(/\\'/g, "'")),
      )
      .replace(/\bTrue\b/g, "true")
      .replace(/\bFalse\b/g, "false")
      .replace(/\bNone\b/g, "null")
      .replace(/\(([^()]*)\)/g, "[$1]"),
  );

function parseOrNothing(text: string): { value: unknown } | { problem: string } {
  let depth = 0;
  for (let i = 0, deepest = 0; i < text.length; i++) {
    if (text[i] === "[" || text[i] === "{") deepest = Math.max(deepest, ++depth);
    else if (text[i] === "]" || text[i] === "}") depth--;
    // Brackets in strings count too: no honest reply has that many.
    if (deepest > 4 * maxDepth) return { problem: "nested too deeply" };
  }
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: (error as Error).message.replace(/\s+/g, " ").slice(0, 120) };
  }
}

/** Reads elements from the list that opens at `start` until one is not whole. */
function elementsFrom(text: string, start: number): unknown[] {
  const elements: unknown[] = [];
  for (let at = nextOpening(text, start + 1); at >= 0; ) {
    const end = balancedEnd(text, at);
    if (end < 0) break;
    const value = parseOrNothing(dropCommas(text.slice(at, end)));
    if ("problem" in value) break;
    elements.push(value.value);
    at = nextOpening(text, end);
  }
  return elements;
}
