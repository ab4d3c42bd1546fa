/** Closed-loop films: the list, worst first, and the empty player that `assets/films.js` fills. */
import type { ClosedLoopRow } from "../../artefacts.ts";
import type { FilmArtefact } from "../../scene-artefacts.ts";
import { imageFromRig } from "../camera.ts";
import { fixed, inKnownOrder, shortPredictorName, words } from "../format.ts";
import { type Html, html } from "../html.ts";
import { frontCamera } from "./clips.ts";

/** What the player gets for each film. `matrix` projects rig metres to pixels of the camera (3x4, row-major). */
export interface PlayerFilm extends Omit<FilmArtefact, "cameras"> {
  readonly title: string;
  readonly policyName: string;
  readonly score: number | null;
  readonly flags: readonly string[];
  readonly failed: boolean;
  readonly facts: string;
  readonly cameras: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
    readonly matrix: readonly number[] | null;
    readonly frames: readonly { readonly frame: number; readonly jpeg: string }[];
  }[];
}

const flagTexts: readonly (readonly [keyof ClosedLoopRow, string])[] = [
  ["collisionAtFault", "at-fault collision"],
  ["offroad", "off-road"],
  ["redLight", "red light"],
  ["stopSign", "stop sign"],
  ["wrongLane", "wrong lane"],
];

/** Flags in words, worst first; a collision that was not the ego's fault is named as such. */
export function flagsOf(row: ClosedLoopRow): string[] {
  const flags = flagTexts.filter(([key]) => row[key] === true).map(([, text]) => text);
  if (row.collisionAny && !row.collisionAtFault) flags.push("hit by others");
  if (row.status === "failed") flags.unshift("driver crashed");
  return flags;
}

/** Rank of an outcome: greater is worse. Safety first, then rules, then how little was driven. */
export function severity(row: ClosedLoopRow): number {
  return (
    (row.status === "failed" ? 64 : 0) +
    (row.collisionAtFault ? 32 : 0) +
    (row.offroad ? 16 : 0) +
    (row.redLight ? 8 : 0) +
    (row.stopSign ? 4 : 0) +
    (row.wrongLane ? 2 : 0) +
    (row.collisionAny ? 1 : 0) +
    (1 - row.score)
  );
}

/**
 * Films joined to their scores by (policy, scene), worst first. Camera frames are kept for the films at the front
 * of the list until `cameraBudgetBytes` is spent; `withoutCamera` counts the films that lost theirs.
 */
export function rankFilms(
  films: readonly FilmArtefact[],
  rows: readonly ClosedLoopRow[],
  cameraBudgetBytes: number,
): { readonly films: PlayerFilm[]; readonly withoutCamera: number } {
  const byKey = new Map(rows.map((row) => [`${row.policy}\n${row.sceneId}`, row]));
  const ranked = films
    .map((film) => ({ film, row: byKey.get(`${film.policy}\n${film.sceneId}`) ?? null }))
    .sort(
      (a, b) =>
        (b.row === null ? -1 : severity(b.row)) - (a.row === null ? -1 : severity(a.row)) ||
        (a.film.sceneId < b.film.sceneId ? -1 : 1),
    );
  let left = cameraBudgetBytes;
  let withoutCamera = 0;
  // The model's films come first in the budget: they are what the report is about.
  const size = (film: FilmArtefact) =>
    film.cameras.reduce((sum, c) => sum + c.frames.reduce((s, f) => s + f.jpeg.length + 24, 0), 0);
  const keeps = new Set<FilmArtefact>();
  for (const { film } of [...ranked].sort(
    (a, b) => Number(b.film.policy === "model") - Number(a.film.policy === "model"),
  )) {
    const bytes = size(film);
    if (bytes <= left) {
      keeps.add(film);
      left -= bytes;
    } else withoutCamera += 1;
  }
  return {
    withoutCamera,
    films: ranked.map(({ film, row }) => {
      const flags = row === null ? [] : flagsOf(row);
      const front = frontCamera(film.cameras);
      const cameras = keeps.has(film) ? film.cameras.filter((c) => c.frames.length > 0) : [];
      return {
        ...film,
        title: words(film.kind),
        policyName: shortPredictorName(film.policy),
        score: row === null ? null : row.status === "failed" ? 0 : row.score,
        flags,
        failed: row !== null && (flags.length > 0 || row.score < 1),
        facts:
          row === null
            ? "not scored"
            : [
                `score ${fixed(row.score)}`,
                `progress ${fixed(row.progress * 100, 0)} %`,
                `comfort ${fixed(row.comfort * 100, 0)} %`,
                row.minDistanceM === null
                  ? "no other road user"
                  : `least gap ${fixed(row.minDistanceM, 1)} m`,
              ].join("\n"),
        cameras: [...cameras]
          .sort((a, b) => Number(b.name === front?.name) - Number(a.name === front?.name))
          .map(({ calibration, ...camera }) => ({
            ...camera,
            matrix:
              calibration === null
                ? null
                : imageFromRig(calibration).map((v) => Math.round(v * 1e6) / 1e6),
          })),
      };
    }),
  };
}

export function filmSection(films: readonly PlayerFilm[], note: string): Html {
  if (films.length === 0) return html``;
  const policies = inKnownOrder(films.map((f) => f.policy));
  const kinds = [...new Set(films.map((f) => f.kind))].sort();
  const first = policies.includes("model") ? "model" : policies[0];
  return html`<section id="films"><h2>Films</h2>
<div class="player">
<aside><div class="controls"><select id="film-policy" aria-label="driver">${policies.map((p) => html`<option value="${p}" ${p === first ? html`selected` : null}>${shortPredictorName(p)}</option>`)}<option value="">every driver</option></select><select id="film-kind" aria-label="scenario"><option value="">every kind</option>${kinds.map((k) => html`<option value="${k}">${words(k)}</option>`)}</select><label><input type="checkbox" id="film-failed">failures only</label></div>
<ol id="film-list" aria-label="films, worst first"></ol></aside>
<div class="stage"><canvas id="film-bev" aria-label="bird's-eye view of the scene"></canvas><div class="readout" id="film-readout"></div></div>
<div class="side"><div class="cams" id="film-cameras"></div><div class="thought"><h4>Reasoning</h4><p id="film-thought"></p><div id="film-oracle" hidden><h4>Oracle</h4><p class="quiet"></p></div></div></div>
<div class="transport"><button type="button" id="film-play" aria-label="play or pause">▶</button><div class="scrub"><svg id="film-strip" preserveAspectRatio="none" aria-hidden="true"></svg><input type="range" id="film-seek" min="0" max="1" step="1" value="0" aria-label="time"></div><output id="film-time"></output><button type="button" class="plain" id="film-speed" title="playback speed">1×</button></div>
</div><p class="note">Worst first. Space plays, arrow keys step. ${note}</p><noscript><p class="warning">The films need JavaScript; everything else on this page does not.</p></noscript></section>`;
}
