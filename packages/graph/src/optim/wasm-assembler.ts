/**
 * Just enough of a WebAssembly assembler to write SIMD loops by hand: expressions are byte strings that nest
 * (`f32x4.mul(a, b)` is the code of a, the code of b, then the opcode), a module imports one memory and exports
 * functions. Source: WebAssembly core specification 2.0, binary format. Not here: tables, globals, calls, names.
 */

/** Code that leaves its value on the stack (or, for statements, nothing). */
export type Code = readonly number[];
export type ValueType = "i32" | "f32" | "f64" | "v128";

const typeByte: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Unsigned LEB128. */
function u32(n: number): number[] {
  const out: number[] = [];
  do {
    const low = n & 0x7f;
    n >>>= 7;
    out.push(n === 0 ? low : low | 0x80);
  } while (n !== 0);
  return out;
}

/** Signed LEB128. */
function s32(n: number): number[] {
  const out: number[] = [];
  for (;;) {
    const low = n & 0x7f;
    n >>= 7;
    if ((n === 0 && (low & 0x40) === 0) || (n === -1 && (low & 0x40) !== 0)) return [...out, low];
    out.push(low | 0x80);
  }
}

const op = (opcode: number, ...operands: Code[]): Code => [...operands.flat(), opcode];
const simd = (opcode: number, ...operands: Code[]): Code => [
  ...operands.flat(),
  0xfd,
  ...u32(opcode),
];
/** `align` is a hint (log2 bytes); unaligned addresses still work. */
const memory = (align: number, offset: number): Code => [align, ...u32(offset)];

export const i32 = {
  const: (n: number): Code => [0x41, ...s32(n)],
  add: (a: Code, b: Code): Code => op(0x6a, a, b),
  /** a < b as unsigned: addresses above 2 GiB compare right. */
  ltU: (a: Code, b: Code): Code => op(0x49, a, b),
};

export const f64 = { add: (a: Code, b: Code): Code => op(0xa0, a, b) };

export const v128 = {
  load: (address: Code, offset = 0): Code => [...simd(0x00, address), ...memory(2, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [
    ...simd(0x0b, address, value),
    ...memory(2, offset),
  ],
};

export const f32x4 = {
  splat: (x: Code): Code => simd(0x13, x),
  sqrt: (a: Code): Code => simd(0xe3, a),
  add: (a: Code, b: Code): Code => simd(0xe4, a, b),
  sub: (a: Code, b: Code): Code => simd(0xe5, a, b),
  mul: (a: Code, b: Code): Code => simd(0xe6, a, b),
  div: (a: Code, b: Code): Code => simd(0xe7, a, b),
};

const highHalf = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
export const f64x2 = {
  add: (a: Code, b: Code): Code => simd(0xf0, a, b),
  mul: (a: Code, b: Code): Code => simd(0xf2, a, b),
  /** Lanes 0 and 1 of four floats. */
  promoteLow: (a: Code): Code => simd(0x5f, a),
  /** Lanes 2 and 3 of four floats. */
  promoteHigh: (a: Code): Code => simd(0x5f, [...simd(0x0d, a, a), ...highHalf]),
  lane: (a: Code, lane: 0 | 1): Code => [...simd(0x21, a), lane],
};

/** Hands out local variables; parameters come first. */
export class Locals {
  readonly types: ValueType[];
  readonly numParams: number;
  constructor(params: readonly ValueType[]) {
    this.types = [...params];
    this.numParams = params.length;
  }
  add(type: ValueType): number {
    return this.types.push(type) - 1;
  }
}
export const local = {
  get: (index: number): Code => [0x20, ...u32(index)],
  set: (index: number, value: Code): Code => [...value, 0x21, ...u32(index)],
};

/** `while (condition) body`. */
export const whileLoop = (condition: Code, body: Code): Code => [
  0x03,
  0x40, // loop, no result
  ...condition,
  0x04,
  0x40, // if
  ...body,
  0x0c,
  1, // back to the loop
  0x0b,
  0x0b,
];

export interface WasmFunction {
  readonly name: string;
  readonly locals: Locals;
  readonly result: ValueType | null;
  readonly body: Code;
}

const vector = (items: readonly Code[]): Code => [...u32(items.length), ...items.flat()];
const section = (id: number, content: Code): Code => [id, ...u32(content.length), ...content];
const name = (text: string): Code => vector([...new TextEncoder().encode(text)].map((b) => [b]));

/** A module that imports `env.memory` and exports the functions by name. */
export function assemble(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ locals, result }) => [
    0x60,
    ...vector(locals.types.slice(0, locals.numParams).map((t) => [typeByte[t]])),
    ...vector(result === null ? [] : [[typeByte[result]]]),
  ]);
  const bodies = functions.map(({ locals, body }) => {
    const extra = locals.types.slice(locals.numParams).map((t) => [1, typeByte[t]]);
    const code = [...vector(extra), ...body, 0x0b];
    return [...u32(code.length), ...code];
  });
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    0x01,
    0x00,
    0x00,
    0x00,
    ...section(1, vector(types)),
    ...section(2, vector([[...name("env"), ...name("memory"), 0x02, 0x00, 0x00]])),
    ...section(3, vector(functions.map((_, i) => u32(i)))),
    ...section(7, vector(functions.map((f, i) => [...name(f.name), 0x00, ...u32(i)]))),
    ...section(10, vector(bodies)),
  ]);
}
