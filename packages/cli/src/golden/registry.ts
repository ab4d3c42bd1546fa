import { readdir } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";
import type { GoldenTopic } from "./topic.ts";

export interface Registry {
  readonly topics: readonly GoldenTopic[];
  /** Topic files that could not be loaded: the runner reports each as a failed case. */
  readonly broken: readonly { readonly file: string; readonly message: string }[];
}

const topicsDir = fileURLToPath(new URL("./topics/", import.meta.url));

/** Loads every `topics/*.ts` (tests excepted), in name order. */
export async function loadTopics(dir: string = topicsDir): Promise<Registry> {
  const entries = await readdir(dir).catch(() => [] as string[]);
  const files = entries
    .filter((f) => /\.(ts|js)$/.test(f) && !/(\.test\.ts|\.d\.ts)$/.test(f))
    .sort();
  const topics: GoldenTopic[] = [];
  const broken: { file: string; message: string }[] = [];
  for (const file of files) {
    try {
      const module: unknown = await import(pathToFileURL(join(dir, file)).href);
      const topic = (module as { topic?: GoldenTopic }).topic;
      // A file without `topic` is a helper that several topics share.
      if (topic !== undefined) topics.push(topic);
    } catch (error) {
      broken.push({ file, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return { topics, broken };
}
