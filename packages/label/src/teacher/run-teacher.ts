/**
 * A data set's keyframes through a teacher: the batch runner does concurrency, retries, budget, ledger, shards and resuming;
 * this names the items and does the work of one.
 */
import type { DriveHandle } from "@causeway/data";
import {
  type BatchOptions,
  type BatchResult,
  type ChatModel,
  runBatch,
  type Sampling,
} from "@causeway/reason";
import { DriveShelf } from "./drive-shelf.ts";
import { type Overlay, overlayPictures } from "./overlay.ts";
import { teacherPromptHash } from "./prompts.ts";
import { teacherSampling } from "./requests.ts";
import { type Lesson, teach, type TeacherRow } from "./teach.ts";
import { defaultWindow, futureEvidence, historyEvidence, type WindowOptions } from "./window.ts";

/** A keyframe to label. */
export interface TeacherItem {
  /** `${driveId}@${t0Us}` */
  readonly id: string;
  readonly driveId: string;
  readonly t0Us: number;
  /** Hash of the drive's content: a changed drive is labelled again. */
  readonly inputKey?: string;
}

export interface TeacherOptions
  extends Omit<
    BatchOptions<TeacherItem, TeacherRow>,
    "items" | "model" | "work" | "identity" | "otherModels"
  > {
  readonly items: readonly TeacherItem[];
  readonly open: (driveId: string) => Promise<DriveHandle>;
  readonly model: ChatModel;
  readonly window?: WindowOptions;
  readonly overlay?: Overlay;
  readonly sampling?: Sampling;
}

/** The evidence of one keyframe, both halves apart. */
export async function lessonOf(
  shelf: DriveShelf,
  item: TeacherItem,
  window: WindowOptions = defaultWindow,
  overlay: Overlay = "none",
): Promise<Lesson> {
  const history = await shelf.use(item.driveId, ({ drive }) =>
    historyEvidence(drive, item.t0Us, window),
  );
  return {
    id: item.id,
    driveId: item.driveId,
    t0Us: item.t0Us,
    history: { ...history, cameras: await overlayPictures(history.cameras, overlay) },
    future: () =>
      shelf.use(item.driveId, async ({ drive, metaActions }) => {
        const future = await futureEvidence(drive, item.t0Us, metaActions, window);
        return { ...future, cameras: await overlayPictures(future.cameras, overlay) };
      }),
  };
}

export async function runTeacher(options: TeacherOptions): Promise<BatchResult<TeacherRow>> {
  const {
    items,
    open,
    model,
    window = defaultWindow,
    overlay = "none",
    sampling = teacherSampling,
    ...batch
  } = options;
  const shelf = new DriveShelf(open, Math.max(4, batch.concurrency ?? 8));
  try {
    return await runBatch<TeacherItem, TeacherRow>({
      ...batch,
      items,
      model,
      identity: { task: "teacher", prompt: teacherPromptHash, sampling, window, overlay },
      work: async (item, { ask }) =>
        teach(await lessonOf(shelf, item, window, overlay), ask, sampling),
    });
  } finally {
    await shelf.close();
  }
}
