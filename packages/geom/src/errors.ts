/** What a caller can do about it: fix the data, ask inside the range, or fix the options. */
export type GeomErrorCode = "length" | "not-finite" | "not-increasing" | "out-of-range" | "config";

/** Message form: where: what is wrong, with the values; what was expected; what to do. */
export class GeomError extends Error {
  override readonly name = "GeomError";
  readonly code: GeomErrorCode;
  constructor(code: GeomErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Throws on the first NaN or infinity: sums and solvers would spread it in silence. */
export function requireFinite(where: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new GeomError(
        "not-finite",
        `${where}: value ${i} of ${values.length} is ${values[i]}; expected finite numbers. Remove or repair the row.`,
      );
    }
  }
}

export function requireLength(where: string, got: number, expected: number): void {
  if (got !== expected) {
    throw new GeomError("length", `${where}: has ${got} rows; expected ${expected}.`);
  }
}
