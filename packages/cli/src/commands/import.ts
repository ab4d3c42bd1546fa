import { resolve } from "node:path";
import type { ReadOptions } from "@causeway/data";
import {
  action,
  type CommonOptions,
  createCommand,
  type Outcome,
  wholeNumber,
} from "../command.ts";
import { UserError } from "../errors.ts";
import { lockFolder } from "../pipeline/run-lock.ts";

interface ImportCommandOptions extends CommonOptions {
  readonly out?: string;
  readonly pictures: string;
  readonly width?: number;
  readonly cameras?: string;
  readonly includeInvalid?: boolean;
  readonly mapping?: string;
  readonly printMapping?: boolean;
}

function readOptions(options: ImportCommandOptions): ReadOptions {
  const rate =
    options.pictures === "all" || options.pictures === "none" ? null : Number(options.pictures);
  if (rate !== null && !(rate > 0 && rate <= 1000))
    throw new UserError(
      "OPTION",
      `--pictures is ${options.pictures}; expected pictures per second, "all" or "none"`,
    );
  const cameras = options.pictures === "none" ? [] : options.cameras?.split(",");
  return {
    ...(options.pictures === "10" || options.pictures === "none" ? {} : { picturesHz: rate }),
    ...(options.width === undefined ? {} : { maxWidth: options.width }),
    ...(cameras === undefined ? {} : { cameras }),
    ...(options.includeInvalid === true ? { includeInvalid: true } : {}),
    ...(options.mapping === undefined ? {} : { mapping: options.mapping }),
  };
}

/** What costs many recordings at once (a damaged table) is said once; skipped.jsonl names each of them. */
function skippedLines(skipped: readonly { readonly id: string; readonly error: string }[]) {
  const idsByError = new Map<string, string[]>();
  for (const { id, error } of skipped)
    idsByError.set(error, [...(idsByError.get(error) ?? []), id]);
  return [...idsByError].map(([error, [first, ...others]]) => {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    return `skipped ${first}${more}: ${error}`;
  });
}

export const command = createCommand(
  "import",
  "Turn recorded drives into a dataset folder of MCAP files.",
  [
    "causeway import comma2k19 ./Chunk_1 --out data/comma",
    "causeway import av2 ./sensor/val --out data/av2",
    "causeway import kitti ./kitti-odometry --out data/kitti",
    "causeway import pai ./PhysicalAI-AV --out data/pai --width 576",
    "causeway import carla ./outputs/evaluate --out data/carla",
    "causeway import drivelm ./nuscenes --out data/nuscenes",
    "causeway import folder ./trips --out data/trips",
    "causeway import folder dashcam.mp4 --out data/dashcam",
    "causeway import mcap drive.mcap --out data/own",
    "causeway import mcap drive.mcap --print-mapping > drive.yaml",
    "causeway import mcap ./bags --mapping drive.yaml --out data/own",
  ],
)
  .argument(
    "<format>",
    "comma2k19, av2 (Argoverse 2), kitti (odometry), pai (PhysicalAI-AV), carla, drivelm (with nuScenes tables, or its pictures alone), mcap (ROS 2, Foxglove), folder (videos with a table or without), causeway, or auto",
  )
  .argument("<path>", "folder or file with recordings; all below it are taken")
  .option("--out <folder>", "dataset folder (needed unless --dry-run)")
  .option(
    "--pictures <rate>",
    'pictures per second to keep of videos, "all" or "none"; 10 keeps what samples use',
    "10",
  )
  .option(
    "--width <pixels>",
    "scale wider pictures of videos down to this",
    wholeNumber(16, 16_384),
  )
  .option("--cameras <names>", "cameras to import, separated by commas (default: all)")
  .option("--include-invalid", "import recordings that their source marks as not valid")
  .option(
    "--mapping <file>",
    "mcap: YAML that says which topic is the ego motion, which are cameras (default: assumed where there is no choice)",
  )
  .option("--print-mapping", "mcap: print a mapping to start from, and import nothing")
  .addHelpText(
    "after",
    "\nA bad recording is skipped, named with its reason in skipped.jsonl, and the rest goes on.\nVideos without a table of ego motion, and DriveLM without nuScenes' tables, make drives without ego motion: pictures and\nquestions, no samples. Single pictures are no drive: ask about them with causeway reason.",
  )
  .action(
    action<ImportCommandOptions, [string, string]>(
      "import",
      async ({ isDryRun, progress, signal }, options, format, path): Promise<Outcome> => {
        const { detectFormat, findSource, importDrives, openDataset, suggestMapping } =
          await import("@causeway/data");
        if (options.printMapping === true) {
          const mapping = await suggestMapping(path);
          return { data: { mapping }, text: mapping.trimEnd() };
        }
        const sources = format === "auto" ? await detectFormat(path) : [findSource(format)];
        if (sources.length === 0)
          throw new UserError(
            "FORMAT",
            `no known format found below this path; name it: comma2k19, av2, kitti, pai, carla, drivelm, mcap or folder (${path})`,
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
        const read = readOptions(options);
        const dir = resolve(options.out);
        const release = await lockFolder(dir);
        try {
          const total = { imported: 0, unchanged: 0 };
          const skipped: { id: string; path: string; error: string }[] = [];
          for (const source of sources) {
            const label = `import ${source.format}`;
            const result = await importDrives(source, path, dir, {
              signal,
              read,
              onPrepare: (reading) => progress.update(`read ${source.format}`, reading),
              onProgress: ({ done, total: all, id, outcome }) =>
                progress.update(label, { done, total: all, note: `${id} ${outcome}` }),
            });
            total.imported += result.imported;
            total.unchanged += result.unchanged;
            skipped.push(...result.skipped);
            progress.finish(label, `${result.imported} imported, ${result.unchanged} unchanged`);
          }
          for (const line of skippedLines(skipped)) progress.line(line);
          if (total.imported + total.unchanged === 0)
            throw new UserError(
              "IMPORT",
              `none of ${skipped.length} recordings could be imported; the reasons are above and in skipped.jsonl (${dir})`,
            );
          const { drives } = await openDataset(dir);
          const withoutMotion = drives.filter((d) => d.hasMotion === false).length;
          return {
            data: { dir, ...total, skipped, withoutMotion },
            text: [
              `dataset: ${options.out} (${total.imported} imported, ${total.unchanged} unchanged, ${skipped.length} skipped)`,
              ...(withoutMotion === 0
                ? []
                : [
                    `${withoutMotion} of its ${drives.length} drives have no ego motion: they have pictures and questions, no samples`,
                  ]),
            ].join("\n"),
          };
        } finally {
          await release();
        }
      },
    ),
  );
