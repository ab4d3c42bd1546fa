/** What a user names on the command line as jobs: files, folders, globs, JSON Lines of jobs and CSV of questions. */
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join, relative, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";

export type MediaKind = "image" | "video" | "drive";

export interface ReasonJob {
  /** Unique: the path as named, or the id of a job file. */
  readonly id: string;
  /** Absolute paths. */
  readonly media: readonly string[];
  /** Of this job alone; else the command's. */
  readonly prompt: string | null;
  readonly values: Readonly<Record<string, string>>;
  /** Of a question file: what its answer goes by. */
  readonly asked?: { readonly questionId: string; readonly segmentId: string };
}

const kinds: Readonly<Record<string, MediaKind>> = {
  ".png": "image",
  ".jpg": "image",
  ".jpeg": "image",
  ".webp": "image",
  ".mp4": "video",
  ".m4v": "video",
  ".mov": "video",
  ".mkv": "video",
  ".webm": "video",
  ".mcap": "drive",
};

export const kindOfFile = (path: string): MediaKind | null =>
  kinds[extname(path).toLowerCase()] ?? null;

const jobShape = z.strictObject({
  id: z.union([z.string().min(1), z.number()]).optional(),
  media: z.union([z.string(), z.array(z.string())]).default([]),
  prompt: z.string().optional(),
  values: z.record(z.string(), z.string()).default({}),
  question: z.string().optional(),
});

export interface JobList {
  readonly jobs: readonly ReasonJob[];
  /** Files that are neither picture nor video nor drive, and rows that cannot be used, with the reason. */
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

export async function findJobs(inputs: readonly string[], cwd: string): Promise<JobList> {
  const jobs: ReasonJob[] = [];
  const skipped: { what: string; why: string }[] = [];
  const addFile = (path: string): void => {
    jobs.push({
      id: relative(cwd, path).replaceAll("\\", "/") || path,
      media: [path],
      prompt: null,
      values: {},
    });
  };
  for (const input of inputs) {
    refuseAddress(input);
    const path = resolve(cwd, input);
    const info = await stat(path).catch(() => null);
    if (info?.isDirectory() === true) {
      for (const file of await filesBelow(path)) {
        if (kindOfFile(file) !== null) addFile(file);
        else skipped.push({ what: relative(cwd, file), why: "no picture, video or drive" });
      }
    } else if (info !== null) {
      if (path.endsWith(".jsonl")) await readJobFile(path, jobs, skipped);
      else if (path.endsWith(".csv")) {
        const { readQuestionFile } = await import("./question-csv.ts");
        await readQuestionFile(path, jobs, skipped);
      } else if (kindOfFile(path) !== null) addFile(path);
      else
        throw new UserError(
          "INPUT",
          `"${input}" is no picture (png, jpg, webp), video (mp4, mov, mkv, webm), drive (mcap), job file (jsonl) or question file (csv)`,
        );
    } else if (/[*?]/.test(input)) {
      const found = await expandGlob(path);
      if (found.length === 0) throw new UserError("INPUT", `nothing matches ${input}`);
      for (const file of found) if (kindOfFile(file) !== null) addFile(file);
    } else throw new UserError("INPUT", `no such file or folder (${input})`);
  }
  if (jobs.length === 0)
    throw new UserError("INPUT", "no picture, video or drive was found in what was named");
  return { jobs, skipped };
}

function refuseAddress(text: string): void {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text))
    throw new UserError(
      "INPUT",
      `"${text}" is an address; media are never fetched. Download it and name the file`,
    );
}

async function readJobFile(
  path: string,
  jobs: ReasonJob[],
  skipped: { what: string; why: string }[],
): Promise<void> {
  const { readLog } = await import("@causeway/reason");
  const { rows, damagedLines } = await readLog(path);
  for (const line of damagedLines)
    skipped.push({ what: `${path}:${line}`, why: "this line is no JSON" });
  for (const [i, row] of rows.entries()) {
    const parsed = jobShape.safeParse(row);
    const what = `${path} row ${i + 1}`;
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      skipped.push({
        what,
        why: `${issue?.path.join(".") ?? ""} ${issue?.message ?? "wrong"}`.trim(),
      });
      continue;
    }
    const { id, media, prompt, values, question } = parsed.data;
    const list = typeof media === "string" ? [media] : media;
    const address = list.find((m) => /^[a-z][a-z0-9+.-]+:\/\//i.test(m));
    const unknown = list.find((m) => kindOfFile(m) === null);
    if (address !== undefined || unknown !== undefined) {
      const why =
        address !== undefined
          ? `"${address}" is an address; media are never fetched`
          : `"${unknown}" is no picture, video or drive`;
      skipped.push({ what, why });
      continue;
    }
    jobs.push({
      id: String(id ?? `${list[0] ?? "row"}#${i + 1}`),
      media: list.map((m) => resolve(dirname(path), m)),
      prompt: prompt ?? (question === undefined ? null : "vqa"),
      values: question === undefined ? values : { ...values, question },
    });
  }
}

/** Files at any depth, sorted; hidden ones are left out. */
async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(path)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

/** `*` and `?` within a name, `**` across folders: for shells that do not expand. */
async function expandGlob(pattern: string): Promise<string[]> {
  const parts = pattern.replaceAll("\\", "/").split("/");
  const firstWild = parts.findIndex((part) => /[*?]/.test(part));
  const root = parts.slice(0, firstWild).join("/") || "/";
  const source = parts
    .slice(firstWild)
    .map((part) =>
      part === "**"
        ? "(?:.+/)?"
        : `${part
            .replace(/[.+^${}()|[\]\\]/g, "\\$&")
            .replace(/\*/g, "[^/]*")
            .replace(/\?/g, "[^/]")}/`,
    )
    .join("")
    .replace(/\/$/, "");
  const matcher = new RegExp(`^${source}$`);
  const files = await filesBelow(root).catch(() => [] as string[]);
  return files.filter((file) => matcher.test(relative(root, file).replaceAll("\\", "/")));
}
