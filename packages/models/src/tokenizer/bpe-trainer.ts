import { ConfigError } from "../errors.ts";
import { byteCharacters, byteLevel, qwenSplitPattern, splitText } from "./byte-level.ts";

/** What a `tokenizer.json` holds, as far as we write it. Unknown fields of read files are kept as they are. */
export interface TokenizerJson {
  readonly version: string;
  readonly added_tokens: readonly AddedToken[];
  readonly model: {
    readonly type: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string] | string)[];
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

export function addedToken(id: number, content: string, special: boolean): AddedToken {
  return {
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special,
  };
}

/**
 * Byte-pair encoding (Sennrich et al. 2016) over bytes. Repeatedly joins the most frequent neighbouring pair inside
 * words; ties go to the pair that sorts first, so equal corpora give equal bytes on every machine.
 *
 * @param texts  The corpus; the order does not matter.
 * @param vocabSize  256 bytes + at most this many minus 256 merges; fewer when no pair occurs twice.
 */
export function trainBpe(texts: Iterable<string>, vocabSize: number): TokenizerJson {
  if (!Number.isInteger(vocabSize) || vocabSize < 256) {
    throw new ConfigError(`tokenizer: vocabSize is ${vocabSize}; at least 256 bytes are needed`);
  }
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of splitText(text)) {
      const word = byteLevel(piece);
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const words = [...counts].map(([word, count]) => ({ symbols: word.split(""), count }));
  const merges: [string, string][] = [];
  const vocab: Record<string, number> = {};
  for (const character of byteCharacters.toSorted()) vocab[character] = Object.keys(vocab).length;

  // Pair counts are kept up to date: only words that hold the merged pair are touched.
  const separator = "\u0000";
  const pairCounts = new Map<string, number>();
  const wordsWithPair = new Map<string, Set<number>>();
  const addPairs = (index: number, sign: 1 | -1) => {
    const { symbols, count } = words[index] as (typeof words)[number];
    for (let i = 0; i + 1 < symbols.length; i++) {
      const pair = symbols[i] + separator + symbols[i + 1];
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + sign * count);
      if (sign === 1) {
        const holders = wordsWithPair.get(pair) ?? new Set();
        holders.add(index);
        wordsWithPair.set(pair, holders);
      }
    }
  };
  for (let index = 0; index < words.length; index++) addPairs(index, 1);

  let size = 256;
  while (size < vocabSize) {
    let best = "";
    let bestCount = 1;
    for (const [pair, count] of pairCounts) {
      if (count > bestCount || (count === bestCount && count > 1 && pair < best)) {
        best = pair;
        bestCount = count;
      }
    }
    if (best === "") break;
    const [left, right] = best.split(separator) as [string, string];
    const joined = left + right;
    for (const index of wordsWithPair.get(best) ?? []) {
      addPairs(index, -1);
      const word = words[index] as (typeof words)[number];
      const symbols: string[] = [];
      for (let i = 0; i < word.symbols.length; i++) {
        if (word.symbols[i] === left && word.symbols[i + 1] === right) {
          symbols.push(joined);
          i++;
        } else symbols.push(word.symbols[i] as string);
      }
      word.symbols = symbols;
      addPairs(index, 1);
    }
    pairCounts.delete(best);
    wordsWithPair.delete(best);
    merges.push([left, right]);
    // Two ways to spell one string share an id.
    if (!Object.hasOwn(vocab, joined)) vocab[joined] = size++;
  }

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: { Regex: qwenSplitPattern },
          behavior: "Isolated",
          invert: false,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: false,
      use_regex: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
}
