import { expect, test } from "vitest";
import { erf } from "./erf.ts";

/** Abramowitz and Stegun, table 7.1, and erfc(3) from the same source. */
test("erf has the tabulated values to float64", () => {
  expect(erf(0)).toBe(0);
  expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15);
  expect(erf(1)).toBeCloseTo(0.8427007929497149, 15);
  expect(erf(-2)).toBeCloseTo(-0.9953222650189527, 15);
  expect(1 - erf(3)).toBeCloseTo(2.209049699858544e-5, 15);
  expect(erf(2.4999999)).toBeCloseTo(erf(2.5000001), 8);
  expect(erf(40)).toBe(1);
});
