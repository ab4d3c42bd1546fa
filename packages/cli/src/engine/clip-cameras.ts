/** Clips of a conversation as the cameras of a driving model. */
import type { RgbImage } from "@causeway/geom";
import { type ModelManifest, resizeBicubic } from "@causeway/models";
import { ChatError } from "@causeway/reason";
import type { ClipFrames } from "./media-parts.ts";

type Sight = Pick<
  ModelManifest,
  "name" | "cameras" | "image" | "framesPerCamera" | "frameStepSecs"
>;

/** Horizontal field of view as the camera's name states it, radians; null when it does not. */
function fieldOfView(name: string): number | null {
  const degrees = /_(\d+)fov$/.exec(name)?.[1];
  return degrees === undefined ? null : (Number(degrees) * Math.PI) / 180;
}

const isForward = (name: string): boolean => name.includes("front");

/**
 * One clip per camera in the manifest's order, or one clip of the widest forward camera: a narrower forward camera at
 * the same place sees its middle, tan(f/2) / tan(F/2) of each side under the pinhole model. Cameras that look elsewhere
 * cannot be made and are an error.
 */
export function camerasOfClips(
  clips: readonly ClipFrames[],
  sight: Sight,
): Map<string, readonly RgbImage[]> {
  const { cameras, name } = sight;
  if (clips.length !== cameras.length && clips.length !== 1)
    throw new ChatError(
      "bad-request",
      `model ${name}: ${clips.length} clips for ${cameras.length} cameras (${cameras.map((c) => c.name).join(", ")}); give one per camera in this order, or one of the widest forward camera`,
    );
  const widest = Math.max(
    ...cameras.filter((c) => isForward(c.name)).map((c) => fieldOfView(c.name) ?? 0),
  );
  return new Map(
    cameras.map((camera, i) => {
      const own = clips.length === cameras.length ? clips[i] : clips[0];
      let part = 1;
      if (clips.length === 1 && cameras.length > 1) {
        const view = fieldOfView(camera.name);
        if (view === null || !isForward(camera.name) || widest >= Math.PI)
          throw new ChatError(
            "bad-request",
            `model ${name}: one clip was given, and ${camera.name} cannot be cut from it; give one clip per camera: ${cameras.map((c) => c.name).join(", ")}`,
          );
        part = Math.tan(view / 2) / Math.tan(widest / 2);
      }
      return [
        camera.name,
        lastFrames(own as ClipFrames, sight).map((frame) => showMiddle(frame, part, sight.image)),
      ];
    }),
  );
}

/** The frames nearest to t, t - step, …, oldest first, where t is the last frame's time. A short clip repeats frames. */
function lastFrames(
  { frames, timesSecs }: ClipFrames,
  { framesPerCamera, frameStepSecs }: Sight,
): readonly RgbImage[] {
  const last = timesSecs.at(-1) as number;
  return Array.from({ length: framesPerCamera }, (_, k) => {
    const wanted = last - (framesPerCamera - 1 - k) * frameStepSecs;
    let best = 0;
    for (const [i, time] of timesSecs.entries())
      if (Math.abs(time - wanted) <= Math.abs((timesSecs[best] as number) - wanted)) best = i;
    return frames[best] as RgbImage;
  });
}

/** The middle `part` of a picture, cut to the wanted aspect ratio and resized. */
function showMiddle(
  image: RgbImage,
  part: number,
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
): RgbImage {
  const aspect = widthPx / heightPx;
  const width = Math.min(image.width, image.height * aspect) * part;
  const cut = {
    width: Math.max(1, Math.round(width)),
    height: Math.max(1, Math.round(width / aspect)),
  };
  const left = Math.floor((image.width - cut.width) / 2);
  const top = Math.floor((image.height - cut.height) / 2);
  const pixels = new Uint8Array(cut.width * cut.height * 3);
  for (let row = 0; row < cut.height; row++) {
    const from = ((top + row) * image.width + left) * 3;
    pixels.set(image.pixels.subarray(from, from + cut.width * 3), row * cut.width * 3);
  }
  return resizeBicubic({ ...cut, pixels }, { widthPx, heightPx });
}
