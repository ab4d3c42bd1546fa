/** One self-contained HTML file: style, script and data inline, and a policy that forbids every request. */
import { readFileSync } from "node:fs";
import { type Html, html, raw, scriptJson } from "./html.ts";

/** Text of a file in `assets/`. They are sources of this package, like the code beside them. */
export function asset(name: string): string {
  return readFileSync(new URL(`./assets/${name}`, import.meta.url), "utf8");
}

export interface PageParts {
  readonly title: string;
  readonly nav: readonly { readonly id: string; readonly text: string }[];
  /** Right end of the bar, e.g. "synthetic data". */
  readonly badge: string | null;
  readonly body: Html;
  /** CSS files of `assets/`, in order. */
  readonly styles: readonly string[];
  /** Script files of `assets/`, in order; run after the body. */
  readonly scripts: readonly string[];
  /** JSON blocks by element id. */
  readonly data: Readonly<Record<string, unknown>>;
}

export function renderPage(parts: PageParts): string {
  const policy =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${parts.title}</title>
<style>${raw(parts.styles.map(asset).join("\n"))}</style>
</head>
<body>
<header class="bar"><a class="brand" href="#top" aria-label="Causeway, top of page">${mark}<b>Causeway</b></a>
<nav>${parts.nav.map(({ id, text }) => html`<a href="#${id}">${text}</a>`)}</nav>
${parts.badge === null ? null : html`<span class="badge">${parts.badge}</span>`}
<button type="button" class="plain" id="theme" aria-label="Switch between light and dark" title="Light or dark">◐</button></header>
<main id="top">
${parts.body}
</main>
${Object.entries(parts.data).map(([id, value]) => html`<script type="application/json" id="${id}">${scriptJson(value)}</script>\n`)}
<script>${raw(parts.scripts.map((name) => `(() => {\n${asset(name)}\n})();`).join("\n"))}</script>
</body>
</html>
`;
  return page.text;
}

/** A road that runs over arches. */
const mark = raw(
  '<svg viewBox="0 0 28 18" width="28" height="18" aria-hidden="true"><path d="M1 5.5C8 1.5 20 1.5 27 5.5" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"/><path d="M2.5 16v-2.5a3.6 3.6 0 0 1 7.2 0V16M10.4 16v-3.2a3.6 3.6 0 0 1 7.2 0V16M18.3 16v-2.5a3.6 3.6 0 0 1 7.2 0V16" fill="none" stroke="var(--model)" stroke-width="1.8"/></svg>',
);
