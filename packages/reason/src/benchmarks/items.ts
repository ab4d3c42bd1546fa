/**
 * Items of each benchmark from the files that people have: JSON, JSONL or CSV that was parsed already. A bad entry is
 * named and left out, the rest goes on; ids are made from the data, never from positions that a gap would move.
 */
import { z } from "zod";

export interface ItemProblem {
  /** "entry 12", "row 3". */
  readonly where: string;
  readonly problem: string;
}
export interface ItemList<Item> {
  readonly items: readonly Item[];
  readonly problems: readonly ItemProblem[];
}

interface Common {
  readonly id: string;
  /** Paths as the file has them. */
  readonly media: readonly string[];
  /** Items of one cluster are not independent (questions about one video). */
  readonly cluster: string;
  /** For scores by group: data set, category. */
  readonly group: string | null;
}

export interface ChoiceItem extends Common {
  readonly question: string;
  readonly options: Readonly<Record<string, string>>;
  readonly answer: string;
}
export interface ScoreItem extends Common {
  /** Human score, 1 to 5. */
  readonly score: number;
  readonly caption: string | null;
}
export interface CaptionItem extends Common {
  /** Human label: the fields of the AV caption schema. */
  readonly label: Readonly<Record<string, unknown>>;
  /** Reference captions for BLEU; empty where there are none. */
  readonly captions: readonly string[];
}
export interface TemporalItem extends Common {
  /** Ends of the successive sub-tasks, ascending. */
  readonly endsSecs: readonly number[];
  readonly captions: readonly string[];
  readonly fps: number;
}
export interface GroundingItem extends Common {
  readonly object: string;
  readonly boxes: readonly { readonly label: string; readonly box: readonly number[] }[];
}

const text = z.string().min(1);
const mediaShape = z.union([text.transform((s) => [s]), z.array(text)]);

/** Reads entries one by one; `read` gives items or throws a message for one entry. */
export function readItems<Item extends { readonly id: string }>(
  entries: readonly unknown[],
  read: (entry: unknown, index: number) => Item | readonly Item[],
): ItemList<Item> {
  const items: Item[] = [];
  const problems: ItemProblem[] = [];
  const seen = new Map<string, number>();
  entries.forEach((entry, i) => {
    const where = `entry ${i + 1}`;
    try {
      for (const item of [read(entry, i)].flat() as Item[]) {
        const first = seen.get(item.id);
        if (first !== undefined) {
          problems.push({ where, problem: `id "${item.id}" is that of entry ${first} already` });
          continue;
        }
        seen.set(item.id, i + 1);
        items.push(item);
      }
    } catch (error) {
      const [issue] = error instanceof z.ZodError ? error.issues : [];
      const problem =
        issue === undefined
          ? (error as Error).message
          : `${issue.path.join(".") || "entry"}: ${issue.message}`;
      problems.push({ where, problem });
    }
  });
  return { items, problems };
}

const questionShape = z.object({
  question: text,
  index2ans: z.record(z.string().regex(/^[A-H]$/), z.string()),
  answer: z.string().regex(/^[A-H]$/),
  category: z.string().optional(),
  id: z.string().optional(),
});
const choiceEntryShape = z.object({
  video: text.optional(),
  image: text.optional(),
  qa_pairs: z.union([questionShape.transform((q) => [q]), z.array(questionShape).min(1)]),
});

/**
 * Rows of `<set>_benchmark_qa_pairs.json` in the Cosmos-Reason1-Benchmark layout: one video, one or several questions.
 *
 * @param set Name of the data set: the group of all its items.
 */
export const readChoiceItems = (entries: readonly unknown[], set: string): ItemList<ChoiceItem> =>
  readItems(entries, (entry) => {
    const { video, image, qa_pairs: pairs } = choiceEntryShape.parse(entry);
    const media = video ?? image;
    if (media === undefined) throw new Error("neither video nor image");
    const name = media.replace(/^.*[\\/]/, "").replace(/\.[^.]+$/, "");
    return pairs.map((q, k): ChoiceItem => {
      if (!(q.answer in q.index2ans))
        throw new Error(`answer ${q.answer} is none of ${Object.keys(q.index2ans).join(", ")}`);
      return {
        id: `${set}/${name}/${q.id ?? String(k)}`,
        media: [media],
        cluster: `${set}/${name}`,
        group: q.category ?? set,
        question: q.question,
        options: q.index2ans,
        answer: q.answer,
      };
    });
  });

const scoreEntryShape = z.object({
  id: z.string().optional(),
  video_url: text.optional(),
  video: text.optional(),
  pc: z.coerce.number().int().min(1).max(5),
  caption: z.string().nullish(),
});

/** Rows of the VideoPhy-2 form: `video_url` (or `video`), `pc` = human physics score. */
export const readScoreItems = (entries: readonly unknown[]): ItemList<ScoreItem> =>
  readItems(entries, (entry) => {
    const row = scoreEntryShape.parse(entry);
    const media = row.video ?? row.video_url;
    if (media === undefined) throw new Error("neither video nor video_url");
    return {
      id: row.id ?? media,
      media: [media],
      cluster: row.id ?? media,
      group: null,
      score: row.pc,
      caption: row.caption ?? null,
    };
  });

const temporalEntryShape = z.object({
  id: text,
  video: mediaShape,
  fps: z.number().positive(),
  ends: z.array(z.number().nonnegative()).min(1),
  captions: z.array(z.string()).optional(),
  group: z.string().optional(),
});

/** One episode each: `id`, `video`, `fps`, `ends` (seconds at which the sub-tasks end), `captions`. */
export const readTemporalItems = (entries: readonly unknown[]): ItemList<TemporalItem> =>
  readItems(entries, (entry) => {
    const row = temporalEntryShape.parse(entry);
    row.ends.forEach((end, i) => {
      if (i > 0 && end <= (row.ends[i - 1] as number))
        throw new Error(`ends must rise; ${end} follows ${row.ends[i - 1]}`);
    });
    return {
      id: row.id,
      media: row.video,
      cluster: row.id,
      group: row.group ?? null,
      endsSecs: row.ends,
      captions: row.captions ?? [],
      fps: row.fps,
    };
  });

const boxShape = z.object({
  label: text,
  bbox_2d: z.array(z.number()).length(4).optional(),
  bbox_3d: z.array(z.number()).min(6).max(9).optional(),
});
const groundingEntryShape = z.object({
  id: text,
  media: mediaShape.optional(),
  image: text.optional(),
  object: z.string().optional(),
  boxes: z.array(boxShape),
});

/** `id`, `image` (or `media`), `object` (what to find) and true `boxes` with `bbox_2d` in pixels or `bbox_3d`. */
export const readGroundingItems = (
  entries: readonly unknown[],
  kind: "2d" | "3d",
): ItemList<GroundingItem> =>
  readItems(entries, (entry) => {
    const row = groundingEntryShape.parse(entry);
    const media = row.media ?? (row.image === undefined ? [] : [row.image]);
    if (media.length === 0) throw new Error("neither image nor media");
    const boxes = row.boxes.map((b, i) => {
      const box = kind === "2d" ? b.bbox_2d : b.bbox_3d;
      if (box === undefined) throw new Error(`boxes.${i} has no bbox_${kind}`);
      return { label: b.label, box };
    });
    const labels = [...new Set(boxes.map((b) => b.label.toLowerCase().split("_")[0]))];
    return {
      id: row.id,
      media,
      cluster: row.id,
      group: null,
      object: row.object ?? (labels.length > 0 ? labels.join(", ") : "object"),
      boxes,
    };
  });

/** Options of a question as the prompt has them: "(A) stop". */
export const optionLines = (options: Readonly<Record<string, string>>): string =>
  Object.entries(options)
    .map(([letter, option]) => `(${letter}) ${option}`)
    .join("\n");
