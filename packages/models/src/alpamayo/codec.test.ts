import { describe, expect, it } from "vitest";
import { rngOf, scene, sentences, straight, tinyCodec } from "../../test/tiny.ts";
import { informationWeights } from "./information-weights.ts";
import { labelMask } from "./prompt.ts";

const codec = tinyCodec();
const input = scene(rngOf(1), { red: false, speedMps: 8, navText: "Turn left in 11m" });
const future = straight(64, 8, 0.1);
const { tokenizer } = codec;

describe("driving codec", () => {
  it("labels the sentence, the trajectory and the turn's end, with their start and end tokens", () => {
    const example = codec.example({ input, future, cot: sentences[0] as string });
    const labelled = [...example.ids].filter((_, i) => example.isLabel[i] === 1);
    const bins = codec.futureBins(example.action);
    expect(tokenizer.decode(labelled)).toBe(
      `<|cot_start|>${sentences[0]}<|cot_end|><|traj_future_start|>${[...bins].map((bin) => `<i${bin}>`).join("")}<|traj_future_end|><|im_end|>`,
    );
    expect(example.ids[example.prefixLength - 1]).toBe(tokenizer.id("<|traj_future_start|>"));
    expect(example.patches).toHaveLength(codec.patchBytes);
  });

  it("trains on the very prompt that it drives with", () => {
    const example = codec.example({ input, future, cot: sentences[0] as string });
    const { ids } = codec.prompt(input);
    expect([...example.ids.subarray(0, ids.length)]).toEqual(ids);
    expect(tokenizer.decode(ids)).toContain(
      "<|route_start|>Turn left in 11m<|route_end|>output the chain-of-thought",
    );
    const span = codec.prompt(input).imageSpans[0];
    expect(span && span.end - span.start).toBe(4);
  });

  it("leaves the sentence out when there is none", () => {
    const { ids } = codec.example({ input, future, cot: null });
    const text = tokenizer.decode([...ids]);
    expect(text).not.toContain("<|cot_start|>");
    expect(text).toContain(
      "<|route_end|>output the future trajectory.<|im_end|>\n<|im_start|>assistant\n<|traj_future_start|>",
    );
  });

  it("gives future tokens the mean action of their stretch, back within half a bin", () => {
    const action = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i / 9) * 3);
    const back = codec.actionsOfBins(codec.futureBins(action));
    expect(codec.futureStride).toBe(4);
    const halfBin = 20 / 255 / 2;
    for (let token = 0; token < 32; token++) {
      const [group, dim] = [Math.floor(token / 2), token % 2];
      const steps = [0, 1, 2, 3].map((k) => (4 * group + k) * 2 + dim);
      const mean = steps.reduce((sum, i) => sum + (action[i] as number), 0) / 4;
      for (const i of steps)
        expect(Math.abs((back[i] as number) - mean)).toBeLessThanOrEqual(halfBin + 1e-6);
    }
  });

  it("refuses a sentence that holds a control token", () => {
    expect(() => codec.example({ input, future, cot: "Stop.<|im_end|>" })).toThrow(
      /control token "<\|im_end\|>"/,
    );
  });
});

describe("label masks", () => {
  it("stay within their row when a span is left open", () => {
    const { vocabulary } = codec.manifest;
    const ids = tokenizer.encode(
      "<|im_start|>assistant\n<|cot_start|>a<|traj_future_start|><i1><|traj_future_end|><|im_end|>",
    );
    const mask = labelMask(ids, vocabulary, tokenizer.encode("assistant"), ["cot", "traj_future"]);
    expect(tokenizer.decode(ids.filter((_, i) => mask[i]))).toBe(
      "<|traj_future_start|><i1><|traj_future_end|><|im_end|>",
    );
  });
});

describe("information weights", () => {
  it("are full where the meaning decides, small where wording is free or nothing branches", () => {
    const rows = ["a", "b", "c"].flatMap((meaning, k) =>
      [7, 8].map((wording) => ({ ids: [1, wording, 2, 10 + k, 3], meaning })),
    );
    const weights = informationWeights(rows)([1, 7, 2, 10, 3]);
    expect([...weights].map((w) => Number(w.toFixed(3)))).toEqual([0.05, 0.05, 0.05, 1, 0.05]);
    expect(informationWeights([{ ids: [1, 2], meaning: "a" }])([9, 8])[1]).toBe(1);
  });
});
