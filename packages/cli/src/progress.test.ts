import { expect, test } from "vitest";
import { createProgress, durationText } from "./progress.ts";

function recorder(isTTY: boolean) {
  let text = "";
  let ms = 0;
  const stream = { isTTY, columns: 80, write: (t: string) => (text += t) };
  const progress = createProgress({ stream, now: () => ms });
  return { progress, pass: (by: number) => (ms += by), read: () => text };
}

test("piped output gets plain lines, not one per update", () => {
  const { progress, pass, read } = recorder(false);
  for (let done = 0; done <= 100; done++) {
    progress.update("train", { done, total: 100, note: "loss 2.5" });
    pass(1000);
  }
  progress.finish("train", "loss 2.31");
  const lines = read().trimEnd().split("\n");
  expect(lines.length).toBe(22);
  expect(lines[1]).toBe("train: 5/100, loss 2.5, 1 min 35 s left");
  expect(lines.at(-1)).toBe("train: loss 2.31");
  expect(read()).not.toContain("\x1b");
});

test("a terminal gets one line that redraws itself and stays inside the width", () => {
  const { progress, pass, read } = recorder(true);
  progress.update("train", { done: 1, total: 4, note: "x".repeat(200) });
  pass(50);
  progress.update("train", { done: 2, total: 4 });
  pass(100);
  progress.update("train", { done: 3, total: 4 });
  const drawn = read().split("\r\x1b[2K");
  expect(drawn.length).toBe(2);
  expect(drawn[0]?.length).toBe(79);
  expect(drawn[1]).toContain(`${"█".repeat(18)}${"░".repeat(6)} 3/4`);
  expect(read()).not.toContain("\n");
});

test("time left counts from where this process started", () => {
  const { progress, pass, read } = recorder(false);
  progress.update("train", { done: 900, total: 1000 });
  pass(10_000);
  progress.update("train", { done: 910, total: 1000 });
  expect(read().split("\n")[1]).toBe("train: 910/1000, 1 min 30 s left");
});

test("durations read well", () => {
  expect([0.4, 59.4, 59.6, 65, 3599, 3600, 8000].map(durationText)).toEqual([
    "0 s",
    "59 s",
    "1 min 00 s",
    "1 min 05 s",
    "59 min 59 s",
    "1 h 00 min",
    "2 h 13 min",
  ]);
});
