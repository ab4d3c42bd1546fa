import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fromPlainError, StoppedError } from "../errors.ts";
import type { ProgressUpdate } from "../progress.ts";
import type { FromChild, ToChild } from "./child-protocol.ts";
import type { MemoryMeter } from "./peak-memory.ts";

export interface ChildWork {
  /** `import.meta.url`-style address of the module that exports `work`. */
  readonly module: string;
  readonly options: unknown;
  /** Number of processes that share the items. */
  readonly parts: number;
}

export interface ChildWorkHooks {
  readonly signal: AbortSignal;
  readonly meter?: MemoryMeter;
  /** Sum over all processes. */
  progress(update: ProgressUpdate): void;
  line(text: string): void;
}

const childMain = fileURLToPath(new URL("./child-main.ts", import.meta.url));

/**
 * Runs a work module in `parts` processes and returns their results in order. The first error stops the others.
 * Processes, because ONNX Runtime computes on the calling thread and keeps its memory until the process ends: the
 * main process stays free for progress and Ctrl-C, and every stage starts with a clean heap.
 */
export async function runInChildren<Result>(
  { module, options, parts }: ChildWork,
  hooks: ChildWorkHooks,
): Promise<Result[]> {
  if (hooks.signal.aborted) throw new StoppedError();
  const inner = new AbortController();
  const onOuterAbort = (): void => inner.abort();
  hooks.signal.addEventListener("abort", onOuterAbort);
  const updates = new Map<number, ProgressUpdate>();
  const onProgress = (part: number, update: ProgressUpdate): void => {
    updates.set(part, update);
    let done = 0;
    let total = 0;
    for (const u of updates.values()) {
      done += u.done;
      total += u.total;
    }
    // Until every process has spoken the total is a guess from those that have.
    if (updates.size < parts) total = Math.round((total / updates.size) * parts);
    hooks.progress({ done, total, ...(update.note === undefined ? {} : { note: update.note }) });
  };
  const runs = Array.from({ length: parts }, (_, part) =>
    runChild<Result>({ type: "start", module, options, part, parts }, inner.signal, hooks, (u) =>
      onProgress(part, u),
    ).catch((error: unknown) => {
      inner.abort();
      throw error;
    }),
  );
  try {
    const settled = await Promise.allSettled(runs);
    const errors = settled.flatMap((s) => (s.status === "rejected" ? [s.reason as unknown] : []));
    // The error that came first made the others stop; show that one.
    const cause = errors.find((e) => !(e instanceof StoppedError)) ?? errors[0];
    if (cause !== undefined) throw cause;
    return settled.map((s) => (s as PromiseFulfilledResult<Result>).value);
  } finally {
    hooks.signal.removeEventListener("abort", onOuterAbort);
  }
}

function runChild<Result>(
  start: Extract<ToChild, { type: "start" }>,
  signal: AbortSignal,
  hooks: ChildWorkHooks,
  onProgress: (update: ProgressUpdate) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(childMain, [], {
      execArgv: ["--import", import.meta.resolve("tsx")],
      serialization: "advanced",
      env: childEnvironment(),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const pid = child.pid;
    if (pid !== undefined) hooks.meter?.add(pid);
    let outcome: Extract<FromChild, { type: "done" | "error" }> | null = null;
    const onAbort = (): void => {
      if (child.connected) child.send({ type: "abort" } satisfies ToChild, () => {});
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    child.on("message", (message: FromChild) => {
      if (message.type === "progress") onProgress(message.update);
      else if (message.type === "line") hooks.line(message.text);
      else outcome = message;
    });
    child.on("error", reject);
    child.on("exit", (code, killedBy) => {
      signal.removeEventListener("abort", onAbort);
      if (pid !== undefined) hooks.meter?.remove(pid);
      if (outcome?.type === "done") resolve(outcome.result as Result);
      else if (outcome?.type === "error") reject(fromPlainError(outcome.error));
      else if (signal.aborted) reject(new StoppedError());
      else reject(new Error(deathMessage(code, killedBy)));
    });
    child.send(start, (error) => {
      if (error !== null) reject(error);
    });
  });
}

/**
 * Large pages where the system grants them on request, and freed memory kept for the next step: a training step takes and
 * returns as much as all gradients (the runtime's binding copies every result into new memory), and in a virtual machine each
 * new page of 4 kB costs some 10 us. A step at the shapes of a 2 B model takes a quarter less time, for a tenth more memory
 * (bench/reports/2026-11-29-training-memory.md). A system without glibc ignores it.
 */
function childEnvironment(): NodeJS.ProcessEnv {
  const keep = 2 ** 32 - 1;
  const tunables = `glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=${keep}:glibc.malloc.trim_threshold=${keep}`;
  return { GLIBC_TUNABLES: tunables, ...process.env };
}

function deathMessage(code: number | null, killedBy: NodeJS.Signals | null): string {
  if (killedBy === "SIGKILL")
    return "a worker process was killed by the system, most likely because memory ran out. Close other programs or choose a smaller recipe, and run the same command again: it goes on where it stopped";
  return `a worker process ended without a result (${killedBy ?? `exit code ${code}`}). Run the same command again: it goes on where it stopped`;
}
