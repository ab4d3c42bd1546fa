import { createRng } from "@causeway/geom";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { trainBpe } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { withBaseTokens } from "../alpamayo/vocabulary.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import { generateText } from "./generate.ts";
import { applyPenalties } from "./penalties.ts";
import { sampleToken } from "./sampling.ts";
import type { SequenceEngine } from "./sequence-engine.ts";
import { TextStream } from "./text-stream.ts";

const tokenizer = withBaseTokens(
  new Tokenizer(trainBpe(["the red light stops the lead vehicle", "the light is green"], 300)),
);

/** Answers with given tokens whatever it is asked: logits that make each the clear winner. */
function scripted(ids: readonly number[]): SequenceEngine & { readonly fed: number[] } {
  const fed: number[] = [];
  let at = 0;
  const logits = () => {
    const out = new Float32Array(tokenizer.size + 5).fill(-3);
    out[ids[at++] ?? 0] = 9;
    // Rows of the embedding beyond the tokenizer's ids must never be drawn.
    out[tokenizer.size + 1] = 50;
    return out;
  };
  return {
    config: {} as Qwen3VLConfig,
    fed,
    async prompt() {
      at = 0;
      return logits();
    },
    async next(id) {
      fed.push(id);
      return logits();
    },
    async dispose() {},
  };
}

const prompt = { ids: [1, 2, 3], images: [], videos: [], patches: null };
const greedy = {
  temperature: 0,
  topP: 1,
  maxTokens: 50,
  rng: createRng(1),
  endIds: new Set([tokenizer.id("<|im_end|>")]),
};

describe("generation", () => {
  it("ends at an end id, streams what it returns, and never feeds the end id back", async () => {
    const ids = [...tokenizer.encode("the red light"), tokenizer.id("<|im_end|>")];
    const engine = scripted(ids);
    const pieces: string[] = [];
    const out = await generateText(engine, tokenizer, prompt, {
      ...greedy,
      onText: (piece) => pieces.push(piece),
    });
    expect(out).toMatchObject({ text: "the red light", finish: "stop", promptTokens: 3, ids });
    expect(pieces.join("")).toBe(out.text);
    expect(engine.fed).toEqual(ids.slice(0, -1));
  });

  it("cuts before a stop string that is spread over tokens", async () => {
    const out = await generateText(
      scripted(tokenizer.encode("the red light stops the lead vehicle")),
      tokenizer,
      prompt,
      { ...greedy, stop: ["stops the"] },
    );
    expect(out.text).toBe("the red light ");
    expect(out.finish).toBe("stop");
  });

  it("says when the limit ended it, and reports likely first tokens", async () => {
    const ids = tokenizer.encode("the red light stops");
    const out = await generateText(scripted(ids), tokenizer, prompt, {
      ...greedy,
      maxTokens: 2,
      topLogprobs: 2,
    });
    expect(out.finish).toBe("length");
    expect(out.ids).toEqual(ids.slice(0, 2));
    expect(out.topLogprobs[0]?.token).toBe(tokenizer.decode(ids.slice(0, 1)));
    expect(out.topLogprobs).toHaveLength(2);
  });

  it("stops when asked and refuses settings that mean nothing", async () => {
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    const engine = scripted(tokenizer.encode("the"));
    await expect(
      generateText(engine, tokenizer, prompt, { ...greedy, signal: stop.signal }),
    ).rejects.toThrow("enough");
    for (const [wrong, message] of [
      [{ temperature: -1 }, /temperature is -1/],
      [{ topP: 0 }, /topP is 0/],
      [{ topK: 1.5 }, /topK is 1.5/],
      [{ repetitionPenalty: 0 }, /repetitionPenalty is 0/],
      [{ maxTokens: 0 }, /maxTokens is 0/],
    ] as const) {
      await expect(
        generateText(engine, tokenizer, prompt, { ...greedy, ...wrong }),
      ).rejects.toThrow(message);
    }
  });
});

describe("text stream", () => {
  it("gives the whole text whatever the characters, in pieces that are whole", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        const ids = tokenizer.encode(text);
        const stream = new TextStream(tokenizer);
        const pieces = ids.map((id) => stream.push(id));
        pieces.push(stream.flush());
        expect(pieces.join("")).toBe(tokenizer.decode(ids, { skipSpecial: true }));
      }),
      { numRuns: 12 },
    );
  });

  it("holds back what may be a stop string and lets it go when it is none", () => {
    const stream = new TextStream(tokenizer, ["light!"]);
    const said = tokenizer.encode("the light is").map((id) => stream.push(id));
    expect(said.join("") + stream.flush()).toBe("the light is");
  });
});

describe("sampling with top-k and penalties", () => {
  it("draws from the k most likely only, ties to the smaller id", () => {
    const logits = Float32Array.of(1, 3, 3, 2, 3, -1);
    const seen = new Set<number>();
    const rng = createRng(3);
    for (let i = 0; i < 400; i++)
      seen.add(sampleToken(logits, null, { temperature: 1, topP: 1, topK: 2 }, rng).id);
    expect(seen).toEqual(new Set([1, 2]));
    for (let k = 1; k <= 6; k++) {
      const own = new Set<number>();
      for (let i = 0; i < 2000; i++)
        own.add(sampleToken(logits, null, { temperature: 3, topP: 1, topK: k }, rng).id);
      expect(own.size).toBe(k);
    }
  });

  it("matches the published rules: repetition over prompt and answer, presence over the answer", () => {
    const logits = Float32Array.of(2, -2, 4, 1);
    applyPenalties(
      logits,
      { repetitionPenalty: 2, presencePenalty: 0.5 },
      new Set([0, 1]),
      new Set([1, 2]),
    );
    expect([...logits]).toEqual([1, -4.5, 1.5, 1]);
  });
});
