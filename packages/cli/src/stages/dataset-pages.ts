/** Work: report/index.html of a labelled dataset and one page per drive. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Dataset, openDataset, readJsonl, type SkippedDrive } from "@causeway/data";
import {
  type DatasetIndexDrive,
  renderDatasetIndex,
  renderDrivePage,
  writeText,
} from "@causeway/eval";
import type { CocLabel } from "@causeway/label";
import { drivePageData, drivePictures } from "../draw/drive-page-data.ts";
import { viewDrive } from "../draw/drive-view.ts";
import type { Work } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import type { DataSetting } from "./drives.ts";

export interface PagesOptions {
  /** Drives beyond this many are listed without a page. */
  readonly maxPages: number;
}
export interface PagesResult {
  /** Relative to the dataset folder. */
  readonly index: string;
}

/** Drives listed on the front page at most: a page with ten thousand rows helps nobody. */
const maxRows = 500;

/** Every nth value, about `count` of them. */
const thin = (values: ArrayLike<number>, count = 100): number[] => {
  const every = Math.max(1, Math.ceil(values.length / count));
  return Array.from(values).filter((_, i) => i % every === 0);
};

/** Skipped items as rows of the page; a folder where nothing was skipped may have no such file. */
async function skippedIn(path: string): Promise<{ what: string; why: string }[]> {
  if (!existsSync(path)) return [];
  const out: { what: string; why: string }[] = [];
  for await (const row of readJsonl(path)) {
    const { id, error } = row as SkippedDrive;
    out.push({ what: id, why: error });
  }
  return out;
}

type TraceRow = Pick<CocLabel, "driveId" | "t0Us" | "trace">;

/** Traces of one drive after the other, in the order of the file, which is that of the dataset: nothing else is held. */
async function* tracesByDrive(
  path: string,
): AsyncGenerator<{ driveId: string; traces: { t0Us: number; trace: string }[] }, void> {
  let group: { driveId: string; traces: { t0Us: number; trace: string }[] } | null = null;
  for await (const row of readJsonl(path)) {
    const { driveId, t0Us, trace } = row as TraceRow;
    if (group !== null && group.driveId !== driveId) yield group;
    if (group === null || group.driveId !== driveId) group = { driveId, traces: [] };
    if (trace !== null) group.traces.push({ t0Us, trace });
  }
  if (group !== null) yield group;
}

export const work: Work<WorkInput<PagesOptions, DataSetting>, PagesResult> = async (
  { runDir, options, setting },
  context,
) => {
  const dir = resolve(runDir, setting.dataDir);
  const dataset = await openDataset(dir);
  const skipped = [
    ...(await skippedIn(join(dir, "skipped.jsonl"))),
    ...(await skippedIn(dataset.labelsPath("skipped"))),
  ];
  const isSkipped = new Set(skipped.map((s) => s.what));
  const groups = tracesByDrive(dataset.labelsPath("oracle"));
  let group = await groups.next();
  const rows: DatasetIndexDrive[] = [];
  const totals = {
    drives: 0,
    durationSecs: 0,
    distanceM: 0,
    keyframes: 0,
    labels: 0,
    questions: 0,
    withoutMotion: 0,
  };
  for (const [i, { id }] of dataset.drives.entries()) {
    context.signal.throwIfAborted();
    while (group.done !== true && group.value.driveId < id) group = await groups.next();
    const traces = group.done !== true && group.value.driveId === id ? group.value.traces : [];
    if (!isSkipped.has(id)) {
      const hasPage = i < options.maxPages;
      const row = await pageOf(dataset, id, dir, traces, hasPage);
      totals.drives++;
      totals.durationSecs += row.durationSecs;
      totals.distanceM += row.distanceM ?? 0;
      totals.withoutMotion += row.distanceM === null ? 1 : 0;
      totals.questions += row.questions;
      totals.keyframes += row.keyframes;
      totals.labels += row.labels;
      if (rows.length < Math.max(maxRows, options.maxPages)) rows.push(row);
    }
    context.progress({ done: i + 1, total: dataset.drives.length });
  }
  const licences = [...new Set(dataset.drives.map((d) => d.licence))];
  writeText(
    join(dir, "report", "index.html"),
    renderDatasetIndex({
      name: dataset.name,
      licence: licences.join("; "),
      fingerprint: dataset.fingerprint.slice(0, 16),
      drives: rows,
      totals,
      skipped,
    }),
  );
  return { index: "report/index.html" };
};

/** The drive's row of the front page; writes its own page where it gets one. */
async function pageOf(
  dataset: Dataset,
  id: string,
  dir: string,
  traces: readonly { readonly t0Us: number; readonly trace: string }[],
  hasPage: boolean,
): Promise<DatasetIndexDrive> {
  const drive = await dataset.open(id);
  try {
    const view = await viewDrive(drive);
    const page = drivePageData(view, {
      traces,
      ...(hasPage
        ? await drivePictures(drive)
        : { pictures: [], questionPictures: new Map<number, never>() }),
      indexHref: "../index.html",
    });
    if (hasPage) writeText(join(dir, "report", "drives", `${id}.html`), renderDrivePage(page));
    const { series } = view.motion;
    return {
      id,
      href: hasPage ? `drives/${id}.html` : null,
      format: view.format,
      scenario: view.scenario,
      durationSecs: view.durationSecs,
      distanceM: view.distanceM,
      keyframes: view.motion.keyframes.length,
      labels: traces.length,
      questions: view.questions.reduce((sum, q) => sum + q.questions.length, 0),
      hasMap: view.map !== null,
      numCameras: view.cameras.length,
      speedMps: thin(series.speedMps),
      x: thin(series.x),
      y: thin(series.y),
      band: page.bands[0] ?? null,
    };
  } finally {
    await drive.close();
  }
}
