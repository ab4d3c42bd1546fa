/** One compared case of a golden folder; the golden runner adds the topic. */
export interface GoldenCheck {
  readonly case: string;
  readonly passed: boolean;
  /** Largest error in units of the tolerance (1 = at the limit); null where something is missing or of another kind. */
  readonly worst: number | null;
  readonly tolerance: string;
  readonly note: string;
}

/** Files of a case folder, by name. */
export interface GoldenFolder {
  text(name: string): Promise<string>;
  bytes(name: string): Promise<Uint8Array>;
}

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);
export const rowsOf = (x: unknown): Json[] => (Array.isArray(x) ? x.filter(isObject) : []);

/** Numbers, with "NaN", "Infinity", "-Infinity" as strings and null for undefined. */
export function numberOf(x: unknown): number | null {
  if (typeof x === "number" || x === null) return x;
  if (x === "NaN" || x === "Infinity" || x === "-Infinity") return Number(x);
  throw new TypeError(`golden case: ${JSON.stringify(x)} is not a number`);
}

export function numbersOf(x: unknown): number[] {
  if (!Array.isArray(x)) throw new TypeError(`golden case: ${JSON.stringify(x)} is not a list`);
  return x.map((v) => numberOf(v) ?? Number.NaN);
}

/** Largest error in units of the tolerance, and where it was. */
export class Meter {
  worst = 0;
  where = "";
  compared = 0;

  /** `abs` + `rel`·|expected| passes; both 0: exact. null expects null. */
  add(
    where: string,
    actual: number | null,
    expected: unknown,
    abs: number = 0,
    rel: number = 0,
  ): void {
    const wanted = numberOf(expected);
    this.compared += 1;
    if (Object.is(actual, wanted) || actual === wanted) return;
    const error =
      actual === null || wanted === null ? Number.POSITIVE_INFINITY : Math.abs(actual - wanted);
    const allowed = abs + rel * Math.abs(wanted ?? 0);
    const ratio = allowed > 0 && !Number.isNaN(error) ? error / allowed : Number.POSITIVE_INFINITY;
    if (ratio > this.worst) {
      this.worst = ratio;
      this.where = `${where}: got ${actual}, expected ${wanted}`;
    }
  }

  addAll(
    where: string,
    actual: ArrayLike<number>,
    expected: unknown,
    abs: number = 0,
    rel: number = 0,
  ): void {
    const wanted = numbersOf(expected);
    if (actual.length !== wanted.length)
      return this.expect(`${where}: ${actual.length} values, expected ${wanted.length}`, false);
    wanted.forEach((w, i) => this.add(`${where}[${i}]`, actual[i], w, abs, rel));
  }

  /** An exact condition; `what` says what is wrong where it does not hold. */
  expect(what: string, holds: boolean): void {
    this.compared += 1;
    if (holds || this.worst === Number.POSITIVE_INFINITY) return;
    this.worst = Number.POSITIVE_INFINITY;
    this.where = what;
  }

  result(id: string, tolerance: string): GoldenCheck {
    const passed = this.worst <= 1 && this.compared > 0;
    return {
      case: id,
      passed,
      worst: Number.isFinite(this.worst) ? this.worst : null,
      tolerance,
      note: passed ? "" : this.compared === 0 ? "nothing was compared" : this.where,
    };
  }
}

/** Runs the check that fits each file of a case; a file that no check knows, or that throws, fails alone. */
export async function checkFiles(
  files: readonly string[],
  folder: GoldenFolder,
  checkOf: (content: Json) => ((content: Json) => Promise<GoldenCheck[]> | GoldenCheck[]) | null,
): Promise<GoldenCheck[]> {
  const out: GoldenCheck[] = [];
  for (const file of files) {
    const fail = (note: string) =>
      out.push({ case: file, passed: false, worst: null, tolerance: "", note });
    try {
      const content: unknown = JSON.parse(await folder.text(file));
      const check = isObject(content) ? checkOf(content) : null;
      if (check === null) fail("no check knows the form of this file");
      else out.push(...(await check(content as Json)));
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  }
  return out;
}
