/** What one golden case comes to; the golden runner adds the topic. */
export interface GoldenCheck {
  readonly case: string;
  readonly passed: boolean;
  /** Largest error as a share of what is allowed (1 = at the limit); null where all comparisons are exact. */
  readonly worst: number | null;
  readonly tolerance: string;
  readonly note: string;
}

/** Collects the comparisons of one case and remembers the worst and the first failures. */
export class Comparison {
  readonly #name: string;
  readonly #tolerance: string;
  readonly #failures: string[] = [];
  readonly #notes: string[] = [];
  #worst: number | null = null;
  #count = 0;

  constructor(name: string, tolerance: string) {
    this.#name = name;
    this.#tolerance = tolerance;
  }

  /** Numbers within `absolute` + `ofLargest` * (largest expected magnitude), everywhere. */
  close(
    what: string,
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
    allowed: { readonly absolute?: number; readonly ofLargest?: number },
  ): void {
    this.#count++;
    if (actual.length !== expected.length) {
      this.#failures.push(`${what}: ${actual.length} values, expected ${expected.length}`);
      return;
    }
    let largest = 0;
    let error = 0;
    let at = -1;
    for (let i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i] as number));
      const own = Math.abs((actual[i] as number) - (expected[i] as number));
      // A NaN is never close.
      if (!(own <= error)) {
        error = Number.isNaN(own) ? Infinity : own;
        at = i;
      }
    }
    const limit = (allowed.absolute ?? 0) + (allowed.ofLargest ?? 0) * largest;
    const share = error === 0 ? 0 : error / limit;
    this.#worst = Math.max(this.#worst ?? 0, share);
    if (share > 1) {
      this.#failures.push(
        `${what}[${at}]: got ${actual[at]}, expected ${expected[at]} (allowed ${limit})`,
      );
    }
  }

  /** Texts, ids, masks: equal or not. */
  exact(what: string, actual: unknown, expected: unknown): void {
    this.#count++;
    const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (a === e) return;
    let at = 0;
    while (at < a.length && a[at] === e[at]) at++;
    const show = (s: string) => s.slice(Math.max(0, at - 20), at + 40);
    this.#failures.push(`${what}: got …${show(a)}…, expected …${show(e)}…`);
  }

  fail(why: string): void {
    this.#failures.push(why);
  }

  /** Something a reader of a passed case should know: a deviation on purpose, a part left out. */
  remark(text: string): void {
    this.#notes.push(text);
  }

  result(): GoldenCheck {
    if (this.#count === 0 && this.#failures.length === 0)
      this.#failures.push("nothing was compared");
    const failures =
      this.#failures.length > 3
        ? [...this.#failures.slice(0, 3), `and ${this.#failures.length - 3} more`]
        : this.#failures;
    return {
      case: this.#name,
      passed: this.#failures.length === 0,
      worst: this.#worst,
      tolerance: this.#tolerance,
      note: [...failures, ...this.#notes].join("; "),
    };
  }
}

/** A JSON object's field, or undefined for anything else. */
export function member(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** The name that a case gives itself. */
export function caseName(caseJson: unknown, fallback: string): string {
  const name = member(caseJson, "case");
  return typeof name === "string" ? name : fallback;
}

/** Whether `files[file]` of a case lists all the given tensors. */
export function hasTensors(caseJson: unknown, file: string, names: readonly string[]): boolean {
  const listed = member(caseJson, "files", file);
  return (
    typeof listed === "object" &&
    listed !== null &&
    names.every((name) => Object.hasOwn(listed, name))
  );
}
