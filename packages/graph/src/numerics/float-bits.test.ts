import { expect, test } from "vitest";
import { fromNarrow, toNarrow } from "./float-bits.ts";

const tie = 1 + 2 ** -11;

test("fp16 rounds halves to even, keeps subnormals and overflows from 65520", () => {
  const values = Float32Array.of(1, tie, tie + 2 ** -20, 2 ** -24, 2 ** -25, 65519, 65520, -0);
  expect([...toNarrow("float16", values)]).toEqual([
    0x3c00, 0x3c00, 0x3c01, 0x0001, 0x0000, 0x7bff, 0x7c00, 0x8000,
  ]);
});

test("e4m3fn saturates, e5m2 overflows to infinity", () => {
  const values = Float32Array.of(448, 464, 465, Number.POSITIVE_INFINITY, 1e30);
  expect([...toNarrow("float8_e4m3fn", values)]).toEqual([0x7e, 0x7e, 0x7e, 0x7e, 0x7e]);
  expect(toNarrow("float8_e5m2", values)[4]).toBe(0x7c);
});

test.each(["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"] as const)(
  "every %s value survives the way to float32 and back",
  (format) => {
    const wide = format === "float16" || format === "bfloat16";
    const patterns = wide
      ? Uint16Array.from({ length: 65536 }, (_, i) => i)
      : Uint8Array.from({ length: 256 }, (_, i) => i);
    const values = fromNarrow(format, patterns);
    const back = toNarrow(format as "float16", values);
    let numNaN = 0;
    const changed: number[] = [];
    for (let i = 0; i < patterns.length; i++) {
      if (Number.isNaN(values[i])) numNaN++;
      else if (back[i] !== patterns[i]) changed.push(patterns[i] as number);
    }
    expect(changed).toEqual([]);
    const infinities = format === "float8_e4m3fn" ? 0 : 2;
    const exponentBits = { float16: 5, bfloat16: 8, float8_e4m3fn: 4, float8_e5m2: 5 }[format];
    const topPatterns = patterns.length / 2 ** exponentBits;
    expect(numNaN).toBe(format === "float8_e4m3fn" ? 2 : topPatterns - infinities);
  },
);
