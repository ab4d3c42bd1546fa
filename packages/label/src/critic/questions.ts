/**
 * What a critic is asked of a label: yes-or-no questions, each on one fact, since free grading flatters. The expected answer
 * is part of the question, so that a critic that always says yes does not pass.
 */
import type { CocLabel } from "../coc/schema.ts";

export type CriticTask = "causes" | "decision" | "link";

export interface CriticQuestion {
  readonly id: string;
  readonly task: CriticTask;
  readonly text: string;
  readonly expected: "yes" | "no";
}

const words = (id: string): string => id.replaceAll("_", " ");

/** Questions on a label, in a fixed order; none when it decides nothing. */
export function questionsFor(label: CocLabel): CriticQuestion[] {
  const out: CriticQuestion[] = [];
  const ask = (task: CriticTask, text: string, expected: "yes" | "no" = "yes") =>
    out.push({ id: `q${out.length + 1}`, task, text, expected });
  for (const id of label.causeIds) {
    const c = label.components.find((x) => x.id === id);
    if (c === undefined) continue;
    const text = c.attributes["text"];
    const name = typeof text === "string" ? `${words(c.kind)} ("${text}")` : words(c.kind);
    ask("causes", `At or before t = 0, do the pictures show this: ${name}?`);
  }
  if (label.longitudinal !== null) {
    ask("decision", `After t = 0, does the car do this: ${words(label.longitudinal)}?`);
  }
  if (label.lateral !== null) {
    const side = label.lateralSide === null ? "" : ` to the ${label.lateralSide}`;
    ask("decision", `After t = 0, does the car do this: ${words(label.lateral)}${side}?`);
  }
  if (label.lateralSide !== null) {
    const other = label.lateralSide === "left" ? "right" : "left";
    ask("decision", `Is the sideways decision of the car to the ${other}?`, "no");
  }
  if (label.trace !== null) {
    ask("link", "Would the stated cause, by itself, make a careful driver do what is stated?");
    ask(
      "link",
      "Does the sentence give as its reason something that happens only after t = 0?",
      "no",
    );
    ask("link", "Is there a more direct cause in the pictures that the sentence leaves out?", "no");
  }
  return out;
}
