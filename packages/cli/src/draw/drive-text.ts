/** A drive in the terminal: facts, speed, acceleration, curvature, meta-action bands, keyframes. */
import { type DriveView, metaActionBands, questionsText } from "./drive-view.ts";
import { plotBands, plotSeries, shortNumber, timeAxis } from "./terminal-plot.ts";

export function driveText(view: DriveView, columns: number): string {
  const { series, keyframes, droppedKeyframes } = view.motion;
  const numTicks = series.stampUs.length;
  const facts = [
    `${view.id}  ${view.format}${view.scenario === null ? "" : `, ${view.scenario}`}, ${shortNumber(view.durationSecs)} s, ${view.distanceM === null ? "no ego motion" : `${shortNumber(view.distanceM)} m`}`,
    ...view.cameras.map(
      (c) =>
        `  ${c.name}: ${c.numFrames} frames${c.size === null ? "" : ` ${c.size}`}${c.hz === null ? "" : `, ${shortNumber(c.hz)} Hz`}`,
    ),
    ...(view.layers.length === 0 ? [] : [`  layers: ${view.layers.join(", ")}`]),
    ...(view.questions.length === 0 ? [] : [`  ${questionsText(view.questions)}`]),
    ...view.notes.map((n) => `  note: ${n}`),
  ];
  // Nothing to plot: no axes without a line.
  if (view.distanceM === null) return facts.join("\n");
  const plot = (title: string, unit: string, values: Float64Array): string =>
    plotSeries({ title, unit, values }, { columns, rows: 4 });
  const bands = (title: string, axis: "longitudinal" | "lateral"): string[] => {
    const found = view.motion.metaActions.axes[axis];
    if (!found.isAvailable) return [`${title}: not available (${found.reason})`];
    return [title, plotBands(metaActionBands(view.motion, axis), numTicks, columns)];
  };
  const marks = keyframes.map((k) => `  ${shortNumber(k.t0Us / 1e6).padStart(6)} s  ${k.reason}`);
  return [
    ...facts,
    "",
    plot("speed", "m/s", series.signedSpeedMps),
    plot("acceleration", "m/s²", series.accelMps2),
    plot("curvature", "1/m, left positive", series.curvaturePerM),
    timeAxis(view.durationSecs, columns),
    "",
    ...bands("longitudinal meta-actions", "longitudinal"),
    ...bands("lateral meta-actions", "lateral"),
    ...(view.decisions.length === 0
      ? []
      : ["decisions of the expert", plotBands(view.decisions, numTicks, columns)]),
    "",
    `${keyframes.length} keyframes${droppedKeyframes.length === 0 ? "" : `, ${droppedKeyframes.length} candidates dropped`}`,
    ...marks,
  ].join("\n");
}
