/** Training curves of both stages: loss and its parts, learning rate, throughput. */
import type { TrainMetricRow } from "../../artefacts.ts";
import { count, duration, fixed } from "../format.ts";
import { type Html, html } from "../html.ts";
import { linePlot, type PlotSeries, smooth } from "../plot.ts";

const stageNames = {
  stage1: "Stage 1: language model with trajectory tokens",
  stage2: "Stage 2: action expert by flow matching, language model frozen",
} as const;
const partClasses = ["c-part1", "c-part2", "c-part3", "c-part4", "c-part5"];

function stage(name: keyof typeof stageNames, all: readonly TrainMetricRow[]): Html {
  const rows = all.filter((r) => r.stage === name);
  const train = rows.filter((r) => r.split === "train").sort((a, b) => a.step - b.step);
  const validation = rows.filter((r) => r.split === "validation").sort((a, b) => a.step - b.step);
  if (train.length === 0) return html``;
  const steps = train.map((r) => r.step);
  const window = Math.max(1, Math.round(train.length / 40));
  const losses = train.map((r) => r.loss);
  const loss: PlotSeries[] = [
    { name: "raw", className: "c-model", x: steps, y: losses, faint: true },
    { name: "train", className: "c-model", x: steps, y: smooth(losses, window) },
  ];
  if (validation.length > 0) {
    loss.push({
      name: "held out",
      className: "c-ctra",
      x: validation.map((r) => r.step),
      y: validation.map((r) => r.loss),
    });
  }
  const partNames = [...new Set(train.flatMap((r) => Object.keys(r.lossParts)))].sort();
  const parts = partNames.map((part, i): PlotSeries => {
    const have = train.filter((r) => r.lossParts[part] !== undefined);
    return {
      name: part,
      className: partClasses[i % partClasses.length],
      x: have.map((r) => r.step),
      y: smooth(
        have.map((r) => r.lossParts[part]),
        window,
      ),
    };
  });
  const column = (
    of: (r: TrainMetricRow) => number | null,
    className: string,
    label: string,
  ): PlotSeries[] => {
    const have = train.filter((r) => of(r) !== null);
    return have.length === 0
      ? []
      : [
          {
            name: label,
            className,
            x: have.map((r) => r.step),
            y: have.map((r) => of(r) as number),
          },
        ];
  };
  const rate = column((r) => r.learningRate, "c-expert", "");
  const speed = column((r) => r.samplesPerSec, "c-shuffled", "").map((s) => ({
    ...s,
    y: smooth(s.y, window),
  }));
  const last = train[train.length - 1];
  const width = 290;
  const height = 200;
  const tail = smooth(losses, window)[losses.length - 1];
  return html`<h3>${stageNames[name]}</h3><p class="note">${count(last.step)} steps${last.wallSecs === null ? "" : ` in ${duration(last.wallSecs)}`}; loss ${fixed(losses[0])} → ${fixed(tail, 3)}${validation.length === 0 ? "" : `, held out ${fixed(validation[validation.length - 1].loss, 3)}`}.</p>
<div class="quad"><figure><figcaption>Loss</figcaption>${linePlot({ width, height, series: loss, logY: losses.every((v) => v > 0), xLabel: "step", yLabel: "" })}</figure>
${parts.length < 2 ? null : html`<figure><figcaption>Parts of the loss</figcaption>${linePlot({ width, height, series: parts, logY: parts.every((p) => p.y.every((v) => v > 0)), xLabel: "step", yLabel: "" })}</figure>`}
${rate.length === 0 ? null : html`<figure><figcaption>Learning rate</figcaption>${linePlot({ width, height, series: rate, labels: false, xLabel: "step", yLabel: "" })}</figure>`}
${speed.length === 0 ? null : html`<figure><figcaption>Samples per second</figcaption>${linePlot({ width, height, series: speed, labels: false, xLabel: "step", yLabel: "" })}</figure>`}</div>`;
}

export function trainingSection(rows: readonly TrainMetricRow[]): Html {
  if (rows.length === 0) return html``;
  return html`<section id="training"><h2>Training</h2>${stage("stage1", rows)}${stage("stage2", rows)}</section>`;
}
