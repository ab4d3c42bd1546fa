/** `report.html` from the artefacts of a run: the same functions that made summary.json make the tables here. */
import type {
  ClosedLoopRow,
  DecisionRow,
  OpenLoopRow,
  RunFacts,
  TrainMetricRow,
} from "../artefacts.ts";
import { summariseClosedLoop } from "../metrics/closed-loop.ts";
import { summariseDecisions } from "../metrics/decisions.ts";
import { summariseOpenLoop } from "../metrics/open-loop.ts";
import type { ClipArtefact, FilmArtefact } from "../scene-artefacts.ts";
import type { Summary } from "../summary.ts";
import { inKnownOrder } from "./format.ts";
import { html } from "./html.ts";
import { renderPage } from "./page.ts";
import { clipSection, rankClips } from "./sections/clips.ts";
import { closedLoopSection } from "./sections/closed-loop.ts";
import { decisionSection } from "./sections/decisions.ts";
import { factsSection } from "./sections/facts.ts";
import { filmSection, rankFilms } from "./sections/films.ts";
import { headlineSection } from "./sections/headline.ts";
import { openLoopSection } from "./sections/open-loop.ts";
import { trainingSection } from "./sections/training.ts";

/** What the report is made of; parts that did not run are empty lists and leave no section. */
export interface ReportArtefacts {
  readonly run: RunFacts;
  readonly summary: Summary;
  readonly trainMetrics: readonly TrainMetricRow[];
  readonly openLoop: readonly OpenLoopRow[];
  readonly decisions: readonly DecisionRow[];
  readonly closedLoop: readonly ClosedLoopRow[];
  readonly clips: readonly ClipArtefact[];
  readonly films: readonly FilmArtefact[];
  /** Shown in the bar on top, e.g. "synthetic numbers"; null for real runs. */
  readonly badge?: string | null;
}

export interface ReportOptions {
  /** Clips shown at most, worst first. */
  readonly maxClips: number;
  /** Camera frames in films, bytes of base64; the rest of the page is a few MB at most. */
  readonly cameraBudgetBytes: number;
}
export const defaultReportOptions: ReportOptions = { maxClips: 24, cameraBudgetBytes: 9_000_000 };

/** The whole page. Pure but for reading its own style and script files: the same artefacts give the same bytes. */
export function renderReport(
  artefacts: ReportArtefacts,
  options: ReportOptions = defaultReportOptions,
): string {
  const { run, summary, openLoop, decisions, closedLoop } = artefacts;
  const bootstrap = summary.bootstrap;
  const open = inKnownOrder(openLoop.map((r) => r.predictor)).map((p) =>
    summariseOpenLoop(p, openLoop, bootstrap),
  );
  const judged = inKnownOrder(decisions.map((r) => r.predictor)).map((p) =>
    summariseDecisions(p, decisions, bootstrap),
  );
  const closed = inKnownOrder(closedLoop.map((r) => r.policy)).map((p) =>
    summariseClosedLoop(p, closedLoop, bootstrap),
  );
  const ranked = rankClips(artefacts.clips, openLoop);
  const clips = ranked.slice(0, options.maxClips);
  const films = rankFilms(artefacts.films, closedLoop, options.cameraBudgetBytes);
  const filmNote =
    films.withoutCamera === 0
      ? ""
      : `Camera pictures of ${films.withoutCamera} of ${films.films.length} films are left out to keep this file small; they are in films.jsonl.`;
  const clipNote = `${clips.length}${clips.length < ranked.length ? ` of ${ranked.length} stored` : ""} held-out moments.`;
  const present = (when: boolean, id: string, text: string) => (when ? [{ id, text }] : []);
  return renderPage({
    title: `${run.title} · Causeway`,
    badge: artefacts.badge ?? null,
    styles: ["base.css", "report.css"],
    scripts: ["theme.js", "films.js", "clips.js"],
    nav: [
      ...present(films.films.length > 0, "films", "Films"),
      ...present(closed.length > 0, "closed-loop", "Closed loop"),
      ...present(open.length > 0, "open-loop", "Open loop"),
      ...present(judged.length > 0, "reasoning", "Reasoning"),
      ...present(clips.length > 0, "clips", "Clips"),
      ...present(artefacts.trainMetrics.length > 0, "training", "Training"),
      { id: "facts", text: "Facts" },
    ],
    data: { "film-data": films.films },
    body: html`${headlineSection({
      run,
      summary,
      closedLoop: summariseClosedLoop("model", closedLoop, bootstrap),
      decisions: summariseDecisions("model", decisions, bootstrap),
    })}
${filmSection(films.films, filmNote)}
${closedLoopSection(closed)}
${openLoopSection(open, openLoop, bootstrap)}
${decisionSection(judged)}
${clipSection(clips, clipNote)}
${trainingSection(artefacts.trainMetrics)}
${factsSection(run, summary)}`,
  });
}
