/**
 * An append-only log of JSON lines that survives kill -9 at any byte. A row is in the log when `append` returned:
 * written and synced, many rows in one sync. A line that a kill tore is cut off when the log is opened again.
 */
import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { dirname } from "node:path";
import { BatchConfigError } from "./shard.ts";

export interface LogContent {
  readonly rows: readonly unknown[];
  /** Lines that are no JSON, by number from 1; the last one may have been torn by a kill. */
  readonly damagedLines: readonly number[];
}

const maxLineBytes = 64 * 2 ** 20;

/** Reads every whole line. A missing file is an empty log. */
export async function readLog(path: string): Promise<LogContent> {
  const rows: unknown[] = [];
  const damagedLines: number[] = [];
  const stream = createReadStream(path);
  let number = 0;
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      number++;
      if (line === "") continue;
      try {
        if (line.length > maxLineBytes) throw new Error("line too long");
        rows.push(JSON.parse(line));
      } catch {
        damagedLines.push(number);
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { rows, damagedLines };
    throw error;
  }
  return { rows, damagedLines };
}

export class JsonlLog {
  readonly path: string;
  readonly #file: FileHandle;
  #waiting: { line: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #flushing: Promise<void> | null = null;
  #failure: unknown = null;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Opens for appending, alone: a second process gets an error that names the first. */
  static async open(path: string): Promise<JsonlLog> {
    await mkdir(dirname(path), { recursive: true });
    await takeLock(`${path}.lock`);
    try {
      const file = await open(path, "a+");
      await cutTornLine(file);
      return new JsonlLog(path, file);
    } catch (error) {
      await rm(`${path}.lock`, { force: true });
      throw error;
    }
  }

  append(row: unknown): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure as Error);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: `${JSON.stringify(row)}\n`, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
    await rm(`${this.path}.lock`, { force: true });
  }

  async #flush(): Promise<void> {
    // Rows that arrive in the same turn share the first sync.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#failure !== null) throw this.#failure as Error;
        await this.#file.appendFile(batch.map((w) => w.line).join(""));
        await this.#file.datasync();
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // Half a line may stand there now; nothing may follow it.
        this.#failure = error;
        for (const { reject } of batch) reject(error);
      }
    }
    this.#flushing = null;
  }
}

async function cutTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const block = Buffer.alloc(1 << 16);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    const newline = block.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (newline >= 0) {
      if (start + newline + 1 < size) await file.truncate(start + newline + 1);
      return;
    }
    end = start;
  }
  if (size > 0) await file.truncate(0);
}

async function takeLock(path: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(`${process.pid}\n`);
      await file.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const pid = Number((await readFile(path, "utf8").catch(() => "")).trim());
      if (pid > 0 && pid !== process.pid && isAlive(pid))
        throw new BatchConfigError(
          `this run is in use by process ${pid}. Wait for it, stop it, or choose another folder with --out (${dirname(path)})`,
        );
      if (pid === process.pid && attempt > 0)
        throw new BatchConfigError(`this process runs a batch here already (${dirname(path)})`);
      // Its process is gone (kill -9), or it is a leftover of a former process with our number.
      await rm(path, { force: true });
    }
  }
  throw new BatchConfigError(`the lock could not be taken; is another run starting? (${path})`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
