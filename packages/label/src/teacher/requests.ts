/** Chat requests of both calls. The first takes the history half alone: its type has no place for the other. */
import type { ChatMessage, ChatPart, ChatRequest, Sampling } from "@causeway/reason";
import {
  actionLines,
  cameraNames,
  componentLines,
  egoTable,
  frameCount,
  frameList,
} from "./evidence-text.ts";
import { componentsPrompt, decisionPrompt, fill, type PromptTemplate } from "./prompts.ts";
import {
  componentsReplySchema,
  decisionReplySchema,
  jsonSchemaOf,
  type TaughtComponent,
} from "./replies.ts";
import type { CameraPictures, FutureEvidence, HistoryEvidence } from "./window.ts";

export const teacherSampling: Sampling = { temperature: 0, topP: 1, maxTokens: 4096, seed: 42 };

const componentsSchema = jsonSchemaOf(componentsReplySchema);
const decisionSchema = jsonSchemaOf(decisionReplySchema);

/** Pictures first, camera after camera; times count from the first picture. */
export function pictureParts(cameras: readonly CameraPictures[]): ChatPart[] {
  const start = Math.min(...cameras.flatMap((c) => c.pictures.map((p) => p.secs)));
  return cameras.map(({ pictures }) => ({
    type: "frames",
    frames: pictures.map(({ bytes, mime }) => ({ bytes, mime })),
    timesSecs: pictures.map((p) => Math.round((p.secs - start) * 1000) / 1000),
  }));
}

export function messagesOf(
  prompt: PromptTemplate,
  media: readonly ChatPart[],
  values: Readonly<Record<string, string>>,
): ChatMessage[] {
  return [
    { role: "system", content: [{ type: "text", text: prompt.system }] },
    { role: "user", content: [...media, { type: "text", text: fill(prompt.user, values) }] },
  ];
}

/** Call 1: what stands in the scene. */
export function componentsRequest(
  history: HistoryEvidence,
  sampling: Sampling = teacherSampling,
): ChatRequest {
  return {
    messages: messagesOf(componentsPrompt, pictureParts(history.cameras), {
      frame_count: String(frameCount(history.cameras)),
      camera_names: cameraNames(history.cameras),
      frame_list: frameList(history.cameras),
      ego_table: egoTable(history.ego),
      navigation: history.navText ?? "no manoeuvre ahead",
    }),
    sampling,
    jsonSchema: { name: "components", schema: componentsSchema },
  };
}

/** Call 2: what was decided and why, on the components of call 1 and the future. */
export function decisionRequest(
  components: readonly TaughtComponent[],
  navText: string | null,
  future: FutureEvidence,
  sampling: Sampling = teacherSampling,
): ChatRequest {
  return {
    messages: messagesOf(decisionPrompt, pictureParts(future.cameras), {
      components: componentLines(components),
      navigation: navText ?? "no manoeuvre ahead",
      frame_count: String(frameCount(future.cameras)),
      camera_names: cameraNames(future.cameras),
      frame_list: frameList(future.cameras),
      ego_table: egoTable(future.ego),
      actions: actionLines(future),
    }),
    sampling,
    jsonSchema: { name: "decision", schema: decisionSchema },
  };
}
