/**
 * Uniform bins whose first and last centres are the range's ends: id = round((x - min) / (max - min) · (bins - 1)).
 * float32 arithmetic step by step, ties to even, rounding before clamping, so ids equal those of a float32 tensor program.
 */
import { GeomError, requireFinite } from "../errors.ts";
import { roundHalfEven } from "../round.ts";

const f32 = Math.fround;

export interface Quantiser {
  readonly bins: number;
  readonly min: number;
  readonly max: number;
  /** Id in [0, bins); values outside the range take the nearest end. NaN is an error. */
  encode(value: number): number;
  /** Centre of a bin. Ids outside [0, bins) are an error. */
  decode(id: number): number;
}

/** @param precision "float32" matches the released tokenizers bit for bit; "float64" is the plain formula. */
export function createQuantiser(
  bins: number,
  min: number,
  max: number,
  precision: "float32" | "float64" = "float32",
): Quantiser {
  if (!Number.isInteger(bins) || bins < 2 || !(max > min)) {
    throw new GeomError(
      "config",
      `quantiser: ${bins} bins over [${min}, ${max}]; expected an integer of at least 2 and min < max.`,
    );
  }
  const r = precision === "float32" ? f32 : (x: number) => x;
  const [lowest, highest] = [r(min), r(max)];
  const width = r(highest - lowest);
  return {
    bins,
    min,
    max,
    encode: (value) => {
      requireFinite("quantiser", [value]);
      const share = r(r(r(value) - lowest) / width);
      return Math.min(bins - 1, Math.max(0, roundHalfEven(r(share * (bins - 1)))));
    },
    decode: (id) => {
      if (!Number.isInteger(id) || id < 0 || id >= bins) {
        throw new GeomError(
          "out-of-range",
          `quantiser: id ${id}; expected an integer in [0, ${bins}). Subtract the vocabulary offset first.`,
        );
      }
      return r(r(r(id / (bins - 1)) * width) + lowest);
    },
  };
}
