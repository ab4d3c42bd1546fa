import type { RgbImage } from "@causeway/geom";
import { FormatError } from "../errors.ts";

/** Largest picture that is decoded: 100 megapixels are 300 MB of levels. */
const maxImagePixels = 100_000_000;

/**
 * Decodes a JPEG, PNG or WebP picture to RGB levels, turned upright as its EXIF tag says; transparency is dropped as
 * Pillow's RGB conversion drops it.
 */
export async function decodeImage(bytes: Uint8Array, where = "picture"): Promise<RgbImage> {
  // Loaded here, so that models without pictures need no native library.
  const { default: sharp } = await import("sharp");
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxImagePixels, failOn: "error" })
      .rotate()
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) {
      throw new FormatError(`${where}: decoded to ${info.channels} channels; expected 3`);
    }
    return {
      width: info.width,
      height: info.height,
      pixels: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    };
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      `${where}: cannot be decoded as a picture: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
      null,
      { cause },
    );
  }
}
