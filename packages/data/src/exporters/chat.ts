/**
 * Chats as JSON Lines: one row a sample, `messages` (system, user, assistant) with pictures as content parts, and the same
 * paths in `images`, so that both kinds of reader find them: content parts with a path (cosmos-rl, OpenAI-like), and a list
 * of pictures beside bare `{type: "image"}` places (TRL takes them in order).
 */
import { join } from "node:path";
import { splitNames } from "../dataset/splits.ts";
import { atomicWrite, atomicWriteFile } from "../io/atomic.ts";
import { writeJsonl } from "../io/json.ts";
import { questionText, samplesOf, writePictures } from "./samples.ts";
import type { DatasetSink, ExportInput, ExportOptions } from "./sink.ts";

async function* chatRows(
  input: ExportInput,
  out: string,
  options: ExportOptions,
  split: string,
  count: () => void,
): AsyncGenerator<unknown> {
  const drives = input.drives.filter((d) => input.splitOf(d.id) === split);
  const rows = input.each(drives, async (item) => {
    const perDrive: unknown[] = [];
    for (const sample of await samplesOf(item, input, options)) {
      const images = await writePictures(out, item.drive.id, sample);
      perDrive.push({
        id: sample.id,
        messages: [
          { role: "system", content: [{ type: "text", text: options.systemPrompt }] },
          {
            role: "user",
            content: [
              ...images.map((image) => ({ type: "image", image })),
              { type: "text", text: questionText(sample, options) },
            ],
          },
          { role: "assistant", content: [{ type: "text", text: sample.label.trace }] },
        ],
        images,
      });
    }
    return perDrive;
  });
  for await (const perDrive of rows) {
    for (const row of perDrive) {
      count();
      yield row;
    }
  }
}

export const chatSink: DatasetSink = {
  format: "chat",
  aliases: ["messages", "trl", "cosmos-rl"],
  about: "chats as JSON Lines with pictures beside them, for cosmos-rl and TRL",
  takesUnlabelled: false,
  async write(input, out, options) {
    let written = 0;
    for (const split of splitNames) {
      const rows = chatRows(input, out, options, split, () => written++);
      await writeJsonl(join(out, `${split}.jsonl`), rows);
    }
    return written;
  },
};

/** One JSON array, written row by row. */
async function writeJsonArray(path: string, rows: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  await atomicWrite(path, async (sink) => {
    await sink.write(Buffer.from("["));
    for await (const row of rows) {
      await sink.write(Buffer.from(`${count === 0 ? "\n" : ",\n"}${JSON.stringify(row)}`));
      count++;
    }
    await sink.write(Buffer.from("\n]\n"));
  });
  return count;
}

export const llavaSink: DatasetSink = {
  format: "llava",
  aliases: ["llava-json"],
  about: "LLaVA annotations (one JSON array a split) with pictures beside them",
  takesUnlabelled: false,
  async write(input, out, options) {
    let written = 0;
    for (const split of splitNames) {
      const drives = input.drives.filter((d) => input.splitOf(d.id) === split);
      const perDrive = input.each(drives, async (item) => {
        const rows: unknown[] = [];
        for (const sample of await samplesOf(item, input, options)) {
          const image = await writePictures(out, item.drive.id, sample);
          rows.push({
            id: sample.id,
            image,
            conversations: [
              {
                from: "human",
                value: `${"<image>\n".repeat(image.length)}${questionText(sample, options)}`,
              },
              { from: "gpt", value: sample.label.trace },
            ],
          });
        }
        return rows;
      });
      const flat = async function* () {
        for await (const rows of perDrive) yield* rows;
      };
      written += await writeJsonArray(join(out, `${split}.json`), flat());
    }
    await atomicWriteFile(join(out, "system-prompt.txt"), `${options.systemPrompt}\n`);
    return written;
  },
};
