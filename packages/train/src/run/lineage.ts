/**
 * What happened to each module of a model: stored in every checkpoint, so that nobody evaluates an expert that reads
 * the keys and values of a language model that has changed since.
 */
import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import type { ModuleMap } from "../loop/task.ts";

export interface ModuleState {
  /** "initial": random weights; "trained": fits what it reads; "stale": something it reads has changed since. */
  readonly state: "initial" | "trained" | "stale";
  /** Run and stage that trained it last; null when none did. */
  readonly trainedBy: string | null;
  /** Why it is stale; null otherwise. */
  readonly reason: string | null;
}

export interface StageRecord {
  readonly run: string;
  readonly stage: string;
  readonly steps: number;
  readonly seed: number;
  readonly dataset: string;
  readonly updated: readonly string[];
  readonly frozen: readonly string[];
  readonly madeStale: readonly string[];
}

export interface Lineage {
  readonly schema: 1;
  readonly modules: Readonly<Record<string, ModuleState>>;
  /** Oldest first. */
  readonly history: readonly StageRecord[];
}

const names = z.array(z.string());
const lineageSchema = z.object({
  schema: z.literal(1),
  modules: z.record(
    z.string(),
    z.object({
      state: z.enum(["initial", "trained", "stale"]),
      trainedBy: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
  history: z.array(
    z.object({
      run: z.string(),
      stage: z.string(),
      steps: z.number(),
      seed: z.number(),
      dataset: z.string(),
      updated: names,
      frozen: names,
      madeStale: names,
    }),
  ),
});

/** `lineage.json`. @throws CheckpointError that names the first field that is not as it is written. */
export function parseLineage(value: unknown): Lineage {
  const result = lineageSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CheckpointError(
    "ERR_CHECKPOINT_DAMAGED",
    `lineage.json: ${issue?.path.join(".") || "the file"}: ${issue?.message ?? "not a lineage"}. Restore it, or remove it to go without lineage.`,
  );
}

/** Lineage of fresh weights. */
export const initialLineage = (modules: readonly string[]): Lineage => ({
  schema: 1,
  modules: Object.fromEntries(
    [...new Set(modules)]
      .sort()
      .map((m): [string, ModuleState] => [m, { state: "initial", trainedBy: null, reason: null }]),
  ),
  history: [],
});

/** Lineage after `steps` steps of a stage that trains `trainedNames`. */
export function nextLineage(
  before: Lineage,
  stage: {
    readonly run: string;
    readonly stage: string;
    readonly steps: number;
    readonly seed: number;
    readonly dataset: string;
    readonly trainedNames: readonly string[];
    readonly map: ModuleMap;
  },
): Lineage {
  const { map, trainedNames, ...record } = stage;
  const updated = [...new Set(trainedNames.map((n) => map.moduleOf(n)))].sort();
  const by = `${stage.run} (${stage.stage})`;
  const modules: Record<string, ModuleState> = { ...before.modules };
  for (const module of updated) modules[module] = { state: "trained", trainedBy: by, reason: null };
  const madeStale: string[] = [];
  for (const module of updated)
    for (const reader of map.readBy.get(module) ?? []) {
      const state = modules[reader];
      // Random weights fit nothing, and a module trained together with what it reads fits it.
      if (!state || state.state === "initial" || updated.includes(reader)) continue;
      if (!madeStale.includes(reader)) madeStale.push(reader);
      modules[reader] = {
        ...state,
        state: "stale",
        reason: `${module} was trained by ${by} after ${reader} was fitted to it`,
      };
    }
  const frozen = Object.keys(modules).filter((m) => !updated.includes(m));
  return {
    schema: 1,
    modules,
    history: [...before.history, { ...record, updated, frozen, madeStale: madeStale.sort() }],
  };
}

/** Warnings for people who are about to use a checkpoint. */
export function lineageWarnings(lineage: Lineage): string[] {
  return Object.entries(lineage.modules).flatMap(([name, { state, reason }]) =>
    state === "stale"
      ? [`${name} is stale: ${reason}. Train it again before you trust what it says.`]
      : state === "initial"
        ? [`${name} has random weights: it was never trained.`]
        : [],
  );
}
