/** Loaded when first needed: the WebAssembly module takes tens of milliseconds to start. */
import type * as Zstd from "@foxglove/wasm-zstd";

let loading: Promise<typeof Zstd> | null = null;

export function loadZstd(): Promise<typeof Zstd> {
  loading ??= import("@foxglove/wasm-zstd").then(async (module) => {
    // The package is CommonJS: under plain Node its exports sit in `default`.
    const zstd = "default" in module ? (module.default as typeof Zstd) : module;
    await zstd.isLoaded;
    return zstd;
  });
  return loading;
}
