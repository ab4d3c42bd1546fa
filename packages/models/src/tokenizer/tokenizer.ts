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
    checkTokenizerJson(json);
    const idOf = new Map(Object.entries(json.model.vocab));
    for (const { content, id } of json.added_tokens) idOf.set(content, id);
    this.json = json;
    this.#idOf = idOf;
    this.#addedIds = new Set(json.added_tokens.map(({ id }) => id));
    this.size = 1 + [...idOf.values()].reduce((a, b) => Math.max(a, b), -1);
    try {
      this.#encoder = new Encoder(json, {});
    } catch (cause) {
      throw new FormatError(
        `tokenizer.json: ${cause instanceof Error ? cause.message : String(cause)}`,
        null,
        { cause },
      );
    }
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

/** The parts that are read here; a file of another kind, or a damaged one, is named before anything is built from it. */
function checkTokenizerJson(json: TokenizerJson): void {
  const fail = (message: string): never => {
    throw new FormatError(`tokenizer.json: ${message}`);
  };
  const isId = (id: unknown): id is number =>
    typeof id === "number" && Number.isInteger(id) && id >= 0 && id < 2 ** 31;
  if (typeof json !== "object" || json === null || json.model?.type !== "BPE")
    fail(`model type is ${JSON.stringify(json?.model?.type) ?? "missing"}; expected "BPE"`);
  const { vocab, merges } = json.model;
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab))
    fail("model.vocab is not an object");
  for (const [token, id] of Object.entries(vocab))
    if (!isId(id)) fail(`token ${JSON.stringify(token).slice(0, 60)} has id ${JSON.stringify(id)}`);
  if (!Array.isArray(merges)) fail("model.merges is not a list");
  if (!Array.isArray(json.added_tokens)) fail("added_tokens is not a list");
  for (const added of json.added_tokens as readonly unknown[]) {
    const { content, id } = (added ?? {}) as { content?: unknown; id?: unknown };
    if (typeof content !== "string" || content === "" || !isId(id))
      fail(`added token ${(JSON.stringify(added) ?? "").slice(0, 80)} has no content or id`);
  }
}
