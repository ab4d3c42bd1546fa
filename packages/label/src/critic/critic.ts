/**
 * A model that checks labels. It sees both halves of the evidence and answers closed questions, each with a quote: the picture
 * or the row of the table that shows it. An answer without a quote that exists counts as "cannot see". Its score is the share
 * of expected answers; how often it lets a planted fault through is measured in the same run (`controls.ts`).
 */
import { type Ask, contentKey, ReplyFormatError, type Sampling } from "@causeway/reason";
import { z } from "zod";
import type { CocLabel } from "../coc/schema.ts";
import { requestTokens } from "../teacher/cost.ts";
import {
  actionLines,
  cameraNames,
  egoTable,
  frameCount,
  frameList,
} from "../teacher/evidence-text.ts";
import { type PromptTemplate, template } from "../teacher/prompts.ts";
import { jsonSchemaOf, parseReply } from "../teacher/replies.ts";
import { messagesOf, pictureParts } from "../teacher/requests.ts";
import type { CameraPictures, FutureEvidence, HistoryEvidence } from "../teacher/window.ts";
import { type CriticQuestion, type CriticTask, questionsFor } from "./questions.ts";

const answerSchema = z
  .object({
    id: z.string(),
    answer: z.enum(["yes", "no", "cannot_see"]),
    /** Number of the picture that shows it, or null. */
    frame: z.number().int().min(0).nullable(),
    /** What is seen there, or the row of the table. */
    quote: z.string().max(300),
  })
  .strict();
const replySchema = z.object({ answers: z.array(answerSchema).max(40) });
const jsonSchema = { name: "answers", schema: jsonSchemaOf(replySchema) };

export const criticPrompt: PromptTemplate = template(
  "critic",
  "critic-en-1",
  "You check annotations of recorded drives. You trust what you see more than what you are told, and you answer with one JSON object and nothing else.",
  `You see {frame_count} pictures from the {camera_names} of a car:
{frame_list}
Motion of the car (speed in m/s; acceleration in m/s2; heading in degrees relative to t = 0, left positive; position in metres in the frame of t = 0, x ahead, y left):
{ego_table}
Found in that motion by rules:
{actions}

Someone wrote of t = 0: "{trace}"
The sentence may be right or wrong. Answer each question on its own:
{questions}

"answer" is yes, no, or cannot_see when the evidence does not settle it. "quote" says in a few words what you rest on: what the picture with the number "frame" shows, or the row of the table (then "frame" is null). An answer without a quote does not count.
Answer: {"answers": [{"id", "answer", "frame", "quote"}]}, one per question.`,
);

export const criticSampling: Sampling = { temperature: 0, topP: 1, maxTokens: 3072, seed: 42 };

export interface CriticAnswer {
  readonly question: CriticQuestion;
  readonly answer: "yes" | "no" | "cannot_see";
  readonly frame: number | null;
  readonly quote: string;
}

export interface CriticRow {
  readonly id: string;
  readonly promptHash: string;
  readonly answers: readonly CriticAnswer[];
  readonly key: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Shares of a critic's answers; null where nothing was answered. */
export interface CriticScore {
  readonly score: number | null;
  /** Share of questions that were answered with yes or no. */
  readonly coverage: number;
  readonly byTask: Readonly<Record<CriticTask, number | null>>;
}

export function scoreOf(answers: readonly CriticAnswer[]): CriticScore {
  const share = (some: readonly CriticAnswer[]): number | null => {
    const decided = some.filter((a) => a.answer !== "cannot_see");
    if (decided.length === 0) return null;
    return decided.filter((a) => a.answer === a.question.expected).length / decided.length;
  };
  const task = (name: CriticTask) => share(answers.filter((a) => a.question.task === name));
  const decided = answers.filter((a) => a.answer !== "cannot_see").length;
  return {
    score: share(answers),
    coverage: answers.length === 0 ? 0 : decided / answers.length,
    byTask: { causes: task("causes"), decision: task("decision"), link: task("link") },
  };
}

/** Both halves of one camera's pictures in one row of time; the picture of t = 0 is in both and shown once. */
function joined(history: HistoryEvidence, future: FutureEvidence): CameraPictures[] {
  return history.cameras.map(({ camera, pictures }) => {
    const later = future.cameras.find((c) => c.camera === camera)?.pictures ?? [];
    return { camera, pictures: [...pictures, ...later.filter((p) => p.secs > 0)] };
  });
}

/** Asks the critic about one label. */
export async function criticise(
  label: CocLabel,
  history: HistoryEvidence,
  future: FutureEvidence,
  ask: Ask,
  sampling: Sampling = criticSampling,
): Promise<CriticRow> {
  const questions = questionsFor(label);
  const cameras = joined(history, future);
  const frames = frameCount(cameras);
  const request = {
    messages: messagesOf(criticPrompt, pictureParts(cameras), {
      frame_count: String(frames),
      camera_names: cameraNames(cameras),
      frame_list: frameList(cameras),
      ego_table: egoTable([...history.ego, ...future.ego.slice(1)]),
      actions: actionLines(future),
      trace: label.trace ?? "",
      questions: questions.map((q) => `- ${q.id}: ${q.text}`).join("\n"),
    }),
    sampling,
    jsonSchema,
  };
  const asked = await ask(request, {
    promptHash: criticPrompt.hash,
    inputTokens: requestTokens(request),
    read: (reply) => readAnswers(reply.text, questions, frames),
  });
  const { model, inputTokens, outputTokens } = asked.reply;
  return {
    id: label.id,
    promptHash: contentKey([criticPrompt.hash, questions]),
    answers: asked.value,
    key: asked.key,
    model,
    inputTokens,
    outputTokens,
  };
}

/** One answer per question, in their order. Throws `ReplyFormatError` when some are missing or made up. */
export function readAnswers(
  text: string,
  questions: readonly CriticQuestion[],
  frames: number,
): CriticAnswer[] {
  const parsed = parseReply(text, replySchema);
  if (!parsed.ok) throw new ReplyFormatError(`${parsed.problems.join("; ")}.`);
  const { answers } = parsed.value;
  const strange = answers.filter((a) => !questions.some((q) => q.id === a.id));
  const missing = questions.filter((q) => !answers.some((a) => a.id === q.id));
  if (strange.length > 0 || missing.length > 0) {
    const list = (ids: readonly { id: string }[]) => ids.map((x) => x.id).join(", ") || "none";
    throw new ReplyFormatError(
      `answers missing: ${list(missing)}; answers to no question: ${list(strange)}.`,
    );
  }
  return questions.map((question) => {
    const a = answers.find((x) => x.id === question.id) as (typeof answers)[number];
    const isQuoted = a.quote.trim() !== "" && (a.frame === null || a.frame < frames);
    return {
      question,
      answer: isQuoted ? a.answer : "cannot_see",
      frame: a.frame !== null && a.frame < frames ? a.frame : null,
      quote: a.quote,
    };
  });
}
