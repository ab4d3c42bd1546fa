/** A file or byte string that does not have the form it must have. `offset` is the byte where reading failed. */
export class FormatError extends Error {
  readonly code = "format";
  readonly offset: number | null;
  constructor(message: string, offset: number | null = null, options?: ErrorOptions) {
    super(message, options);
    this.name = "FormatError";
    this.offset = offset;
  }
}

/** Settings, sizes or ids that contradict each other. */
export class ConfigError extends Error {
  readonly code = "config";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigError";
  }
}
