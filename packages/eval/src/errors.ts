/** Wrong input to an evaluation: which file or row, what is wrong with its values, what to do. */
export class EvalError extends Error {
  readonly code: "shape" | "join" | "format" | "empty";
  constructor(code: "shape" | "join" | "format" | "empty", message: string) {
    super(message);
    this.name = "EvalError";
    this.code = code;
  }
}
