/** The end of the report: where the time went, facts of the run, definitions, and where each number comes from. */
import { artefactFiles, type RunFacts } from "../../artefacts.ts";
import type { Summary } from "../../summary.ts";
import { count, duration, fixed, magnitude } from "../format.ts";
import { type Html, html } from "../html.ts";

export function factsSection(run: RunFacts, summary: Summary): Html {
  const rows: (readonly [string, string])[] = [
    ["run", run.id],
    ["recipe", run.recipe],
    ["seed", String(run.seed)],
    ["commit", run.commit ?? "not recorded"],
    [
      "model",
      run.model === null ? "–" : `${run.model.name}, ${magnitude(run.model.parameters)} parameters`,
    ],
    [
      "machine",
      run.machine === null
        ? "–"
        : `${run.machine.cpu}, ${run.machine.cores} cores, ${fixed(run.machine.memoryGb, 0)} GB`,
    ],
    [
      "dataset",
      run.dataset === null ? "–" : `${run.dataset.fingerprint} (${fixed(run.dataset.hours, 1)} h)`,
    ],
    ["wall time", duration(summary.wallSecs)],
    ["peak memory", `${count(summary.peakRssMb)} MB`],
    [
      "intervals",
      `${Math.round(summary.bootstrap.level * 100)} % percentile bootstrap, ${count(summary.bootstrap.resamples)} resamples, seed ${summary.bootstrap.seed}; unit: ${summary.bootstrap.unit}`,
    ],
    ...run.facts,
  ];
  const total = run.stages.reduce((sum, s) => sum + s.secs, 0);
  return html`<section id="facts"><h2>How this was made</h2>
${total === 0 ? null : html`<div class="stages">${run.stages.filter((s) => s.secs > 0).map((s, i) => html`<span class="c-part${(i % 5) + 1}" style="flex:${fixed(s.secs, 2)}" title="${s.name}: ${duration(s.secs)}"><b>${s.name}</b>${duration(s.secs)}</span>`)}</div>`}
<div class="pair"><dl>${rows.map(([k, v]) => html`<dt>${k}</dt><dd>${v}</dd>`)}</dl>
<div><h3>Definitions</h3><dl class="defs">
<dt>minADE₆</dt><dd>Six paths are sampled; the one with the least mean distance over all 64 steps is kept, and its mean distance up to each horizon is reported. Choosing anew at each horizon is a smaller number and listed apart.</dd>
<dt>corners</dt><dd>Mean distance of the eight corners of a 4 × 3 × 2 m box, best whole trajectory. The upstream definition mixes samples step by step; it is listed apart.</dd>
<dt>miss rate</dt><dd>Share of samples where no path ends within 2 m of the logged end.</dd>
<dt>shuffled images</dt><dd>The same model with the camera frames of other samples; history and route stay. If the error does not rise, the model does not look.</dd>
<dt>decision accuracy</dt><dd>Longitudinal and lateral decision right, and the side where there is one.</dd>
<dt>consistency</dt><dd>Does the first planned path do what the text says, by kinematic rules; unreadable text counts against it.</dd>
<dt>scene score</dt><dd>0 after an at-fault collision or leaving the road, else min(progress / 0.8, 1).</dd>
</dl><h3>Files</h3><p class="note">Every number here is recomputed from these files of the run folder, joined by id: ${Object.values(
    artefactFiles,
  )
    .filter((f) => f !== artefactFiles.report)
    .map((f, i) => html`${i > 0 ? ", " : ""}<code>${f}</code>`)}.</p></div></div></section>`;
}
