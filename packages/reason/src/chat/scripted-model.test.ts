import { expect, test } from "vitest";
import { z } from "zod";
import type { ChatRequest } from "./chat-model.ts";
import { createScriptedModel, scriptedError } from "./scripted-model.ts";

const request = (more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: "user", content: [{ type: "text", text: "12345678" }] }],
  sampling: { maxTokens: 8 },
  ...more,
});

test("replies keep to the schema of the request", async () => {
  const shape = z.object({
    subject: z.string(),
    box_2d: z.array(z.number().int().min(0).max(1000)).length(4),
    kind: z.enum(["car", "bus"]),
    note: z.string().nullable(),
    other: z.array(z.object({ is: z.literal(true) })),
  });
  const reply = await createScriptedModel().complete(
    request({ jsonSchema: { name: "s", schema: z.toJSONSchema(shape) } }),
  );
  expect(shape.safeParse(JSON.parse(reply.text)).success).toBe(true);
  expect(reply).toMatchObject({ inputTokens: 2, areTokensEstimated: true, finish: "stop" });
});

test("a script sees the request and the number of the call, and may fail", async () => {
  const model = createScriptedModel({
    script: (_, call) =>
      call === 0 ? scriptedError("rate-limit") : `<think>t</think>call ${call}`,
  });
  await expect(model.complete(request())).rejects.toMatchObject({ kind: "rate-limit" });
  const heard: string[] = [];
  const reply = await model.complete(request(), {
    onText: (piece, channel) => heard.push(`${channel}:${piece}`),
  });
  expect(reply).toMatchObject({ text: "call 1", reasoning: "t" });
  expect(heard).toEqual(["reasoning:t", "answer:call", "answer: 1"]);
});
