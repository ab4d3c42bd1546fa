import fc from "fast-check";
import { expect, test } from "vitest";
import { ReasoningStream, splitReasoning } from "./split-reasoning.ts";

test.each([
  ["<think>a</think>b", "a", "b"],
  ["a</think>b", "a", "b"],
  ["<think>a</think> x </think>\n\nb", "a</think> x", "b"],
  ["<think\\>a<\\/think>b", "a", "b"],
  ["plain", null, "plain"],
  ["<think></think>b", null, "b"],
])("%j", (text, reasoning, answer) => {
  expect(splitReasoning(text)).toEqual({ reasoning, answer, isUnclosed: false });
});

test("an opening tag that is never closed leaves its text as the answer, and says so", () => {
  expect(splitReasoning("<think>only this")).toEqual({
    reasoning: null,
    answer: "only this",
    isUnclosed: true,
  });
});

test("a stream gives the same split wherever it is cut", () => {
  const text = "<think>\nif a < b then\n</think>\n\nx < y and <b>bold</b>";
  const whole = splitReasoning(text);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
      const heard = { reasoning: "", answer: "" };
      const stream = new ReasoningStream((piece, channel) => {
        heard[channel] += piece;
      });
      for (let at = 0, i = 0; at < text.length; at += sizes[i++ % sizes.length] as number)
        stream.push(text.slice(at, at + (sizes[i % sizes.length] as number)));
      stream.end();
      expect(heard.reasoning.trim()).toBe(whole.reasoning);
      expect(heard.answer.trim()).toBe(whole.answer);
    }),
  );
});
