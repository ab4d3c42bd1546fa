/** `causeway reward serve` and `causeway reward probe`. */
import { join, relative, resolve } from "node:path";
import {
  builtInRewards,
  functionScorer,
  logitScorer,
  probeReward,
  type ProbeReply,
  rewardNamed,
} from "@causeway/reason";
import { openAskedModel } from "../asking/model-options.ts";
import type { CommandContext, Outcome } from "../command.ts";
import type { ProbeOptions } from "../commands/reward/probe.ts";
import type { ServeOptions } from "../commands/reward/serve.ts";
import { UserError } from "../errors.ts";
import { writeAtomic, writeJsonAtomic } from "../pipeline/atomic-file.ts";
import { readEntries } from "../score/data-file.ts";

export async function serveRewards(
  context: CommandContext,
  options: ServeOptions,
): Promise<Outcome> {
  const names = options.reward ?? [...builtInRewards.keys()];
  const scorers = names.map((name) => functionScorer(rewardNamed(name)));
  if (options.model !== undefined) {
    const { model } = await openAskedModel({ model: options.model });
    scorers.push(logitScorer(model));
  }
  const token = process.env.CAUSEWAY_REWARD_TOKEN ?? null;
  const served = {
    rewards: scorers.map((s) => s.name),
    host: options.host,
    port: options.port,
    hasToken: token !== null,
  };
  if (context.isDryRun)
    return {
      data: served,
      text: `would serve ${served.rewards.join(", ")} on ${options.host}:${options.port}${token === null ? "" : ", with a token"}`,
    };
  const { createRewardApp, defaultRewardApp, serveApp } = await import("@causeway/reason/serve");
  const app = createRewardApp({
    ...defaultRewardApp,
    scorers,
    token: token === "" ? null : token,
    onFailure: options.onFailure,
    timeoutMs: options.timeout,
    concurrency: options.concurrency,
    maxItems: options.maxItems,
  });
  const service = await serveApp(app, {
    host: options.host,
    port: options.port,
    token: token === "" ? null : token,
  });
  context.progress.line(
    `${service.url} serves ${served.rewards.join(", ")}${token === null ? "" : " (token needed)"}; Ctrl-C ends it`,
  );
  await new Promise<void>((done) => {
    if (context.signal.aborted) done();
    context.signal.addEventListener("abort", () => done(), { once: true });
  });
  await service.close();
  return { data: { ...served, url: service.url }, text: "the reward service has ended" };
}

/** The right answer of an entry, under the names that data files have for it. */
function referenceOf(entry: unknown, where: string): string {
  const given = entry as Readonly<Record<string, unknown>>;
  const [row] = [given.qa_pairs ?? given].flat() as [Readonly<Record<string, unknown>>];
  const value = row.reference ?? row.answer ?? row.pc ?? row.ground_truth;
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new UserError("FORMAT", `${where} has no reference, answer or pc`);
}

export async function probeRewards(
  context: CommandContext,
  options: ProbeOptions,
  references: string,
): Promise<Outcome> {
  const reward = rewardNamed(options.reward);
  const { entries } = await readEntries(resolve(references));
  const right = entries.map((entry, i) => referenceOf(entry, `${references} entry ${i + 1}`));
  if (right.length === 0) throw new UserError("INPUT", `no reference (${references})`);
  const samples: ProbeReply[] = [];
  if (options.samples !== undefined) {
    const path = options.samples;
    const rows = (await readEntries(resolve(path))).entries;
    for (const [i, entry] of rows.entries()) {
      const { id, group, reply } = entry as Readonly<Record<string, unknown>>;
      if (typeof reply !== "string")
        throw new UserError("FORMAT", `entry ${i + 1} has no reply (${path})`);
      const text = (value: unknown, byDefault: string): string =>
        typeof value === "string" || typeof value === "number" ? String(value) : byDefault;
      samples.push({
        id: text(id, String(i)),
        group: text(group, text(id, String(i))),
        reply,
        reference: referenceOf(entry, `${path} entry ${i + 1}`),
      });
    }
  }
  const report = probeReward(reward, right, samples);
  let page: string | null = null;
  if (options.out !== undefined && !context.isDryRun) {
    const { probeRun } = await import("../score/probe-report.ts");
    const { renderScoreReport } = await import("@causeway/eval/judged");
    page = join(resolve(options.out), "report.html");
    await writeJsonAtomic(join(resolve(options.out), "probe.json"), report);
    const run = probeRun(reward, report, right, samples);
    await writeAtomic(page, renderScoreReport(run, new Map()));
  }
  const { attainable, monotonicity, findings } = report;
  const s = report.samples;
  const number = (v: number | null) => (v === null ? "–" : v.toFixed(3));
  return {
    data: { ...report, report: page },
    text: [
      `${reward.name}: ${reward.about}; range ${reward.range.join(" to ")}`,
      `  ideal replies that reach the maximum: ${(100 * attainable.share).toFixed(1)} % of ${report.references}`,
      `  worse answers that gain: ${monotonicity.violations.length} of ${monotonicity.steps} steps`,
      ...(s.n === 0
        ? [
            "  no real replies were given (--samples): variance and comparison with tricks are left out",
          ]
        : [
            `  real replies: mean ${number(s.mean)}, standard deviation ${number(s.standardDeviation)}, ${s.unread} of ${s.n} unread; ${s.flatGroups} of ${s.groups} groups are flat`,
          ]),
      "  replies without knowledge:",
      ...report.tricks.map((t) => `    ${t.mean.toFixed(3)}  ${t.name}`),
      ...(findings.length === 0
        ? ["  nothing to mend was found"]
        : ["to mend before training:", ...findings.map((f) => `  - ${f}`)]),
      ...(page === null ? [] : [`report: ${relative(process.cwd(), page) || page}`]),
    ].join("\n"),
  };
}
