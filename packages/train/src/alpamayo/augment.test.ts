import { createRng } from "@causeway/geom";
import { expect, test } from "vitest";
import { tinyMoment } from "../../test/fixtures/tiny-driver.ts";
import { drawLevels, dropsNavigation, mirrorMoment } from "./augment.ts";

test("a moment mirrored twice is the moment", () => {
  for (const index of [0, 2, 3]) {
    const moment = tinyMoment(index);
    const once = mirrorMoment(moment);
    const twice = mirrorMoment(once);
    expect(twice.cot).toBe(moment.cot);
    expect(twice.input.navText).toBe(moment.input.navText);
    expect([...twice.future.y].map((y) => y + 0)).toEqual([...moment.future.y].map((y) => y + 0));
    for (const [name, frames] of moment.input.cameras)
      expect(twice.input.cameras.get(name)?.[3]?.pixels).toEqual(frames[3]?.pixels);
    expect(once.future.x).toEqual(moment.future.x);
    expect(once.future.yaw[63]).toBe(-(moment.future.yaw[63] as number));
  }
});

test("the left camera shows in the mirror what the right camera saw, flipped", () => {
  const moment = tinyMoment(1);
  const seen = moment.input.cameras.get("camera_cross_right_120fov")?.[0];
  const mirrored = mirrorMoment(moment).input.cameras.get("camera_cross_left_120fov")?.[0];
  const width = seen?.width as number;
  for (let x = 0; x < width; x++)
    expect(mirrored?.pixels[(5 * width + x) * 3 + 1]).toBe(
      seen?.pixels[(5 * width + width - 1 - x) * 3 + 1],
    );
});

test("a camera without counterpart is an error that says what to do", () => {
  const moment = tinyMoment(1);
  const cameras = new Map([...moment.input.cameras].slice(0, 2));
  expect(() => mirrorMoment({ ...moment, input: { ...moment.input, cameras } })).toThrow(
    "set augment.mirror to 0",
  );
});

test("levels stay in order and in range, and no jitter is no work", () => {
  expect(drawLevels({ brightness: 0, contrast: 0 }, createRng(1))).toBeNull();
  const levels = drawLevels({ brightness: 0.3, contrast: 0.4 }, createRng(5)) as Uint8Array;
  for (let i = 1; i < 256; i++) expect(levels[i]).toBeGreaterThanOrEqual(levels[i - 1] as number);
  expect(levels).toHaveLength(256);
});

test("the navigation text is dropped at the stated share, by seed, and never without the setting", () => {
  const draws = (navigationDropout?: number) =>
    Array.from({ length: 2000 }, (_, i) =>
      dropsNavigation(navigationDropout === undefined ? {} : { navigationDropout }, createRng(i)),
    );
  const dropped = draws(0.1).filter(Boolean).length;
  expect(dropped).toBeGreaterThan(150);
  expect(dropped).toBeLessThan(250);
  expect(draws(0.1)).toEqual(draws(0.1));
  expect(draws().some(Boolean)).toBe(false);
  expect(draws(1).every(Boolean)).toBe(true);
});
