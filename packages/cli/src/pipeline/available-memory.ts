/**
 * What this process can still get, in bytes: the machine's available memory or its container's limit, plus what it has
 * already (a loaded model is part of a plan).
 */
export const availableBytes = (): number =>
  Math.min(process.availableMemory(), process.constrainedMemory() || Number.POSITIVE_INFINITY) +
  process.memoryUsage.rss();
