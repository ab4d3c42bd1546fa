/**
 * Reasoning and answer apart, whatever the server did with the think tags.
 * Rule: the last closing tag splits; without one the whole text is the answer. Cosmos-Reason2 has no answer tag,
 * Cosmos-Reason1 has one, and guides show escaped tags (`<think\>`), so those count as tags as well.
 */
const closer = /<\s*\\?\s*\/\s*think\s*\\?\s*>/gi;
const opener = /^\s*<\s*think\s*\\?\s*>/i;

export interface SplitText {
  readonly reasoning: string | null;
  readonly answer: string;
  /** An opening tag that is never closed: the answer may be missing. */
  readonly isUnclosed: boolean;
}

export function splitReasoning(text: string): SplitText {
  const last = [...text.matchAll(closer)].at(-1);
  if (last === undefined) {
    const isUnclosed = opener.test(text);
    return {
      reasoning: null,
      answer: (isUnclosed ? text.replace(opener, "") : text).trim(),
      isUnclosed,
    };
  }
  const reasoning = text.slice(0, last.index).replace(opener, "").trim();
  return {
    reasoning: reasoning === "" ? null : reasoning,
    answer: text.slice(last.index + last[0].length).trim(),
    isUnclosed: false,
  };
}

/** Longest closing tag that is told apart while a stream runs, in characters. */
const maxTag = 12;

/**
 * Sends pieces of a stream to the reasoning or the answer channel as they come.
 * Only a text that begins with an opening tag is taken for reasoning: what a stream will say later is not known.
 */
export class ReasoningStream {
  readonly #onText: (piece: string, channel: "reasoning" | "answer") => void;
  #held = "";
  #state: "start" | "reasoning" | "answer" = "start";

  constructor(onText: (piece: string, channel: "reasoning" | "answer") => void) {
    this.#onText = onText;
  }

  push(piece: string): void {
    this.#held += piece;
    if (this.#state === "start") {
      const trimmed = this.#held.trimStart();
      if (trimmed === "" || (trimmed.length < maxTag && /^<[\s\\/a-z]*$/i.test(trimmed))) return;
      const open = opener.exec(this.#held);
      this.#state = open === null ? "answer" : "reasoning";
      if (open !== null) this.#held = this.#held.slice(open[0].length).trimStart();
    }
    if (this.#state === "reasoning") {
      const close = [...this.#held.matchAll(closer)][0];
      if (close !== undefined) {
        this.#emit(this.#held.slice(0, close.index), "reasoning");
        this.#held = this.#held.slice(close.index + close[0].length).trimStart();
        this.#state = "answer";
      } else {
        // What may be the beginning of a closing tag waits for the next piece.
        const cut = this.#held.lastIndexOf("<");
        const keep = cut >= 0 && this.#held.length - cut < maxTag ? cut : this.#held.length;
        this.#emit(this.#held.slice(0, keep), "reasoning");
        this.#held = this.#held.slice(keep);
        return;
      }
    }
    this.#emit(this.#held, "answer");
    this.#held = "";
  }

  /** Sends what was still held back. */
  end(): void {
    this.#emit(this.#held, this.#state === "reasoning" ? "reasoning" : "answer");
    this.#held = "";
  }

  #emit(piece: string, channel: "reasoning" | "answer"): void {
    if (piece !== "") this.#onText(piece, channel);
  }
}
