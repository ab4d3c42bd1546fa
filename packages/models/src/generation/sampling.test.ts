import { createRng } from "@causeway/geom";
import { describe, expect, it } from "vitest";
import { KvCache } from "./kv-cache.ts";
import { sampleToken } from "./sampling.ts";

describe("sampling", () => {
  const logits = Float32Array.of(2, 1, 0, 5, -1);

  it("is greedy at temperature 0 and never draws what is not allowed", () => {
    const rng = createRng(1);
    expect(sampleToken(logits, null, { temperature: 0, topP: 1 }, rng).id).toBe(3);
    for (let i = 0; i < 200; i++) {
      expect(sampleToken(logits, (id) => id < 3, { temperature: 2, topP: 1 }, rng).id).toBeLessThan(
        3,
      );
    }
    expect(() => sampleToken(logits, () => false, { temperature: 1, topP: 1 }, rng)).toThrow(
      /no token is allowed/,
    );
  });

  it("keeps the smallest set that reaches top_p", () => {
    const rng = createRng(2);
    // Probabilities 0.5, 0.3, 0.2.
    const three = Float32Array.of(Math.log(0.3), Math.log(0.5), Math.log(0.2));
    const seen = new Map<number, number>();
    for (let i = 0; i < 4000; i++) {
      const { id } = sampleToken(three, null, { temperature: 1, topP: 0.75 }, rng);
      seen.set(id, (seen.get(id) ?? 0) + 1);
    }
    expect(new Set(seen.keys())).toEqual(new Set([0, 1]));
    expect((seen.get(1) ?? 0) / 4000).toBeCloseTo(0.5 / 0.8, 1);
  });

  it("reports the log-probability under what it drew from", () => {
    const three = Float32Array.of(Math.log(0.3), Math.log(0.5), Math.log(0.2));
    for (let seed = 0; seed < 20; seed++) {
      const full = sampleToken(three, null, { temperature: 1, topP: 1 }, createRng(seed));
      expect(Math.exp(full.logProb)).toBeCloseTo([0.3, 0.5, 0.2][full.id] as number, 5);
      const cut = sampleToken(three, null, { temperature: 1, topP: 0.75 }, createRng(seed));
      expect(Math.exp(cut.logProb)).toBeCloseTo(([0.3, 0.5][cut.id] as number) / 0.8, 5);
    }
  });

  it("says so when the model's output is not finite", () => {
    const bad = Float32Array.of(Number.NaN);
    expect(() => sampleToken(bad, null, { temperature: 1, topP: 1 }, createRng(1))).toThrow(
      /not finite/,
    );
  });
});

describe("kv cache", () => {
  it("packs tokens of any source row behind what a row holds", () => {
    const cache = new KvCache({ rows: 2, layers: 1, heads: 2, headDim: 1, capacity: 3 });
    const source = {
      dtype: "float32",
      shape: [2, 2, 2, 1],
      data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    } as const;
    cache.append(1, [source], [source], 1, 0, 2);
    cache.append(1, [source], [source], 0, 1, 1);
    // Row 1: head 0 holds 5, 6 then 2; head 1 holds 7, 8 then 4.
    expect([...(cache.keys[0] as Float32Array)]).toEqual([0, 0, 0, 0, 0, 0, 5, 6, 2, 7, 8, 4]);
    expect(cache.lengths).toEqual([0, 3]);
    expect(() => cache.append(1, [source], [source], 0, 0, 1)).toThrow(
      /row 1 would hold 4 tokens; the capacity is 3/,
    );
  });
});
