/**
 * What a person reads when something goes wrong: one line that says where, what, and what to do.
 * Packages throw errors with such messages already; this file adds the same for the operating system's errors.
 */

/** Wrong input or state that the user can fix. The message is complete: no stack is shown. */
export class UserError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UserError";
    this.code = code;
  }
}

/** The user asked to stop (Ctrl-C); what was written stays valid. */
export class StoppedError extends Error {
  readonly code = "STOPPED";
  constructor(message = "stopped") {
    super(message);
    this.name = "StoppedError";
  }
}

/** An error that crossed a process boundary, as plain data. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code: string | null;
  readonly stack: string | null;
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof Error))
    return { name: "Error", message: String(error), code: null, stack: null };
  const code = (error as { code?: unknown }).code;
  return {
    name: error.name,
    message: describeError(error),
    code: typeof code === "string" ? code : null,
    stack: error.stack ?? null,
  };
}

export function fromPlainError(plain: PlainError): Error {
  const error: Error & { code?: string } =
    plain.code === "STOPPED" ? new StoppedError(plain.message) : new Error(plain.message);
  error.name = plain.name;
  if (plain.code !== null && !(error instanceof StoppedError)) error.code = plain.code;
  if (plain.stack !== null) error.stack = plain.stack;
  return error;
}

interface SystemError extends Error {
  readonly code: string;
  readonly path?: string;
  readonly port?: number;
  readonly syscall?: string;
}

/** How each error of the operating system is said; the path goes last. */
const systemMessages: Readonly<Record<string, (e: SystemError) => string>> = {
  ENOSPC: (e) =>
    `the disk is full. Free some space and run the same command again: it goes on where it stopped${at(e)}`,
  EDQUOT: (e) =>
    `the disk quota is used up. Free some space and run the same command again: it goes on where it stopped${at(e)}`,
  EACCES: (e) => `no permission to ${e.syscall ?? "use"} this path${at(e)}`,
  EPERM: (e) => `the system does not permit to ${e.syscall ?? "use"} this path${at(e)}`,
  EROFS: (e) => `this file system is read-only; choose another folder with --out${at(e)}`,
  ENOENT: (e) => `no such file or folder${at(e)}`,
  ENOTDIR: (e) => `a part of this path is a file, not a folder${at(e)}`,
  EISDIR: (e) => `this is a folder; a file was expected${at(e)}`,
  EMFILE: (e) => `too many open files; raise the limit (ulimit -n)${at(e)}`,
  EBUSY: (e) => `the file is in use by another program${at(e)}`,
  EADDRINUSE: (e) =>
    `port ${e.port ?? "?"} is in use by another program; choose another with --port`,
};
const at = (e: SystemError): string => (e.path === undefined ? "" : ` (${e.path})`);

const isSystemError = (error: Error): error is SystemError =>
  typeof (error as { code?: unknown }).code === "string" && "syscall" in error;

/** Names of errors that only a defect of ours throws; they are marked as such. */
const defectNames = new Set(["TypeError", "ReferenceError", "RangeError", "AssertionError"]);

/** One line, without a stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  let text = error.message;
  if (isSystemError(error)) text = systemMessages[error.code]?.(error) ?? error.message;
  else if (defectNames.has(error.name))
    text = `internal error: ${error.name}: ${error.message}. Run again with --debug for the stack`;
  return text.replace(/\s*\n\s*/g, " ").trim();
}

/** The full story for --debug: stack and causes. */
export function debugText(error: unknown): string {
  const lines: string[] = [];
  for (let e: unknown = error; e !== undefined && e !== null; e = (e as { cause?: unknown }).cause)
    lines.push(e instanceof Error ? (e.stack ?? e.message) : JSON.stringify(e));
  return lines.join("\ncaused by: ");
}
