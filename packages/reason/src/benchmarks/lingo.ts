/**
 * LingoQA: free answers to questions about driving, judged by a text classifier (Lingo-Judge) that the user supplies.
 * An answer is right when the classifier's logit is above 0 for at least one of the references.
 */

export interface LingoQuestion {
  readonly questionId: string;
  readonly segmentId: string;
  readonly question: string;
  readonly references: readonly string[];
}

export interface LingoProblem {
  readonly where: string;
  readonly problem: string;
}

type Row = Readonly<Record<string, string>>;

const field = (row: Row, ...names: readonly string[]): string => {
  for (const name of names) if (row[name] !== undefined) return row[name];
  throw new Error(`no column ${names.join(" or ")}; it has ${Object.keys(row).join(", ")}`);
};

/** Rows of the reference file, one per reference: question_id, segment_id, question, answer. */
export function readLingoQuestions(rows: readonly Row[]): {
  readonly questions: readonly LingoQuestion[];
  readonly problems: readonly LingoProblem[];
} {
  const questions = new Map<string, LingoQuestion>();
  const problems: LingoProblem[] = [];
  rows.forEach((row, i) => {
    try {
      const questionId = field(row, "question_id");
      const segmentId = field(row, "segment_id");
      const key = `${questionId}/${segmentId}`;
      const known = questions.get(key);
      const answer = field(row, "answer");
      questions.set(key, {
        questionId,
        segmentId,
        question: known?.question ?? field(row, "question"),
        references: [...(known?.references ?? []), answer],
      });
    } catch (error) {
      problems.push({ where: `row ${i + 2}`, problem: (error as Error).message });
    }
  });
  return { questions: [...questions.values()], problems };
}

/** Answers by question and segment; a second answer to the same question is a problem, not a second vote. */
export function readLingoAnswers(rows: readonly Row[]): {
  readonly answers: ReadonlyMap<string, string>;
  readonly problems: readonly LingoProblem[];
} {
  const answers = new Map<string, string>();
  const problems: LingoProblem[] = [];
  rows.forEach((row, i) => {
    try {
      const key = `${field(row, "question_id")}/${field(row, "segment_id")}`;
      if (answers.has(key))
        problems.push({ where: `row ${i + 2}`, problem: `a second answer to ${key}` });
      else answers.set(key, field(row, "answer"));
    } catch (error) {
      problems.push({ where: `row ${i + 2}`, problem: (error as Error).message });
    }
  });
  return { answers, problems };
}

/** What the classifier reads. Reference and answer are lower-cased and trimmed, the question stays. */
export const lingoText = (question: string, reference: string, answer: string): string =>
  `[CLS]\nQuestion: ${question}\nAnswer: ${reference.toLowerCase().trim()}\nStudent: ${answer.toLowerCase().trim()}`;

/** Tokens that the classifier takes at most. */
export const lingoMaxTokens = 128;

/** Right when any reference's logit is above 0 (probability above one half). */
export const isLingoCorrect = (logits: readonly number[]): boolean =>
  logits.some((logit) => logit > 0);
