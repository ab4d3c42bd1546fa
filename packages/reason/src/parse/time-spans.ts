/** Time spans in a reply: `mm:ss.ff` as Cosmos-Reason writes it, with any number of decimals, hours, or plain seconds. */
import { findJson } from "./json.ts";
import { excerpt, failed, found, type Parsed } from "./parsed.ts";

export interface TimeSpan {
  readonly startSecs: number;
  readonly endSecs: number;
  readonly caption: string;
}

/** Seconds of "00:04.50", "1:02:03.5", "12.5", "12.5 s" or a number; null when it is no time. */
export function parseTime(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : null;
  if (typeof value !== "string") return null;
  const match =
    /^\s*(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,6}(?:[.,]\d{1,9})?)\s*(?:s|sec|secs|seconds)?\s*$/i.exec(
      value,
    );
  if (match === null) return null;
  const seconds = Number((match[3] as string).replace(",", "."));
  const isClock = match[2] !== undefined;
  if (isClock && seconds >= 60) return null;
  if (match[1] !== undefined && Number(match[2]) >= 60) return null;
  return Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + seconds;
}

/** "00:04.50" */
export function timeText(secs: number): string {
  const hundredths = Math.round(secs * 100);
  const minutes = Math.floor(hundredths / 6000);
  const rest = (hundredths % 6000) / 100;
  return `${String(minutes).padStart(2, "0")}:${rest.toFixed(2).padStart(5, "0")}`;
}

const startKeys = ["start", "start_time", "begin", "from"];
const endKeys = ["end", "end_time", "stop", "to"];
const captionKeys = ["caption", "description", "event", "label", "text"];

type Entry = Readonly<Record<string, unknown>>;
const fieldOf = (entry: Entry, keys: readonly string[]): unknown =>
  keys.map((key) => entry[key]).find((value) => value !== undefined);
const isEntry = (value: unknown): value is Entry =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function listOf(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value;
  if (!isEntry(value)) return null;
  if (fieldOf(value, startKeys) !== undefined) return [value];
  const lists = Object.values(value).filter((v) => Array.isArray(v));
  return lists.length === 1 ? (lists[0] as unknown[]) : null;
}

/** @param durationSecs Length of the video, when it is known: spans beyond it are left out. */
export function parseTimeSpans(
  text: string,
  durationSecs: number | null = null,
): Parsed<readonly TimeSpan[]> {
  const json = findJson(text, (value) => listOf(value) !== null);
  if (!json.ok) return json;
  const spans: TimeSpan[] = [];
  const problems: string[] = [];
  for (const [i, entry] of (listOf(json.value) ?? []).entries()) {
    const startSecs = isEntry(entry) ? parseTime(fieldOf(entry, startKeys)) : null;
    const endSecs = isEntry(entry) ? parseTime(fieldOf(entry, endKeys)) : null;
    const caption = isEntry(entry) ? fieldOf(entry, captionKeys) : "";
    if (startSecs === null || endSecs === null)
      problems.push(
        `element ${i + 1} has no start and end that are times: ${excerpt(JSON.stringify(entry))}`,
      );
    else if (endSecs < startSecs)
      problems.push(`element ${i + 1} ends at ${endSecs} s before it starts at ${startSecs} s`);
    else if (durationSecs !== null && startSecs > durationSecs)
      problems.push(
        `element ${i + 1} starts at ${startSecs} s; the video ends at ${durationSecs} s`,
      );
    else
      spans.push({
        startSecs,
        endSecs: durationSecs === null ? endSecs : Math.min(endSecs, durationSecs),
        caption: typeof caption === "string" ? caption : "",
      });
  }
  if (spans.length === 0 && problems.length > 0) return failed(`${problems.join("; ")}.`);
  return found(spans, [...json.notes, ...problems]);
}
