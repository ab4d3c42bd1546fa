import { expect, test } from "vitest";
import { rateText } from "./rate-text.ts";

test("rates are over the whole time of a request", () => {
  expect(rateText(120, 45, 3000)).toBe(
    "120 tokens in, 45 out in 3.0 s (40.0 in, 15.0 out tokens/s)",
  );
});
