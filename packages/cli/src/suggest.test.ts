import { expect, test } from "vitest";
import { closest, editDistance, knownText } from "./suggest.ts";

test("edit distance counts a swap of neighbours once", () => {
  expect(editDistance("quickstart", "quikcstart")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("kitten", "sitting")).toBe(3);
});

test("the closest known word is offered only when it is near", () => {
  const known = ["quickstart", "reference", "smoke"];
  expect(closest("quikstart", known)).toBe("quickstart");
  expect(closest("smok", known)).toBe("smoke");
  expect(closest("launch", known)).toBeNull();
  expect(knownText("refrence", known)).toBe(
    `Known: quickstart, reference, smoke. Did you mean "reference"?`,
  );
});
