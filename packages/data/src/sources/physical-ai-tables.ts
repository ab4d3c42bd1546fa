/** The tables of a PhysicalAI-AV folder: features, clips, metadata, reasoning; and per chunk archives and calibration. */
import { stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { z } from "zod";
import type { ReasoningEvent } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";
import { parseJson } from "../io/json.ts";
import { openZip, type ZipFile } from "../io/zip-file.ts";
import { parseCsv } from "./csv.ts";
import { type ParquetRow, readParquet } from "./parquet.ts";

const maxTableBytes = 256 * 2 ** 20;

export interface Feature {
  readonly name: string;
  readonly directory: string;
  readonly chunkPath: string;
  /** Names in the archive by kind ("video", "frame_timestamps", "egomotion"), with `{clip_id}`; empty for plain tables. */
  readonly files: Readonly<Record<string, string>>;
}

export interface ClipRow {
  readonly id: string;
  readonly chunk: number;
  readonly split: string;
  readonly isValid: boolean;
}

export interface ClipReasoning {
  readonly feature: string | null;
  readonly cluster: string | null;
  readonly split: string | null;
  /** Times on the clip's own clock. */
  readonly events: readonly ReasoningEvent[];
}

export interface PaiRoot {
  readonly path: string;
  readonly features: ReadonlyMap<string, Feature>;
  /** In the order of the index. */
  readonly clips: ReadonlyMap<string, ClipRow>;
  /** Text of the events column is parsed when a clip is read, so that one bad row spoils one clip. */
  readonly reasoning: ReadonlyMap<string, ParquetRow> | null;
  readonly collection: ReadonlyMap<string, ParquetRow>;
  chunkPath(feature: Feature, chunk: number): string;
}

const filesSchema = z.record(z.string(), z.string());

async function readFeatures(path: string): Promise<Map<string, Feature>> {
  const [head, ...rows] = parseCsv(
    Buffer.from(await readWholeFile(path, maxTableBytes)).toString(),
  );
  const columns = ["feature", "directory", "chunk_path", "clip_files_in_zip"].map((name) => {
    const at = head?.indexOf(name) ?? -1;
    if (at < 0) {
      throw new FormatError(
        "missing",
        { path, row: 1 },
        `no column ${name}; it has ${head?.join(", ") ?? "nothing"}. Check that this is the features table.`,
      );
    }
    return at;
  });
  const features = new Map<string, Feature>();
  rows.forEach((row, i) => {
    const [name, directory, chunkPath, files] = columns.map((c) => row[c] ?? "");
    const place = { path, row: i + 2 };
    const parsed = filesSchema.safeParse(files === "" ? {} : parseJson(Buffer.from(files), place));
    if (!parsed.success) {
      throw new FormatError(
        "format",
        place,
        `clip_files_in_zip of ${name} is no object of names. Fetch the table again.`,
      );
    }
    features.set(name, { name, directory, chunkPath, files: parsed.data });
  });
  return features;
}

const isThere = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null)) !== null;

async function byClip(path: string): Promise<Map<string, ParquetRow>> {
  const rows = (await isThere(path)) ? await readParquet(path) : [];
  return new Map(rows.map((row) => [String(row.clip_id), row]));
}

export async function openPaiRoot(path: string): Promise<PaiRoot> {
  const indexPath = join(path, "clip_index.parquet");
  const clips = new Map<string, ClipRow>();
  const rows = await readParquet(indexPath, { columns: ["clip_id", "chunk", "split"] });
  const valid = await readParquet(indexPath, { columns: ["clip_is_valid"] }).catch(() => null);
  rows.forEach((row, i) => {
    const id = String(row.clip_id);
    const chunk = row.chunk;
    if (typeof chunk !== "number" || !Number.isInteger(chunk) || chunk < 0) {
      throw new FormatError(
        "value",
        { path: indexPath, row: i + 1 },
        `chunk is ${String(chunk)}; expected a whole number.`,
      );
    }
    const isValid = valid?.[i].clip_is_valid !== false;
    clips.set(id, { id, chunk, split: String(row.split), isValid });
  });
  const reasoningPath = join(path, "reasoning", "ood_reasoning.parquet");
  const root = resolve(path);
  return {
    path,
    features: await readFeatures(join(path, "features.csv")),
    clips,
    reasoning: (await isThere(reasoningPath)) ? await byClip(reasoningPath) : null,
    collection: await byClip(join(path, "metadata", "data_collection.parquet")),
    chunkPath(feature, chunk) {
      const text = feature.chunkPath.replace(/\{chunk_id(?::0(\d+)d)?\}/g, (_, digits?: string) =>
        String(chunk).padStart(Number(digits ?? 0), "0"),
      );
      const full = resolve(root, text);
      if (relative(root, full).startsWith("..")) {
        throw new FormatError(
          "value",
          { path: join(path, "features.csv") },
          `chunk_path of ${feature.name} leaves the folder. Fetch the table again.`,
        );
      }
      return full;
    },
  };
}

const eventSchema = z.looseObject({
  event_start_timestamp: z.number().int(),
  coc: z.string().optional(),
  cot: z.string().optional(),
});

/** The events of a clip, text from `coc` or `cot`; null when the table has no row for it. */
export function reasoningOf(root: PaiRoot, clipId: string): ClipReasoning | null {
  const row = root.reasoning?.get(clipId);
  if (row === undefined) return null;
  const path = join(root.path, "reasoning", "ood_reasoning.parquet");
  const fail = (what: string): never => {
    throw new FormatError("format", { path }, `clip ${clipId}: ${what}`);
  };
  const list = parseJson(Buffer.from(typeof row.events === "string" ? row.events : "[]"), { path });
  if (!Array.isArray(list)) return fail("events is no list; expected a JSON list of events.");
  const events = list.map((value, i): ReasoningEvent => {
    const parsed = eventSchema.safeParse(value);
    if (!parsed.success) {
      return fail(
        `event ${i + 1}: ${parsed.error.issues[0].path.join(".")}: ${parsed.error.issues[0].message}.`,
      );
    }
    const text = parsed.data.coc ?? parsed.data.cot;
    if (text === undefined || text.trim() === "") {
      return fail(
        `event ${i + 1} has neither "coc" nor "cot" (it has ${Object.keys(parsed.data).join(", ")}); expected the reasoning text under one of them. Fetch the table again, or take the file away to import without reasoning.`,
      );
    }
    return { stampUs: parsed.data.event_start_timestamp, text };
  });
  const textOf = (key: string) => (typeof row[key] === "string" ? (row[key] as string) : null);
  return {
    feature: textOf("feature"),
    cluster: textOf("event_cluster"),
    split: textOf("split"),
    events: events.sort((a, b) => a.stampUs - b.stampUs),
  };
}

/** Keeps the last few archives of a root open: clips of one chunk lie in the same ones. */
export function createZipCache(maxOpen = 16): { open(path: string): Promise<ZipFile> } {
  const kept = new Map<string, Promise<ZipFile>>();
  return {
    open(path) {
      let zip = kept.get(path);
      if (zip === undefined) {
        zip = openZip(path);
        kept.set(path, zip);
        zip.catch(() => kept.delete(path));
        for (const [oldest, old] of kept) {
          if (kept.size <= maxOpen) break;
          kept.delete(oldest);
          void old.then((z) => z.close()).catch(() => undefined);
        }
      }
      return zip;
    },
  };
}
