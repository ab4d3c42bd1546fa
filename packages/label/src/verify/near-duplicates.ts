/**
 * Sentences that repeat: a teacher that copies its examples, or gives one label to a whole recording. MinHash over shingles of
 * three words finds candidates in bands, the Jaccard index of the shingles decides. Cost grows with the number of labels, not
 * with its square.
 */
import { hash32 } from "@causeway/geom";

export interface TracedLabel {
  readonly id: string;
  readonly driveId: string;
  readonly trace: string | null;
}

export interface DuplicateOptions {
  /** Share of common shingles from which two sentences count as one. */
  readonly similarity: number;
  /** A sentence in more than this share of all labels, and in more than `leastCount`, is a template. */
  readonly templateShare: number;
  readonly leastCount: number;
}
export const defaultDuplicates: DuplicateOptions = {
  similarity: 0.8,
  templateShare: 0.05,
  leastCount: 5,
};

export interface DuplicateGroup {
  readonly ids: readonly string[];
  readonly example: string;
  /** Whether it is so frequent that it says nothing of its scene. */
  readonly isTemplate: boolean;
}

const bands = 16;
const rowsPerBand = 4;

function shinglesOf(trace: string): Set<number> {
  const words = trace
    .toLowerCase()
    .replace(/[^\p{L}\p{N} ]/gu, "")
    .split(/\s+/);
  const out = new Set<number>();
  for (let i = 0; i < Math.max(1, words.length - 2); i++)
    out.add(hash32(words.slice(i, i + 3).join(" ")) >>> 0);
  return out;
}

/** A family of 64 permutations: odd multipliers and offsets over 32 bits. */
function signatureOf(shingles: ReadonlySet<number>): Uint32Array {
  const out = new Uint32Array(bands * rowsPerBand).fill(0xffffffff);
  for (const s of shingles)
    for (let i = 0; i < out.length; i++) {
      let h = Math.imul(s ^ Math.imul(i + 1, 0x9e3779b1), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
      h = (h ^ (h >>> 16)) >>> 0;
      if (h < out[i]) out[i] = h;
    }
  return out;
}

export function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let common = 0;
  for (const s of a) if (b.has(s)) common++;
  return common / Math.max(1, a.size + b.size - common);
}

/** Groups of at least two labels, largest first. */
export function findNearDuplicates(
  labels: readonly TracedLabel[],
  options: DuplicateOptions = defaultDuplicates,
): DuplicateGroup[] {
  // Equal sentences first: thousands of them are one comparison.
  const byText = new Map<string, number[]>();
  labels.forEach(({ trace }, i) => {
    if (trace === null) return;
    const list = byText.get(trace);
    if (list === undefined) byText.set(trace, [i]);
    else list.push(i);
  });
  const texts = [...byText.keys()];
  const shingles = texts.map(shinglesOf);
  const parent = texts.map((_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]];
      i = parent[i];
    }
    return i;
  };
  const signatures = shingles.map(signatureOf);
  for (let band = 0; band < bands; band++) {
    const buckets = new Map<string, number[]>();
    signatures.forEach((signature, i) => {
      const key = signature.subarray(band * rowsPerBand, (band + 1) * rowsPerBand).join();
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [i]);
      else {
        const other = bucket[0];
        if (jaccard(shingles[i], shingles[other]) >= options.similarity)
          parent[root(i)] = root(other);
        else bucket.push(i);
      }
    });
  }
  const groups = new Map<number, number[]>();
  texts.forEach((_, i) => groups.set(root(i), [...(groups.get(root(i)) ?? []), i]));
  const numTraced = labels.filter((l) => l.trace !== null).length;
  return [...groups.values()]
    .map((members): DuplicateGroup => {
      const rows = members.flatMap((i) => byText.get(texts[i]) ?? []);
      return {
        ids: rows.map((i) => labels[i].id),
        example: texts[members[0]],
        isTemplate:
          rows.length > options.leastCount && rows.length > options.templateShare * numTraced,
      };
    })
    .filter((g) => g.ids.length > 1)
    .sort((a, b) => b.ids.length - a.ids.length);
}
