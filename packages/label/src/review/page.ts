/** The review queue as one HTML file: it opens from a disk, asks for nothing, and keeps its state in the browser. */
import { readFile } from "node:fs/promises";
import { lateralDecisions, longitudinalDecisions } from "@causeway/data";
import { hashJson } from "../hash.ts";
import type { ReviewItem } from "./queue.ts";
import { labelContentHash, reviewChecks, reviewFileSchemaId } from "./review-record.ts";

export interface ReviewPageOptions {
  readonly title: string;
  readonly isBlind: boolean;
}

/** JSON inside a script element: nothing in it can end the element. */
const embed = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** @param assets script and style of `assets/` */
export function reviewPage(
  items: readonly ReviewItem[],
  options: ReviewPageOptions,
  assets: { readonly script: string; readonly style: string },
): string {
  const data = {
    schema: reviewFileSchemaId,
    checks: reviewChecks,
    longitudinal: longitudinalDecisions,
    lateral: lateralDecisions,
    isBlind: options.isBlind,
    // Answers of one export do not mix with another's.
    store: `causeway-review-${hashJson(items.map((i) => labelContentHash(i.label)))}`,
    items: items.map((item) => ({ ...item, labelHash: labelContentHash(item.label) })),
  };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escape(options.title)}</title>
<style>
${assets.style}
</style>
</head>
<body>
<main id="app"></main>
<script type="application/json" id="data">${embed(data)}</script>
<script>
${assets.script}
</script>
</body>
</html>
`;
}

/** Script and style of the page, from this package. */
export async function reviewPageAssets(): Promise<{ script: string; style: string }> {
  const read = (name: string) => readFile(new URL(`assets/${name}`, import.meta.url), "utf8");
  return { script: await read("review.js"), style: await read("review.css") };
}
