/** A short film of a video with an answer on it. */
import { drawOverlay, type Output, type OverlayOptions } from "@causeway/reason";
import { decodeImage, openVideo, writeVideo } from "@causeway/data";
import { kindOfFile } from "./jobs.ts";

const filmFps = 8;
const maxFrames = 240;
const width = 640;

/** Returns the path, or null where the medium is no video file. Needs the video decoder. */
export async function drawClip(
  source: string,
  output: Output,
  options: OverlayOptions,
  path: string,
): Promise<string | null> {
  if (kindOfFile(source) !== "video") return null;
  const video = await openVideo(source);
  const { ptsUs, startUs } = video.index;
  const endUs = (ptsUs.at(-1) ?? 0) - startUs;
  const count = Math.min(maxFrames, Math.max(1, Math.floor((endUs / 1e6) * filmFps)));
  const times = Array.from({ length: count }, (_, i) => (ptsUs[0] ?? 0) + (i * 1e6) / filmFps);
  const rows = [...new Set(video.rowsAt(times).filter((row) => row >= 0))];
  const height = 2 * Math.round((width * video.height) / video.width / 2);
  // Coordinates of an answer are pixels of the video; the film is smaller.
  const scaled = scaleOutput(output, width / video.width, height / video.height);
  async function* pictures() {
    for await (const frame of video.frames(rows, { width, height })) {
      const timeSecs = (frame.ptsUs - startUs) / 1e6;
      yield await decodeImage(await drawOverlay(frame.image, scaled, { ...options, timeSecs }));
    }
  }
  await writeVideo(pictures(), path, { width, height, fps: filmFps });
  return path;
}

function scaleOutput(output: Output, x: number, y: number): Output {
  if (output.kind === "boxes")
    return {
      kind: "boxes",
      boxes: output.boxes.map((b) => ({
        ...b,
        x1: b.x1 * x,
        x2: b.x2 * x,
        y1: b.y1 * y,
        y2: b.y2 * y,
      })),
    };
  if (output.kind === "points")
    return {
      kind: "points",
      points: output.points.map((p) => ({ ...p, x: p.x * x, y: p.y * y })),
    };
  return output;
}
