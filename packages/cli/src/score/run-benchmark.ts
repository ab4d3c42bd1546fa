/**
 * One benchmark from its data file to score.json, items.jsonl and report.html. Everything that is the same for all of
 * them is here: loading, dry run, asking through the shared batch runner, counting, intervals, report.
 */
import { basename, dirname, join, relative, resolve } from "node:path";
import { readdir, readFile, stat } from "node:fs/promises";
import {
  type AnswerSettings,
  answerItem,
  builtInPrompts,
  type ChatModel,
  contentKey,
  createScriptedModel,
  factorOf,
  type ItemList,
  type ItemProblem,
  type ItemTools,
  type Parsed,
  parsePromptFile,
  promptHash,
  type PromptTemplate,
  type ReadAnswer,
  reasoningStyleOf,
  runBatch,
  type Sampling,
  summaryText,
} from "@causeway/reason";
import {
  countItems,
  renderScoreReport,
  type ScoreSheet,
  type SheetItem,
  type SheetMetric,
  type SheetTable,
  worstFirst,
} from "@causeway/eval/judged";
import { batchSettings, namedValues, openAskedModel } from "../asking/model-options.ts";
import type { CommandContext, Outcome } from "../command.ts";
import { UserError } from "../errors.ts";
import { writeAtomic, writeJsonAtomic } from "../pipeline/atomic-file.ts";
import { type LoadedMedia, loadMedia, type MediaSettings, mediaKey } from "../reason/media.ts";
import { readEntries, readReplies } from "./data-file.ts";
import { framesOf } from "./frames.ts";
import type { ScoreOptions } from "./options.ts";

export interface BenchmarkItem {
  readonly id: string;
  readonly media: readonly string[];
  readonly cluster: string;
  readonly group: string | null;
}

export interface AskTools extends ItemTools {
  readonly media: LoadedMedia;
  readonly model: ChatModel;
  readonly settings: AnswerSettings;
  /** The first answer of an item: from the model, or from --replies. */
  answer<Value>(
    values: Readonly<Record<string, string>>,
    read: (raw: string) => Parsed<Value>,
    trial?: number,
  ): Promise<ReadAnswer<Value>>;
}

export interface Benchmark<Item extends BenchmarkItem, Row> {
  readonly name: string;
  readonly title: string;
  /** Name of the built-in prompt. */
  readonly prompt: string;
  /** A reply of the form that is asked for, so that a dry run goes through reading and scoring; null: by the schema. */
  readonly sample: string | null;
  /** Beats the prompt's sampling; the user's options beat it. */
  readonly sampling?: Partial<Sampling>;
  read(entries: readonly unknown[], dataName: string): ItemList<Item>;
  /** What else a row depends on. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly otherModels: readonly ChatModel[];
  work(item: Item, tools: AskTools): Promise<Row>;
  /** Scores and texts of an item that has a row. */
  toSheet(
    item: Item,
    row: Row,
  ): Pick<
    SheetItem,
    | "status"
    | "problem"
    | "scores"
    | "question"
    | "expected"
    | "answered"
    | "reasoning"
    | "raw"
    | "details"
    | "badness"
  >;
  /** What was expected, for items without a row. */
  expected(item: Item): { readonly expected: string; readonly question: string | null };
  summarise(
    items: readonly SheetItem[],
    rows: ReadonlyMap<string, Row>,
    data: ReadonlyMap<string, Item>,
  ): {
    readonly metrics: readonly SheetMetric[];
    readonly tables: readonly SheetTable[];
    readonly notes: readonly string[];
  };
}

/** Items that a dry run goes through. */
const dryItems = 5;
/** Items of a report that get pictures. */
const pictured = 80;

async function promptOf(name: string): Promise<PromptTemplate> {
  const known = builtInPrompts.get(name);
  if (known !== undefined) return known;
  if (!/\.ya?ml$/.test(name))
    throw new UserError(
      "PROMPT",
      `prompt "${name}" is not known; expected a YAML file or one of ${[...builtInPrompts.keys()].join(", ")}`,
    );
  return parsePromptFile(await readFile(name, "utf8"), name);
}

function mediaSettings(options: ScoreOptions, isServer: boolean): MediaSettings {
  const { fps, frames, maxPixels, context, maxTokens = 1024 } = options;
  return {
    video: {
      ...(frames === undefined ? (fps === undefined ? {} : { fps }) : { numFrames: frames }),
      ...(maxPixels === undefined ? {} : { maxPixels }),
    },
    send: isServer ? "video" : "frames",
    camera: null,
    atSecs: null,
    factor: factorOf(options.model),
    context: { maxModelLen: context, maxTokens, textTokens: 400 },
    canShrink: true,
  };
}

const isAddress = (path: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(path);

/** Paths below `root` where they are relative. Addresses are never fetched. */
function placeMedia<Item extends BenchmarkItem>(item: Item, root: string): Item {
  return { ...item, media: item.media.map((m) => (isAddress(m) ? m : resolve(root, m))) };
}

const benchmarkFile = /_benchmark_qa_pairs\.json$/;

/** The data file, or of a folder in the Cosmos-Reason1-Benchmark layout the file of each set: SET/SET_benchmark_qa_pairs.json. */
async function dataFiles(path: string): Promise<readonly string[]> {
  const info = await stat(path).catch(() => null);
  if (info?.isDirectory() !== true) return [path];
  const found: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isFile() && benchmarkFile.test(entry.name)) found.push(join(path, entry.name));
    if (!entry.isDirectory()) continue;
    for (const name of await readdir(join(path, entry.name)))
      if (benchmarkFile.test(name)) found.push(join(path, entry.name, name));
  }
  if (found.length === 0)
    throw new UserError(
      "INPUT",
      `no data file in this folder; expected SET/SET_benchmark_qa_pairs.json, or name a JSON, JSON Lines or CSV file (${path})`,
    );
  return found.sort();
}

export async function runBenchmark<Item extends BenchmarkItem, Row>(
  context: CommandContext,
  options: ScoreOptions,
  data: string,
  benchmark: Benchmark<Item, Row>,
): Promise<Outcome> {
  const files = await dataFiles(resolve(data));
  const list: { items: Item[]; skipped: ItemProblem[]; entries: number } = {
    items: [],
    skipped: [],
    entries: 0,
  };
  for (const file of files) {
    const set = basename(file).replace(/(_benchmark_qa_pairs)?\.\w+$/, "");
    const { entries, problems } = await readEntries(file);
    const read = benchmark.read(entries, set);
    const folder = resolve(options.media ?? dirname(file));
    list.entries += entries.length;
    list.items.push(...read.items.map((item) => placeMedia(item, folder)));
    for (const { where, problem } of [...problems, ...read.problems])
      list.skipped.push({ where: files.length > 1 ? `${set} ${where}` : where, problem });
  }
  const { skipped } = list;
  const root = resolve(options.media ?? (files.length > 1 ? data : dirname(resolve(data))));
  const count = Math.min(options.limit ?? Infinity, context.isDryRun ? dryItems : Infinity);
  const items = list.items.slice(0, count);
  if (items.length === 0)
    throw new UserError(
      "INPUT",
      `no usable entry of ${list.entries}${skipped[0] === undefined ? "" : `; ${skipped[0].where}: ${skipped[0].problem}`} (${data})`,
    );

  const template = await promptOf(options.prompt ?? benchmark.prompt);
  const replies =
    options.replies === undefined ? null : await readReplies(resolve(options.replies));
  const model = context.isDryRun
    ? createScriptedModel({
        name: "fake",
        ...(benchmark.sample === null ? {} : { script: () => benchmark.sample ?? "" }),
      })
    : replies !== null
      ? givenReplies
      : (await openAskedModel(options)).model;
  const settings: AnswerSettings = {
    isReasoning: options.reasoning === true,
    style: reasoningStyleOf(options.model),
    sampling: {
      ...benchmark.sampling,
      ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    },
    retries: options.retries,
  };
  const isServer = options.model.startsWith("openai:") && !context.isDryRun && replies === null;
  const media = mediaSettings(options, isServer);
  const byId = new Map(items.map((item) => [item.id, item]));
  const batch = await batchSettings(options, context, benchmark.name);
  const keyed = [];
  for (const item of items)
    keyed.push({
      id: item.id,
      inputKey: contentKey({
        item: { ...item, media: item.media.map((m) => relative(root, m)) },
        media: replies === null ? await mediaKey(item.media).catch(() => "unreadable") : null,
        reply: replies?.get(item.id) ?? null,
      }),
    });
  const emptyMedia: LoadedMedia = {
    parts: [],
    plans: [],
    changes: [],
    image: null,
    picture: null,
    durationSecs: null,
    videos: [],
    extraBody: null,
  };

  const result = await runBatch<{ id: string; inputKey: string }, Row>({
    ...batch,
    items: keyed,
    model,
    otherModels: benchmark.otherModels,
    identity: {
      task: `score ${benchmark.name}`,
      prompt: promptHash(template),
      isReasoning: settings.isReasoning,
      sampling: settings.sampling,
      retries: settings.retries,
      media,
      ...benchmark.identity,
    },
    work: async ({ id }, tools) => {
      const item = byId.get(id) as Item;
      const address = item.media.find(isAddress);
      if (address !== undefined && replies === null)
        throw new UserError(
          "MEDIA",
          `"${address}" is an address; media are never fetched. Download it and say where with --media`,
        );
      const isPictureNeeded =
        replies === null || item.media.every((m) => /\.(png|jpe?g|webp)$/i.test(m));
      const loaded = await loadMedia(isPictureNeeded ? item.media : [], media).catch(
        (error: unknown) => {
          if (replies === null) throw error;
          return emptyMedia;
        },
      );
      return benchmark.work(item, {
        ...tools,
        media: loaded,
        model,
        settings,
        answer: async (values, read, trial = 0) => {
          if (replies !== null) return fromReply(replies.get(id), id, template, settings, read);
          return answerItem(
            {
              template,
              values,
              media: loaded.parts,
              model,
              settings,
              read,
              trial,
              ...(loaded.extraBody === null ? {} : { extraBody: loaded.extraBody }),
            },
            tools,
          );
        },
      });
    },
  });

  const sheetItems = items.map((item): SheetItem => {
    const row = result.rows.get(item.id);
    const failure = result.failures.get(item.id);
    const common = { id: item.id, cluster: item.cluster, group: item.group, media: item.media };
    if (row !== undefined) return { ...common, failure: null, ...benchmark.toSheet(item, row) };
    return {
      ...common,
      status: failure === undefined ? "pending" : "failed",
      failure: failure?.kind ?? null,
      problem: failure?.message ?? "not asked yet; run the same command again",
      scores: {},
      ...benchmark.expected(item),
      answered: null,
      reasoning: null,
      raw: null,
      details: [],
      badness: 0.95,
    };
  });
  const subject =
    replies === null ? model.id : `replies of ${options.replies?.replace(/^.*[\\/]/, "")}`;
  // A file of replies is real unless a scripted judge scored it.
  const { isSynthetic } = result.summary;
  const sheet: ScoreSheet = {
    schema: "causeway-score/1",
    benchmark: benchmark.name,
    title: options.title ?? benchmark.title,
    subject,
    isSynthetic,
    settings: {
      model: subject,
      data: data.replace(/^.*[\\/]/, ""),
      prompt: `${template.name} (${promptHash(template)})`,
      reasoning: settings.isReasoning ? `yes, ${settings.style}` : "no",
      retries: String(settings.retries),
      sampling: namedValues({ ...template.sampling, ...settings.sampling }),
      ...Object.fromEntries(
        Object.entries(benchmark.identity).map(([k, v]) => [
          k,
          typeof v === "string" ? v : JSON.stringify(v),
        ]),
      ),
    },
    files: ["score.json", "items.jsonl", "results.jsonl"],
    counts: countItems(sheetItems, skipped.length),
    ...benchmark.summarise(sheetItems, result.rows, byId),
  };
  const written = await writeSheet(context, options.out, sheet, sheetItems, root);
  if (result.stop !== null) process.exitCode = 1;
  return {
    data: {
      ...(isSynthetic ? { synthetic: true } : {}),
      ...sheet,
      summary: result.summary,
      stop: result.stop,
      skipped,
      report: written,
    },
    text: [
      ...(context.isDryRun
        ? [
            `dry run over the first ${items.length} of ${list.items.length} items with a scripted stand-in; nothing was written`,
          ]
        : []),
      sheetText(sheet),
      // Nothing was spent on replies that were given.
      ...(replies !== null && benchmark.otherModels.length === 0
        ? []
        : [summaryText(result.summary)]),
      ...(result.stop === null ? [] : [`ended early: ${result.stop.message}`]),
      ...skipped.slice(0, 10).map((s) => `skipped ${s.where}: ${s.problem}`),
      ...(skipped.length > 10 ? [`and ${skipped.length - 10} more entries`] : []),
      ...[...result.failures]
        .slice(0, 5)
        .map(([id, f]) => `no reply for ${id} (${f.kind}): ${f.message}`),
      ...(written === null ? [] : [`report: ${relative(process.cwd(), written) || written}`]),
    ].join("\n"),
  };
}

/** Replies of a file are somebody's: not scripted, and nothing is asked. Items know theirs by their input key. */
const givenReplies: ChatModel = {
  id: "replies",
  isSynthetic: false,
  complete: () =>
    Promise.reject(new UserError("REPLY", "the answers come from a file; no model is asked")),
};

/** An answer from a file, in the form of one that was asked for. */
function fromReply<Value>(
  raw: string | undefined,
  id: string,
  template: PromptTemplate,
  settings: AnswerSettings,
  read: (raw: string) => Parsed<Value>,
): ReadAnswer<Value> {
  if (raw === undefined) throw new UserError("REPLY", `the file of replies has none for "${id}"`);
  const parsed = read(raw);
  return {
    value: parsed.ok ? parsed.value : null,
    problem: parsed.ok ? null : parsed.reason,
    notes: parsed.ok ? parsed.notes : [],
    tries: 1,
    answer: {
      promptHash: promptHash(template),
      model: "replies",
      servedAs: "replies",
      isSynthetic: false,
      sampling: { maxTokens: 0, ...template.sampling },
      isReasoning: settings.isReasoning,
      raw,
      reasoning: null,
      inputTokens: 0,
      outputTokens: 0,
    },
  };
}

/** Writes score.json, items.jsonl and report.html; null where nothing is to be written. Returns the report's path. */
export async function writeSheet(
  context: Pick<CommandContext, "isDryRun" | "progress">,
  out: string | undefined,
  sheet: ScoreSheet,
  items: readonly SheetItem[],
  mediaRoot: string,
): Promise<string | null> {
  const ordered = worstFirst(items);
  const { frames, missing } = await framesOf(ordered, pictured);
  const notes =
    missing > 0
      ? [
          ...sheet.notes,
          `${missing === 1 ? "1 picture" : `${missing} pictures`} of items could not be read for the report.`,
        ]
      : sheet.notes;
  const page = renderScoreReport({ sheet: { ...sheet, notes }, items }, frames);
  if (context.isDryRun || out === undefined) return null;
  const folder = resolve(out);
  const mark = sheet.isSynthetic ? { synthetic: true } : {};
  await writeJsonAtomic(join(folder, "score.json"), { ...mark, mediaRoot, ...sheet });
  await writeAtomic(
    join(folder, "items.jsonl"),
    items.map((i) => `${JSON.stringify({ ...mark, ...i })}\n`).join(""),
  );
  const report = join(folder, "report.html");
  await writeAtomic(report, page);
  return report;
}

const show = (value: number, format: SheetMetric["format"]): string =>
  format === "percent"
    ? `${(100 * value).toFixed(1)} %`
    : `${value.toFixed(3)}${format === "number" ? "" : ` ${format}`}`;

/** Metrics and counts as lines. */
export function sheetText({ title, metrics, counts, notes, isSynthetic }: ScoreSheet): string {
  const width = Math.max(...metrics.map((m) => m.label.length), 0);
  const lost = Object.entries(counts.failedByKind).map(([kind, n]) => `${n} ${kind}`);
  return [
    `${title}${isSynthetic ? " (SYNTHETIC)" : ""}`,
    ...metrics.map(({ label, estimate: e, format }) => {
      const value = e.value === null ? "undefined" : show(e.value, format);
      const range =
        e.interval === null ? "" : `  [${e.interval.map((v) => show(v, format)).join(", ")}]`;
      return `  ${label.padEnd(width)}  ${value}${range}  (n = ${e.n})`;
    }),
    `  ${counts.items} items: ${counts.answered} answered, ${counts.unread} unread, ${counts.failed} without score${lost.length > 0 ? ` (${lost.join(", ")})` : ""}, ${counts.pending} pending, ${counts.skippedEntries} unusable entries`,
    ...notes.map((n) => `  ${n}`),
  ].join("\n");
}
