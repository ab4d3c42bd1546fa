/** A drive without ego motion: two cameras at three moments, 50 ms apart, with questions about the first two. */
import { type Drive, encodeJpeg } from "../src/index.ts";
import { bareDrive } from "../src/testing/index.ts";
import { numberedFrame } from "./numbered-frames.ts";

/** The picture of moment `k` of camera `c` shows 10 k + c. */
export async function stillDrive(id: string): Promise<Drive> {
  const moments = [0, 3, 6];
  const frames = (c: number) =>
    Promise.all(
      moments.map(async (secs, k) => ({
        stampUs: secs * 1e6 + c * 50_000,
        encoding: "jpeg" as const,
        bytes: await encodeJpeg(numberedFrame(10 * k + c), 95),
      })),
    );
  return bareDrive(id, [], {
    durationUs: 12_000_000,
    cameras: [
      { name: "CAM_FRONT", calibration: null, frames: await frames(0) },
      { name: "CAM_BACK", calibration: null, frames: await frames(1) },
    ],
    questions: [0, 1].map((k) => ({
      stampUs: moments[k] * 1e6 + 50_000,
      questions: [
        { kind: "perception", question: `What is ahead ${k}?`, answer: "A bus." },
        {
          kind: "planning",
          question: "Could <c1,CAM_BACK,80.5,40.0> matter?",
          answer: `No ${k}.`,
        },
      ],
      objects: [
        {
          name: "<c1,CAM_BACK,80.5,40.0>",
          category: "Vehicle",
          status: "Moving",
          description: "Red car.",
          boxPx: [60, 30, 101, 50],
        },
      ],
    })),
  });
}
