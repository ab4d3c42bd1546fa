/** Sample clips, worst first: what the camera saw, what was planned, what was driven, what was written. */
import {
  type DecisionJson,
  type OpenLoopRow,
  type PathJson,
  pathFromJson,
  pathToJson,
} from "../../artefacts.ts";
import { constantTurnRateAcceleration } from "../../baselines.ts";
import type { ClipArtefact, ClipCamera } from "../../scene-artefacts.ts";
import { boxMark, mapLayer, pathData, viewBox, windowAround } from "../bev.ts";
import { imageFromRig, projectPath, projectRibbon } from "../camera.ts";
import { fixed, words } from "../format.ts";
import { type Html, html } from "../html.ts";

export interface RankedClip {
  readonly clip: ClipArtefact;
  readonly row: OpenLoopRow | null;
  /** Least error first is 0; failures are infinite. */
  readonly errorM: number;
  readonly right: boolean | null;
}

/** Joins clips to their open-loop rows by id and sorts the worst to the front; failed rows are the worst. */
export function rankClips(
  clips: readonly ClipArtefact[],
  rows: readonly OpenLoopRow[],
): RankedClip[] {
  const byKey = new Map(rows.map((row) => [`${row.predictor}\n${row.sampleId}`, row]));
  return clips
    .map((clip) => {
      const row = byKey.get(`${clip.predictor}\n${clip.sampleId}`) ?? null;
      const errorM = row?.metrics?.minAde["6.4s"] ?? Number.POSITIVE_INFINITY;
      const { modelDecision: m, oracleDecision: o } = clip;
      const right =
        o === null
          ? null
          : m !== null &&
            m.longitudinal === o.longitudinal &&
            m.lateral === o.lateral &&
            (o.lateralSide === null || m.lateralSide === o.lateralSide);
      return { clip, row, errorM, right };
    })
    .sort((a, b) => b.errorM - a.errorM || (a.clip.sampleId < b.clip.sampleId ? -1 : 1));
}

/** The origin (now) in front of the future rows, so that the drawn path starts at the car. */
function withOrigin(path: PathJson): PathJson {
  return { x: [0, ...path.x], y: [0, ...path.y], yaw: [0, ...path.yaw] };
}

function cameraView(camera: ClipCamera, clip: ClipArtefact): Html {
  const newest = camera.frames[camera.frames.length - 1];
  const matrix = camera.calibration === null ? null : imageFromRig(camera.calibration);
  const overlay =
    matrix === null
      ? null
      : html`<svg viewBox="0 0 ${camera.width} ${camera.height}" preserveAspectRatio="none"><path class="ribbon c-expert" d="${projectRibbon(matrix, clip.logged.x, clip.logged.y, clip.logged.yaw, clip.ego.widthM * 0.9)}"/>
${clip.predicted.map((p) => html`<path class="ray c-model" d="${projectPath(matrix, p.x, p.y)}"/>`)}<path class="ray thick c-expert" d="${projectPath(matrix, clip.logged.x, clip.logged.y)}"/></svg>`;
  return html`<div class="view"><img alt="${words(camera.name)} at t0" src="data:image/jpeg;base64,${newest}" width="${camera.width}" height="${camera.height}">${overlay}</div>`;
}

function thumbnails(clip: ClipArtefact, front: ClipCamera | undefined): Html {
  const earlier = front === undefined ? [] : front.frames.slice(0, -1);
  const others = clip.cameras.filter((c) => c !== front && c.frames.length > 0);
  const seconds = (i: number) => {
    const at = front?.frameSecs?.[i];
    return at === undefined ? "before" : `${fixed(at, 1)} s`;
  };
  return html`<div class="thumbs">${others.map((c) => html`<figure><img alt="${words(c.name)}" src="data:image/jpeg;base64,${c.frames[c.frames.length - 1]}"><figcaption>${shortCamera(c.name)}</figcaption></figure>`)}${earlier.map((f, i) => html`<figure><img alt="front, ${seconds(i)}" src="data:image/jpeg;base64,${f}"><figcaption>${seconds(i)}</figcaption></figure>`)}</div>`;
}

function shortCamera(name: string): string {
  return words(name.replace(/^camera_/, "").replace(/_\d+fov$/, ""));
}

/** The main camera: the wide front one if there is one. */
export function frontCamera<C extends { readonly name: string }>(
  cameras: readonly C[],
): C | undefined {
  return (
    cameras.find((c) => c.name.includes("front_wide")) ??
    cameras.find((c) => c.name.includes("front")) ??
    cameras[0]
  );
}

function bevView(clip: ClipArtefact): Html {
  const paths = [clip.logged, ...clip.predicted];
  const xs = [0, 14, ...paths.flatMap((p) => [p.x[p.x.length - 1], p.x[p.x.length >> 1]]), -9];
  const ys = [0, ...paths.flatMap((p) => [p.y[p.y.length - 1], p.y[p.y.length >> 1]])];
  const frame = windowAround(xs, ys, { aspect: 0.92, marginM: 5, leastM: 34 });
  const colors = new Map(clip.lights.map((l) => [l.id, l.color as string]));
  const ctra = withOrigin(pathToJson(constantTurnRateAcceleration(pathFromJson(clip.history))));
  const logged = withOrigin(clip.logged);
  return html`<svg class="bev" viewBox="${viewBox(frame)}" role="img" aria-label="bird's-eye view">
${clip.map === null ? null : mapLayer(clip.map, colors)}
<path class="track past" d="${pathData(clip.history.x, clip.history.y)}"/>
<path class="track dashed c-ctra" d="${pathData(ctra.x, ctra.y)}"/>
<path class="track wide c-expert" d="${pathData(logged.x, logged.y)}"/>
${clip.predicted.map(withOrigin).map((p) => html`<path class="track c-model" d="${pathData(p.x, p.y)}"/>`)}
${clip.actors.map((a) => boxMark({ ...a, className: a.kind }))}
${boxMark({ x: clip.ego.rearAxleToCenterM, y: 0, yaw: 0, lengthM: clip.ego.lengthM, widthM: clip.ego.widthM, className: "ego" })}</svg>`;
}

function decisionChips(decision: DecisionJson | null, oracle: DecisionJson | null): Html {
  if (decision === null) return html`<span class="chip bad">not readable</span>`;
  const mark = (same: boolean) => (oracle === null ? "" : same ? "good" : "bad");
  const side = decision.lateralSide === null ? "" : ` ${decision.lateralSide}`;
  const lateralSame =
    decision.lateral === oracle?.lateral &&
    (oracle?.lateralSide === null || decision.lateralSide === oracle?.lateralSide);
  return html`<span class="chip ${mark(decision.longitudinal === oracle?.longitudinal)}">${words(decision.longitudinal ?? "no speed decision")}</span><span class="chip ${mark(lateralSame)}">${words(decision.lateral ?? "no path decision")}${side}</span>`;
}

function clipCard({ clip, row, errorM, right }: RankedClip): Html {
  const front = frontCamera(clip.cameras.filter((c) => c.frames.length > 0));
  const m = row?.metrics ?? null;
  const tags = [
    right === false ? "wrong" : "",
    clip.modelDecision === null ? "unparsed" : "",
    clip.consistency === "inconsistent" ? "inconsistent" : "",
    m !== null && m.miss === 1 ? "miss" : "",
    row !== null && row.status === "failed" ? "failed" : "",
  ].filter((t) => t !== "");
  const finish = Number.isFinite(errorM) ? fixed(errorM, 3) : "1e9";
  return html`<article class="clip" data-tags="${tags.join(" ")}" data-error="${finish}" data-kind="${clip.scenario ?? ""}">
<div class="see">${front === undefined ? html`<p class="empty">no camera</p>` : cameraView(front, clip)}${thumbnails(clip, front)}</div>
<div class="plan">${bevView(clip)}</div>
<div class="say"><h3>${clip.scenario === null ? clip.recordingId : words(clip.scenario)}<small>${clip.sampleId}</small></h3>
<p class="scores">${row !== null && row.status === "failed" ? html`<b class="bad">failed: ${row.error}</b>` : html`<span><b>${fixed(errorM)}</b> m minADE</span><span><b>${fixed(m?.minFde)}</b> m at the end</span><span><b>${fixed(m?.acrossAbs["6.4s"])}</b> m across</span>`}</p>
<h4>Model</h4><blockquote>${clip.modelTrace ?? "(no text)"}</blockquote><p>${decisionChips(clip.modelDecision, clip.oracleDecision)}${clip.consistency === "inconsistent" ? html`<span class="chip bad">plan disagrees with text</span>` : clip.consistency === "consistent" ? html`<span class="chip good">plan agrees with text</span>` : null}</p>
${clip.oracleTrace === null ? null : html`<h4>Oracle</h4><blockquote class="quiet">${clip.oracleTrace}</blockquote><p>${decisionChips(clip.oracleDecision, null)}</p>`}</div></article>`;
}

export function clipSection(ranked: readonly RankedClip[], shown: string): Html {
  if (ranked.length === 0) return html``;
  const has = (tag: string) => ranked.some((r) => tagOf(r, tag));
  const filters = [
    ["", "all"],
    ["wrong", "wrong decision"],
    ["unparsed", "unreadable"],
    ["inconsistent", "plan disagrees"],
    ["miss", "missed by 2 m"],
  ].filter(([tag]) => tag === "" || has(tag));
  return html`<section id="clips"><h2>Sample clips</h2>
<p class="lead">${shown} Worst first. <span class="key"><i class="c-model"></i>model's paths <i class="c-expert"></i>driven <i class="c-ctra"></i>CTRA baseline <i class="past"></i>past</span></p>
<div class="controls" id="clip-filter">${filters.map(([tag, text], i) => html`<button type="button" class="toggle ${i === 0 ? "on" : ""}" data-tag="${tag}">${text}</button>`)}<span class="count"></span></div>
<div class="clips">${ranked.map(clipCard)}</div></section>`;
}

function tagOf({ clip, row, right }: RankedClip, tag: string): boolean {
  if (tag === "wrong") return right === false;
  if (tag === "unparsed") return clip.modelDecision === null;
  if (tag === "inconsistent") return clip.consistency === "inconsistent";
  return tag === "miss" && row?.metrics?.miss === 1;
}
