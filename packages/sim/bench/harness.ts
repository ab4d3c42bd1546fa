/**
 * A few lines of timing: warm up, then several rounds; prints the best and the median rate with memory. Rates are per
 * second of CPU time of this process (user + system), so that a busy machine does not count against the code.
 */
export interface BenchResult {
  readonly name: string;
  readonly unit: string;
  readonly best: number;
  readonly median: number;
}

/** @param round  Does work and returns how many units it did. */
export function bench(
  name: string,
  unit: string,
  rounds: number,
  round: () => number,
): BenchResult {
  round();
  const rates: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = process.cpuUsage();
    const units = round();
    const used = process.cpuUsage(start);
    rates.push(units / ((used.user + used.system) / 1e6));
  }
  rates.sort((a, b) => a - b);
  const result = { name, unit, best: rates[rates.length - 1], median: rates[rates.length >> 1] };
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  console.log(
    `${name}: best ${Math.round(result.best)} ${unit}/s, median ${Math.round(result.median)} ${unit}/s` +
      ` (heap ${(heapUsed / 1e6).toFixed(0)} MB, arrayBuffers ${(arrayBuffers / 1e6).toFixed(0)} MB)`,
  );
  return result;
}
