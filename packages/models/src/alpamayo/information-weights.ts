/**
 * Sentences of a corpus are mostly template: after two or three words the rest is certain, some words are a free choice
 * of wording, and the words that the scene decides are a small part of the mean. These weights give every token what it
 * tells about the scene, the information between the token and the label's meaning in its context of two tokens:
 *
 *   w(token) = floor + (1 - floor) min(1, H(next | context) - H(next | context, meaning))      in nats, over the corpus
 *
 * Not in the released recipes; a recipe asks for it. With equal weights a small model learns wording first and stays near
 * chance on the decision for thousands of examples.
 */
export interface InformationCorpusRow {
  /** Token ids of one sentence, start token first. */
  readonly ids: readonly number[];
  /** What the sentence says, apart from its wording: equal strings mean the same. */
  readonly meaning: string;
}

type Counts = Map<string, Map<number, number>>;

function count(counts: Counts, key: string, id: number): void {
  const row = counts.get(key) ?? new Map<number, number>();
  row.set(id, (row.get(id) ?? 0) + 1);
  counts.set(key, row);
}

/** Total count and entropy in nats. */
function entropy(counts: ReadonlyMap<number, number>): { total: number; nats: number } {
  const values = [...counts.values()];
  const total = values.reduce((a, b) => a + b, 0);
  return { total, nats: values.reduce((h, n) => h - (n / total) * Math.log(n / total), 0) };
}

/** The weight function of a corpus; give it the ids of a sentence, start token first. */
export function informationWeights(
  corpus: Iterable<InformationCorpusRow>,
  floor = 0.05,
): (ids: readonly number[]) => Float32Array {
  const plain: Counts = new Map();
  const given = new Map<string, Counts>();
  const context = (ids: readonly number[], i: number) => `${ids[i - 2] ?? ""},${ids[i - 1] ?? ""}`;
  for (const { ids, meaning } of corpus) {
    for (let i = 0; i < ids.length; i++) {
      const key = context(ids, i);
      count(plain, key, ids[i] as number);
      const byMeaning: Counts = given.get(key) ?? new Map();
      count(byMeaning, meaning, ids[i] as number);
      given.set(key, byMeaning);
    }
  }
  const weightOf = new Map<string, number>();
  for (const [key, counts] of plain) {
    const all = entropy(counts);
    let rest = 0;
    for (const row of given.get(key)?.values() ?? []) {
      const part = entropy(row);
      rest += (part.total / all.total) * part.nats;
    }
    weightOf.set(key, floor + (1 - floor) * Math.min(1, Math.max(0, all.nats - rest)));
  }
  // A context that the corpus never had tells nothing: full weight.
  return (ids) => Float32Array.from(ids, (_, i) => weightOf.get(context(ids, i)) ?? 1);
}
