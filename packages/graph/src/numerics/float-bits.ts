/**
 * Storage formats narrower than float32, as bit patterns: fp16, bf16, fp8 e4m3fn and e5m2. All conversions round to
 * nearest, ties to even, keep subnormals and give torch's answers: fp16 and e5m2 overflow to infinity, e4m3fn has no
 * infinity and saturates at +-448.
 */
export type NarrowFormat = "float16" | "bfloat16" | "float8_e4m3fn" | "float8_e5m2";

interface Layout {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  /** Largest finite pattern (sign cleared). */
  readonly largest: number;
  /** Pattern of results above `largest` after rounding, infinity included (sign cleared). */
  readonly overflow: number;
  readonly nan: number;
}
const layouts: Readonly<Record<NarrowFormat, Layout>> = {
  float16: { exponentBits: 5, mantissaBits: 10, largest: 0x7bff, overflow: 0x7c00, nan: 0x7e00 },
  bfloat16: { exponentBits: 8, mantissaBits: 7, largest: 0x7f7f, overflow: 0x7f80, nan: 0x7fc0 },
  float8_e4m3fn: { exponentBits: 4, mantissaBits: 3, largest: 0x7e, overflow: 0x7e, nan: 0x7f },
  float8_e5m2: { exponentBits: 5, mantissaBits: 2, largest: 0x7b, overflow: 0x7c, nan: 0x7f },
};

/** The narrow pattern of a float32 pattern. */
function narrow(bits: number, layout: Layout): number {
  const { exponentBits, mantissaBits, largest, overflow, nan } = layout;
  const sign = (bits >>> 31) << (exponentBits + mantissaBits);
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | nan;
  const bias = (1 << (exponentBits - 1)) - 1;
  const exponent = (magnitude >>> 23) - 127 + bias;
  // Subnormal results lose one more bit per step below the smallest normal exponent.
  const isSubnormal = exponent < 1 && exponentBits < 8;
  const shift = 23 - mantissaBits + (isSubnormal ? 1 - exponent : 0);
  if (shift > 24) return sign;
  const significand = isSubnormal ? (magnitude & 0x7fffff) | 0x800000 : magnitude;
  const rest = significand & (2 ** shift - 1);
  const half = 2 ** (shift - 1);
  let result = shift >= 32 ? 0 : significand >>> shift;
  if (rest > half || (rest === half && (result & 1) === 1)) result++;
  if (!isSubnormal) result -= (127 - bias) << mantissaBits;
  return sign | (result > largest ? overflow : result);
}

function widen(pattern: number, layout: Layout): number {
  const { exponentBits, mantissaBits, largest, nan } = layout;
  const sign = (pattern >>> (exponentBits + mantissaBits)) & 1 ? -1 : 1;
  const magnitude = pattern & (2 ** (exponentBits + mantissaBits) - 1);
  if (magnitude > largest) {
    const isInfinity =
      layout.overflow !== largest && magnitude === layout.overflow && nan !== magnitude;
    return isInfinity ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  const bias = (1 << (exponentBits - 1)) - 1;
  const exponent = magnitude >>> mantissaBits;
  const mantissa = magnitude & (2 ** mantissaBits - 1);
  return exponent === 0
    ? sign * mantissa * 2 ** (1 - bias - mantissaBits)
    : sign * (1 + mantissa * 2 ** -mantissaBits) * 2 ** (exponent - bias);
}

/** float32 patterns to narrow patterns, index by index. */
export function narrowBits<T extends Uint16Array | Uint8Array>(
  format: NarrowFormat,
  float32Bits: Uint32Array,
  out: T,
): T {
  const layout = layouts[format];
  for (let i = 0; i < float32Bits.length; i++) out[i] = narrow(float32Bits[i] as number, layout);
  return out;
}

/** Rounds float32 values to a narrow format; the result holds bit patterns. */
export function toNarrow(
  format: "float16" | "bfloat16",
  values: Float32Array,
): Uint16Array<ArrayBuffer>;
export function toNarrow(
  format: "float8_e4m3fn" | "float8_e5m2",
  values: Float32Array,
): Uint8Array<ArrayBuffer>;
export function toNarrow(
  format: NarrowFormat,
  values: Float32Array,
): Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return narrowBits(
    format,
    bits,
    format === "float16" || format === "bfloat16"
      ? new Uint16Array(values.length)
      : new Uint8Array(values.length),
  );
}

const tables = new Map<NarrowFormat, Float32Array>();

/** Exact float32 values of narrow patterns. */
export function fromNarrow(
  format: NarrowFormat,
  patterns: Uint16Array | Uint8Array,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(patterns.length);
  if (format === "bfloat16") {
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < patterns.length; i++) bits[i] = (patterns[i] as number) << 16;
    return out;
  }
  let table = tables.get(format);
  if (!table) {
    const layout = layouts[format];
    table = Float32Array.from({ length: format === "float16" ? 65536 : 256 }, (_, i) =>
      widen(i, layout),
    );
    tables.set(format, table);
  }
  for (let i = 0; i < patterns.length; i++) out[i] = table[patterns[i] as number] as number;
  return out;
}
