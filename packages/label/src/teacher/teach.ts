/**
 * One keyframe through the teacher: call 1 on the history, call 2 on its components and the future. Retries, repairs, budgets,
 * the ledger and resuming belong to the batch runner; this is the work of one of its items.
 */
import {
  type Ask,
  type Asked,
  contentKey,
  ReplyFormatError,
  type Sampling,
} from "@causeway/reason";
import { frameCount } from "./evidence-text.ts";
import {
  componentsPrompt,
  decisionPrompt,
  teacherPromptHash,
  teacherPromptVersion,
} from "./prompts.ts";
import {
  type Checked,
  checkComponents,
  checkDecision,
  type DecisionReply,
  type TaughtComponent,
} from "./replies.ts";
import { requestTokens } from "./cost.ts";
import { componentsRequest, decisionRequest, teacherSampling } from "./requests.ts";
import type { FutureEvidence, HistoryEvidence } from "./window.ts";

export interface CallRecord {
  readonly call: "components" | "decision";
  /** Names the raw reply in the ledger; a repaired one's parent is the reply before it there. */
  readonly key: string;
  readonly numRepairs: number;
  /** As the server names it. */
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly latencyMs: number;
}

/** What a teacher said of one keyframe: the row of the ledger that labels are made from. */
export interface TeacherRow {
  readonly id: string;
  readonly driveId: string;
  readonly t0Us: number;
  readonly promptVersion: string;
  readonly promptHash: string;
  readonly sampling: Sampling;
  /** Hashes of both halves of the evidence, pictures included. */
  readonly inputs: { readonly history: string; readonly future: string };
  readonly components: readonly TaughtComponent[];
  readonly decision: DecisionReply;
  readonly calls: readonly CallRecord[];
}

export interface Lesson {
  readonly id: string;
  readonly driveId: string;
  readonly t0Us: number;
  readonly history: HistoryEvidence;
  /** Loaded after call 1 has been answered. */
  readonly future: () => Promise<FutureEvidence>;
}

const unwrap = <T>(checked: Checked<T>): T => {
  if (checked.ok) return checked.value;
  throw new ReplyFormatError(`${checked.problems.join("; ")}.`);
};

function record(call: CallRecord["call"], { reply, key, numRepairs }: Asked<unknown>): CallRecord {
  const { model, inputTokens, outputTokens, latencyMs } = reply;
  return { call, key, numRepairs, model, inputTokens, outputTokens, latencyMs };
}

export async function teach(
  lesson: Lesson,
  ask: Ask,
  sampling: Sampling = teacherSampling,
): Promise<TeacherRow> {
  const { id, driveId, t0Us, history } = lesson;
  const first = componentsRequest(history, sampling);
  const seen = await ask(first, {
    promptHash: componentsPrompt.hash,
    inputTokens: requestTokens(first),
    read: (reply) => unwrap(checkComponents(reply.text, frameCount(history.cameras))),
  });
  const { components } = seen.value;
  const future = await lesson.future();
  const second = decisionRequest(components, history.navText, future, sampling);
  const decided = await ask(second, {
    promptHash: decisionPrompt.hash,
    inputTokens: requestTokens(second),
    read: (reply) =>
      unwrap(
        checkDecision(
          reply.text,
          components.map((c) => c.id),
        ),
      ),
  });
  return {
    id,
    driveId,
    t0Us,
    promptVersion: teacherPromptVersion,
    promptHash: teacherPromptHash,
    sampling,
    inputs: { history: contentKey(history), future: contentKey(future) },
    components,
    decision: decided.value,
    calls: [record("components", seen), record("decision", decided)],
  };
}
