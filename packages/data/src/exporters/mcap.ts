/** Drives as MCAP files with their labels in them, to look at in Foxglove, Lichtblick or Rerun. */
import { join } from "node:path";
import { readDrive } from "../mcap/open-drive.ts";
import { writeDrive } from "../mcap/write-drive.ts";
import type { DatasetSink } from "./sink.ts";

export const mcapSink: DatasetSink = {
  format: "mcap",
  aliases: ["foxglove", "rerun"],
  about: "drives with their labels as log and scene topics, for viewers; imports again as causeway",
  takesUnlabelled: true,
  async write(input, out, options) {
    let written = 0;
    const done = input.each(input.drives, async ({ entry, drive, labels }) => {
      const whole = await readDrive(drive.path as string);
      const cameras = whole.cameras.filter((c) => options.cameras?.includes(c.name) ?? true);
      await writeDrive({ ...whole, cameras }, join(out, `${entry.id}.mcap`), {
        ...(entry.inputHash === null ? {} : { inputHash: entry.inputHash }),
        annotations: labels
          .filter((l) => l.t0Us >= 0)
          .map((l) => ({ stampUs: l.t0Us, author: l.teacher, text: l.trace })),
      });
    });
    for await (const _ of done) written++;
    return written;
  },
};
