/**
 * Chats as JSON Lines: one row a sample, `messages` (system, user, assistant) with pictures as content parts, and the same
 * paths in `images`, so that both kinds of reader find them: content parts with a path (cosmos-rl, OpenAI-like), and a list
 * of pictures beside bare `{type: "image"}` places (TRL takes them in order).
 */
import { join } from "node:path";
import { splitNames } from "../dataset/splits.ts";
import { atomicWrite, atomicWriteFile } from "../io/atomic.ts";
import { writeJsonl } from "../io/json.ts";
import {
  type ExportTurn,
  labelTurns,
  picturePath,
  picturesOf,
  questionTurns,
  writePictures,
} from "./samples.ts";
import type { DatasetSink, ExportInput, ExportOptions } from "./sink.ts";

/** Rows of one split, drive by drive, their pictures written. */
async function* rowsOf(
  input: ExportInput,
  out: string,
  options: ExportOptions,
  split: string,
  row: (turn: ExportTurn, driveId: string) => unknown,
): AsyncGenerator<unknown> {
  const drives = input.drives.filter((d) => input.splitOf(d.id) === split);
  const perDrive = input.each(drives, async (item) => {
    const turns = [
      ...(await labelTurns(item, input, options)),
      ...(await questionTurns(item, input, options)),
    ];
    await writePictures(out, item.drive.id, turns.flatMap(picturesOf));
    return turns.map((turn) => row(turn, item.drive.id));
  });
  for await (const rows of perDrive) yield* rows;
}

const text = (value: string) => ({ type: "text", text: value });

function chatRow({ id, system, user, assistant }: ExportTurn, driveId: string): unknown {
  const parts = user.map((part) =>
    typeof part === "string" ? text(part) : { type: "image", image: picturePath(driveId, part) },
  );
  return {
    id,
    messages: [
      { role: "system", content: [text(system)] },
      { role: "user", content: parts },
      { role: "assistant", content: [text(assistant)] },
    ],
    images: parts.flatMap((part) => ("image" in part ? [part.image] : [])),
  };
}

export const chatSink: DatasetSink = {
  format: "chat",
  aliases: ["messages", "trl", "cosmos-rl"],
  about: "chats as JSON Lines with pictures beside them, for cosmos-rl and TRL",
  takesUnlabelled: false,
  async write(input, out, options) {
    let written = 0;
    for (const split of splitNames) {
      const rows = rowsOf(input, out, options, split, chatRow);
      written += await writeJsonl(join(out, `${split}.jsonl`), rows);
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

const llavaRow = (turn: ExportTurn, driveId: string): unknown => ({
  id: turn.id,
  image: picturesOf(turn).map((p) => picturePath(driveId, p)),
  conversations: [
    {
      from: "human",
      value: turn.user.map((part) => (typeof part === "string" ? part : "<image>\n")).join(""),
    },
    { from: "gpt", value: turn.assistant },
  ],
});

export const llavaSink: DatasetSink = {
  format: "llava",
  aliases: ["llava-json"],
  about: "LLaVA annotations (one JSON array a split) with pictures beside them",
  takesUnlabelled: false,
  async write(input, out, options) {
    let written = 0;
    for (const split of splitNames) {
      const rows = rowsOf(input, out, options, split, llavaRow);
      written += await writeJsonArray(join(out, `${split}.json`), rows);
    }
    await atomicWriteFile(join(out, "system-prompt.txt"), `${options.systemPrompt}\n`);
    await atomicWriteFile(
      join(out, "question-system-prompt.txt"),
      `${options.questionSystemPrompt}\n`,
    );
    return written;
  },
};
