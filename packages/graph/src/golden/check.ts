/** What one golden case comes to; the golden runner adds the topic. */
export interface GoldenCheck {
  readonly case: string;
  readonly passed: boolean;
  /** Largest error, in units of the tolerance where that varies (1 = at the limit). */
  readonly worst: number | null;
  readonly tolerance: string;
  readonly note: string;
}

/** Files of a case folder by name. Text is parsed by the caller, because some cases depend on how a number is written. */
export interface GoldenFolder {
  text(name: string): Promise<string>;
  bytes(name: string): Promise<Uint8Array>;
}

/** JSON with the strings "NaN", "Infinity", "-Infinity" as numbers. */
export function goldenNumber(x: unknown): number {
  if (typeof x === "number") return x;
  if (x === "NaN" || x === "Infinity" || x === "-Infinity") return Number(x);
  throw new TypeError(`golden case: ${JSON.stringify(x)} is not a number`);
}

/** Collects errors as multiples of the allowed error and remembers the worst one. */
export class ErrorMeter {
  worst = 0;
  where = "";
  numChecked = 0;

  /** `allowed` is the largest error that passes; 0 = exact. Equal values, and NaN against NaN, are no error. */
  add(where: string, actual: number, expected: number, allowed: number): void {
    this.numChecked++;
    if (Object.is(actual, expected) || actual === expected) return;
    if (Number.isNaN(actual) && Number.isNaN(expected)) return;
    const error = Math.abs(actual - expected);
    const ratio = Number.isNaN(error) || allowed === 0 ? Number.POSITIVE_INFINITY : error / allowed;
    if (ratio > this.worst) {
      this.worst = ratio;
      this.where = `${where}: got ${actual}, expected ${expected}`;
    }
  }

  addAll(
    where: string,
    actual: ArrayLike<number | bigint>,
    expected: ArrayLike<number | bigint>,
    allowed: (expected: number) => number,
  ): void {
    if (actual.length !== expected.length) {
      this.fail(`${where}: ${actual.length} values, expected ${expected.length}`);
      return;
    }
    for (let i = 0; i < expected.length; i++) {
      const e = Number(expected[i]);
      this.add(`${where}[${i}]`, Number(actual[i]), e, allowed(e));
    }
  }

  fail(why: string): void {
    this.numChecked++;
    if (this.worst === Number.POSITIVE_INFINITY && this.where) return;
    this.worst = Number.POSITIVE_INFINITY;
    this.where = why;
  }

  result(id: string, tolerance: string): GoldenCheck {
    const passed = this.worst <= 1 && this.numChecked > 0;
    return {
      case: id,
      passed,
      worst: Number.isFinite(this.worst) ? this.worst : null,
      tolerance,
      note: passed ? "" : this.numChecked === 0 ? "nothing was compared" : this.where,
    };
  }
}
