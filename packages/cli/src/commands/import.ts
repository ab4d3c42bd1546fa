import { resolve } from "node:path";
import { action, type CommonOptions, createCommand, type Outcome } from "../command.ts";
import { UserError } from "../errors.ts";
import { lockFolder } from "../pipeline/run-lock.ts";

interface ImportCommandOptions extends CommonOptions {
  readonly out?: string;
}

export const command = createCommand(
  "import",
  "Turn recorded drives into a dataset folder of MCAP files.",
  [
    "causeway import comma2k19 ./Chunk_1 --out data/comma",
    "causeway import av2 ./sensor/val --out data/av2",
    "causeway import kitti ./kitti-odometry --out data/kitti",
  ],
)
  .argument("<format>", "comma2k19, av2 (Argoverse 2), kitti (odometry), or auto")
  .argument("<path>", "folder or file with recordings; all below it are taken")
  .option("--out <folder>", "dataset folder (needed unless --dry-run)")
  .addHelpText(
    "after",
    "\nA bad recording is skipped, named with its reason in skipped.jsonl, and the rest goes on.",
  )
  .action(
    action<ImportCommandOptions, [string, string]>(
      "import",
      async ({ isDryRun, progress, signal }, options, format, path): Promise<Outcome> => {
        const { detectFormat, findSource, importDrives } = await import("@causeway/data");
        const sources = format === "auto" ? await detectFormat(path) : [findSource(format)];
        if (sources.length === 0)
          throw new UserError(
            "FORMAT",
            `no known format found below this path; name it: comma2k19, av2 or kitti (${path})`,
          );
        if (isDryRun) {
          const found: { id: string; format: string; path: string }[] = [];
          for (const source of sources)
            for await (const ref of source.list(path))
              found.push({ id: ref.id, format: ref.format, path: ref.path });
          return {
            data: { found },
            text: `${found.length} recordings\n${found.map((f) => `  ${f.id}  ${f.format}  ${f.path}`).join("\n")}\nNothing was written (--dry-run).`,
          };
        }
        if (options.out === undefined)
          throw new UserError("OPTION", "--out is missing; give the dataset folder to write");
        const dir = resolve(options.out);
        const release = await lockFolder(dir);
        try {
          const total = { imported: 0, unchanged: 0 };
          const skipped: { id: string; path: string; error: string }[] = [];
          for (const source of sources) {
            const label = `import ${source.format}`;
            const result = await importDrives(source, path, dir, {
              signal,
              onProgress: ({ done, total: all, id, outcome }) =>
                progress.update(label, { done, total: all, note: `${id} ${outcome}` }),
            });
            total.imported += result.imported;
            total.unchanged += result.unchanged;
            skipped.push(...result.skipped);
            progress.finish(label, `${result.imported} imported, ${result.unchanged} unchanged`);
          }
          for (const item of skipped) progress.line(`skipped ${item.id}: ${item.error}`);
          if (total.imported + total.unchanged === 0)
            throw new UserError(
              "IMPORT",
              `none of ${skipped.length} recordings could be imported; the reasons are above and in skipped.jsonl (${dir})`,
            );
          return {
            data: { dir, ...total, skipped },
            text: `dataset: ${options.out} (${total.imported} imported, ${total.unchanged} unchanged, ${skipped.length} skipped)`,
          };
        } finally {
          await release();
        }
      },
    ),
  );
