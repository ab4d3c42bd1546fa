import { expect, test } from "vitest";
import { parseChoice } from "./choice.ts";
import { toPixels } from "./coordinates.ts";
import { parseBoxes, parseBoxes3d, parsePoints } from "./geometry.ts";
import { readOutput } from "./read-output.ts";
import { answerOf, extractTags } from "./tags.ts";
import { parseTime, parseTimeSpans, timeText } from "./time-spans.ts";

const image = { width: 1920, height: 1080 };
const frame = { image };

test("tags, with what stands around them", () => {
  expect(extractTags("<think>a</think><answer>B</answer>")).toEqual({
    tags: { think: ["a"], answer: ["B"] },
    rest: ["", ""],
  });
  expect(extractTags("x<think>a")).toEqual({ tags: {}, rest: ["x", "a"] });
  expect(extractTags("<a>1</a> and <a>2</a>!")).toEqual({
    tags: { a: ["1", "2"] },
    rest: ["", " and ", "!"],
  });
  expect(extractTags("<__proto__>x</__proto__>").rest).toEqual([""]);
});

test.each([
  ["<think>t</think>\n\n<answer> B </answer>", "B"],
  ["<think>t</think> B", "B"],
  ["B", "B"],
  ["<answer>A</answer> no, <answer>C</answer>", "C"],
])("the answer of %s", (text, answer) => {
  expect(answerOf(text)).toBe(answer);
});

test("coordinates from 0 to 1000 are pixels of the picture on each axis", () => {
  const [x, y] = toPixels([180, 457], image);
  expect(x).toBeCloseTo(345.6, 9);
  expect(y).toBeCloseTo(493.56, 9);
  const seen = { width: 1152, height: 640 };
  expect(toPixels([576, 320], image, { kind: "absolute", seen })).toEqual([960, 540]);
});

test.each([
  '[{"bbox_2d":[100,200,300,400],"label":"car"}]',
  '{"box_2d":[100,200,300,400],"label":"car"}',
  'Found one:\n```json\n{"objects":[{"bbox":{"x1":100,"y1":200,"x2":300,"y2":400},"name":"car"}]}\n```',
])("boxes in %s", (text) => {
  expect(parseBoxes(text, frame)).toMatchObject({
    ok: true,
    value: [{ x1: 192, y1: 216, x2: 576, y2: 432, label: "car" }],
    notes: [],
  });
});

test("boxes: exchanged corners are put right, a bad element costs itself, none is an answer", () => {
  const parsed = parseBoxes(
    '[{"bbox_2d":[300,400,100,200]},{"bbox_2d":[1,2]},{"bbox_2d":[0,0,1000,1000]}]',
    frame,
  );
  expect(parsed).toMatchObject({
    ok: true,
    value: [
      { x1: 192, x2: 576 },
      { x1: 0, y1: 0, x2: 1920, y2: 1080 },
    ],
    notes: [
      "element 1 had its corners exchanged",
      expect.stringMatching(/^element 2 is no box/) as unknown,
    ],
  });
  expect(parseBoxes("[]", frame)).toEqual({ ok: true, value: [], notes: [] });
});

test("pixels where 0-1000 was expected are a failure that says so", () => {
  expect(parseBoxes('[{"bbox_2d":[1500,200,1700,400]}]', frame)).toEqual({
    ok: false,
    reason:
      "element 1 1500 lies outside of 0 to 1000; are these pixels? Then read them with the absolute convention.",
  });
  const seen = { width: 1920, height: 1080 };
  expect(
    parseBoxes('[{"bbox_2d":[1500,200,1700,400]}]', {
      image,
      convention: { kind: "absolute", seen },
    }),
  ).toMatchObject({ value: [{ x1: 1500, y2: 400 }] });
});

test("points and trajectories keep their order", () => {
  const text =
    '[{"point_2d":[500,500],"label":"gripper trajectory"},{"point_2d":[250,100],"label":"x"}]';
  expect(parsePoints(text, frame)).toMatchObject({
    value: [
      { x: 960, y: 540, label: "gripper trajectory" },
      { x: 480, y: 108, label: "x" },
    ],
  });
  expect(parsePoints("[[0,0],[1000,1000]]", frame)).toMatchObject({
    value: [{ x: 0 }, { x: 1920, y: 1080 }],
  });
});

test("boxes in space have nine numbers and positive sizes", () => {
  const text =
    '[{"bbox_3d":[1,2,10,4,2,1.5,0,0,1.57],"label":"car"},{"bbox_3d":[0,0,0,0,1,1,0,0,0]}]';
  expect(parseBoxes3d(text)).toMatchObject({
    value: [{ centre: [1, 2, 10], size: [4, 2, 1.5], yaw: 1.57, label: "car" }],
    notes: [expect.stringMatching(/^element 2/) as unknown],
  });
});

test.each([
  ["00:04.50", 4.5],
  ["00:00.100", 0.1],
  ["1:02:03.5", 3723.5],
  ["90:01", 5401],
  ["12.5", 12.5],
  ["12,5 s", 12.5],
  [7, 7],
  ["00:61", null],
  ["soon", null],
  [-1, null],
])("the time %s", (text, secs) => {
  expect(parseTime(text)).toBe(secs);
});

test("times are written as they are read", () => {
  for (const secs of [0, 4.5, 59.99, 60, 3723.25]) expect(parseTime(timeText(secs))).toBe(secs);
  expect(timeText(59.999)).toBe("01:00.00");
});

test("time spans, with what does not fit left out and named", () => {
  const text =
    '[{"start":"00:01.00","end":"00:02.50","caption":"a"},{"start":"00:05","end":"00:03"},{"start":"00:30","end":"00:31"},{"start":"00:04","end":"00:20","caption":"b"}]';
  expect(parseTimeSpans(text, 10)).toEqual({
    ok: true,
    value: [
      { startSecs: 1, endSecs: 2.5, caption: "a" },
      { startSecs: 4, endSecs: 10, caption: "b" },
    ],
    notes: [
      "element 2 ends at 3 s before it starts at 5 s",
      "element 3 starts at 30 s; the video ends at 10 s",
    ],
  });
  expect(parseTimeSpans('[{"start":"x","end":"y"}]')).toMatchObject({ ok: false });
});

test.each([
  ["The answer is B", "B"],
  ["B", "B"],
  ["b.", "B"],
  ["(C)", "C"],
  ["**D**", "D"],
  ["(A) Possible", "A"],
  ["B) because A is wrong", "B"],
  ["B: stop", "B"],
  ["Answer: C", "C"],
  ["I would choose option D here", "D"],
  ["<think>It might be A.</think>\n\n<answer>B</answer>", "B"],
  ["Not (A). The correct answer is (C).", "C"],
  ["It must be C then", "C"],
])("the choice in %s", (text, letter) => {
  expect(parseChoice(text, "ABCD")).toMatchObject({ ok: true, value: letter });
});

test.each(["A car stops.", "Either (A) or (B).", "It is unclear.", "Z", "", "Both B and C"])(
  "no choice in %s",
  (text) => {
    expect(parseChoice(text, "ABCD").ok).toBe(false);
  },
);

test("one reader for every kind of answer", () => {
  const context = { frame, durationSecs: null };
  const raw = '<think>two</think>\n\n[{"bbox_2d":[0,0,500,500],"label":"a"}]';
  expect(readOutput("boxes", raw, context)).toMatchObject({
    value: { kind: "boxes", boxes: [{ x2: 960, y2: 540 }] },
  });
  expect(readOutput("text", raw, context)).toMatchObject({ value: { kind: "text" } });
  expect(readOutput("choice", "<answer>b</answer>", context)).toMatchObject({
    value: { letter: "B" },
  });
  expect(readOutput("json", "nothing", context)).toMatchObject({ ok: false });
});
