/** `causeway curate`: score every clip, decide by a policy, and, with --out, write the kept ones as a dataset version. */
import { relative, resolve } from "node:path";
import {
  type CurationPolicy,
  decideClips,
  noMotionTag,
  openDataset,
  parsePolicy,
  readEmbeddings,
  readPolicy,
  requireSameVersion,
  scoreDataset,
  writeVersion,
} from "@causeway/data";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { UserError } from "../errors.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { writeDatasetReport } from "./dataset-report.ts";
import { driveReader } from "./drive-reader.ts";

export interface CurateOptions extends CommonOptions {
  readonly policy?: string;
  readonly out?: string;
  readonly embeddings?: string;
  readonly eps?: string;
  readonly report: boolean;
}

const share = (part: number, all: number) =>
  all === 0 ? "" : ` (${Math.round((100 * part) / all)} %)`;

async function policyOf(options: CurateOptions): Promise<CurationPolicy> {
  const policy =
    options.policy === undefined
      ? parsePolicy({}, "defaults")
      : await readPolicy(resolve(options.policy));
  if (options.eps === undefined) return policy;
  const eps = options.eps === "off" ? null : Number(options.eps);
  if (eps !== null && !(eps >= 0 && eps <= 1))
    throw new UserError("OPTION", `--eps is ${options.eps}; expected a number from 0 to 1, or off`);
  return { ...policy, dedup: { ...policy.dedup, eps } };
}

export async function curateDataset(
  context: CommandContext,
  options: CurateOptions,
  path: string,
): Promise<Outcome> {
  const { isDryRun, progress, signal } = context;
  const dir = resolve(path);
  const dataset = await openDataset(dir);
  const policy = await policyOf(options);
  const out = options.out === undefined ? null : resolve(options.out);
  if (out === dir)
    throw new UserError(
      "OPTION",
      "--out is the dataset itself; give another folder for the version",
    );
  if (out !== null) await requireSameVersion(out, dataset, policy);
  if (isDryRun) {
    const secs = dataset.drives.reduce((sum, d) => sum + d.durationUs / 1e6, 0);
    return {
      data: { dir, drives: dataset.drives.length, secs, policy },
      text: [
        `${dataset.drives.length} drives, ${(secs / 60).toFixed(1)} min would be cut into clips (${JSON.stringify(policy.windows)}), scored and judged.`,
        out === null
          ? "Score-only: no clip would be written; give --out for that."
          : `Kept clips would become the dataset ${options.out}.`,
        "Nothing was written (--dry-run).",
      ].join("\n"),
    };
  }
  const release = await lockFolder(dir);
  try {
    const scored = await scoreDataset(dataset, policy, driveReader, {
      signal,
      onProgress: (done, total, note) => progress.update("score", { done, total, note }),
    });
    progress.finish(
      "score",
      `${scored.clips} clips of ${scored.drives} drives (${scored.unchanged} unchanged)`,
    );
    for (const { id, error } of scored.skipped) progress.line(`skipped ${id}: ${error}`);
    if (scored.drives === 0 && scored.skipped.length > 0)
      throw new UserError(
        "CURATE",
        `none of ${scored.skipped.length} drives could be scored; the reasons are above and in curate/skipped.jsonl (${dir})`,
      );
    const decisions = await decideClips(dataset, policy, {
      signal,
      ...(options.embeddings === undefined
        ? {}
        : { embeddings: await readEmbeddings(resolve(options.embeddings)) }),
    });
    const { summary } = decisions;
    const lines = [
      `${summary.clips} clips: ${summary.kept} kept${share(summary.kept, summary.clips)}, ${summary.rejected.filter} rejected by filters, ${summary.rejected.duplicate} duplicates, ${summary.rejected.balance} over quota; policy ${summary.policyHash}`,
    ];
    const still = summary.before.tags.speed[noMotionTag] ?? 0;
    if (still > 0)
      lines.push(
        `${still} clips are of drives without ego motion: scores of motion are not measured, those of pictures are (tags "${noMotionTag}")`,
      );
    let version: unknown = null;
    if (out !== null) {
      const releaseOut = await lockFolder(out);
      try {
        const result = await writeVersion(dataset, policy, decisions, out, {
          signal,
          onProgress: (done, total, note) => progress.update("cut", { done, total, note }),
        });
        progress.finish("cut", `${result.written} clips written, ${result.unchanged} unchanged`);
        version = result.version;
        lines.push(
          `version: ${options.out} (fingerprint ${result.version.fingerprint.slice(0, 16)}, from ${result.version.lineage.map((p) => p.name).join(" from ")})`,
        );
      } finally {
        await releaseOut();
      }
    }
    let report: string | null = null;
    if (options.report) {
      report = await writeDatasetReport(out ?? dir, { signal, progress });
      lines.push(`report: ${relative(process.cwd(), report) || report}`);
    }
    const { before, after, filters, ...rest } = summary;
    return {
      data: {
        dir,
        out,
        ...rest,
        filters: Object.fromEntries(
          Object.entries(filters).map(([name, f]) => [
            name,
            { limit: f.limit, rejects: f.rejects },
          ]),
        ),
        before: before.tags,
        after: after.tags,
        skipped: scored.skipped,
        version,
        report,
      },
      text: lines.join("\n"),
    };
  } finally {
    await release();
  }
}
