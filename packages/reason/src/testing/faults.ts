/** Ways in which servers of reasoning models were seen to misbehave, and a plan of which item meets which. */

/** Faults that a retry may get past: the request itself fails. */
export const requestFaults = [
  "rate-limit",
  "server-error",
  "overloaded",
  "time-out",
  "drop-connection",
  "drop-in-body",
  "html-page",
  "empty",
] as const;

/** Replies that look odd and must be read anyway. */
export const oddReplies = [
  "prose-around",
  "fenced",
  "think-tags",
  "escaped-think-tags",
  "reasoning-content",
  "reasoning-field",
  "mixed-reasoning",
  "duplicate-choices",
  "no-usage",
] as const;

/** Replies that hold no usable answer, however often one asks. */
export const badReplies = [
  "truncated",
  "truncated-in-reasoning",
  "wrong-schema",
  "not-json",
  "refusal-field",
  "refusal-text",
  "content-filter",
  "context-length",
  "bad-request",
] as const;

export type RequestFault = (typeof requestFaults)[number];
export type OddReply = (typeof oddReplies)[number];
export type BadReply = (typeof badReplies)[number];
export type Fault = RequestFault | OddReply | BadReply;

/** What happens to one item: faults in the order of its requests; the last one stays when `isLasting`. */
export interface FaultPlan {
  readonly faults: readonly Fault[];
  readonly isLasting: boolean;
}

export const noFaults: FaultPlan = { faults: [], isLasting: false };

/** The fault of an item's n-th request (from 0), or null for a clean reply. */
export function faultAt(plan: FaultPlan, attempt: number): Fault | null {
  const fault = plan.faults[attempt];
  if (fault !== undefined) return fault;
  return plan.isLasting ? (plan.faults.at(-1) ?? null) : null;
}

export interface SeededFaultOptions {
  readonly seed: number;
  /** Share of items with passing request faults. */
  readonly passing?: number;
  /** Share of items whose reply is odd but readable. */
  readonly odd?: number;
  /** Share of items that never get a usable reply. */
  readonly lasting?: number;
  /** Leave these out (time-outs make a test slow). */
  readonly without?: readonly Fault[];
}

/** The same item meets the same faults in every run with this seed, in whatever order items arrive. */
export function seededFaults(options: SeededFaultOptions): (item: string) => FaultPlan {
  const { seed, passing = 0.2, odd = 0.3, lasting = 0.1, without = [] } = options;
  const allowed = <F extends Fault>(faults: readonly F[]): readonly F[] =>
    faults.filter((f) => !without.includes(f));
  return (item) => {
    const random = sequence(`${seed}/${item}`);
    const pick = <F extends Fault>(faults: readonly F[]): F =>
      faults[Math.floor(random() * faults.length)] as F;
    const faults: Fault[] = [];
    if (random() < passing) {
      faults.push(pick(allowed(requestFaults)));
      if (random() < 0.3) faults.push(pick(allowed(requestFaults)));
    }
    const fate = random();
    if (fate < lasting) return { faults: [...faults, pick(allowed(badReplies))], isLasting: true };
    if (fate < lasting + odd)
      return { faults: [...faults, pick(allowed(oddReplies))], isLasting: true };
    return { faults, isLasting: false };
  };
}

/** Numbers in [0, 1) from a text: FNV-1a, then a 32-bit mixer. Stable across platforms. */
function sequence(text: string): () => number {
  let state = 0x811c9dc5;
  for (const character of text) {
    state ^= character.codePointAt(0) as number;
    state = Math.imul(state, 0x01000193);
  }
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let x = state ^ (state >>> 16);
    x = Math.imul(x, 0x21f0aaad);
    x ^= x >>> 15;
    x = Math.imul(x, 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
  };
}
