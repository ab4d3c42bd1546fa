import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * Text of generated tokens as it becomes certain: incomplete UTF-8 waits for its bytes, and what may be the beginning
 * of a stop string waits until it is clear. A stop string ends the text before it.
 */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #stop: readonly string[];
  readonly #longestStop: number;
  #pending: number[] = [];
  /** Decoded, not yet handed out. */
  #held = "";
  #isStopped = false;

  constructor(tokenizer: Tokenizer, stop: readonly string[] = []) {
    this.#tokenizer = tokenizer;
    this.#stop = stop.filter((s) => s !== "");
    this.#longestStop = this.#stop.reduce((a, { length }) => Math.max(a, length), 0);
  }

  /** True once a stop string has appeared; further tokens are ignored. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** @returns the text that is certain now, perhaps "". */
  push(id: number): string {
    if (this.#isStopped) return "";
    this.#pending.push(id);
    const text = this.#tokenizer.decode(this.#pending, { skipSpecial: true });
    // No character has more than four bytes: a longer wait is for bytes that are no character.
    if (text.endsWith("\uFFFD") && this.#pending.length < 4) return "";
    this.#pending = [];
    return this.#take(text, false);
  }

  /** The rest, at the end of the generation. */
  flush(): string {
    if (this.#isStopped) return "";
    const text =
      this.#pending.length === 0
        ? ""
        : this.#tokenizer.decode(this.#pending, { skipSpecial: true });
    this.#pending = [];
    return this.#take(text, true);
  }

  #take(text: string, isLast: boolean): string {
    this.#held += text;
    let cut = -1;
    for (const stop of this.#stop) {
      const at = this.#held.indexOf(stop);
      if (at >= 0 && (cut < 0 || at < cut)) cut = at;
    }
    if (cut >= 0) {
      this.#isStopped = true;
      const out = this.#held.slice(0, cut);
      this.#held = "";
      return out;
    }
    let keep = 0;
    if (!isLast) {
      for (let n = Math.min(this.#longestStop - 1, this.#held.length); n > 0; n--) {
        const tail = this.#held.slice(-n);
        if (this.#stop.some((stop) => stop.startsWith(tail))) {
          keep = n;
          break;
        }
      }
    }
    const out = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    return out;
  }
}
