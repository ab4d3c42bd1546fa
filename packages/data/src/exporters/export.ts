/** Exports a data set: drives one at a time, bad ones skipped and listed in `skipped.jsonl` of the export. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Dataset } from "../dataset/dataset.ts";
import { type SplitName, splitNames } from "../dataset/splits.ts";
import { lateralDecisions, longitudinalDecisions } from "../decision.ts";
import type { DriveHandle } from "../drive-handle.ts";
import { DataConfigError, FormatError, SampleError } from "../errors.ts";
import { atomicWriteFile } from "../io/atomic.ts";
import { writeJsonl } from "../io/json.ts";
import { type JsonlGroups, openJsonlGroups } from "../io/jsonl-groups.ts";
import {
  type DatasetSink,
  defaultExportOptions,
  type ExportInput,
  type ExportLabel,
  type ExportOptions,
  type ExportSkip,
} from "./sink.ts";

const labelSchema = z.looseObject({
  driveId: z.string(),
  t0Us: z.number().int(),
  trace: z.string().nullable().optional(),
  status: z.string().optional(),
  longitudinal: z.enum(longitudinalDecisions).nullable().optional(),
  lateral: z.enum(lateralDecisions).nullable().optional(),
  lateralSide: z.enum(["left", "right"]).nullable().optional(),
  teacher: z.string().optional(),
});

export interface ExportRunOptions extends Partial<ExportOptions> {
  /** Names of label files (`labels/<name>.jsonl`); the first that has a moment wins. Default: all that are there of `defaultLabelFiles`. */
  readonly labels?: readonly string[];
  onProgress?(progress: {
    readonly done: number;
    readonly total: number;
    readonly id: string;
  }): void;
  readonly signal?: AbortSignal;
}

/** Where accepted sentences are looked for, best first. */
export const defaultLabelFiles = ["reviewed", "accepted", "teacher", "oracle"] as const;

export interface ExportResult {
  readonly written: number;
  readonly skipped: readonly ExportSkip[];
  /** Labels that were not accepted, or have no sentence. */
  readonly notAccepted: number;
}

async function openLabels(dataset: Dataset, names: readonly string[] | undefined) {
  const files: { name: string; groups: JsonlGroups }[] = [];
  let notAccepted = 0;
  for (const name of names ?? defaultLabelFiles) {
    const path = dataset.labelsPath(name);
    if ((await stat(path).catch(() => null)) === null) {
      if (names === undefined) continue;
      throw new DataConfigError(
        `no labels "${name}" (${path}). Label the data set first, or name another file.`,
      );
    }
    const groups = await openJsonlGroups(path, (row) => {
      const label = labelSchema.safeParse(row);
      if (!label.success) {
        throw new FormatError(
          "format",
          { path },
          `a row is no label: ${label.error.issues[0].path.join(".")}: ${label.error.issues[0].message}. Label the data set again.`,
        );
      }
      if (
        typeof label.data.trace === "string" &&
        (label.data.status ?? "accepted") === "accepted"
      ) {
        return label.data.driveId;
      }
      notAccepted++;
      return null;
    });
    files.push({ name, groups });
  }
  return { files, notAccepted: () => notAccepted };
}

/** Labels of a drive, one a moment, in time order; text that came with the recording comes last in rank. */
async function labelsOf(
  drive: DriveHandle,
  files: readonly { readonly groups: JsonlGroups }[],
): Promise<ExportLabel[]> {
  const byTime = new Map<number, ExportLabel>();
  for (const { groups } of files) {
    for (const row of await groups.rows(drive.id)) {
      const label = labelSchema.parse(row);
      if (byTime.has(label.t0Us)) continue;
      byTime.set(label.t0Us, {
        t0Us: label.t0Us,
        trace: label.trace as string,
        longitudinal: label.longitudinal ?? null,
        lateral: label.lateral ?? null,
        lateralSide: label.lateralSide ?? null,
        teacher: label.teacher ?? "unknown",
      });
    }
  }
  for (const { stampUs, text } of (await drive.reasoning()) ?? []) {
    if (byTime.has(stampUs)) continue;
    byTime.set(stampUs, {
      t0Us: stampUs,
      trace: text,
      longitudinal: null,
      lateral: null,
      lateralSide: null,
      teacher: "source",
    });
  }
  return [...byTime.values()].sort((a, b) => a.t0Us - b.t0Us);
}

/** Exports the data set to the folder `out`. */
export async function exportDataset(
  dataset: Dataset,
  sink: DatasetSink,
  out: string,
  options: ExportRunOptions = {},
): Promise<ExportResult> {
  const { labels: names, onProgress, signal, ...chosen } = options;
  if (dataset.drives.length === 0) {
    throw new DataConfigError(`${dataset.dir}: has no drives; nothing to export.`);
  }
  const { files, notAccepted } = await openLabels(dataset, names);
  const splits = await dataset.splits();
  const splitOf = new Map<string, SplitName>(
    splits === null ? [] : splitNames.flatMap((s) => splits[s].map((id) => [id, s] as const)),
  );
  const skipped: ExportSkip[] = [];
  const total = dataset.drives.length;
  const seen = new Set<string>();
  const input: ExportInput = {
    name: dataset.name,
    fingerprint: dataset.fingerprint,
    drives: dataset.drives,
    splitOf: (id) => splitOf.get(id) ?? "train",
    skip: (item) => skipped.push(item),
    async *each(drives, work) {
      for (const entry of drives) {
        signal?.throwIfAborted();
        let drive: DriveHandle | null = null;
        try {
          drive = await dataset.open(entry.id);
          const labels = await labelsOf(drive, files);
          yield await work({ entry, drive, split: input.splitOf(entry.id), labels });
        } catch (error) {
          if (!(error instanceof FormatError || error instanceof SampleError)) throw error;
          skipped.push({ id: entry.id, code: error.code, error: error.message });
        } finally {
          await drive?.close();
        }
        seen.add(entry.id);
        onProgress?.({ done: Math.min(seen.size, total), total, id: entry.id });
      }
    },
  };
  try {
    const written = await sink.write(input, out, { ...defaultExportOptions, ...chosen });
    if (written === 0 && !sink.takesUnlabelled && skipped.length === 0) {
      throw new DataConfigError(
        `${dataset.dir}: no accepted sentence in it (${files.map((f) => f.name).join(", ") || "no label files"}; ${notAccepted()} labels were not accepted). Label it first: causeway label.`,
      );
    }
    await writeJsonl(join(out, "skipped.jsonl"), skipped);
    await atomicWriteFile(
      join(out, "export.json"),
      `${JSON.stringify(
        {
          format: sink.format,
          dataset: dataset.name,
          fingerprint: dataset.fingerprint,
          licences: [...new Set(dataset.drives.map((d) => d.licence))].sort(),
          labels: files.map((f) => f.name),
          written,
          skipped: skipped.length,
        },
        null,
        1,
      )}\n`,
    );
    return { written, skipped, notAccepted: notAccepted() };
  } finally {
    for (const { groups } of files) await groups.close();
  }
}
