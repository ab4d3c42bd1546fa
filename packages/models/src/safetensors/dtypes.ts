/** Element types of safetensors files that we read, with their sizes in bytes. */
export const elementBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
export type SafetensorsDtype = keyof typeof elementBytes;

export function isSafetensorsDtype(name: string): name is SafetensorsDtype {
  return Object.hasOwn(elementBytes, name);
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** float32 to bfloat16 bits, round to nearest even; NaN stays NaN. */
export function bfloat16FromFloat(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0] as number;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function floatFromBfloat16(half: number): number {
  scratchBits[0] = (half << 16) >>> 0;
  return scratchFloat[0] as number;
}

/** IEEE half bits to number, exact. */
export function floatFromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** 8-bit floats of the E4M3 kind that has no infinities (bias 7, NaN is 0x7f), exact. */
export function floatFromFloat8E4M3(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >>> 3) & 0xf;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -9
    : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

/** 8-bit floats of the E5M2 kind: the upper byte of an IEEE half. */
export function floatFromFloat8E5M2(bits: number): number {
  return floatFromFloat16(bits << 8);
}

/** float32 to IEEE half bits, round to nearest even, with subnormals and overflow to infinity. */
export function float16FromFloat(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal half: the unit is 2^-24, and a float64 quotient is exact before the one rounding.
    const units = Math.abs(value) * 2 ** 24;
    const floor = Math.floor(units);
    const rest = units - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
}

/** Raw little-endian bytes to float32; integers and booleans convert by value, F64 rounds. */
export function floatsFromBytes(bytes: Uint8Array, dtype: SafetensorsDtype): Float32Array {
  const count = bytes.byteLength / elementBytes[dtype];
  if (dtype === "F32" && bytes.byteOffset % 4 === 0) {
    return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(count);
  const read: Record<SafetensorsDtype, (i: number) => number> = {
    F64: (i) => view.getFloat64(8 * i, true),
    F32: (i) => view.getFloat32(4 * i, true),
    F16: (i) => floatFromFloat16(view.getUint16(2 * i, true)),
    BF16: (i) => floatFromBfloat16(view.getUint16(2 * i, true)),
    F8_E4M3: (i) => floatFromFloat8E4M3(view.getUint8(i)),
    F8_E5M2: (i) => floatFromFloat8E5M2(view.getUint8(i)),
    I64: (i) => Number(view.getBigInt64(8 * i, true)),
    I32: (i) => view.getInt32(4 * i, true),
    I16: (i) => view.getInt16(2 * i, true),
    I8: (i) => view.getInt8(i),
    U8: (i) => view.getUint8(i),
    BOOL: (i) => view.getUint8(i),
  };
  const at = read[dtype];
  for (let i = 0; i < count; i++) out[i] = at(i);
  return out;
}

/** Integer tensors to plain numbers; refuses floats and values beyond 2^53. */
export function integersFromBytes(bytes: Uint8Array, dtype: SafetensorsDtype): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / elementBytes[dtype];
  const out = Array.from({ length: count }, () => 0);
  for (let i = 0; i < count; i++) {
    switch (dtype) {
      case "I64": {
        const value = Number(view.getBigInt64(8 * i, true));
        if (!Number.isSafeInteger(value)) {
          throw new RangeError(
            `safetensors: int64 value ${value} at element ${i} is beyond 2^53; read it as a tensor instead`,
          );
        }
        out[i] = value;
        break;
      }
      case "I32":
        out[i] = view.getInt32(4 * i, true);
        break;
      case "I16":
        out[i] = view.getInt16(2 * i, true);
        break;
      case "I8":
        out[i] = view.getInt8(i);
        break;
      case "U8":
      case "BOOL":
        out[i] = view.getUint8(i);
        break;
      default:
        throw new TypeError(
          `safetensors: a ${dtype} tensor was read as integers; expected I64, I32, I16, I8, U8 or BOOL`,
        );
    }
  }
  return out;
}

/** float32 values to the bytes of a float dtype. */
export function bytesFromFloats(
  values: Float32Array,
  dtype: "F32" | "F16" | "BF16" | "F64",
): Uint8Array {
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const out = new Uint8Array(values.length * elementBytes[dtype]);
  const view = new DataView(out.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (dtype === "F64") view.setFloat64(8 * i, value, true);
    else
      view.setUint16(
        2 * i,
        dtype === "F16" ? float16FromFloat(value) : bfloat16FromFloat(value),
        true,
      );
  }
  return out;
}
