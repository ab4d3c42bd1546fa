/** Encoded pictures to RGB and back, through sharp (libvips). */
import type { RgbImage } from "@causeway/geom";
import type sharp from "sharp";
import { FormatError } from "./errors.ts";

/** Larger pictures are refused before they are unpacked. */
const maxPixels = 64e6;

let loading: Promise<typeof sharp> | null = null;

function loadSharp(): Promise<typeof sharp> {
  loading ??= import("sharp").then((module) => {
    // Every picture is decoded once: the operation cache would only hold memory.
    module.default.cache(false);
    return module.default;
  });
  return loading;
}

export interface DecodeOptions {
  /** Size of the result; both or none. Another shape stretches the picture. Default: as it is. */
  readonly width?: number;
  readonly height?: number;
  /** Named in errors. */
  readonly where?: string;
}

/** Decodes a JPEG or PNG to RGB; grey becomes RGB, alpha is dropped. */
export async function decodeImage(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Promise<RgbImage> {
  const load = await loadSharp();
  try {
    let picture = load(bytes, { failOn: "error", limitInputPixels: maxPixels });
    if (options.width !== undefined && options.height !== undefined) {
      picture = picture.resize(options.width, options.height, { fit: "fill" });
    }
    const { data, info } = await picture
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixels =
      info.channels === 3
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : greyToRgb(data);
    return { width: info.width, height: info.height, pixels };
  } catch (cause) {
    throw new FormatError(
      "format",
      { path: options.where ?? "picture" },
      `cannot be decoded (${bytes.byteLength} bytes): ${(cause as Error).message.split("\n")[0]}. The picture is damaged.`,
      { cause },
    );
  }
}

function greyToRgb(grey: Uint8Array): Uint8Array {
  const out = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) out.fill(grey[i], 3 * i, 3 * i + 3);
  return out;
}

/** Same pixels and quality give the same bytes on one machine. */
export async function encodeJpeg(image: RgbImage, quality = 90): Promise<Uint8Array> {
  const load = await loadSharp();
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const data = await load(image.pixels, { raw }).jpeg({ quality }).toBuffer();
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
