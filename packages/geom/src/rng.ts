/**
 * Randomness comes only through a passed `Rng`, so that a seed fixes every byte.
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32.
 */
export interface Rng {
  /** Uniform in [0, 1) with 32 bits. */
  next(): number;
  /** Standard normal. */
  normal(): number;
  /** Integer in [0, n). */
  int(n: number): number;
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** One element of a non-empty list. */
  pick<T>(items: readonly T[]): T;
  /** An independent generator for a named part; the parent does not advance. */
  fork(label: string | number): Rng;
  /** State that `restoreRng` continues from, for exact resume. */
  state(): readonly number[];
}

const splitmix32 = (seed: number) => {
  let s = seed | 0;
  return () => {
    s = (s + 0x9e3779b9) | 0;
    let t = s ^ (s >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
};

/** FNV-1a over UTF-16 code units: stable ids for forks and shards. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  return h >>> 0;
}

function fromState(words: readonly number[], pending: number | null): Rng {
  let [a, b, c, d, root] = words as [number, number, number, number, number];
  let spare = pending;
  const u32 = () => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  const rng: Rng = {
    next: () => u32() / 4294967296,
    normal: () => {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      // Box-Muller; 1 - u keeps the logarithm finite.
      const radius = Math.sqrt(-2 * Math.log(1 - rng.next()));
      const angle = 2 * Math.PI * rng.next();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    int: (n) => Math.floor(rng.next() * n),
    uniform: (low, high) => low + (high - low) * rng.next(),
    pick: (items) => items[rng.int(items.length)] as (typeof items)[number],
    fork: (label) => createRng((root ^ hash32(String(label))) >>> 0),
    state: () => (spare === null ? [a, b, c, d, root] : [a, b, c, d, root, spare]),
  };
  return rng;
}

/** A generator from an integer seed; the same seed gives the same numbers everywhere. */
export function createRng(seed: number): Rng {
  const mix = splitmix32(seed);
  const words = [mix(), mix(), mix(), 1, mix()];
  const rng = fromState(words, null);
  for (let i = 0; i < 12; i++) rng.next();
  return rng;
}

/** Continues a generator from `rng.state()`. */
export function restoreRng(state: readonly number[]): Rng {
  return fromState(state.slice(0, 5), state.length > 5 ? (state[5] as number) : null);
}
