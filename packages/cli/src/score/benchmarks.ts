/** The benchmarks that ask a model, each as: items, question, reader, scores. */
import { createRng } from "@causeway/geom";
import {
  type CaptionItem,
  type ChatModel,
  ChatError,
  type ChoiceItem,
  criticScore,
  type FieldScore,
  avCaptionFields,
  fieldText,
  type GroundingItem,
  judgeFields,
  judgePrompt,
  optionLines,
  parseBoxes,
  parseBoxes3d,
  parseCaption,
  parseChoice,
  parseScore,
  parseScoreStrictly,
  parseTimeSpans,
  parseYesNo,
  promptHash,
  type ReadAnswer,
  readChoiceItems,
  readGroundingItems,
  readItems,
  readScoreItems,
  readTemporalItems,
  type ScoreItem,
  type TemporalItem,
} from "@causeway/reason";
import {
  endErrors,
  fieldScores,
  groundingScores,
  ordinalScores,
  type SheetItem,
  summariseChoices,
  summariseCritic,
  summariseFields,
  summariseGrounding,
  summariseOrdinal,
  summariseTemporal,
  temporalScores,
} from "@causeway/eval/judged";
import {
  axisAlignedIou,
  type DetectionItem,
  type LabelledBox,
  orientedOverlap,
  rectangleIou,
} from "@causeway/eval/geometry";
import type { Benchmark, BenchmarkItem } from "./run-benchmark.ts";

const statusOf = (answer: ReadAnswer<unknown>): SheetItem["status"] =>
  answer.value === null ? "unread" : "answered";

const textsOf = (row: ReadAnswer<unknown>) => ({
  status: statusOf(row),
  problem: row.problem,
  reasoning: row.answer.reasoning,
  raw: row.answer.raw,
});

const triesOf = ({ tries }: ReadAnswer<unknown>): readonly (readonly [string, string])[] =>
  tries > 1 ? [["tries", String(tries)]] : [];

export function choiceBenchmark(): Benchmark<ChoiceItem, ReadAnswer<string>> {
  const question = (item: ChoiceItem) => `${item.question}\n${optionLines(item.options)}`;
  return {
    name: "mcq",
    title: "Multiple choice",
    prompt: "mcq",
    sample: "(A)",
    read: readChoiceItems,
    identity: {},
    otherModels: [],
    work: (item, { answer }) =>
      answer({ question: item.question, options: optionLines(item.options) }, (raw) =>
        parseChoice(raw, Object.keys(item.options).join("")),
      ),
    toSheet: (item, row) => {
      const correct = Number(row.value === item.answer);
      return {
        ...textsOf(row),
        scores: { correct },
        question: question(item),
        expected: `(${item.answer}) ${item.options[item.answer] ?? ""}`,
        answered: row.value === null ? null : `(${row.value}) ${item.options[row.value] ?? ""}`,
        details: triesOf(row),
        badness: 1 - correct,
      };
    },
    expected: (item) => ({
      expected: `(${item.answer}) ${item.options[item.answer] ?? ""}`,
      question: question(item),
    }),
    summarise: (items) => summariseChoices(items),
  };
}

/** A score with what the strict published rule would have read. */
type ScoreRow = ReadAnswer<number> & { readonly strict: number | null };

export function scoreBenchmark(): Benchmark<ScoreItem, ScoreRow> {
  return {
    name: "videophy2",
    title: "Physics of videos, scored 1 to 5",
    prompt: "video-score",
    sample: "3",
    read: readScoreItems,
    identity: {},
    otherModels: [],
    work: async (item, { answer }) => {
      const values: Record<string, string> = item.caption === null ? {} : { caption: item.caption };
      const row = await answer(values, (raw) => parseScore(raw));
      return { ...row, strict: parseScoreStrictly(row.answer.raw) };
    },
    toSheet: (item, row) => ({
      ...textsOf(row),
      scores: ordinalScores(item.score, row.value),
      question: item.caption,
      expected: String(item.score),
      answered: row.value === null ? null : String(row.value),
      details: [
        ...triesOf(row),
        ["strict reading", row.strict === null ? "none" : String(row.strict)],
      ],
      badness: row.value === null ? 1 : Math.min(1, Math.abs(row.value - item.score) / 4),
    }),
    expected: (item) => ({ expected: String(item.score), question: item.caption }),
    summarise: (items, rows) => {
      const summary = summariseOrdinal(items);
      const strict = [...rows.values()].filter((r) => r.strict !== null).length;
      return {
        ...summary,
        notes: [
          ...summary.notes,
          `The strict published rule (a line with one digit) would read ${strict} of ${rows.size} replies.`,
        ],
      };
    },
  };
}

export interface CaptionRow {
  readonly caption: ReadAnswer<Readonly<Record<string, unknown>>>;
  readonly fields: Readonly<Record<string, FieldScore>>;
}

const captionText = (caption: Readonly<Record<string, unknown>> | null, raw: string): string => {
  const text = caption?.caption ?? caption?.safety_analysis;
  return typeof text === "string" ? text : caption === null ? raw : "";
};

/** Entries: `id`, `video`, `label` (the fields), `caption` or `captions` for BLEU (default: the label's safety_analysis). */
function readCaptionItems(entries: readonly unknown[]) {
  return readItems<CaptionItem>(entries, (entry) => {
    const row = entry as Readonly<Record<string, unknown>>;
    const video = row.video ?? row.image ?? row.media;
    const label = (row.label ?? row.labels) as Readonly<Record<string, unknown>> | undefined;
    if (typeof video !== "string") throw new Error("no video");
    if (typeof label !== "object" || label === null) throw new Error("no label with fields");
    if (!avCaptionFields.some((f) => f in label))
      throw new Error(
        `the label has none of the fields ${avCaptionFields.slice(0, 4).join(", ")}, …`,
      );
    const id =
      typeof row.id === "string" ? row.id : video.replace(/^.*[\\/]/, "").replace(/\.[^.]+$/, "");
    const given = row.captions ?? row.caption ?? label.caption ?? label.safety_analysis;
    return {
      id,
      media: [video],
      cluster: id,
      group: typeof row.group === "string" ? row.group : null,
      label,
      captions: [given].flat().filter((c): c is string => typeof c === "string" && c !== ""),
    };
  });
}

export function captionBenchmark(judge: ChatModel): Benchmark<CaptionItem, CaptionRow> {
  return {
    name: "caption",
    title: "Driving captions, judged field by field",
    prompt: "av-caption",
    sample: null,
    read: (entries) => readCaptionItems(entries),
    identity: { judge: judge.id, judgePrompt: promptHash(judgePrompt) },
    otherModels: [judge],
    work: async (item, { answer, ask }) => {
      const caption = await answer({}, parseCaption);
      return { caption, fields: await judgeFields(caption.value, item.label, judge, { ask }) };
    },
    toSheet: (item, { caption, fields }) => {
      const scores = fieldScores(fields);
      const worst = Object.entries(fields)
        .filter(([, f]) => f.score !== null && f.score <= 2)
        .slice(0, 6)
        .map(
          ([name, f]) =>
            [
              `${name.replaceAll("_", " ")}: ${f.score}`,
              `${f.from === "missing" ? "missing" : `“${fieldText(f.statement)}”`} for “${fieldText(f.reference)}”`,
            ] as const,
        );
      return {
        ...textsOf(caption),
        scores,
        question: null,
        expected: captionText(item.label, "") || JSON.stringify(item.label),
        answered:
          caption.value === null
            ? null
            : captionText(caption.value, caption.answer.raw) || "no text field",
        details: [...triesOf(caption), ...worst],
        badness: scores.mean === undefined ? 1 : (5 - scores.mean) / 4,
      };
    },
    expected: (item) => ({
      expected: captionText(item.label, "") || JSON.stringify(item.label),
      question: null,
    }),
    summarise: (items, rows, data) =>
      summariseFields(
        items,
        new Map([...rows].map(([id, row]) => [id, row.fields])),
        avCaptionFields,
        [...rows].flatMap(([id, { caption }]) => {
          const item = data.get(id);
          if (item === undefined || item.captions.length === 0) return [];
          const hypothesis = captionText(caption.value, caption.answer.raw);
          return [{ cluster: item.cluster, hypothesis, references: item.captions }];
        }),
      ),
  };
}

export function temporalBenchmark(): Benchmark<TemporalItem, ReadAnswer<readonly number[]>> {
  const times = (secs: readonly number[]) => secs.map((s) => `${s.toFixed(2)} s`).join(", ");
  return {
    name: "temporal",
    title: "When does each step end",
    prompt: "sub-tasks",
    sample: '[{"start": "00:00.00", "end": "00:01.00", "caption": "synthetic"}]',
    read: (entries) => readTemporalItems(entries),
    identity: {},
    otherModels: [],
    work: (item, { answer, media }) => {
      const steps = item.endsSecs
        .map((_, i) => `${i + 1}. ${item.captions[i] ?? `step ${i + 1}`}`)
        .join("\n");
      return answer({ steps }, (raw) => {
        const spans = parseTimeSpans(raw, media.durationSecs);
        return spans.ok ? { ...spans, value: spans.value.map((s) => s.endSecs) } : spans;
      });
    },
    toSheet: (item, row) => {
      const scores = temporalScores(endErrors(item.endsSecs, row.value ?? [], item.fps));
      return {
        ...textsOf(row),
        scores,
        question: item.captions.join(" → ") || null,
        expected: times(item.endsSecs),
        answered: row.value === null ? null : times(row.value),
        details: [
          ...triesOf(row),
          ...((row.value?.length ?? 0) > item.endsSecs.length
            ? [["surplus ends", String((row.value?.length ?? 0) - item.endsSecs.length)] as const]
            : []),
        ],
        badness: 1 - (scores.hit ?? 0),
      };
    },
    expected: (item) => ({
      expected: times(item.endsSecs),
      question: item.captions.join(" → ") || null,
    }),
    summarise: (items) => summariseTemporal(items),
  };
}

type Boxes = readonly LabelledBox<readonly number[]>[];

export function groundingBenchmark(
  kind: "2d" | "3d",
  isRotated: boolean,
): Benchmark<GroundingItem, ReadAnswer<Boxes>> {
  const iou =
    kind === "2d"
      ? rectangleIou
      : isRotated
        ? (a: readonly number[], b: readonly number[]) => orientedOverlap(a, b).iou
        : axisAlignedIou;
  const text = (boxes: Boxes) =>
    boxes
      .map((b) => `${b.label} [${b.box.map((v) => Math.round(v * 100) / 100).join(", ")}]`)
      .join("; ") || "nothing";
  return {
    name: `grounding-${kind}`,
    title: kind === "2d" ? "Boxes in pictures" : "Boxes in space",
    prompt: `grounding-${kind}`,
    sample:
      kind === "2d"
        ? '[{"bbox_2d": [100, 100, 500, 500], "label": "synthetic"}]'
        : '[{"bbox_3d": [0, 0, 10, 2, 2, 4, 0, 0, 0], "label": "synthetic"}]',
    read: (entries) => readGroundingItems(entries, kind),
    identity: {
      iou: kind === "2d" ? "rectangles" : isRotated ? "rotated boxes" : "axis-aligned boxes",
    },
    otherModels: [],
    work: (item, { answer, media }) =>
      answer({ object_name: item.object }, (raw) => {
        if (kind === "3d") {
          const boxes = parseBoxes3d(raw);
          if (!boxes.ok) return boxes;
          return {
            ...boxes,
            value: boxes.value.map((b) => ({
              label: b.label,
              box: [...b.centre, ...b.size, b.roll, b.pitch, b.yaw],
            })),
          };
        }
        const boxes = parseBoxes(raw, { image: media.image ?? { width: 1000, height: 1000 } });
        if (!boxes.ok) return boxes;
        return {
          ...boxes,
          value: boxes.value.map((b) => ({ label: b.label, box: [b.x1, b.y1, b.x2, b.y2] })),
        };
      }),
    toSheet: (item, row) => {
      const scores = groundingScores(item.boxes, row.value, iou);
      return {
        ...textsOf(row),
        scores,
        question: `Find: ${item.object}`,
        expected: text(item.boxes),
        answered: row.value === null ? null : text(row.value),
        details: triesOf(row),
        badness: 1 - scores.f1,
      };
    },
    expected: (item) => ({ expected: text(item.boxes), question: `Find: ${item.object}` }),
    summarise: (items, rows, data) =>
      summariseGrounding(
        items,
        new Map(
          [...rows].flatMap(([id, row]): [string, DetectionItem<readonly number[]>][] => {
            const item = data.get(id);
            return item === undefined
              ? []
              : [[id, { id, truth: item.boxes, predicted: row.value }]];
          }),
        ),
        iou,
      ),
  };
}

export interface CriticItem extends BenchmarkItem {
  /** Videos of one prompt compete: `<prompt>_seedN.mp4`. */
  readonly contest: string;
}
interface CriticTrial {
  /** True: an artefact was found; null: no verdict. */
  readonly isArtefact: boolean | null;
  readonly problem: string | null;
  readonly raw: string | null;
}
export interface CriticRow {
  readonly trials: readonly CriticTrial[];
}

export const contestOf = (file: string): string =>
  file
    .replace(/^.*[\\/]/, "")
    .replace(/\.[^.]+$/, "")
    .replace(/[_-]?(seed|sample|v)?\d+$/i, "");

export function criticBenchmark(trials: number): Benchmark<CriticItem, CriticRow> {
  return {
    name: "critic",
    title: `Video critic, ${trials} trials`,
    prompt: "video-critic",
    sample: "No",
    // Trials must be able to differ.
    sampling: { temperature: 0.6, topP: 0.95, topK: 50, repetitionPenalty: 1.05 },
    read: (entries) =>
      readItems<CriticItem>(entries, (entry) => {
        const path = typeof entry === "string" ? entry : (entry as { video?: unknown }).video;
        if (typeof path !== "string") throw new Error("no video");
        return {
          id: path,
          media: [path],
          cluster: path,
          group: contestOf(path),
          contest: contestOf(path),
        };
      }),
    identity: { trials },
    otherModels: [],
    work: async (_item, { answer }) => {
      const out: CriticTrial[] = [];
      for (let trial = 0; trial < trials; trial++) {
        try {
          const row = await answer({}, parseYesNo, trial);
          out.push({ isArtefact: row.value, problem: row.problem, raw: row.answer.raw });
        } catch (error) {
          // A failed trial counts as not clean. What ends the whole run is passed on.
          const isTrial =
            error instanceof ChatError && !["stopped", "auth", "network"].includes(error.kind);
          if (!isTrial) throw error;
          out.push({ isArtefact: null, problem: error.message, raw: null });
        }
      }
      return { trials: out };
    },
    toSheet: (_item, row) => {
      const score = criticScore(row.trials.map((t) => t.isArtefact)) ?? 0;
      const words = row.trials.map((t) =>
        t.isArtefact === null ? "–" : t.isArtefact ? "Yes" : "No",
      );
      const unread = row.trials.filter((t) => t.isArtefact === null).length;
      return {
        status: unread === row.trials.length ? "unread" : "answered",
        problem: row.trials.find((t) => t.problem !== null)?.problem ?? null,
        scores: { score, unread: unread / row.trials.length },
        question: null,
        expected: "no artefact",
        answered: words.join(", "),
        reasoning: null,
        raw: row.trials.map((t) => t.raw ?? "").join("\n—\n"),
        details: [["score", score.toFixed(2)]],
        badness: 1 - score,
      };
    },
    expected: () => ({ expected: "no artefact", question: null }),
    summarise: (items) => {
      const contests = new Map<string, SheetItem[]>();
      for (const item of items)
        contests.set(item.group ?? "", [...(contests.get(item.group ?? "") ?? []), item]);
      const rows = [...contests].flatMap(([name, of]) => {
        if (of.length < 2) return [];
        const scored = of.filter((i) => "score" in i.scores);
        const best = scored.reduce<SheetItem | null>(
          (b, i) => (b === null || i.scores.score > b.scores.score ? i : b),
          null,
        );
        return [
          {
            label: name,
            cells: [
              best?.id ?? null,
              best === null ? null : best.scores.score.toFixed(2),
              of.length,
            ],
          },
        ];
      });
      return {
        metrics: summariseCritic(items),
        tables:
          rows.length === 0
            ? []
            : [
                {
                  title: "Best of N",
                  columns: ["best", "score", "candidates"],
                  format: "number" as const,
                  rows,
                },
              ],
        notes: [],
      };
    },
  };
}

/** The same benchmark over as many items of each score as the rarest score has; `seed` chooses which. */
export function balanced<Row>(
  benchmark: Benchmark<ScoreItem, Row>,
  seed: number,
): Benchmark<ScoreItem, Row> {
  return {
    ...benchmark,
    identity: { ...benchmark.identity, balanced: seed },
    read: (entries, name) => {
      const list = benchmark.read(entries, name);
      const rng = createRng(seed);
      const byScore = new Map<number, ScoreItem[]>();
      for (const item of list.items)
        byScore.set(item.score, [...(byScore.get(item.score) ?? []), item]);
      const least = Math.min(...[...byScore.values()].map((of) => of.length));
      const chosen = new Set<string>();
      for (const of of byScore.values()) {
        const rest = [...of];
        // An evaluation never counts an item twice: balancing here only leaves out.
        for (let k = 0; k < least; k++)
          chosen.add((rest.splice(rng.int(rest.length), 1)[0] as ScoreItem).id);
      }
      return { ...list, items: list.items.filter((i) => chosen.has(i.id)) };
    },
  };
}
