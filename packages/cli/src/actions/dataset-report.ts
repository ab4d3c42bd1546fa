/** Gathers what the report of a dataset shows, from its files, and writes report.html. Files that are not there leave a gap. */
import { readFile, stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import {
  atomicWriteFile,
  type ClipRecord,
  countClip,
  curateFiles,
  type CurationSummary,
  type Dataset,
  FormatError,
  type Inventory,
  newInventory,
  openDataset,
  parsePolicy,
  readJsonl,
  readVersion,
  type RejectedClip,
  scoreDrive,
} from "@causeway/data";
import {
  type DatasetReportData,
  type RejectedShot,
  renderDatasetReport,
  type ReportDisagreement,
  type ReportSample,
} from "@causeway/eval";
import type { CommandContext, Outcome } from "../command.ts";
import { countKeyframes } from "../dataset-report/keyframe-counts.ts";
import { decisionText, gatherLabels, type PickedLabel } from "../dataset-report/label-rates.ts";
import { gatherCosts } from "../dataset-report/ledger-costs.ts";
import { shotsOf } from "../dataset-report/shots.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { driveReader } from "./drive-reader.ts";

const mostRejected = 12;

async function readSummary(dir: string): Promise<CurationSummary | null> {
  const bytes = await readFile(join(dir, "curate", curateFiles.summary), "utf8").catch(() => null);
  if (bytes === null) return null;
  try {
    const value = JSON.parse(bytes) as CurationSummary;
    return value.schema === "causeway/curation/1" ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** What the drives hold, each as one clip; pictures are not looked at but for one a drive. */
async function takeInventory(
  dataset: Dataset,
  context: Pick<CommandContext, "signal" | "progress">,
): Promise<{ inventory: Inventory; clips: ClipRecord[]; unreadable: Map<string, string> }> {
  const unreadable = new Map<string, string>();
  const inventory = newInventory();
  // One of each kind is enough for the samples.
  const clips = new Map<string, ClipRecord>();
  const policy = parsePolicy(
    { windows: { kind: "drive" }, pictures: { most: 1, everySecs: 3600 } },
    "report",
  );
  for (const [i, { id }] of dataset.drives.entries()) {
    context.signal.throwIfAborted();
    try {
      const drive = await dataset.open(id);
      try {
        for (const clip of (await scoreDrive(drive, policy, driveReader)).clips) {
          countClip(inventory, clip, true);
          const kind = `${clip.tags.manoeuvre}/${clip.tags.speed}/${clip.tags.scenario}`;
          if (clips.size < 200 && !clips.has(kind)) clips.set(kind, clip);
        }
      } finally {
        await drive.close();
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      unreadable.set(id, error.message);
    }
    context.progress.update("inventory", { done: i + 1, total: dataset.drives.length });
  }
  return { inventory, clips: [...clips.values()], unreadable };
}

function pickClips(clips: readonly ClipRecord[], most: number): ClipRecord[] {
  const rounds = new Map<string, number>();
  return clips
    .map((clip) => {
      const round = rounds.get(clip.tags.manoeuvre) ?? 0;
      rounds.set(clip.tags.manoeuvre, round + 1);
      return { clip, round };
    })
    .sort((a, b) => a.round - b.round)
    .slice(0, most)
    .map(({ clip }) => clip);
}

async function gatherSamples(
  dataset: Dataset,
  labels: readonly PickedLabel[],
  clips: readonly ClipRecord[],
): Promise<ReportSample[]> {
  if (labels.length > 0) {
    const shots = await shotsOf(
      dataset,
      labels.map(({ label }) => label),
    );
    return labels.map(({ label }, i) => ({
      id: label.id,
      chips: label.causeIds.map((c) => label.components.find((k) => k.id === c)?.kind ?? c),
      trace: label.trace,
      decision: decisionText(label),
      teacher: label.teacher,
      status: label.status,
      shot: shots[i] ?? null,
    }));
  }
  const picked = pickClips(clips, 12);
  const middle = (c: ClipRecord) => (c.startUs + c.endUs) / 2;
  const shots = await shotsOf(
    dataset,
    picked.map((c) => ({ driveId: c.driveId, t0Us: middle(c) })),
  );
  return picked.map((clip, i) => ({
    id: clip.id,
    chips: [clip.tags.manoeuvre, clip.tags.speed, clip.tags.longitudinal, clip.tags.light].filter(
      (t) => t !== null,
    ),
    trace: null,
    decision: null,
    teacher: null,
    status: null,
    shot: shots[i] ?? null,
  }));
}

/** A few of each kind of rejection: the first of each first reason. */
async function gatherRejected(dataset: Dataset, dir: string): Promise<RejectedShot[]> {
  const path = join(dir, "curate", curateFiles.rejected);
  if ((await stat(path).catch(() => null)) === null) return [];
  const kinds = new Map<string, RejectedClip[]>();
  for await (const row of readJsonl(path)) {
    const clip = row as RejectedClip;
    const kind = clip.stage === "filter" ? (clip.reasons[0] ?? "").split(":")[0] : clip.stage;
    const list = kinds.get(kind ?? "") ?? [];
    if (list.length < 4) list.push(clip);
    kinds.set(kind ?? "", list);
  }
  const picked: RejectedClip[] = [];
  for (let round = 0; round < 4; round++)
    for (const list of kinds.values()) {
      const clip = list[round];
      if (clip !== undefined && picked.length < mostRejected) picked.push(clip);
    }
  // Twins of duplicates are named by id; where they lie is in the clip rows.
  const twins = new Map<string, ClipRecord>();
  const wanted = new Set(picked.flatMap((c) => (c.duplicateOf === null ? [] : [c.duplicateOf])));
  const clipsPath = join(dir, "curate", curateFiles.clips);
  if (wanted.size > 0 && (await stat(clipsPath).catch(() => null)) !== null)
    for await (const row of readJsonl(clipsPath)) {
      const clip = row as ClipRecord;
      if (wanted.has(clip.id)) twins.set(clip.id, clip);
    }
  const requests = picked.flatMap((clip) => {
    const twin = clip.duplicateOf === null ? undefined : twins.get(clip.duplicateOf);
    return [clip, ...(twin === undefined ? [] : [twin])].map((c) => ({
      driveId: c.driveId,
      t0Us: (c.startUs + c.endUs) / 2,
    }));
  });
  const shots = await shotsOf(dataset, requests);
  let at = 0;
  return picked.map((clip) => {
    const shot = shots[at++] ?? null;
    const twin = clip.duplicateOf === null ? undefined : twins.get(clip.duplicateOf);
    return {
      id: clip.id,
      stage: clip.stage,
      reasons: clip.reasons,
      shot,
      twin: twin === undefined ? null : { id: twin.id, shot: shots[at++] ?? null },
    };
  });
}

export async function datasetReportData(
  dir: string,
  context: Pick<CommandContext, "signal" | "progress">,
): Promise<DatasetReportData> {
  const dataset = await openDataset(dir);
  const version = await readVersion(dir);
  const summary = await readSummary(dir);
  // A curation of other drives than those that are here now says nothing about them.
  const isCurrent =
    summary !== null &&
    (version === null
      ? summary.dataset.fingerprint === dataset.fingerprint
      : summary.policyHash === version.policyHash);
  const curation = isCurrent ? summary : null;
  const labels = await gatherLabels(dataset, context.signal);
  const counted = await takeInventory(dataset, context);
  const shots = await shotsOf(
    dataset,
    labels.disagreements.map(({ label }) => label),
  );
  const costs = await gatherCosts(dir);
  const splits = await dataset.splits();
  const formats = new Map<string, number>();
  for (const { format } of dataset.drives) formats.set(format, (formats.get(format) ?? 0) + 1);
  /** What is not in the numbers, each once. */
  const skipped = new Map(counted.unreadable);
  for (const file of [
    "skipped.jsonl",
    join("labels", "skipped.jsonl"),
    join("curate", curateFiles.skipped),
  ]) {
    const path = join(dir, file);
    if ((await stat(path).catch(() => null)) === null) continue;
    for await (const row of readJsonl(path)) {
      const { id, error } = row as { id: string; error: string };
      skipped.set(id, error);
    }
  }
  const unread = [...labels.unreadable, ...costs.unreadable].filter((u) => !skipped.has(u.what));
  return {
    name: dataset.name,
    licence: [...new Set(dataset.drives.map((d) => d.licence))].join("; "),
    fingerprint: dataset.fingerprint,
    drives: dataset.drives.length,
    withoutMotion: dataset.drives.filter((d) => d.hasMotion === false).length,
    questions: dataset.drives.reduce((sum, d) => sum + (d.questions ?? 0), 0),
    hours: dataset.drives.reduce((sum, d) => sum + d.durationUs / 3.6e9, 0),
    formats: [...formats].map(([format, drives]) => ({ format, drives })),
    splits:
      splits === null
        ? null
        : { train: splits.train.length, val: splits.val.length, test: splits.test.length },
    lineage: version?.lineage ?? [],
    policyHash: version?.policyHash ?? null,
    inventory: counted.inventory,
    curation,
    isVersion: version !== null,
    rejected: curation === null ? [] : await gatherRejected(dataset, dir),
    keyframes: await countKeyframes(dataset.labelsPath("meta-actions")),
    labels: labels.rates,
    disagreements: labels.disagreements.map(
      ({ label, findings }, i): ReportDisagreement => ({
        id: label.id,
        chips: label.causeIds.map((c) => label.components.find((k) => k.id === c)?.kind ?? c),
        trace: label.trace,
        decision: decisionText(label),
        teacher: label.teacher,
        status: label.status,
        shot: shots[i] ?? null,
        findings,
      }),
    ),
    samples: await gatherSamples(dataset, labels.samples, counted.clips),
    ledgers: costs.ledgers,
    skipped: [...[...skipped].map(([what, why]) => ({ what, why })), ...unread],
  };
}

/** Returns the path of the page. */
export async function writeDatasetReport(
  dir: string,
  context: Pick<CommandContext, "signal" | "progress">,
): Promise<string> {
  const data = await datasetReportData(dir, context);
  const path = join(dir, "report.html");
  await atomicWriteFile(path, renderDatasetReport(data));
  context.progress.finish(
    "inventory",
    `${data.drives} drives, ${data.labels.length} files of labels`,
  );
  return path;
}

export async function reportDataset(context: CommandContext, path: string): Promise<Outcome> {
  const dir = resolve(path);
  if (context.isDryRun)
    return {
      data: { dir },
      text: `report.html of ${basename(dir)} would be written. Nothing was written (--dry-run).`,
    };
  const release = await lockFolder(dir);
  try {
    const report = await writeDatasetReport(dir, context);
    return {
      data: { dir, report },
      text: `report: ${relative(process.cwd(), report) || report}`,
    };
  } finally {
    await release();
  }
}
