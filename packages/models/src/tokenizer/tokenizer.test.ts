import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vocabularyMap, withBaseTokens, withDrivingTokens } from "../alpamayo/vocabulary.ts";
import { trainBpe } from "./bpe-trainer.ts";
import { Tokenizer } from "./tokenizer.ts";

const corpus = [
  "Keep lane since the road ahead is clear.",
  "Slow down for the pedestrian at the crosswalk ahead.",
  "Stop behind the lead vehicle at the red light.",
  "Keep lane since the light ahead is green.",
  "Don't pass: 12 m to the line.\n",
];

describe("byte-pair encoding", () => {
  const trained = trainBpe(corpus, 400);
  const tokenizer = new Tokenizer(trained);

  it("decodes what it encoded, for any text in NFC", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const normal = text.normalize("NFC");
        expect(tokenizer.decode(tokenizer.encode(normal))).toBe(normal);
      }),
    );
  });

  it("makes frequent words single tokens and keeps digits apart", () => {
    expect(tokenizer.encode(" the")).toHaveLength(1);
    expect(tokenizer.encode(" ahead")).toHaveLength(1);
    expect(tokenizer.encode("12")).toHaveLength(2);
  });

  it("does not depend on the order of the corpus", () => {
    expect(JSON.stringify(trainBpe(corpus.toReversed(), 400))).toBe(JSON.stringify(trained));
  });

  it("applies merges by frequency, ties in code point order", () => {
    const { merges } = trainBpe(["ab ab cd cd"], 258).model;
    // "ab" and " ab" parts: pairs a+b and c+d both occur twice; a sorts first.
    expect(merges).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it("stops when no pair occurs twice", () => {
    expect(Object.keys(trainBpe(["ab"], 1000).model.vocab)).toHaveLength(256);
  });

  it("refuses ids outside the vocabulary", () => {
    expect(() => tokenizer.decode([tokenizer.size])).toThrow(/outside 0\.\./);
  });
});

describe("driving vocabulary", () => {
  const base = withBaseTokens(new Tokenizer(trainBpe(corpus, 300)));

  it("puts trajectory tokens after the base and 28 named tokens after them", () => {
    for (const version of ["r1", "r1_5"] as const) {
      const full = withDrivingTokens(base, { trajectoryTokens: 40, version });
      const map = vocabularyMap(full, { futureBins: 30, historyBins: 10, version });
      expect(map.futureFirst).toBe(base.size);
      expect(map.historyFirst).toBe(base.size + 30);
      expect(map.driving.prompt_start).toBe(base.size + 40);
      expect(map.driving.cot_start).toBe(base.size + 48);
      expect(map.driving.traj_future_start).toBe(base.size + 52);
      expect(map.driving.route_start).toBe(base.size + 61);
      expect(map.driving.answer_end).toBe(base.size + 67);
      expect(full.size).toBe(base.size + 68);
    }
  });

  it("does not take text apart at trajectory tokens only by luck", () => {
    const full = withDrivingTokens(base, { trajectoryTokens: 40, version: "r1" });
    const ids = full.encode("a<i12><|cot_end|>b");
    expect(ids).toEqual([full.id("a"), full.id("<i12>"), full.id("<|cot_end|>"), full.id("b")]);
    expect(full.decode(ids, { skipSpecial: true })).toBe("a<i12>b");
  });

  it("names the first gap in the trajectory ids", () => {
    const full = withDrivingTokens(base, { trajectoryTokens: 4, version: "r1" });
    expect(() => vocabularyMap(full, { futureBins: 4, historyBins: 1, version: "r1" })).toThrow(
      /<i4> has id null/,
    );
  });
});
