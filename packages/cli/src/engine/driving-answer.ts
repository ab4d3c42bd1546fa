/**
 * A driving model in a conversation. Alpamayo 1.5 answers questions about its pictures; other driving models (R1, and
 * the small ones trained here) know one question only, "what do you see and what will you do", and answer every request
 * with their chain of causation. They say so in their notes, since the words of the request go unread.
 */
import type { LocalPath } from "@causeway/geom";
import { type AlpamayoModel, drivingId, type Generation, generateText } from "@causeway/models";
import { ChatError, type ChatRequest } from "@causeway/reason";
import { camerasOfClips } from "./clip-cameras.ts";
import type { RequestSampling } from "./local-chat-model.ts";
import { type ClipFrames, mediaOf, type ReadVideo } from "./media-parts.ts";

export function drivingNotes({ codec }: AlpamayoModel, speedMps: number): readonly string[] {
  const { manifest } = codec;
  const cameras = manifest.cameras.map(({ name }) => name).join(", ");
  const seen = `it looks at the last ${manifest.framesPerCamera} frames, ${manifest.frameStepSecs} s apart, of ${cameras}; give one clip per camera in this order, or one of the widest, from which the narrower are cut`;
  return manifest.answersQuestions === true
    ? [seen]
    : [
        "this model answers every request with its reasoning about the scene; it reads no question",
        seen,
        `a chat has no ego motion: the model is told that it comes straight at ${speedMps} m/s`,
      ];
}

/** Straight ahead at one speed, ending at the identity. */
export function straightHistory(poses: number, stepSecs: number, speedMps: number): LocalPath {
  const zeros = () => new Float64Array(poses);
  return {
    x: Float64Array.from({ length: poses }, (_, i) => speedMps * stepSecs * (i - poses + 1)),
    y: zeros(),
    z: zeros(),
    yaw: zeros(),
  };
}

export async function answerAsDriver(
  model: AlpamayoModel,
  request: ChatRequest,
  options: {
    readonly sampling: RequestSampling;
    readonly readVideo: ReadVideo | null;
    readonly speedMps: number;
  },
): Promise<Generation> {
  const { codec } = model;
  const { manifest, config } = codec;
  const clips: ClipFrames[] = [];
  const stills: ClipFrames["frames"][number][] = [];
  for (const { content } of request.messages) {
    for (const part of content) {
      const media = await mediaOf(part, options.readVideo, {
        fps: 1 / manifest.frameStepSecs,
        tailSecs: manifest.framesPerCamera * manifest.frameStepSecs,
      });
      if (media?.type === "video") clips.push(media);
      else if (media?.type === "image") stills.push(media.image);
    }
  }
  // Pictures one by one are the frames of one camera.
  if (stills.length > 0)
    clips.push({
      frames: stills,
      timesSecs: stills.map((_, i) => i * manifest.frameStepSecs),
    });
  if (clips.length === 0)
    throw new ChatError(
      "bad-request",
      `model ${manifest.name}: a driving model needs pictures, frames or a video; the request has only text`,
    );
  const cameras = camerasOfClips(clips, manifest);
  const input = {
    cameras,
    history: straightHistory(manifest.historyPoses, config.actionSpace.dtSecs, options.speedMps),
    navText: null,
  };
  const vocabulary = manifest.vocabulary;
  const answers = manifest.answersQuestions === true;
  const { ids } = answers ? codec.question(lastWords(request)) : codec.prompt(input);
  const ends = answers
    ? [drivingId(vocabulary, "answer_end"), vocabulary.base.imEnd]
    : [drivingId(vocabulary, "cot_end"), drivingId(vocabulary, "traj_future_start")];
  const lastTrajectory = vocabulary.futureFirst + vocabulary.futureBins + vocabulary.historyBins;
  return generateText(
    await model.sequenceEngine(),
    codec.tokenizer,
    { ids, images: codec.grids, videos: [], patches: codec.patches(input) },
    {
      // The releases' own settings.
      temperature: 0.6,
      topP: 0.98,
      ...options.sampling,
      endIds: new Set([...ends, vocabulary.base.endOfText]),
      allowed: (id) => id < vocabulary.futureFirst || id >= lastTrajectory,
    },
  );
}

/** Text of the last user message. */
function lastWords(request: ChatRequest): string {
  const last = request.messages.filter(({ role }) => role === "user").at(-1);
  return (last?.content ?? [])
    .flatMap((part) => (part.type === "text" ? [part.text] : []))
    .join("")
    .trim();
}
