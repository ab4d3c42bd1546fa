import { Tokenizer as Encoder } from "@huggingface/tokenizers";
import { FormatError } from "../errors.ts";
import { addedToken, type TokenizerJson } from "./bpe-trainer.ts";

/** Text to token ids and back, from the content of a `tokenizer.json`. Immutable. */
export class Tokenizer {
  readonly json: TokenizerJson;
  /** Ids run from 0 to size - 1. */
  readonly size: number;
  readonly #encoder: Encoder;
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #addedIds: ReadonlySet<number>;

  constructor(json: TokenizerJson) {
    if (json.model?.type !== "BPE" || !Array.isArray(json.added_tokens)) {
      throw new FormatError(
        `tokenizer.json: model type is ${JSON.stringify(json.model?.type)}; expected "BPE" with added_tokens`,
      );
    }
    const idOf = new Map(Object.entries(json.model.vocab));
    for (const { content, id } of json.added_tokens) idOf.set(content, id);
    this.json = json;
    this.#idOf = idOf;
    this.#addedIds = new Set(json.added_tokens.map(({ id }) => id));
    this.size = 1 + [...idOf.values()].reduce((a, b) => Math.max(a, b), -1);
    this.#encoder = new Encoder(json, {});
  }

  /** Ids of a text; added tokens in the text become their own ids. Nothing is added around it. */
  encode(text: string): number[] {
    return text === "" ? [] : this.#encoder.encode(text, { add_special_tokens: false }).ids;
  }

  /** Text of ids; incomplete UTF-8 becomes U+FFFD. */
  decode(ids: readonly number[], options: { readonly skipSpecial?: boolean } = {}): string {
    if (ids.length === 0) return "";
    const known = ids.filter((id) => id >= 0 && id < this.size);
    if (known.length !== ids.length) {
      const wrong = ids.find((id) => id < 0 || id >= this.size);
      throw new RangeError(`tokenizer: id ${wrong} is outside 0..${this.size - 1}`);
    }
    return this.#encoder.decode([...ids], {
      skip_special_tokens: options.skipSpecial ?? false,
      clean_up_tokenization_spaces: false,
    });
  }

  /** Id of one token by its exact spelling. */
  id(token: string): number {
    const id = this.#idOf.get(token);
    if (id === undefined) throw new FormatError(`tokenizer: there is no token "${token}"`);
    return id;
  }

  has(token: string): boolean {
    return this.#idOf.has(token);
  }

  isAdded(id: number): boolean {
    return this.#addedIds.has(id);
  }

  /** A tokenizer with further added tokens, ids continuing after the last one; tokens that exist keep their ids. */
  withAddedTokens(
    tokens: readonly { readonly content: string; readonly special: boolean }[],
  ): Tokenizer {
    const added = [...this.json.added_tokens];
    const known = new Set(this.#idOf.keys());
    let next = this.size;
    for (const { content, special } of tokens) {
      if (known.has(content)) continue;
      known.add(content);
      added.push(addedToken(next++, content, special));
    }
    return new Tokenizer({ ...this.json, added_tokens: added });
  }
}
