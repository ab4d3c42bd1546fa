/**
 * What numbers in a reply mean. Qwen3-VL and Cosmos-Reason2: 0 to 1000 on each axis, whatever the picture's shape.
 * Qwen2.5-VL and Cosmos-Reason1: pixels of the picture as the model saw it, after its resize.
 */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

export type CoordinateConvention =
  | { readonly kind: "relative-1000" }
  /** `seen`: the size after the model's resize (see the vision budget); values are pixels of it. */
  | { readonly kind: "absolute"; readonly seen: ImageSize };

export const relative1000: CoordinateConvention = { kind: "relative-1000" };

/** Scale from the reply's numbers to pixels of the picture, origin at top left, x right, y down. */
export function pixelScale(
  convention: CoordinateConvention,
  image: ImageSize,
): { readonly x: number; readonly y: number } {
  if (convention.kind === "relative-1000") return { x: image.width / 1000, y: image.height / 1000 };
  return { x: image.width / convention.seen.width, y: image.height / convention.seen.height };
}

/** The largest value that makes sense on an axis. */
export const largestValue = (convention: CoordinateConvention, axis: "width" | "height"): number =>
  convention.kind === "relative-1000" ? 1000 : convention.seen[axis];

/** Pixels of a point given in the reply's numbers. [180, 457] of 0-1000 on 1920x1080 is (345.6, 493.56). */
export function toPixels(
  point: readonly [number, number],
  image: ImageSize,
  convention: CoordinateConvention = relative1000,
): [number, number] {
  const scale = pixelScale(convention, image);
  return [point[0] * scale.x, point[1] * scale.y];
}
