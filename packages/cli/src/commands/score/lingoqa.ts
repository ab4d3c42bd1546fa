import { action, type CommonOptions, createCommand } from "../../command.ts";

export interface LingoOptions extends CommonOptions {
  readonly answers: string;
  readonly classifier?: string;
  readonly tokenizer?: string;
  readonly logits?: string;
  readonly out?: string;
  readonly title?: string;
}

export const command = createCommand(
  "lingoqa",
  "Score free answers in LingoQA's CSV form with a text classifier that you supply.",
  [
    "causeway reason references.csv --out out                     # asks a model and writes out/answers.csv",
    "causeway score lingoqa references.csv --answers out/answers.csv --classifier lingo-judge.onnx --tokenizer tokenizer.json --out scores/lingo",
    "causeway score lingoqa references.csv --answers answers.csv --logits logits.csv",
  ],
)
  .argument(
    "<references>",
    "CSV with question_id, segment_id, question, answer; one row per reference",
  )
  .requiredOption("--answers <file>", "CSV with question_id, segment_id, answer")
  .option(
    "--classifier <file>",
    "Lingo-Judge as ONNX; one logit per text, right when it is above 0",
  )
  .option("--tokenizer <file>", "its tokenizer.json")
  .option(
    "--logits <file>",
    "instead of a classifier: CSV with question_id, segment_id, logit, one row per reference",
  )
  .option("--title <text>", "title of the report")
  .option("--out <folder>", "score.json, items.jsonl and report.html go here")
  .action(
    action<LingoOptions, [string]>("score lingoqa", async (context, options, references) => {
      const { scoreLingo } = await import("../../score/lingoqa.ts");
      return scoreLingo(context, options, references);
    }),
  );
