import { relative, resolve } from "node:path";
import { describeDrive, openDataset, openDrive } from "@causeway/data";
import { renderDrivePage, writeText } from "@causeway/eval";
import type { Outcome } from "../command.ts";
import { drivePageData, drivePictures } from "../draw/drive-page-data.ts";
import { driveText } from "../draw/drive-text.ts";
import { viewDrive } from "../draw/drive-view.ts";
import { shortNumber } from "../draw/terminal-plot.ts";

/** Facts of one drive and its plots. */
export async function inspectDrive(
  path: string,
  { columns, html }: { readonly columns: number; readonly html: string | null },
): Promise<Outcome> {
  const drive = await openDrive(path);
  try {
    const view = await viewDrive(drive);
    const { metaActions, keyframes, droppedKeyframes } = view.motion;
    if (html !== null)
      writeText(
        resolve(html),
        renderDrivePage(
          drivePageData(view, {
            traces: [],
            ...(await drivePictures(drive)),
            indexHref: null,
          }),
        ),
      );
    return {
      data: {
        ...(await describeDrive(drive)),
        metaActions: metaActions.axes,
        keyframes,
        droppedKeyframes,
        page: html,
      },
      text: `${driveText(view, columns)}${html === null ? "" : `\npage: ${html}`}`,
    };
  } finally {
    await drive.close();
  }
}

/** One line per drive. */
export async function inspectDataset(dir: string): Promise<Outcome> {
  const dataset = await openDataset(dir);
  const splits = await dataset.splits();
  const idWidth = Math.max(...dataset.drives.map((d) => d.id.length), 5);
  const splitText = (id: string): string =>
    (["train", "val", "test"] as const).find((name) => splits?.[name].includes(id)) ?? "-";
  const lines = dataset.drives.map(
    (d) =>
      `  ${d.id.padEnd(idWidth)}  ${(d.scenario ?? d.format).padEnd(20)} ${shortNumber(d.durationUs / 1e6).padStart(6)} s  ${String(d.cameras.length)} cameras  ${splitText(d.id).padEnd(5)}  ${shortNumber(d.bytes / 1e6)} MB${d.hasMotion === false ? "  no ego motion" : ""}${d.questions === undefined ? "" : `  ${d.questions} questions`}`,
  );
  const secs = dataset.drives.reduce((sum, d) => sum + d.durationUs / 1e6, 0);
  const withoutMotion = dataset.drives.filter((d) => d.hasMotion === false).length;
  const questions = dataset.drives.reduce((sum, d) => sum + (d.questions ?? 0), 0);
  return {
    data: {
      dir,
      name: dataset.name,
      fingerprint: dataset.fingerprint,
      drives: dataset.drives,
      splits,
      withoutMotion,
      questions,
    },
    text: [
      `${dataset.name}: ${dataset.drives.length} drives, ${shortNumber(secs / 60)} min, fingerprint ${dataset.fingerprint.slice(0, 16)}${withoutMotion === 0 ? "" : `, ${withoutMotion} without ego motion`}${questions === 0 ? "" : `, ${questions} questions`}`,
      ...lines,
      `Draw one with: causeway inspect ${relative(process.cwd(), dir) || "."} --drive ${dataset.drives[0]?.id ?? "<id>"}`,
    ].join("\n"),
  };
}
