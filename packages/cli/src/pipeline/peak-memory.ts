import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const pageBytes = 4096;

/** Resident bytes of a process; 0 when it is gone or cannot be asked. */
function residentBytes(pid: number): number {
  try {
    if (process.platform === "linux")
      return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * pageBytes;
    return (
      Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) * 1024
    );
  } catch {
    return 0;
  }
}

export interface MemoryMeter {
  /** Child processes that count from now on (their own children are not expected). */
  add(pid: number): void;
  remove(pid: number): void;
  /** Largest sum of resident memory of this process and its children so far, MB (1e6 bytes). */
  peakMb(): number;
  stop(): void;
}

/** Samples every `everyMs`. Pages that processes share count once for each, so the sum errs on the high side. */
export function startMemoryMeter(everyMs = 200): MemoryMeter {
  const pids = new Set<number>();
  let peakBytes = 0;
  const sample = (): void => {
    let sum = process.memoryUsage.rss();
    for (const pid of pids) sum += residentBytes(pid);
    peakBytes = Math.max(peakBytes, sum);
  };
  const timer = setInterval(sample, everyMs);
  timer.unref();
  sample();
  return {
    add: (pid) => pids.add(pid),
    remove: (pid) => pids.delete(pid),
    peakMb: () => Math.round(peakBytes / 1e6),
    stop: () => clearInterval(timer),
  };
}
