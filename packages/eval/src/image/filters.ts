/** Separable filters on one channel of doubles. */

/** What stands outside of the picture: `symmetric` d c b a | a b c d | d c b a; `reflect101` d c b | a b c d | c b a. */
export type Border = "symmetric" | "reflect101";

function indexAt(i: number, n: number, border: Border): number {
  if (n === 1) return 0;
  const period = border === "symmetric" ? 2 * n : 2 * n - 2;
  const m = ((i % period) + period) % period;
  if (m < n) return m;
  return border === "symmetric" ? period - 1 - m : period - m;
}

/** Correlates rows and columns with a symmetric kernel of odd length. */
export function separableFilter(
  pixels: Float64Array,
  width: number,
  height: number,
  kernel: ArrayLike<number>,
  border: Border,
): Float64Array {
  const radius = (kernel.length - 1) / 2;
  const pass = (from: Float64Array, n: number, lines: number, step: number, lineStep: number) => {
    const to = new Float64Array(from.length);
    const at = Int32Array.from({ length: n + 2 * radius }, (_, i) =>
      indexAt(i - radius, n, border),
    );
    for (let line = 0; line < lines; line++) {
      const start = line * lineStep;
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k] * from[start + at[i + k] * step];
        to[start + i * step] = sum;
      }
    }
    return to;
  };
  const rows = pass(pixels, width, height, 1, width);
  return pass(rows, height, width, width, 1);
}

/** Normalised Gaussian of the given odd length. */
export function gaussianKernel(length: number, sigma: number): Float64Array {
  const radius = (length - 1) / 2;
  const kernel = Float64Array.from({ length }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = kernel.reduce((a, b) => a + b, 0);
  return kernel.map((v) => v / sum);
}
