/**
 * Progress of long work: a bar that redraws itself on a terminal, a plain line now and then where output is piped.
 * Progress goes to stderr, results to stdout, so that `causeway … --json | jq` works.
 */
export interface ProgressUpdate {
  readonly done: number;
  readonly total: number;
  /** What is worth seeing beside the bar: "loss 2.31, 14.2 k tokens/s". */
  readonly note?: string;
}

export interface Progress {
  /** Cheap: call as often as you like, drawing is limited. */
  update(label: string, update: ProgressUpdate): void;
  /** Ends the bar of `label` with one line that stays. */
  finish(label: string, text: string): void;
  /** A line that stays, above the bar. */
  line(text: string): void;
}

export interface ProgressOptions {
  readonly stream: {
    write(text: string): unknown;
    readonly isTTY?: boolean;
    readonly columns?: number;
  };
  readonly now: () => number;
  /** Least milliseconds between two plain lines of the same label. */
  readonly plainEveryMs?: number;
}

const barWidth = 24;
const redrawMs = 100;

/** "9 s", "3 min 05 s", "2 h 10 min". */
export function durationText(secs: number): string {
  if (!Number.isFinite(secs)) return "?";
  if (Math.round(secs) < 60) return `${Math.round(secs)} s`;
  const minutes = Math.floor(Math.round(secs) / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.round(secs) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function createProgress({ stream, now, plainEveryMs = 5000 }: ProgressOptions): Progress {
  const isTty = stream.isTTY === true;
  // Time left is extrapolated from where this process started, so that resumed work does not look fast.
  const starts = new Map<string, { atMs: number; done: number; drawnMs: number }>();
  let isBarShown = false;

  const clear = (): void => {
    if (isBarShown) stream.write("\r\x1b[2K");
    isBarShown = false;
  };
  const timeLeft = (label: string, done: number, total: number): string => {
    const start = starts.get(label);
    if (start === undefined || done <= start.done || done >= total) return "";
    const secsPerUnit = (now() - start.atMs) / 1000 / (done - start.done);
    return `${durationText(secsPerUnit * (total - done))} left`;
  };

  return {
    update(label, update) {
      // Work in flight may count by parts of an item.
      const done = Math.floor(update.done);
      const { total } = update;
      const known = starts.get(label);
      const start = known ?? { atMs: now(), done, drawnMs: Number.NEGATIVE_INFINITY };
      if (known === undefined) starts.set(label, start);
      if (now() - start.drawnMs < (isTty ? redrawMs : plainEveryMs) && done < total) return;
      start.drawnMs = now();
      const parts = [`${done}/${total}`, update.note ?? "", timeLeft(label, update.done, total)];
      const tail = parts.filter((p) => p !== "").join(", ");
      if (!isTty) {
        stream.write(`${label}: ${tail}\n`);
        return;
      }
      const filled = total > 0 ? Math.round((barWidth * Math.min(done, total)) / total) : 0;
      const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
      const text = `${label} ${bar} ${tail}`;
      clear();
      stream.write(text.slice(0, (stream.columns ?? 80) - 1));
      isBarShown = true;
    },
    finish(label, text) {
      clear();
      starts.delete(label);
      stream.write(`${label}: ${text}\n`);
    },
    line(text) {
      clear();
      stream.write(`${text}\n`);
    },
  };
}

/** For tests and for callers that do not care. */
export const silentProgress: Progress = { update: () => {}, finish: () => {}, line: () => {} };
