declare module "lz4js" {
  /** Upper bound of the unpacked size, from the frame's block heads. */
  export function decompressBound(frame: Uint8Array): number;
  /** Unpacks an LZ4 frame; allocates `maxSize` bytes. */
  export function decompress(frame: Uint8Array, maxSize?: number): Uint8Array;
  export function compress(bytes: Uint8Array): Uint8Array;
}
