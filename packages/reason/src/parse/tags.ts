/** Tags in a reply: `<answer>…</answer>` and friends. */
import { splitReasoning } from "../chat/split-reasoning.ts";

export interface TaggedText {
  /** Contents by tag, in order. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** Text before each tag and after the last one; an opening tag that is never closed only separates. */
  readonly rest: readonly string[];
}

export function extractTags(text: string): TaggedText {
  const tags: Record<string, string[]> = {};
  const rest: string[] = [];
  const opener = /<(\w+)>/g;
  let at = 0;
  for (let match = opener.exec(text); match !== null; match = opener.exec(text)) {
    rest.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    const closer = `</${match[1]}>`;
    const end = text.indexOf(closer, at);
    if (end >= 0) {
      const name = match[1] as string;
      // A model may write any name; `__proto__` must not be special.
      const known = Object.hasOwn(tags, name) ? (tags[name] as string[]) : [];
      Object.defineProperty(tags, name, {
        value: [...known, text.slice(at, end)],
        enumerable: true,
        configurable: true,
        writable: true,
      });
      at = end + closer.length;
    }
    opener.lastIndex = at;
  }
  if (at < text.length) rest.push(text.slice(at));
  return { tags, rest };
}

/** The answer of a reply: what follows the reasoning, without answer tags. The last answer tag counts. */
export function answerOf(raw: string): string {
  const { answer } = splitReasoning(raw);
  const tagged = [...answer.matchAll(/<\s*answer\s*>([\s\S]*?)<\s*\\?\/\s*answer\s*>/gi)].at(-1);
  return (tagged?.[1] ?? answer).trim();
}
