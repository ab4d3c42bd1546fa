/** Why one keyframe got no label. Each kind is counted; none is ever a label. */
export type TeacherErrorKind = "no-motion" | "no-pictures" | "bad-components" | "bad-decision";

export class TeacherError extends Error {
  override readonly name = "TeacherError";
  readonly kind: TeacherErrorKind;
  constructor(kind: TeacherErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
