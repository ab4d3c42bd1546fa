/**
 * Flat float32 buffers for parameters, gradients and optimiser state, in WebAssembly memory when they fit there:
 * the SIMD kernels then work in place, and ONNX Runtime reads and writes the same bytes through views (no copy).
 * The memory is allocated once and never grows, because growing would detach every view.
 */

/** The part of the WebAssembly API that is used (the DOM library, which declares it, is not loaded here). */
interface WasmApi {
  Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: Record<string, unknown> };
}
export const wasmApi = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;

const pageBytes = 65536;
// One page short of 4 GiB: the address just past the last buffer must still fit in 32 bits.
const maxPages = 65535;
const alignBytes = 64;

export interface FlatArena {
  /** One zeroed buffer per requested length, 64-byte aligned, in the order of the request. */
  readonly buffers: readonly Float32Array<ArrayBuffer>[];
  /** The WebAssembly memory behind all buffers; null when they did not fit and are ordinary arrays. */
  readonly memory: { readonly buffer: ArrayBuffer } | null;
}

/**
 * Allocates buffers of the given lengths (elements). Above 4 GiB in total, or with `plain`, they are ordinary
 * arrays and the plain JavaScript loops do the work.
 */
export function allocateFlat(
  lengths: readonly number[],
  options: { plain?: boolean } = {},
): FlatArena {
  let bytes = 0;
  const offsets = lengths.map((length) => {
    const offset = bytes;
    bytes += Math.ceil((length * 4) / alignBytes) * alignBytes;
    return offset;
  });
  const pages = Math.max(1, Math.ceil(bytes / pageBytes));
  if (options.plain || pages > maxPages)
    return { buffers: lengths.map((length) => new Float32Array(length)), memory: null };
  const memory = new wasmApi.Memory({ initial: pages, maximum: pages });
  const buffers = lengths.map((n, i) => new Float32Array(memory.buffer, offsets[i] as number, n));
  return { buffers, memory };
}
