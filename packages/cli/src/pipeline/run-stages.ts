import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { StoppedError } from "../errors.ts";
import { durationText, type Progress } from "../progress.ts";
import { writeJsonAtomic } from "./atomic-file.ts";
import { runInChildren } from "./child-work.ts";
import { codeVersion } from "./code-version.ts";
import { hashJson, recordFiles } from "./content-hash.ts";
import { startMemoryMeter } from "./peak-memory.ts";
import type { Stage, StageMarker, StageState } from "./stage.ts";

export interface RunStagesOptions {
  readonly runDir: string;
  readonly stages: readonly Stage[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Digests of inputs that are no stage of this call: a dataset made elsewhere, weights of another run. */
  readonly given?: ReadonlyMap<string, string>;
}

export interface StagePlan {
  readonly stage: Stage;
  readonly state: StageState;
  /** Why it is not done, for people. */
  readonly reason: string;
}

interface StartedMark {
  readonly key: string;
  readonly wallSecs: number;
}

const markerPath = (runDir: string, name: string): string => join(runDir, "stages", `${name}.json`);
const startedPath = (runDir: string, name: string): string =>
  join(runDir, "stages", `${name}.started.json`);

async function readJson<T>(path: string): Promise<T | null> {
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text) as T;
  } catch {
    // Markers are written atomically; an unreadable one was damaged by hand and counts as absent.
    return null;
  }
}

/** Sizes are compared, content is not: hashing gigabytes on every run would cost more than it finds. */
async function hasAllFiles(runDir: string, marker: StageMarker): Promise<boolean> {
  for (const file of marker.files) {
    const info = await stat(join(runDir, file.path)).catch(() => null);
    if (info === null || info.size !== file.bytes) return false;
  }
  return true;
}

function stageKey(stage: Stage, digests: ReadonlyMap<string, string>): string {
  const inputs = stage.needs.map((need) => {
    const digest = digests.get(need);
    if (digest === undefined)
      throw new Error(
        `stage ${stage.name} needs ${need}, which is neither an earlier stage nor given`,
      );
    return [need, digest];
  });
  const { name, options } = stage;
  return hashJson({ name, options, inputs, code: codeVersion(stage.module) });
}

async function planStage(
  runDir: string,
  stage: Stage,
  key: string,
): Promise<{ plan: StagePlan; marker: StageMarker | null }> {
  const marker = await readJson<StageMarker>(markerPath(runDir, stage.name));
  if (marker !== null && marker.key === key && (await hasAllFiles(runDir, marker)))
    return { plan: { stage, state: "done", reason: marker.summary }, marker };
  const started = await readJson<StartedMark>(startedPath(runDir, stage.name));
  if (started !== null && started.key === key)
    return { plan: { stage, state: "goes on", reason: "was interrupted" }, marker: null };
  const reason =
    marker === null
      ? "not run yet"
      : marker.key === key
        ? "an output is missing"
        : "its options, inputs or code changed";
  return { plan: { stage, state: "starts", reason }, marker: null };
}

/** Digest of a stage that finished earlier in this folder, whatever its code was then; null when it has not. */
export async function finishedDigest(runDir: string, name: string): Promise<string | null> {
  const marker = await readJson<StageMarker>(markerPath(runDir, name));
  return marker !== null && (await hasAllFiles(runDir, marker)) ? marker.digest : null;
}

/** What `runStages` would do. Stages after one that is not done are listed as starting. */
export async function planStages(
  runDir: string,
  stages: readonly Stage[],
  given: ReadonlyMap<string, string> = new Map(),
): Promise<StagePlan[]> {
  const plans: StagePlan[] = [];
  const digests = new Map(given);
  for (const stage of stages) {
    const missing = stage.needs.find((need) => !digests.has(need));
    if (missing !== undefined) {
      plans.push({ stage, state: "starts", reason: "an earlier stage comes first" });
      continue;
    }
    const { plan, marker } = await planStage(runDir, stage, stageKey(stage, digests));
    if (marker !== null) digests.set(stage.name, marker.digest);
    plans.push(plan);
  }
  return plans;
}

/** Runs what is not done, in order. Returns the markers of all stages and how many of them ran now. */
export async function runStages({
  runDir,
  stages,
  progress,
  signal,
  now,
  given = new Map(),
}: RunStagesOptions): Promise<{ markers: StageMarker[]; numRun: number }> {
  const markers: StageMarker[] = [];
  const digests = new Map(given);
  let numRun = 0;
  for (const [i, stage] of stages.entries()) {
    const label = `[${i + 1}/${stages.length}] ${stage.title}`;
    const key = stageKey(stage, digests);
    let { plan, marker } = await planStage(runDir, stage, key);
    if (marker === null) {
      marker = await runStage(runDir, stage, i, key, plan, { label, progress, signal, now });
      numRun++;
    } else progress.finish(label, `done before (${marker.summary})`);
    markers.push(marker);
    digests.set(stage.name, marker.digest);
  }
  return { markers, numRun };
}

async function runStage(
  runDir: string,
  stage: Stage,
  order: number,
  key: string,
  plan: StagePlan,
  ui: { label: string; progress: Progress; signal: AbortSignal; now: () => number },
): Promise<StageMarker> {
  const { label, progress, signal, now } = ui;
  if (signal.aborted) throw new StoppedError();
  const started = startedPath(runDir, stage.name);
  const earlierSecs =
    plan.state === "goes on" ? ((await readJson<StartedMark>(started))?.wallSecs ?? 0) : 0;
  await rm(markerPath(runDir, stage.name), { force: true });
  if (plan.state === "starts") {
    // Outputs of other options must not be taken for ours. The started mark goes first, so that a kill in between
    // cannot leave it beside half-removed files.
    await rm(started, { force: true });
    for (const path of [...stage.outputs, ...(stage.records ?? [])])
      await rm(join(runDir, path), { recursive: true, force: true });
    await writeJsonAtomic(started, { key, wallSecs: 0 } satisfies StartedMark);
  } else progress.line(`${label}: goes on where it stopped`);

  const startMs = now();
  const meter = startMemoryMeter();
  const wallSecs = (): number => Math.round(earlierSecs * 10 + (now() - startMs) / 100) / 10;
  try {
    progress.update(label, { done: 0, total: 1, note: "starts" });
    const results = await runInChildren<unknown>(
      {
        module: stage.module,
        options: { runDir, options: stage.options, setting: stage.setting },
        parts: stage.parts,
      },
      {
        signal,
        meter,
        progress: (update) => progress.update(label, update),
        line: (text) => progress.line(text),
      },
    );
    const files = await recordFiles(runDir, stage.outputs);
    const marker: StageMarker = {
      name: stage.name,
      title: stage.title,
      order,
      key,
      digest: hashJson(files.map((f) => [f.path, f.sha256])),
      files,
      summary: stage.summarize?.(results) ?? `${files.length} files`,
      wallSecs: wallSecs(),
      peakRssMb: meter.peakMb(),
    };
    await writeJsonAtomic(markerPath(runDir, stage.name), marker);
    await rm(started, { force: true });
    progress.finish(label, `${marker.summary} (${durationText(marker.wallSecs)})`);
    return marker;
  } catch (error) {
    // A stop or an error that we saw: remember the time spent. After kill -9 it is simply not counted.
    await writeJsonAtomic(started, { key, wallSecs: wallSecs() } satisfies StartedMark).catch(
      () => {},
    );
    throw error;
  } finally {
    meter.stop();
  }
}
