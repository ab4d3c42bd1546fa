import { describe, expect, test } from "vitest";
import { rngOf, scene, tinyCodec } from "../../test/tiny.ts";
import { navigationVariants, swapSides } from "./navigation.ts";
import { upstreamSwapDirection } from "./upstream.ts";

test("the mirror swaps directions, keeps capitals, and leaves right of way alone", () => {
  expect(swapSides("Turn left, then keep to the rightmost lane.")).toBe(
    "Turn right, then keep to the leftmost lane.",
  );
  expect(swapSides("Left-hand bend; LEFT of the van")).toBe("Right-hand bend; RIGHT of the van");
  expect(swapSides("Yield the right of way and the right-of-way to the bright truck.")).toBe(
    "Yield the right of way and the right-of-way to the bright truck.",
  );
});

test("swap_direction of the original loses the capital of Left and leaves leftmost", () => {
  for (const [text, ours, upstream] of [
    ["Turn left in 11m", "Turn right in 11m", "Turn right in 11m"],
    ["Left, right, Left", "Right, left, Right", "right, left, right"],
    ["LEFT then right", "RIGHT then left", "right then left"],
    ["Turn Right in 40m", "Turn Left in 40m", "Turn Left in 40m"],
    ["leftmost lane", "rightmost lane", "leftmost lane"],
  ] as const) {
    expect(swapSides(text)).toBe(ours);
    expect(swapSides(swapSides(text))).toBe(text);
    expect(upstreamSwapDirection(text)).toBe(upstream);
  }
});

describe("navigation conditions", () => {
  const codec = tinyCodec();
  const input = (navText?: string) =>
    scene(rngOf(1), { red: false, speedMps: 6, ...(navText === undefined ? {} : { navText }) });

  test("without the text, the prompt is the same but for the route span", () => {
    const variants = navigationVariants(input("Turn left in 11m"));
    const prompt = (name: "with" | "without" | "swapped") =>
      codec.prompt(variants.get(name) as ReturnType<typeof input>);
    const { ids, routeSpan } = prompt("with");
    if (routeSpan === null) throw new Error("the prompt has no route span");
    expect(prompt("without").ids).toEqual([
      ...ids.slice(0, routeSpan.start),
      ...ids.slice(routeSpan.end),
    ]);
    expect(prompt("swapped").text).toBe(
      prompt("with").text.replace("Turn left in 11m", "Turn right in 11m"),
    );
  });

  test("a text without a side has nothing to swap, and no text nothing to compare", () => {
    expect([...navigationVariants(input("Continue straight")).keys()]).toEqual(["with", "without"]);
    expect(() => navigationVariants(input())).toThrow(/no navigation text/);
  });
});
