/** Labels and controls through a critic, as one batch. */
import type { DriveHandle } from "@causeway/data";
import { type BatchOptions, type BatchResult, type ChatModel, runBatch } from "@causeway/reason";
import { hashJson } from "../hash.ts";
import type { CocLabel } from "../coc/schema.ts";
import { DriveShelf } from "../teacher/drive-shelf.ts";
import { lessonOf } from "../teacher/run-teacher.ts";
import { defaultWindow, type WindowOptions } from "../teacher/window.ts";
import { criticise, criticPrompt, type CriticRow, criticSampling } from "./critic.ts";
import { LabelError } from "../coc/schema.ts";

interface CriticItem {
  readonly id: string;
  readonly inputKey: string;
  readonly label: CocLabel;
}

export interface CriticOptions
  extends Omit<
    BatchOptions<CriticItem, CriticRow>,
    "items" | "model" | "work" | "identity" | "otherModels"
  > {
  /** Controls among them; the critic is not told which. */
  readonly labels: readonly CocLabel[];
  readonly open: (driveId: string) => Promise<DriveHandle>;
  readonly model: ChatModel;
  /** A model that judges its own work is lenient: it must be asked for. */
  readonly allowSameModel?: boolean;
  readonly window?: WindowOptions;
}

export async function runCritic(options: CriticOptions): Promise<BatchResult<CriticRow>> {
  const { labels, open, model, allowSameModel = false, window = defaultWindow, ...batch } = options;
  const own = labels.find((l) => l.teacher === model.id);
  if (own !== undefined && !allowSameModel) {
    throw new LabelError(
      "format",
      `critic ${model.id}: is the teacher of these labels (${own.id}); a model judges its own work too well. Name another critic, or allow it with --same-model.`,
    );
  }
  const shelf = new DriveShelf(open, Math.max(4, batch.concurrency ?? 8));
  try {
    return await runBatch<CriticItem, CriticRow>({
      ...batch,
      items: labels
        .filter((l) => l.longitudinal !== null || l.lateral !== null)
        .map((label) => ({ id: label.id, inputKey: hashJson(label), label })),
      model,
      identity: { task: "critic", prompt: criticPrompt.hash, sampling: criticSampling, window },
      work: async ({ label }, { ask }) => {
        const { driveId, t0Us, id } = label;
        const lesson = await lessonOf(shelf, { id, driveId, t0Us }, window);
        return criticise(label, lesson.history, await lesson.future(), ask);
      },
    });
  } finally {
    await shelf.close();
  }
}
