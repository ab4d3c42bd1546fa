/**
 * int4 / int8 block quantisation of linear layers in the layout of ONNX Runtime's MatMulNBits: blocks run along the
 * inner dimension K inside one output column n; value = (code - zeroPoint) * scale. Arithmetic is float32 in the
 * order of ONNX Runtime's own quantiser, so scales, zero points and codes come out the same.
 */
export interface BlockQuantOptions {
  readonly bits: 4 | 8;
  /** Elements of K that share a scale: 16, 32, 64, 128 or 256. */
  readonly blockSize: number;
  readonly symmetric: boolean;
}

export interface BlockQuantized extends BlockQuantOptions {
  readonly k: number;
  readonly n: number;
  /** [n, blocks, blockSize * bits / 8]; 4 bit: element 2i is the low nibble of byte i. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** [n, blocks]; may be negative when symmetric. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** 4 bit: two blocks a byte, rows of ceil(blocks / 2); null when symmetric (then it is 8 or 128). */
  readonly zeroPoints: Uint8Array<ArrayBuffer> | null;
}

/** Rounds halves away from zero, as C's roundf does. */
const roundAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
const clamp = (x: number, high: number): number => Math.min(high, Math.max(0, x));

/**
 * Quantises a weight. "kn" is the ONNX layout (x @ W with W [k, n]); "nk" is a Hugging Face linear layer
 * (weight [out, in]). K is padded with zeros to whole blocks.
 */
export function quantizeBlocks(
  weight: Float32Array,
  k: number,
  n: number,
  layout: "kn" | "nk",
  options: BlockQuantOptions,
): BlockQuantized {
  const { bits, blockSize, symmetric } = options;
  if (weight.length !== k * n)
    throw new RangeError(`quantizeBlocks: ${weight.length} weights do not fill ${k} x ${n}`);
  if (blockSize < 16 || (blockSize & (blockSize - 1)) !== 0)
    throw new RangeError(
      `quantizeBlocks: block size ${blockSize} is not a power of two from 16 up`,
    );
  const f = Math.fround;
  const blocks = Math.ceil(k / blockSize);
  const top = 2 ** bits - 1;
  const middle = 2 ** (bits - 1);
  const bytesPerBlock = (blockSize * bits) / 8;
  const codes = new Uint8Array(n * blocks * bytesPerBlock);
  const scales = new Float32Array(n * blocks);
  const zeroRow = bits === 4 ? Math.ceil(blocks / 2) : blocks;
  const zeroPoints = symmetric ? null : new Uint8Array(n * zeroRow);
  // ONNX Runtime leaves 8 in the unused half of an odd row's last byte.
  if (zeroPoints && bits === 4 && blocks % 2 === 1)
    for (let row = 0; row < n; row++) zeroPoints[(row + 1) * zeroRow - 1] = 0x80;
  const values = new Float32Array(blockSize);
  for (let column = 0; column < n; column++)
    for (let block = 0; block < blocks; block++) {
      let min = 0;
      let max = 0;
      for (let i = 0; i < blockSize; i++) {
        const row = block * blockSize + i;
        const at = layout === "kn" ? row * n + column : column * k + row;
        const w = row < k ? (weight[at] as number) : 0;
        values[i] = w;
        if (w < min) min = w;
        if (w > max) max = w;
      }
      const scale = symmetric ? f((max > -min ? max : min) / -middle) : f(f(max - min) / top);
      const inverse = scale === 0 ? 0 : f(1 / scale);
      const zero = symmetric ? middle : scale === 0 ? 0 : clamp(roundAway(f(-min / scale)), top);
      scales[column * blocks + block] = scale;
      if (zeroPoints) {
        if (bits === 8) zeroPoints[column * zeroRow + block] = zero;
        else {
          const at = column * zeroRow + (block >> 1);
          zeroPoints[at] = (zeroPoints[at] as number) | (block % 2 === 0 ? zero : zero << 4);
        }
      }
      const start = (column * blocks + block) * bytesPerBlock;
      for (let i = 0; i < blockSize; i++) {
        const code = clamp(roundAway(f(f((values[i] as number) * inverse) + zero)), top);
        if (bits === 8) codes[start + i] = code;
        else {
          const at = start + (i >> 1);
          codes[at] = (codes[at] as number) | (i % 2 === 0 ? code : code << 4);
        }
      }
    }
  return { ...options, k, n, codes, scales, zeroPoints };
}

/** One code, its zero point and scale, unpacked. `row` runs over padded K. */
function element(q: BlockQuantized, column: number, row: number) {
  const blocks = Math.ceil(q.k / q.blockSize);
  const block = Math.floor(row / q.blockSize);
  const at = (column * blocks + block) * q.blockSize + (row % q.blockSize);
  const nibble = (bytes: Uint8Array, byte: number, high: boolean) =>
    high ? (bytes[byte] as number) >> 4 : (bytes[byte] as number) & 15;
  const code = q.bits === 8 ? (q.codes[at] as number) : nibble(q.codes, at >> 1, at % 2 === 1);
  const zero =
    q.zeroPoints === null
      ? 2 ** (q.bits - 1)
      : q.bits === 8
        ? (q.zeroPoints[column * blocks + block] as number)
        : nibble(q.zeroPoints, column * Math.ceil(blocks / 2) + (block >> 1), block % 2 === 1);
  return { code, zero, scale: q.scales[column * blocks + block] as number };
}

/** The codes without packing, [n, blocks, blockSize]. */
export function unpackCodes(q: BlockQuantized): Uint8Array<ArrayBuffer> {
  const padded = Math.ceil(q.k / q.blockSize) * q.blockSize;
  const out = new Uint8Array(q.n * padded);
  for (let column = 0; column < q.n; column++)
    for (let row = 0; row < padded; row++)
      out[column * padded + row] = element(q, column, row).code;
  return out;
}

/** The weight that the codes stand for, in the layout asked for. */
export function dequantizeBlocks(
  q: BlockQuantized,
  layout: "kn" | "nk",
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(q.k * q.n);
  for (let column = 0; column < q.n; column++)
    for (let row = 0; row < q.k; row++) {
      const { code, zero, scale } = element(q, column, row);
      out[layout === "kn" ? row * q.n + column : column * q.k + row] = (code - zero) * scale;
    }
  return out;
}
