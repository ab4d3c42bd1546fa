/** The formats that can be exported. */
import { DataConfigError } from "../errors.ts";
import { chatSink, llavaSink } from "./chat.ts";
import { mcapSink } from "./mcap.ts";
import { physicalAiSink } from "./physical-ai.ts";
import { reasoningSftSink } from "./reasoning-sft.ts";
import type { DatasetSink } from "./sink.ts";
import { webDatasetSink } from "./webdataset.ts";

export const datasetSinks: readonly DatasetSink[] = [
  chatSink,
  llavaSink,
  reasoningSftSink,
  webDatasetSink,
  physicalAiSink,
  mcapSink,
];

/** A sink by its name or an alias. */
export function findSink(name: string): DatasetSink {
  const sink = datasetSinks.find((s) => s.format === name || s.aliases.includes(name));
  if (sink === undefined) {
    const known = datasetSinks.map((s) => [s.format, ...s.aliases].join(" or ")).join("; ");
    throw new DataConfigError(`no exporter for "${name}". Known: ${known}.`);
  }
  return sink;
}
