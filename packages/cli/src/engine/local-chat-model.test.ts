/** Our own engine through `ChatModel`, on folders with random weights: the contract, not the wit. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeJpeg } from "@causeway/data";
import { createRng } from "@causeway/geom";
import {
  AlpamayoModel,
  ChatTemplate,
  createCodec,
  nano,
  parseProcessorSettings,
  plainTemplate,
  Qwen3VLModel,
  randomQwen3VLWeights,
  Tokenizer,
  trainBpe,
  trainDrivingTokenizer,
  withBaseTokens,
} from "@causeway/models";
import type { ChatPart, ChatRequest } from "@causeway/reason";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalChatModel, openLocalChatModel } from "./local-chat-model.ts";

let dir = "";
let talker: LocalChatModel;
let driver: LocalChatModel;

const sizes = {
  text: {
    ...nano.text,
    hiddenSize: 32,
    intermediateSize: 48,
    numLayers: 2,
    headDim: 16,
    mropeSection: [4, 2, 2] as const,
  },
  vision: { ...nano.vision, hiddenSize: 32, intermediateSize: 48, depth: 2, deepstackIndexes: [0] },
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "local-chat-"));
  const tokenizer = withBaseTokens(new Tokenizer(trainBpe(["what does the lead car do?"], 320)));
  const config = {
    text: { ...sizes.text, vocabSize: tokenizer.size + 3 },
    vision: { ...sizes.vision, temporalPatchSize: 2, outHiddenSize: 32 },
    imageTokenId: tokenizer.id("<|image_pad|>"),
    videoTokenId: tokenizer.id("<|video_pad|>"),
    visionStartTokenId: tokenizer.id("<|vision_start|>"),
    visionEndTokenId: tokenizer.id("<|vision_end|>"),
  };
  const processor = parseProcessorSettings(
    { size: { shortest_edge: 1024, longest_edge: 8192 } },
    {
      size: { shortest_edge: 1024, longest_edge: 16384 },
    },
  );
  const model = new Qwen3VLModel(
    {
      config,
      tokenizer,
      template: new ChatTemplate(plainTemplate),
      generation: {
        endIds: new Set([tokenizer.id("<|im_end|>")]),
        temperature: 1,
        topP: 1,
        topK: 0,
        repetitionPenalty: 1,
      },
      processor,
      kept: new Map<string, unknown>([
        ["preprocessor_config.json", { size: { shortest_edge: 1024, longest_edge: 8192 } }],
        ["video_preprocessor_config.json", { size: { shortest_edge: 1024, longest_edge: 16384 } }],
      ]),
    },
    randomQwen3VLWeights(config, createRng(1)),
  );
  await model.save(join(dir, "talker"));
  const preset = {
    ...nano,
    ...sizes,
    expert: { hiddenSize: 32, intermediateSize: 48, numHeads: 4 },
  };
  const codec = createCodec(
    preset,
    trainDrivingTokenizer(preset, ["Keep lane since the road ahead is clear."]),
  );
  await AlpamayoModel.create(codec, createRng(2)).save(join(dir, "driver"));
  talker = await openLocalChatModel(join(dir, "talker"));
  driver = await openLocalChatModel(join(dir, "driver"), { speedMps: 5 });
});
afterAll(async () => {
  await talker.dispose();
  await driver.dispose();
  await rm(dir, { recursive: true });
});

const picture = (grey: number, width = 96, height = 54): Promise<Uint8Array> =>
  encodeJpeg({
    width,
    height,
    pixels: Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => [grey, 90, 30][i % 3] as number,
    ),
  });

const frames = async (count: number): Promise<ChatPart> => ({
  type: "frames",
  frames: await Promise.all(
    Array.from({ length: count }, async (_, i) => ({
      bytes: await picture(40 * i),
      mime: "image/jpeg",
    })),
  ),
  timesSecs: Array.from({ length: count }, (_, i) => i * 0.1),
});

const ask = (content: readonly ChatPart[], change: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: "user", content }],
  sampling: { maxTokens: 8, seed: 7, temperature: 1 },
  ...change,
});

test("answers about pictures and frames, the same for the same seed", async () => {
  const request = ask([
    { type: "image", bytes: await picture(200), mime: "image/jpeg" },
    await frames(3),
    { type: "text", text: "what does the lead car do?" },
  ]);
  const pieces: string[] = [];
  const reply = await talker.complete(request, { onText: (piece) => pieces.push(piece) });
  expect(reply.text).not.toBe("");
  expect(pieces.join("").trim()).toBe(reply.text);
  expect(reply.outputTokens).toBeLessThanOrEqual(8);
  // 96 x 54 becomes 96 x 64: 6 tokens; the 3 frames two pairs of 6.
  expect(reply.inputTokens).toBeGreaterThan(18);
  expect(reply.model).toBe("talker");
  expect(talker.id).toBe("local:talker");
  expect(talker.isSynthetic).toBe(false);
  const again = await talker.complete(request);
  expect(again.raw).toBe(reply.raw);
  const other = await talker.complete({ ...request, sampling: { ...request.sampling, seed: 8 } });
  expect(other.raw).not.toBe(reply.raw);
  // The picture reaches the model: in the dark the first token has another likelihood.
  const first = async (grey: number): Promise<number> => {
    const { topLogprobs } = await talker.complete(
      ask([{ type: "image", bytes: await picture(grey), mime: "image/jpeg" }], {
        sampling: { maxTokens: 1, temperature: 0 },
        topLogprobs: 1,
      }),
    );
    return topLogprobs?.[0]?.logprob as number;
  };
  expect(await first(0)).not.toBe(await first(250));
});

test("requests at the same time do not mix", async () => {
  const requests = ["what", "does", "the car"].map((text) => ask([{ type: "text", text }]));
  const together = await Promise.all(requests.map((r) => talker.complete(r)));
  for (const [i, request] of requests.entries())
    expect((await talker.complete(request)).raw).toBe((together[i] as { raw: string }).raw);
});

test("reports likely first tokens, and stops at strings and on demand", async () => {
  const reply = await talker.complete(ask([{ type: "text", text: "what" }], { topLogprobs: 3 }));
  expect(reply.topLogprobs).toHaveLength(3);
  const stop = new AbortController();
  stop.abort();
  await expect(
    talker.complete(ask([{ type: "text", text: "what" }]), { signal: stop.signal }),
  ).rejects.toMatchObject({ kind: "stopped" });
});

test("a driving model reads frames and writes its reasoning; its notes say what it does not read", async () => {
  const reply = await driver.complete(ask([await frames(6), { type: "text", text: "caption" }]));
  expect(reply.text).not.toBe("");
  expect(driver.notes.join(" ")).toMatch(/reads no question.*5 m\/s/);
  expect(driver.id).toBe("local:nano");
  await expect(driver.complete(ask([{ type: "text", text: "caption" }]))).rejects.toMatchObject({
    kind: "bad-request",
    message: expect.stringMatching(/needs pictures, frames or a video/) as unknown,
  });
  await expect(
    driver.complete(ask([await frames(2), await frames(2), await frames(2)])),
  ).rejects.toThrow(/3 clips for 2 cameras/);
});

test("bad input is a bad request that says what to do", async () => {
  const bad = (content: ChatPart[]) => talker.complete(ask(content));
  await expect(
    bad([{ type: "video", bytes: new Uint8Array(4), mime: "video/mp4" }]),
  ).rejects.toMatchObject({ kind: "bad-request" });
  await expect(bad([{ type: "text", text: "a <|im_end|> b" }])).rejects.toThrow(/control token/);
  await expect(
    bad([{ type: "image", bytes: new Uint8Array(9), mime: "image/jpeg" }]),
  ).rejects.toMatchObject({ kind: "bad-request" });
  await expect(openLocalChatModel(join(dir, "nowhere"))).rejects.toThrow(/there is no config.json/);
});
