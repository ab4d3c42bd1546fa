import fc from "fast-check";
import { expect, test } from "vitest";
import { findJson } from "./json.ts";

const value = (text: string): unknown => {
  const parsed = findJson(text);
  return parsed.ok ? parsed.value : parsed.reason;
};

test.each([
  ['{"a":1}', { a: 1 }],
  ['Sure!\n```json\n{"a": [1, 2]}\n```\nAnything else?', { a: [1, 2] }],
  ['The box is {"a":"}"} as asked.', { a: "}" }],
  ['A set {x} first, then {"a":2}', { a: 2 }],
  ['{"a":1,}', { a: 1 }],
  ["{'a': True, 'b': None, 'c': 'it\\'s'}", { a: true, b: null, c: "it's" }],
  [
    "[(1, 2), (3, 4)]",
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['{"a":"keep, ] and True"}', { a: "keep, ] and True" }],
  ["<b>x</b> [1]", [1]],
])("%s", (text, wanted) => {
  expect(value(text)).toEqual(wanted);
});

test("a list that is cut off keeps its whole elements, and says so", () => {
  expect(findJson('[{"a":1},{"a":2},{"a"')).toEqual({
    ok: true,
    value: [{ a: 1 }, { a: 2 }],
    notes: ["the list is cut off; its 2 whole elements were kept"],
  });
});

test.each([
  ["no json here", /holds no JSON: "no json here"/],
  ['{"a": }', /is broken/],
  ["[".repeat(100_000), /holds no JSON|nested/],
  ["x".repeat(2 << 20), /characters long/],
])("%.20s fails with a reason", (text, reason) => {
  expect(value(text)).toMatch(reason);
});

test("the kind that was asked for is found among others", () => {
  const text = 'Given {"scene":"road"}, I see [{"box":[1,2,3,4]}].';
  expect(findJson(text, Array.isArray)).toMatchObject({ value: [{ box: [1, 2, 3, 4] }] });
  expect(findJson('{"a":1}', Array.isArray)).toMatchObject({
    ok: false,
    reason: 'its JSON is not of the kind that was asked for: "{"a":1}".',
  });
});

test("whatever JSON an object is, it is found in prose", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (object) => {
      const json = JSON.stringify(object);
      expect(value(`Here it is:\n${json}\nDone.`)).toEqual(JSON.parse(json));
    }),
  );
});
