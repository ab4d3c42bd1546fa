/**
 * Errors by what the caller can do about them. Message form: "where: what is wrong, with values; expected; what to do".
 * A batch goes on after a `FormatError` (this input is bad) and stops at a `StorageError` (every next write would fail too).
 */

export type FormatErrorCode =
  /** The file ends too early. */
  | "truncated"
  /** The file is not what its name or place says, or is damaged. */
  | "format"
  /** A required file, array, column or topic is not there. */
  | "missing"
  /** A number is not finite, not in order, or not plausible. */
  | "value"
  /** Larger or deeper than a reader accepts. */
  | "limit"
  /** Well formed, but a variant that is not implemented. */
  | "unsupported";

/** Where in an input the problem is. */
export interface InputPlace {
  readonly path: string;
  /** Byte where reading stopped making sense. */
  readonly byteOffset?: number;
  /** Row or line, counted from 1 as editors do. */
  readonly row?: number;
}

/** An input file is damaged or not usable. `message` already names the place. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly code: FormatErrorCode;
  readonly place: InputPlace;
  constructor(code: FormatErrorCode, place: InputPlace, what: string, options?: ErrorOptions) {
    const at =
      (place.row === undefined ? "" : ` row ${place.row}`) +
      (place.byteOffset === undefined ? "" : ` byte ${place.byteOffset}`);
    super(`${place.path}${at}: ${what}`, options);
    this.code = code;
    this.place = place;
  }
}

/** A write failed; what was there before is unchanged. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: "no-space" | "not-writable" | "io";
  readonly path: string;
  constructor(code: StorageError["code"], path: string, what: string, options?: ErrorOptions) {
    super(`${path}: ${what}`, options);
    this.code = code;
    this.path = path;
  }
}

/** No sample exists at this drive and time. */
export class SampleError extends Error {
  override readonly name = "SampleError";
  readonly code: "motion" | "history" | "future" | "gap" | "camera" | "frame" | "grid";
  readonly driveId: string;
  readonly t0Us: number;
  constructor(code: SampleError["code"], driveId: string, t0Us: number, what: string) {
    super(`sample ${driveId}@${t0Us}: ${what}`);
    this.code = code;
    this.driveId = driveId;
    this.t0Us = t0Us;
  }
}

/** The caller asked for something that cannot be: a wrong option, name or folder. */
export class DataConfigError extends Error {
  override readonly name = "DataConfigError";
}
