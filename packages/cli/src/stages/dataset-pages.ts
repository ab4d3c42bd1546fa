/** Work: report/index.html of a labelled dataset and one page per drive. */
import { join, resolve } from "node:path";
import { openDataset, readJsonl } from "@causeway/data";
import {
  type DatasetIndexDrive,
  renderDatasetIndex,
  renderDrivePage,
  writeText,
} from "@causeway/eval";
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

/** Every nth value, about `count` of them. */
const thin = (values: ArrayLike<number>, count = 100): number[] => {
  const every = Math.max(1, Math.ceil(values.length / count));
  return Array.from(values).filter((_, i) => i % every === 0);
};

async function readIfThere(path: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  try {
    for await (const row of readJsonl(path)) rows.push(row);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return rows;
}

export const work: Work<WorkInput<PagesOptions, DataSetting>, PagesResult> = async (
  { runDir, options, setting },
  context,
) => {
  const dir = resolve(runDir, setting.dataDir);
  const dataset = await openDataset(dir);
  const traces = new Map<string, { t0Us: number; trace: string }[]>();
  for await (const row of readJsonl(dataset.labelsPath("oracle"))) {
    const { driveId, t0Us, trace } = row as { driveId: string; t0Us: number; trace: string | null };
    if (trace === null) continue;
    const list = traces.get(driveId) ?? [];
    list.push({ t0Us, trace });
    traces.set(driveId, list);
  }
  const rows: DatasetIndexDrive[] = [];
  for (const [i, { id }] of dataset.drives.entries()) {
    context.signal.throwIfAborted();
    const drive = await dataset.open(id);
    try {
      const view = await viewDrive(drive);
      const labels = traces.get(id) ?? [];
      const hasPage = i < options.maxPages;
      const page = drivePageData(view, {
        traces: labels,
        pictures: hasPage ? await drivePictures(drive) : [],
        indexHref: "../index.html",
      });
      if (hasPage) writeText(join(dir, "report", "drives", `${id}.html`), renderDrivePage(page));
      const { series } = view.motion;
      rows.push({
        id,
        href: hasPage ? `drives/${id}.html` : null,
        format: view.format,
        scenario: view.scenario,
        durationSecs: view.durationSecs,
        distanceM: view.distanceM,
        keyframes: view.motion.keyframes.length,
        labels: labels.length,
        hasMap: view.map !== null,
        numCameras: view.cameras.length,
        speedMps: thin(series.speedMps),
        x: thin(series.x),
        y: thin(series.y),
        band: page.bands[0] ?? null,
      });
    } finally {
      await drive.close();
    }
    context.progress({ done: i + 1, total: dataset.drives.length });
  }
  const skipped = (await readIfThere(join(dir, "skipped.jsonl"))) as {
    id: string;
    error: string;
  }[];
  const licences = [...new Set(dataset.drives.map((d) => d.licence))];
  writeText(
    join(dir, "report", "index.html"),
    renderDatasetIndex({
      name: dataset.name,
      licence: licences.join("; "),
      fingerprint: dataset.fingerprint.slice(0, 16),
      drives: rows,
      skipped: skipped.map((s) => ({ what: s.id, why: s.error })),
    }),
  );
  return { index: "report/index.html" };
};
