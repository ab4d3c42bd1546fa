/** `causeway score lingoqa`: answers and references from CSV, logits from the user's classifier or from a file. */
import { dirname, relative, resolve } from "node:path";
import { readFile } from "node:fs/promises";
import {
  isLingoCorrect,
  lingoMaxTokens,
  type LingoQuestion,
  lingoText,
  readLingoAnswers,
  readLingoQuestions,
} from "@causeway/reason";
import {
  countItems,
  type ScoreSheet,
  type SheetItem,
  summariseChoices,
} from "@causeway/eval/judged";
import type { CommandContext, Outcome } from "../command.ts";
import type { LingoOptions } from "../commands/score/lingoqa.ts";
import { UserError } from "../errors.ts";
import { parseCsv, readTextFile } from "./data-file.ts";
import { sheetText, writeSheet } from "./run-benchmark.ts";

/** One logit per text. */
type Classify = (text: string) => Promise<number>;

async function openClassifier(
  model: string,
  tokenizerPath: string,
): Promise<{ classify: Classify; close(): Promise<void> }> {
  const { openOnnxFile } = await import("@causeway/graph");
  const { Tokenizer } = await import("@huggingface/tokenizers");
  const json = JSON.parse(await readFile(tokenizerPath, "utf8")) as ConstructorParameters<
    typeof Tokenizer
  >[0];
  const tokenizer = new Tokenizer(json, {});
  const network = await openOnnxFile(model);
  const known = new Set(["input_ids", "attention_mask", "token_type_ids"]);
  const unknown = network.inputs.filter((i) => !known.has(i.name));
  if (unknown.length > 0 || !network.inputs.some((i) => i.name === "input_ids"))
    throw new UserError(
      "CLASSIFIER",
      `the classifier's inputs are ${network.inputs.map((i) => i.name).join(", ")}; expected input_ids, attention_mask and perhaps token_type_ids (${model})`,
    );
  return {
    close: () => network.close(),
    async classify(text) {
      const { ids } = tokenizer.encode(text, { add_special_tokens: true }) as { ids: number[] };
      if (!ids.every((id) => Number.isInteger(id)))
        throw new UserError(
          "CLASSIFIER",
          `the tokenizer gives a token without an id; expected the classifier's own tokenizer.json (${tokenizerPath})`,
        );
      // The last token closes the text and stays when it is cut.
      const cut =
        ids.length <= lingoMaxTokens
          ? ids
          : [...ids.slice(0, lingoMaxTokens - 1), ids.at(-1) as number];
      const row = (of: (id: number) => number) => ({
        dtype: "int64" as const,
        shape: [1, cut.length],
        data: BigInt64Array.from(cut, (id) => BigInt(of(id))),
      });
      const outputs = await network.run({
        input_ids: row((id) => id),
        attention_mask: row(() => 1),
        token_type_ids: row(() => 0),
      });
      const logits = outputs.get("logits") ?? [...outputs.values()][0];
      const value = Number(logits?.data[0]);
      if (logits === undefined || logits.data.length !== 1 || !Number.isFinite(value))
        throw new UserError(
          "CLASSIFIER",
          `the classifier gave ${logits?.data.length ?? 0} numbers for one text; expected one finite logit (${model})`,
        );
      return value;
    },
  };
}

async function readLogits(path: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const logits = new Map<string, number[]>();
  for (const [i, row] of parseCsv(await readTextFile(path), path).entries()) {
    const value = Number(row.logit);
    if (row.logit === undefined || row.logit === "" || !Number.isFinite(value))
      throw new UserError(
        "FORMAT",
        `row ${i + 2}: logit is ${JSON.stringify(row.logit)}; expected a number (${path})`,
      );
    const key = `${row.question_id}/${row.segment_id}`;
    logits.set(key, [...(logits.get(key) ?? []), value]);
  }
  return logits;
}

const keyOf = (q: LingoQuestion): string => `${q.questionId}/${q.segmentId}`;

export async function scoreLingo(
  context: CommandContext,
  options: LingoOptions,
  referencePath: string,
): Promise<Outcome> {
  const { questions, problems } = readLingoQuestions(
    parseCsv(await readTextFile(referencePath), referencePath),
  );
  const given = readLingoAnswers(parseCsv(await readTextFile(options.answers), options.answers));
  const surplus = [...given.answers.keys()].filter(
    (key) => !questions.some((q) => keyOf(q) === key),
  );
  const { classifier, tokenizer, logits } = options;
  if (logits === undefined && (classifier === undefined || tokenizer === undefined))
    throw new UserError(
      "OPTION",
      "give --classifier and --tokenizer, or --logits; no classifier comes with Causeway",
    );
  const fromFile = logits === undefined ? null : await readLogits(logits);
  const network =
    fromFile !== null || classifier === undefined || tokenizer === undefined
      ? null
      : await openClassifier(resolve(classifier), resolve(tokenizer));
  const items: SheetItem[] = [];
  try {
    for (const [i, q] of questions.entries()) {
      context.signal.throwIfAborted();
      context.progress.update("lingoqa", { done: i, total: questions.length });
      const answer = given.answers.get(keyOf(q));
      const common = {
        id: keyOf(q),
        cluster: q.segmentId,
        group: null,
        question: q.question,
        expected: q.references.join(" | "),
        reasoning: null,
        media: [],
      };
      const values: number[] = [];
      if (answer !== undefined) {
        if (network !== null)
          for (const reference of q.references)
            values.push(await network.classify(lingoText(q.question, reference, answer)));
        else values.push(...(fromFile?.get(keyOf(q)) ?? []));
      }
      if (answer === undefined || values.length === 0) {
        const failure = answer === undefined ? "no-answer" : "no-logit";
        items.push({
          ...common,
          status: "failed",
          failure,
          problem: "there is no row for this question",
          scores: {},
          answered: answer ?? null,
          raw: null,
          details: [],
          badness: 0.95,
        });
        continue;
      }
      const correct = Number(isLingoCorrect(values));
      items.push({
        ...common,
        status: "answered",
        failure: null,
        problem: null,
        scores: { correct },
        answered: answer,
        raw: answer,
        details: [["logits", values.map((v) => v.toFixed(3)).join(", ")]],
        badness: 1 - correct,
      });
    }
  } finally {
    await network?.close();
  }
  const { metrics, tables, notes } = summariseChoices(items);
  const sheet: ScoreSheet = {
    schema: "causeway-score/1",
    benchmark: "lingoqa",
    title: options.title ?? "LingoQA",
    subject: options.answers.replace(/^.*[\\/]/, ""),
    isSynthetic: false,
    settings: {
      references: referencePath.replace(/^.*[\\/]/, ""),
      answers: options.answers.replace(/^.*[\\/]/, ""),
      judge: (classifier ?? logits ?? "").replace(/^.*[\\/]/, ""),
      rule: "right when the logit is above 0 for at least one reference",
    },
    counts: countItems(items, problems.length + given.problems.length),
    metrics,
    tables,
    notes: [
      ...notes,
      "Accuracy is the published score (right over matched questions); questions without an answer are in “Of all items”.",
      ...(surplus.length > 0
        ? [`${surplus.length} answers belong to no question (first: ${surplus[0]}).`]
        : []),
    ],
  };
  const report = await writeSheet(
    context,
    options.out,
    sheet,
    items,
    dirname(resolve(referencePath)),
  );
  return {
    data: { ...sheet, report },
    text: [
      sheetText(sheet),
      ...(report === null ? [] : [`report: ${relative(process.cwd(), report)}`]),
    ].join("\n"),
  };
}
