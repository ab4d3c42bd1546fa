/** Drive files that Causeway wrote (`causeway export mcap`, `drives/` of a data set): read as they are. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError } from "../errors.ts";
import { openMcap } from "../mcap/mcap-file.ts";
import { readDrive } from "../mcap/open-drive.ts";
import { metadataName } from "../mcap/topics.ts";
import type { DriveRef, DriveSource } from "./source.ts";

/** Whether an MCAP file names itself a drive; damaged files count, so that they are reported and not passed over. */
async function isDrive(path: string): Promise<boolean> {
  try {
    const file = await openMcap(path);
    try {
      for await (const _ of file.reader.readMetadata({ name: metadataName })) return true;
      return false;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FormatError) return true;
    throw error;
  }
}

export const causewaySource: DriveSource = {
  format: "causeway",
  aliases: ["causeway-mcap"],
  version: 1,

  async recognizes(path) {
    for await (const { files } of causewaySource.list(path))
      if (await isDrive(files[0])) return true;
    return false;
  },

  async *list(path) {
    const ref = (file: string): DriveRef => ({
      format: causewaySource.format,
      id: basename(file, ".mcap"),
      path: file,
      files: [file],
    });
    if ((await stat(path)).isFile()) {
      if (path.endsWith(".mcap")) yield ref(path);
      return;
    }
    for (const entry of (await readdir(path, { withFileTypes: true })).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) yield* causewaySource.list(child);
      else if (entry.name.endsWith(".mcap")) yield ref(child);
    }
  },

  async read(ref, options = {}) {
    const drive = await readDrive(ref.files[0]);
    if (drive.id !== ref.id) {
      throw new FormatError(
        "value",
        { path: ref.path },
        `holds drive "${drive.id}"; expected "${ref.id}" as its file is named. Rename the file.`,
      );
    }
    const { cameras } = options;
    if (cameras === undefined) return drive;
    return { ...drive, cameras: drive.cameras.filter((c) => cameras.includes(c.name)) };
  },
};
