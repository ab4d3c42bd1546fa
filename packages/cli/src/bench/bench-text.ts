import type { BackboneMeasure } from "./measure-backbone.ts";
import type { ExpertMeasure } from "./measure-expert.ts";

export interface BenchResult extends BackboneMeasure {
  readonly shape: string;
  readonly dtype: string;
  readonly blockSize: number;
  readonly threads: number;
  readonly cpu: string;
  readonly numParameters: number;
  readonly fileBytes: number;
  readonly expert: ExpertMeasure | null;
  readonly kvBytes: number;
  readonly rssBeforeBytes: number;
  readonly peakRssBytes: number;
  readonly isPeakOfWholeProcess: boolean;
}

const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;

export function benchText(r: BenchResult): string {
  const prefillRate = r.prefillFlops / r.prefillSecs;
  const rate = (secs: number) => r.bytesPerToken / secs;
  const lines = [
    `${r.shape}, ${(r.numParameters / 1e9).toFixed(2)} B parameters, random ${r.dtype} in blocks of ${r.blockSize}, head int8, vision float32`,
    `${r.threads} threads, ${r.cpu}`,
    "",
    `load      ${r.loadSecs.toFixed(1)} s; ${gb(r.loadedRssBytes)} resident (${gb(r.rssBeforeBytes)} before)`,
    ...(r.imageSecs === null
      ? []
      : [
          `picture   ${r.imageTokens} tokens in ${r.imageSecs.toFixed(2)} s with the tower's load: ${(r.imageTokens / r.imageSecs).toFixed(0)} tokens/s`,
        ]),
    `prompt    ${r.promptTokens} tokens in ${r.prefillSecs.toFixed(2)} s: ${(r.promptTokens / r.prefillSecs).toFixed(1)} tokens/s, ${(prefillRate / 1e9).toFixed(0)} GFLOP/s`,
    `          ${percent(prefillRate / r.matmulBest)} of the runtime's float32 product at these shapes (${(r.matmulBest / 1e9).toFixed(0)} GFLOP/s), ${percent(prefillRate / r.quantizedMatmulBest)} of its ${r.dtype} product (${(r.quantizedMatmulBest / 1e9).toFixed(0)})`,
    `decode    ${(1 / r.decodeMedianSecs).toFixed(2)} tokens/s median, ${(1 / r.decodeBestSecs).toFixed(2)} best of ${r.decodedTokens}; ${gb(r.bytesPerToken)} a token`,
    `          ${percent(rate(r.decodeMedianSecs) / r.bandwidthMedian)} of read bandwidth (medians; ${gb(r.bandwidthMedian)}/s), ${percent(rate(r.decodeBestSecs) / r.bandwidthBest)} (bests; ${gb(r.bandwidthBest)}/s)`,
    ...(r.expert === null
      ? []
      : [
          `expert    one path of ${r.expert.waypoints} steps in ${r.expert.sampleSecs.toFixed(2)} s (${r.expert.flowSteps} flow steps; load ${r.expert.loadSecs.toFixed(1)} s)${r.expert.isFinite ? "" : "; NOT FINITE"}`,
        ]),
    `memory    peak ${gb(r.peakRssBytes)}${r.isPeakOfWholeProcess ? " (whole process, writing included)" : ""}; weights ${gb(r.fileBytes)} on disk, cache ${gb(r.kvBytes)}: ${(r.peakRssBytes / (r.fileBytes + r.kvBytes)).toFixed(2)} x weights and cache`,
  ];
  return lines.join("\n");
}
