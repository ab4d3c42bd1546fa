import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** JSON with sorted keys: equal values give equal text whatever the order of their keys. */
export function canonicalJson(value: unknown): string {
  const sort = (v: unknown): unknown => {
    if (Array.isArray(v)) return v.map(sort);
    if (typeof v !== "object" || v === null) return v;
    const entries = Object.entries(v).filter(([, item]) => item !== undefined);
    return Object.fromEntries(
      entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, item]) => [k, sort(item)]),
    );
  };
  return JSON.stringify(sort(value));
}

export const hashText = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 32);

export const hashJson = (value: unknown): string => hashText(canonicalJson(value));

export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    hash.update(chunk as Buffer);
  return hash.digest("hex").slice(0, 32);
}

export interface FileRecord {
  /** Relative to the root that was hashed, "/" between parts. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Files at or below `path` (a file or a folder below `root`), sorted. Temporary files do not count. */
export async function listFiles(root: string, path: string): Promise<string[]> {
  const info = await stat(join(root, path)).catch(() => null);
  if (info === null) return [];
  if (!info.isDirectory()) return isTemporary(path) ? [] : [path];
  const names = await readdir(join(root, path));
  const nested = await Promise.all(names.map((name) => listFiles(root, `${path}/${name}`)));
  return nested.flat().sort();
}

const isTemporary = (path: string): boolean => /\.(tmp|part)(-[^/]*)?$/.test(path);

/** Content records of several files and folders below `root`, in path order. */
export async function recordFiles(root: string, paths: readonly string[]): Promise<FileRecord[]> {
  const records: FileRecord[] = [];
  for (const path of paths) {
    for (const file of await listFiles(root, path)) {
      const { size } = await stat(join(root, file));
      records.push({ path: file, bytes: size, sha256: await hashFile(join(root, file)) });
    }
  }
  return records;
}
