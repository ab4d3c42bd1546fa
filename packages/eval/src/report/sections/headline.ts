/** First screen: what was run, and the headline numbers against the bars that they are held to. */
import type { RunFacts } from "../../artefacts.ts";
import type { ClosedLoopSummary } from "../../metrics/closed-loop.ts";
import type { DecisionSummary } from "../../metrics/decisions.ts";
import type { Bar, BarName, Summary } from "../../summary.ts";
import {
  count,
  dash,
  duration,
  fixed,
  interval,
  magnitude,
  percent,
  shortPredictorName,
} from "../format.ts";
import { type Html, html } from "../html.ts";
import { gauge } from "../plot.ts";

export interface HeadlineInput {
  readonly run: RunFacts;
  readonly summary: Summary;
  readonly closedLoop: ClosedLoopSummary;
  readonly decisions: DecisionSummary;
}

interface Card {
  readonly label: string;
  readonly format: (v: number) => string;
  readonly goal: string;
  readonly detail: string;
  readonly range: readonly [number, number];
}

function cards({ summary, closedLoop, decisions }: HeadlineInput): Record<BarName, Card> {
  const { openLoop, closedLoop: closed, baseline } = summary;
  const times = (v: number) => `${fixed(v)}×`;
  const metres = (v: number | null) => `${fixed(v)} m`;
  const unsafe = Math.round((closedLoop.atFaultIncidentsPerKm.value ?? 0) * closedLoop.km);
  const signed = (v: number) => (v > 0 ? `+${fixed(v)}` : fixed(v));
  return {
    looks_ahead: {
      label: "Predicts the path",
      format: times,
      goal: "≤ 0.50× the best baseline",
      detail: `${metres(openLoop.minAde6)}, ${baseline === null ? "baseline" : shortPredictorName(baseline)} ${metres(openLoop.baselineAde)}`,
      range: [0, 1],
    },
    looks_at_images: {
      label: "Looks at the road",
      format: times,
      goal: "≥ 1.50× error if shuffled",
      detail: `${metres(openLoop.minAde6)} → ${metres(openLoop.shuffledMinAde6)}`,
      range: [1, 3],
    },
    decides: {
      label: "Decides rightly",
      format: (v) => percent(v),
      goal: "≥ 80 % right on both axes",
      detail: `speed ${percent(decisions.longitudinal.accuracy.value)}, path ${percent(decisions.lateral.accuracy.value)}`,
      range: [0, 1],
    },
    acts_as_it_says: {
      label: "Acts as it says",
      format: (v) => percent(v),
      goal: "≥ 80 % of plans match text",
      detail: `checked on ${percent(decisions.coverage.value)} of ${count(decisions.samples)}`,
      range: [0, 1],
    },
    drives: {
      label: "Drives",
      format: (v) => fixed(v),
      goal: "≥ 0.60 mean scene score",
      detail: `${closedLoop.scenes} scenes, ${unsafe} unsafe`,
      range: [0, 1],
    },
    drives_better_than_blind: {
      label: "Beats blind",
      format: signed,
      goal: "≥ +0.25 over constant speed",
      detail: `blind ${fixed(closed.constantVelocityScore)}, shuffled ${fixed(closed.shuffledScore)}`,
      range: [-0.25, 1],
    },
  };
}

function card(bar: Bar, { label, format, goal, detail, range }: Card): Html {
  const state = bar.value === null ? "missing" : bar.passed ? "pass" : "fail";
  const verdict = { pass: "✓ met", fail: "✗ not met", missing: "not measured" }[state];
  return html`<article class="card ${state}" title="${bar.claim}">
<h3>${label}<span class="verdict">${verdict}</span></h3>
<p class="value">${bar.value === null ? dash : format(bar.value)}<small>${interval(bar.interval, format)}</small></p>
${gauge({ value: bar.value, interval: bar.interval, bar: bar.bar, direction: bar.direction, range: [range[0], Math.max(range[1], 1.08 * (bar.interval?.[1] ?? bar.value ?? 0))] })}
<p class="goal">${goal}</p><p class="detail">${detail}</p></article>`;
}

export function headlineSection(input: HeadlineInput): Html {
  const { run, summary } = input;
  const met = summary.bars.filter((b) => b.passed).length;
  const all = met === summary.bars.length;
  const known = cards(input);
  const facts = [
    run.model === null ? null : `${run.model.name}, ${magnitude(run.model.parameters)} parameters`,
    run.dataset === null
      ? null
      : `${count(run.dataset.trainRecordings)} recordings to train on, ${count(run.dataset.heldOutRecordings)} held out (${fixed(run.dataset.hours, 1)} h)`,
    `${duration(summary.wallSecs)}${run.machine === null ? "" : ` on ${run.machine.cores} cores`}, ${count(summary.peakRssMb)} MB at most`,
    run.finishedAt === null ? null : run.finishedAt.slice(0, 16).replace("T", " "),
  ].filter((f) => f !== null);
  return html`<section class="hero">
<div class="title"><h1>${run.title}</h1><span class="pill ${all ? "pass" : "fail"}">${met} of ${summary.bars.length} bars met</span></div>
<p class="facts">${facts.map((f) => html`<span>${f}</span>`)}</p>
${run.warnings.map((w) => html`<p class="warning">${w}</p>`)}
<div class="cards">${summary.bars.map((bar) => card(bar, known[bar.name]))}</div>
</section>`;
}
