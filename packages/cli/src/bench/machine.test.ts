import { expect, test } from "vitest";
import { BandwidthMeter } from "./machine.ts";

test("a meter can be asked any number of times: no listeners pile up on its threads", async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(warning.name);
  process.on("warning", onWarning);
  const meter = await BandwidthMeter.start(2, 2 ** 16);
  try {
    for (let i = 0; i < 25; i++) expect(await meter.measure()).toBeGreaterThan(0);
    // Warnings are emitted on a later tick.
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  } finally {
    process.off("warning", onWarning);
    await meter.close();
  }
});
