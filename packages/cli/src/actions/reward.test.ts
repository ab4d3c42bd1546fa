/** The reward commands as a user runs them. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProbeReport } from "@causeway/reason";
import { afterAll, beforeAll, expect, it } from "vitest";
import { silentProgress } from "../progress.ts";
import { probeRewards, serveRewards } from "./reward.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-reward-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));
const context = (signal = new AbortController().signal) => ({
  isDryRun: false,
  progress: silentProgress,
  signal,
});

it("probe: an honest reward passes, a constant policy's groups are flat, and a trick that pays is named", async () => {
  const references = join(dir, "refs.csv");
  await writeFile(references, "video,pc\na,4\nb,4\nc,4\nd,1\n");
  const samples = join(dir, "samples.jsonl");
  const reply = (id: number, group: string, text: string) =>
    JSON.stringify({ id, group, reply: text, reference: "1" });
  await writeFile(
    samples,
    [reply(1, "a", "4"), reply(2, "a", "4"), reply(3, "b", "4"), reply(4, "b", "4")].join("\n"),
  );
  const outcome = await probeRewards(
    context(),
    { reward: "videophy2-reason1", samples, out: join(dir, "probe") },
    references,
  );
  const page = await readFile(join(dir, "probe", "report.html"), "utf8");
  expect(page).toContain("Maximum attainable");
  expect(page).toContain("To mend: the trick");
  const report = outcome.data as ProbeReport;
  expect(report.attainable.share).toBe(1);
  expect(report.monotonicity.violations).toEqual([]);
  expect(report.samples).toMatchObject({ n: 4, mean: 0, flatGroups: 2, groups: 2 });
  // Saying 4 without looking gets (3 x 2 + 1 x 1) / 4 on these labels: the data must be balanced.
  expect(report.tricks.find((t) => t.name === "always the most common answer, 4")?.mean).toBe(1.75);
  expect(outcome.text).toContain('the trick "always the most common answer, 4" gets 1.75 of 2');
});

it("serve answers until it is stopped", async () => {
  const stop = new AbortController();
  const lines: string[] = [];
  const running = serveRewards(
    {
      isDryRun: false,
      signal: stop.signal,
      progress: { ...silentProgress, line: (t) => lines.push(t) },
    },
    {
      reward: ["mcq-plain"],
      host: "127.0.0.1",
      port: 0,
      onFailure: "null",
      timeout: 1000,
      concurrency: 2,
      maxItems: 8,
    },
  );
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const url = lines[0]?.split(" ")[0] as string;
  const response = await fetch(`${url}/v1/rewards`, {
    method: "POST",
    body: JSON.stringify({ items: [{ id: "a", reply: "The answer is B", reference: "B" }] }),
  });
  expect(await response.json()).toMatchObject({ results: [{ id: "a", reward: 2 }] });
  stop.abort();
  expect((await running).text).toContain("has ended");
});
