/**
 * Which clips stay: filters, then de-duplication among those that passed, then balance among those that are left. Reads
 * the scores, never the drives, so policies can be tried in seconds. Per clip a few words are held, nothing more.
 */
import { join } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import { readJsonl, writeJsonl } from "../io/json.ts";
import { atomicWriteFile } from "../io/atomic.ts";
import { balanceClips, type BalanceItem } from "./balance.ts";
import type { ClipRecord } from "./clip.ts";
import { embeddingDim } from "./embedding.ts";
import { type FilterName, filterNames, judgeClip, limitOf } from "./filters.ts";
import {
  countClip,
  type Inventory,
  newInventory,
  scoreCollector,
  type ScoreHistogram,
} from "./inventory.ts";
import { type CurationPolicy, hashOf } from "./policy.ts";
import { curateDir, curateFiles } from "./score-dataset.ts";
import { greedyRemovals, removedAt, type SemDedup, semDedup } from "./semdedup.ts";
import { openVectors, type VectorStore } from "./vector-store.ts";

export type RejectStage = "filter" | "duplicate" | "balance";

/** One row of `curate/rejected.jsonl`: where the clip is, why it is out, and all that was measured. */
export interface RejectedClip {
  readonly id: string;
  readonly driveId: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly stage: RejectStage;
  readonly reasons: readonly string[];
  /** Of a duplicate: the clip that it is like, and how much. */
  readonly duplicateOf: string | null;
  readonly cosine: number | null;
  readonly scores: ClipRecord["scores"];
  readonly tags: ClipRecord["tags"];
  readonly preview: ClipRecord["preview"];
}

export interface CurationSummary {
  readonly schema: "causeway/curation/1";
  readonly dataset: { readonly name: string; readonly fingerprint: string };
  readonly policy: CurationPolicy;
  readonly policyHash: string;
  readonly clips: number;
  readonly kept: number;
  readonly rejected: Readonly<Record<RejectStage, number>>;
  /** Clips that each filter alone would reject, at its limit; null limit: off. */
  readonly filters: Readonly<
    Record<
      FilterName,
      {
        readonly limit: number | null;
        readonly rejects: number;
        readonly histogram: ScoreHistogram;
      }
    >
  >;
  readonly dedup: {
    readonly rows: number;
    readonly clusters: number;
    readonly iterations: number;
    /** What other thresholds would remove, from the same scores. */
    readonly table: readonly {
      readonly eps: number;
      readonly plain: number;
      readonly greedy: number;
    }[];
  } | null;
  readonly balance: readonly {
    readonly cell: string;
    readonly found: number;
    readonly kept: number;
    readonly quota: number | null;
  }[];
  readonly before: Inventory;
  readonly after: Inventory;
}

export interface Decisions {
  readonly summary: CurationSummary;
  readonly isKept: (clipId: string) => boolean;
}

const triedEps = [0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2] as const;

/** All rows of `curate/clips.jsonl`, one at a time. */
export async function* readClips(dataset: Dataset): AsyncGenerator<ClipRecord> {
  for await (const row of readJsonl(join(curateDir(dataset), curateFiles.clips)))
    yield row as ClipRecord;
}

const cellOf = (clip: ClipRecord, by: readonly (keyof ClipRecord["tags"])[]) =>
  by.map((tag) => clip.tags[tag] ?? "unknown").join("|");

/** Decides, and writes rejected.jsonl, dedup.jsonl and summary.json beside the scores. */
export async function decideClips(
  dataset: Dataset,
  policy: CurationPolicy,
  options: { readonly embeddings?: VectorStore; readonly signal?: AbortSignal } = {},
): Promise<Decisions> {
  const dir = curateDir(dataset);
  const out = new Map<
    string,
    { stage: RejectStage; duplicateOf: string | null; cosine: number | null; reason: string | null }
  >();
  const filterCounts = new Map<FilterName, number>();
  const collector = scoreCollector();
  const before = newInventory();
  const rows: { id: string; row: number; recording: string; cell: string }[] = [];
  const ids: string[] = [];
  let lastDrive: string | null = null;
  for await (const clip of readClips(dataset)) {
    collector.add(clip);
    countClip(before, clip, clip.driveId !== lastDrive);
    lastDrive = clip.driveId;
    const rejections = judgeClip(clip.scores, policy.filters);
    for (const { filter } of rejections)
      filterCounts.set(filter, (filterCounts.get(filter) ?? 0) + 1);
    if (rejections.length > 0) {
      out.set(clip.id, { stage: "filter", duplicateOf: null, cosine: null, reason: null });
    } else {
      const cell = policy.balance === null ? "" : cellOf(clip, policy.balance.by);
      rows.push({ id: clip.id, row: ids.length, recording: clip.recording, cell });
    }
    ids.push(clip.id);
  }

  const found = await findDuplicates(dir, ids, rows, policy, options);
  await writeJsonl(join(dir, curateFiles.dedup), pruningRows(found?.dedup ?? null));
  const scoreOf = new Map<string, { maxId: string; score: number }>();
  for (const t of found?.dedup.tables ?? []) {
    t.ids.forEach((id, i) => {
      if (found?.removed.has(id)) scoreOf.set(id, { maxId: t.maxIds[i], score: t.scores[i] });
    });
  }
  for (const id of found?.removed ?? []) {
    const like = scoreOf.get(id);
    out.set(id, {
      stage: "duplicate",
      duplicateOf: like?.maxId ?? null,
      cosine: like?.score ?? null,
      reason: null,
    });
  }

  const { balance } = policy;
  const left: BalanceItem[] = rows.filter((r) => !out.has(r.id));
  const balanced = balanceClips(
    balance === null ? [] : left,
    (cell) => balance?.cells[cell] ?? balance?.most ?? null,
    policy.seed,
  );
  for (const [id, reason] of balanced.dropped) {
    out.set(id, { stage: "balance", duplicateOf: null, cosine: null, reason });
  }

  const counts = { filter: 0, duplicate: 0, balance: 0 };
  for (const { stage } of out.values()) counts[stage]++;
  const after = newInventory();
  lastDrive = null;
  async function* rejectedRows(): AsyncGenerator<RejectedClip> {
    for await (const clip of readClips(dataset)) {
      const why = out.get(clip.id);
      if (why === undefined) {
        countClip(after, clip, clip.driveId !== lastDrive);
        lastDrive = clip.driveId;
        continue;
      }
      const { id, driveId, startUs, endUs, scores, tags, preview } = clip;
      const reasons =
        why.stage === "filter"
          ? judgeClip(scores, policy.filters).map((r) => r.reason)
          : [
              why.reason ??
                `duplicate: cosine ${(why.cosine ?? 1).toFixed(4)} with ${why.duplicateOf}; at most ${1 - (policy.dedup.eps ?? 0)} wanted`,
            ];
      yield {
        id,
        driveId,
        startUs,
        endUs,
        stage: why.stage,
        reasons,
        duplicateOf: why.duplicateOf,
        cosine: why.cosine,
        scores,
        tags,
        preview,
      };
    }
  }
  await writeJsonl(join(dir, curateFiles.rejected), rejectedRows());
  const histograms = collector.histograms();
  const summary: CurationSummary = {
    schema: "causeway/curation/1",
    dataset: { name: dataset.name, fingerprint: dataset.fingerprint },
    policy,
    policyHash: hashOf(policy),
    clips: ids.length,
    kept: ids.length - out.size,
    rejected: counts,
    filters: Object.fromEntries(
      filterNames.map((name) => [
        name,
        {
          limit: limitOf(name, policy.filters),
          rejects: filterCounts.get(name) ?? 0,
          histogram: histograms[name],
        },
      ]),
    ) as CurationSummary["filters"],
    dedup: found === null ? null : found.facts,
    balance: [...balanced.cells].map(([cell, c]) => ({ cell, ...c })),
    before,
    after,
  };
  await atomicWriteFile(join(dir, curateFiles.summary), `${JSON.stringify(summary, null, 1)}\n`);
  return { summary, isKept: (id) => !out.has(id) };
}

async function findDuplicates(
  dir: string,
  ids: readonly string[],
  passed: readonly { readonly id: string; readonly row: number }[],
  policy: CurationPolicy,
  options: { readonly embeddings?: VectorStore; readonly signal?: AbortSignal },
) {
  if (passed.length === 0) return null;
  const own =
    options.embeddings === undefined
      ? await openVectors(join(dir, curateFiles.embeddings), ids, embeddingDim)
      : null;
  const all = options.embeddings ?? own;
  if (all === null) return null;
  try {
    const rowOf =
      options.embeddings === undefined ? null : new Map(all.ids.map((id, row) => [id, row]));
    const rows = passed.map(({ id, row }) => (rowOf === null ? row : (rowOf.get(id) ?? -1)));
    const known = rows.flatMap((row, i) => (row < 0 ? [] : [i]));
    if (known.length === 0) return null;
    const store: VectorStore = {
      ids: known.map((i) => passed[i].id),
      dim: all.dim,
      gather: (wanted) => all.gather(wanted.map((i) => rows[known[i]])),
    };
    const { eps, mode, clusters } = policy.dedup;
    const dedup = await semDedup(store, {
      seed: policy.seed,
      // Clusters only have to bring look-alikes together; the last few rows that still move do not matter.
      maxRounds: 30,
      ...(clusters === null ? {} : { clusters: Math.min(clusters, known.length) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const table = [];
    for (const tried of triedEps) {
      table.push({
        eps: tried,
        plain: removedAt(dedup.tables, tried).length,
        greedy: (await greedyRemovals(store, dedup.tables, tried)).length,
      });
    }
    const removed =
      eps === null
        ? []
        : mode === "plain"
          ? removedAt(dedup.tables, eps)
          : await greedyRemovals(store, dedup.tables, eps);
    return {
      dedup,
      removed: new Set(removed),
      facts: { rows: known.length, clusters: dedup.clusters, iterations: dedup.iterations, table },
    };
  } finally {
    await own?.close();
  }
}

/** The columns of Cosmos Curator's pruning tables, with the cluster beside them. */
function* pruningRows(dedup: SemDedup | null): Generator<unknown> {
  for (const { cluster, ids, maxIds, scores } of dedup?.tables ?? []) {
    for (const [i, id] of ids.entries()) {
      yield { cluster, id, max_id: maxIds[i], cosine_sim_score: scores[i] };
    }
  }
}
