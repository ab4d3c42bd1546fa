/** WebDataset shards: tar files whose members share a key per sample: `<key>.<camera>.<k>.jpg`, `<key>.txt`, `<key>.json`. */
import { join } from "node:path";
import { DataConfigError } from "../errors.ts";
import { atomicWrite } from "../io/atomic.ts";
import { splitNames } from "../dataset/splits.ts";
import { samplesOf, extensionOf, questionText } from "./samples.ts";
import type { DatasetSink } from "./sink.ts";

const blockBytes = 512;

/** One ustar member: header, content, padding. Same content gives the same bytes (no times, no owner). */
export function tarMember(name: string, content: Uint8Array): Uint8Array {
  const bytes = Buffer.from(name);
  let prefix = "";
  let short = name;
  if (bytes.byteLength > 100) {
    // ustar splits a long name at a slash.
    const at = name.lastIndexOf("/", 155);
    prefix = name.slice(0, Math.max(0, at));
    short = name.slice(at + 1);
  }
  if (Buffer.byteLength(short) > 100 || Buffer.byteLength(prefix) > 155) {
    throw new DataConfigError(
      `tar: name ${name} has ${bytes.byteLength} bytes; expected at most 100 after its folder.`,
    );
  }
  const head = Buffer.alloc(blockBytes);
  head.write(short, 0);
  head.write("0000644\0", 100);
  head.write("0000000\0", 108);
  head.write("0000000\0", 116);
  head.write(`${content.byteLength.toString(8).padStart(11, "0")}\0`, 124);
  head.write("00000000000\0", 136);
  head.write("        ", 148);
  head.write("0", 156);
  head.write("ustar\0" + "00", 257);
  head.write(prefix, 345);
  let sum = 0;
  for (const byte of head) sum += byte;
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = (blockBytes - (content.byteLength % blockBytes)) % blockBytes;
  return Buffer.concat([head, content, Buffer.alloc(padding)]);
}

export const webDatasetSink: DatasetSink = {
  format: "webdataset",
  aliases: ["wds", "tar"],
  about: "WebDataset tar shards, one folder a split",
  takesUnlabelled: false,
  async write(input, out, options) {
    let written = 0;
    for (const split of splitNames) {
      const drives = input.drives.filter((d) => input.splitOf(d.id) === split);
      for (let shard = 0; shard * options.chunkSize < drives.length; shard++) {
        const part = drives.slice(shard * options.chunkSize, (shard + 1) * options.chunkSize);
        const path = join(out, split, `shard-${String(shard).padStart(6, "0")}.tar`);
        await atomicWrite(path, async (sink) => {
          const perDrive = input.each(part, async (item) => {
            const members: Uint8Array[] = [];
            if (item.drive.has.questions) {
              const error = `${item.drive.id}: its questions are left out: a shard would hold their pictures once a question. Export chat or llava.`;
              input.skip({ id: item.drive.id, code: "unsupported", error });
            }
            for (const sample of await samplesOf(item, input, options)) {
              // Readers split a member's name at its first dot.
              const key = sample.id.replaceAll(".", "_");
              for (const p of sample.pictures) {
                members.push(tarMember(`${key}.${p.camera}.${p.k}.${extensionOf(p)}`, p.bytes));
              }
              const { label } = sample;
              const row = {
                ...label,
                id: sample.id,
                driveId: item.drive.id,
                navText: sample.navText,
              };
              members.push(tarMember(`${key}.json`, Buffer.from(JSON.stringify(row))));
              members.push(tarMember(`${key}.txt`, Buffer.from(label.trace)));
              members.push(
                tarMember(`${key}.question.txt`, Buffer.from(questionText(sample, options))),
              );
              written++;
            }
            return members;
          });
          for await (const members of perDrive) for (const m of members) await sink.write(m);
          await sink.write(new Uint8Array(2 * blockBytes));
        });
      }
    }
    return written;
  },
};
