/** Questions in LingoQA's CSV form as jobs, and the CSV of answers that `causeway score lingoqa` judges. */
import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readLingoQuestions } from "@causeway/reason";
import { parseCsv, readTextFile } from "../score/data-file.ts";
import { kindOfFile, type ReasonJob } from "./jobs.ts";

/** Paths in the `images` or `media` column: a JSON list, one path, or a list as Python prints it. */
function pathsIn(text: string): string[] {
  if (text.startsWith("[")) return text.match(/[^\s'",[\]]+/g) ?? [];
  return text.trim() === "" ? [] : [text.trim()];
}

const byNumber = new Intl.Collator("en", { numeric: true });

/** Pictures of a folder with the segment's name, or its video, beside the file. */
async function mediaOfSegment(folder: string, segmentId: string): Promise<string[]> {
  if (segmentId === "") return [];
  const path = join(folder, segmentId);
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() === true;
  const names = isFolder ? await readdir(path) : await readdir(folder);
  const own = isFolder ? names : names.filter((n) => n.replace(/\.\w+$/, "") === segmentId);
  return own
    .filter((name) => kindOfFile(name) !== null)
    .sort(byNumber.compare)
    .map((name) => join(isFolder ? path : folder, name));
}

/** One job per question, whatever the number of its references. */
export async function readQuestionFile(
  path: string,
  jobs: ReasonJob[],
  skipped: { what: string; why: string }[],
): Promise<void> {
  const folder = dirname(path);
  const rows = parseCsv(await readTextFile(path), path);
  const { questions, problems } = readLingoQuestions(rows);
  for (const { where, problem } of problems)
    skipped.push({ what: `${path} ${where}`, why: problem });
  const keyOf = (questionId: string, segmentId: string) => `${questionId}/${segmentId}`;
  const listed = new Map(
    rows.map((row) => [
      keyOf(row.question_id, row.segment_id),
      pathsIn(row.images ?? row.media ?? ""),
    ]),
  );
  for (const { questionId, segmentId, question } of questions) {
    const id = keyOf(questionId, segmentId);
    const named = listed.get(id) ?? [];
    const media =
      named.length > 0
        ? named.map((name) => resolve(folder, name))
        : await mediaOfSegment(folder, segmentId);
    const unknown = media.find((name) => kindOfFile(name) === null);
    if (media.length === 0 || unknown !== undefined) {
      const why =
        unknown === undefined
          ? `no column images or media, and neither a folder nor a video ${segmentId} beside the file`
          : `"${unknown}" is no picture, video or drive`;
      skipped.push({ what: id, why });
      continue;
    }
    const values = { question };
    jobs.push({ id, media, prompt: "vqa", values, asked: { questionId, segmentId } });
  }
}

const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Null where no job came from a question file. Questions without an answer have no row. */
export function answersCsv(
  jobs: readonly ReasonJob[],
  answers: ReadonlyMap<string, { readonly answer: string }>,
): string | null {
  if (!jobs.some((job) => job.asked !== undefined)) return null;
  const lines = jobs.flatMap(({ id, asked }) => {
    const row = answers.get(id);
    if (asked === undefined || row === undefined) return [];
    return [[asked.questionId, asked.segmentId, row.answer].map(quoted).join(",")];
  });
  return `question_id,segment_id,answer\n${lines.map((line) => `${line}\n`).join("")}`;
}
