/**
 * A curated dataset: the kept clips as drives of a new folder, with `version.json` that says what it was made from and how.
 * Every later command takes it as any other dataset. Rejected clips stay in the parent; `curate/rejected.jsonl` names them.
 */
import { createReadStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { createDataset, type Dataset, splitOf } from "../dataset/dataset.ts";
import { type SplitName, splitNames, type Splits } from "../dataset/splits.ts";
import { DataConfigError } from "../errors.ts";
import { atomicWrite, atomicWriteFile } from "../io/atomic.ts";
import { parseJson } from "../io/json.ts";
import type { ClipRecord } from "./clip.ts";
import { cutDrive, cutVersion } from "./cut.ts";
import { type Decisions, readClips } from "./decide.ts";
import { type CurationPolicy, hashOf, policySchema } from "./policy.ts";
import { type CurateContext, curateDir, curateFiles } from "./score-dataset.ts";

const parentSchema = z.object({
  name: z.string(),
  fingerprint: z.string(),
  /** Of the parent's own version.json; null when it was recorded, not curated. */
  policyHash: z.string().nullable(),
});
const versionSchema = z.object({
  schema: z.literal("causeway/dataset-version/1"),
  name: z.string(),
  /** Of the drives in this folder. */
  fingerprint: z.string(),
  /** Nearest first; the last one was recorded. */
  lineage: z.array(parentSchema).min(1),
  policy: policySchema,
  policyHash: z.string(),
  clips: z.object({
    kept: z.number().int(),
    filter: z.number().int(),
    duplicate: z.number().int(),
    balance: z.number().int(),
  }),
});
export type DatasetVersion = z.infer<typeof versionSchema>;

export async function readVersion(dir: string): Promise<DatasetVersion | null> {
  const path = join(dir, "version.json");
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) return null;
  const parsed = versionSchema.safeParse(parseJson(bytes, { path }));
  if (!parsed.success) {
    throw new DataConfigError(
      `version.json: ${parsed.error.issues[0].message}; expected one that curate wrote. (${path})`,
    );
  }
  return parsed.data;
}

export interface WriteVersionResult {
  readonly version: DatasetVersion;
  /** Clips written by this call, and those that were there from a call before. */
  readonly written: number;
  readonly unchanged: number;
}

/** Refuses a folder that holds a version of other drives or another policy: mixtures cannot be told apart later. */
export async function requireSameVersion(
  out: string,
  dataset: Dataset,
  policy: CurationPolicy,
): Promise<void> {
  const there = await readVersion(out);
  if (there === null) return;
  const policyHash = hashOf(policy);
  const [parent] = there.lineage;
  if (there.policyHash !== policyHash || parent.fingerprint !== dataset.fingerprint) {
    throw new DataConfigError(
      `curate: this folder holds a version made with policy ${there.policyHash} from ${parent.name} ${parent.fingerprint.slice(0, 12)}; ` +
        `asked for policy ${policyHash} from ${dataset.name} ${dataset.fingerprint.slice(0, 12)}. Give another --out. (${out})`,
    );
  }
}

/** Cuts the kept clips into `out`. Finished clips are not cut again. */
export async function writeVersion(
  dataset: Dataset,
  policy: CurationPolicy,
  decisions: Decisions,
  out: string,
  context: CurateContext & { readonly name?: string } = {},
): Promise<WriteVersionResult> {
  await requireSameVersion(out, dataset, policy);
  await mkdir(out, { recursive: true });
  const target = await createDataset(out, context.name === undefined ? {} : { name: context.name });
  const known = new Map(target.drives.map((d) => [d.id, d.inputHash]));
  const sourceHash = new Map(dataset.drives.map((d) => [d.id, d.sha256]));
  const parentSplits = await dataset.splits();
  const inherited: Record<SplitName, string[]> = { train: [], val: [], test: [] };
  const { kept } = decisions.summary;
  let [written, unchanged] = [0, 0];
  const wanted = new Set<string>();
  for await (const clips of byDrive(readClips(dataset), (c) => decisions.isKept(c.id))) {
    context.signal?.throwIfAborted();
    const { driveId } = clips[0];
    const hashes = clips.map((c) =>
      hashOf({
        cut: cutVersion,
        sha256: sourceHash.get(driveId),
        startUs: c.startUs,
        endUs: c.endUs,
      }),
    );
    const placed = parentSplits === null ? null : splitOf(parentSplits, driveId);
    for (const c of clips) {
      wanted.add(c.id);
      if (placed !== null) inherited[placed].push(c.id);
    }
    if (clips.every((c, i) => known.get(c.id) === hashes[i])) {
      unchanged += clips.length;
    } else {
      const drive = await dataset.read(driveId);
      for (const [i, clip] of clips.entries()) {
        if (known.get(clip.id) === hashes[i]) {
          unchanged++;
          continue;
        }
        await target.addDrive(cutDrive(drive, clip, clip.id), { inputHash: hashes[i] });
        written++;
      }
    }
    context.onProgress?.(written + unchanged, kept, driveId);
  }
  for (const { id } of target.drives) {
    if (wanted.has(id)) continue;
    // Left by a run that was stopped under another policy, before it could write version.json.
    throw new DataConfigError(
      `curate: ${id} in this folder is no clip of this version. Give another --out, or an empty folder. (${out})`,
    );
  }
  await target.commit();
  const { val, test } = policy.splits;
  const previous: Splits = inherited;
  await target.split({
    seed: policy.seed,
    val,
    test,
    ...(splitNames.some((n) => inherited[n].length > 0) ? { previous } : {}),
  });
  const folder = join(out, "curate");
  await mkdir(folder, { recursive: true });
  for (const file of [
    curateFiles.summary,
    curateFiles.rejected,
    curateFiles.dedup,
    curateFiles.skipped,
  ]) {
    await copyWhole(join(curateDir(dataset), file), join(folder, file));
  }
  const parent = await readVersion(dataset.dir);
  const version: DatasetVersion = {
    schema: "causeway/dataset-version/1",
    name: target.name,
    fingerprint: target.fingerprint,
    lineage: [
      {
        name: dataset.name,
        fingerprint: dataset.fingerprint,
        policyHash: parent?.policyHash ?? null,
      },
      ...(parent?.lineage ?? []),
    ],
    policy,
    policyHash: hashOf(policy),
    clips: { kept, ...decisions.summary.rejected },
  };
  await atomicWriteFile(join(out, "version.json"), `${JSON.stringify(version, null, 1)}\n`);
  return { version, written, unchanged };
}

async function copyWhole(from: string, to: string): Promise<void> {
  await atomicWrite(to, async (sink) => {
    for await (const part of createReadStream(from)) await sink.write(part as Uint8Array);
  });
}

/** Groups of neighbouring clips of one drive, kept ones only. */
async function* byDrive(
  clips: AsyncIterable<ClipRecord>,
  isKept: (clip: ClipRecord) => boolean,
): AsyncGenerator<readonly ClipRecord[]> {
  let group: ClipRecord[] = [];
  for await (const clip of clips) {
    if (group.length > 0 && group[0].driveId !== clip.driveId) {
      yield group;
      group = [];
    }
    if (isKept(clip)) group.push(clip);
  }
  if (group.length > 0) yield group;
}
