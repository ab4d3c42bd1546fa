/** LZ4 frames, as some recorders compress their MCAP chunks. Loaded when first needed. */
import type * as Lz4 from "lz4js";

/** Unpacks one frame; `size` is what the chunk says it holds. */
export type UnpackLz4 = (frame: Uint8Array, size: number) => Uint8Array;

let loading: Promise<UnpackLz4> | null = null;

export function loadLz4(): Promise<UnpackLz4> {
  loading ??= import("lz4js").then((module) => {
    const lz4 = "default" in module ? (module.default as typeof Lz4) : module;
    return (frame, size) => {
      const out = lz4.decompress(frame, size);
      return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
    };
  });
  return loading;
}
