/** One reader for every kind of answer that a prompt may ask for. */
import type { OutputKind } from "../prompts/template.ts";
import { parseChoice } from "./choice.ts";
import {
  type Box2d,
  type Box3d,
  parseBoxes,
  parseBoxes3d,
  parsePoints,
  type PictureFrame,
  type Point2d,
} from "./geometry.ts";
import { findJson } from "./json.ts";
import { found, type Parsed } from "./parsed.ts";
import { answerOf } from "./tags.ts";
import { parseTimeSpans, type TimeSpan } from "./time-spans.ts";

export type Output =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "spans"; readonly spans: readonly TimeSpan[] }
  | { readonly kind: "boxes"; readonly boxes: readonly Box2d[] }
  | { readonly kind: "boxes3d"; readonly boxes: readonly Box3d[] }
  | { readonly kind: "points"; readonly points: readonly Point2d[] }
  | { readonly kind: "choice"; readonly letter: string }
  | { readonly kind: "json"; readonly value: unknown };

export interface OutputContext {
  /** Of the picture that coordinates refer to. */
  readonly frame: PictureFrame;
  /** Of the video, or null. */
  readonly durationSecs: number | null;
}

export function readOutput(kind: OutputKind, raw: string, context: OutputContext): Parsed<Output> {
  const text = answerOf(raw);
  switch (kind) {
    case "text":
      return found({ kind, text });
    case "spans":
      return map(parseTimeSpans(text, context.durationSecs), (spans) => ({ kind, spans }));
    case "boxes":
      return map(parseBoxes(text, context.frame), (boxes) => ({ kind, boxes }));
    case "boxes3d":
      return map(parseBoxes3d(text), (boxes) => ({ kind, boxes }));
    case "points":
      return map(parsePoints(text, context.frame), (points) => ({ kind, points }));
    case "choice":
      return map(parseChoice(raw), (letter) => ({ kind, letter }));
    case "subjects":
    case "json":
      return map(findJson(text), (value) => ({ kind: "json", value }));
  }
}

const map = <A, B>(parsed: Parsed<A>, change: (value: A) => B): Parsed<B> =>
  parsed.ok ? { ...parsed, value: change(parsed.value) } : parsed;
