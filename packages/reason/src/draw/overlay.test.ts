import { expect, test } from "vitest";
import { boxCorners, drawOverlay, isDrawable, overlaySvg } from "./overlay.ts";

const size = { width: 200, height: 100 };
const plain = { isSynthetic: false };

test("labels are text, whatever a model writes", () => {
  const svg = overlaySvg(
    { kind: "boxes", boxes: [{ x1: 10, y1: 20, x2: 60, y2: 80, label: '</svg><script>"&' }] },
    size,
    plain,
  );
  expect(svg).not.toContain("<script>");
  expect(svg).toContain("&lt;/svg&gt;&lt;script&gt;&quot;&amp;");
  expect(svg).toContain('x="10" y="20" width="50" height="60"');
});

test("what a scripted model said is marked, and only that", () => {
  const output = { kind: "points", points: [{ x: 1, y: 2, label: "a" }] } as const;
  expect(overlaySvg(output, size, { isSynthetic: true })).toContain("synthetic");
  expect(overlaySvg(output, size, plain)).not.toContain("synthetic");
});

test("a box in space has its corners where its rotation puts them", () => {
  const box = { centre: [0, 0, 10], size: [4, 2, 2], roll: 0, pitch: 0, label: "" } as const;
  const extent = (yaw: number, axis: 0 | 1 | 2): number => {
    const values = boxCorners({ ...box, yaw }).map((c) => c[axis]);
    return Math.max(...values) - Math.min(...values);
  };
  expect(extent(0, 0)).toBeCloseTo(4, 12);
  // A quarter turn about the camera's y axis puts its length along z.
  expect(extent(Math.PI / 2, 0)).toBeCloseTo(2, 12);
  expect(extent(Math.PI / 2, 2)).toBeCloseTo(4, 12);
  const output = { kind: "boxes3d", boxes: [{ ...box, yaw: 0 }] } as const;
  expect(isDrawable(output, {})).toBe(false);
  const camera = { fx: 100, fy: 100, cx: 100, cy: 50 };
  expect(isDrawable(output, { camera })).toBe(true);
  expect(overlaySvg(output, size, { ...plain, camera }).match(/<polyline/g)?.length).toBe(12);
  const behind = { ...output, boxes: [{ ...box, yaw: 0, centre: [0, 0, -10] }] } as const;
  expect(overlaySvg(behind, size, { ...plain, camera })).not.toContain("<polyline");
});

test("the current time span is written, all are on the bar", async () => {
  const spans = [
    { startSecs: 0, endSecs: 1, caption: "first" },
    { startSecs: 1.5, endSecs: 2, caption: "second" },
  ];
  const svg = overlaySvg({ kind: "spans", spans }, size, { ...plain, timeSecs: 1.75 });
  expect(svg).toContain("00:01.50–00:02.00 second");
  expect(svg).not.toContain("first");
  const png = await drawOverlay(
    { ...size, pixels: new Uint8Array(200 * 100 * 3) },
    { kind: "spans", spans },
    plain,
  );
  expect([...png.subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]);
});
