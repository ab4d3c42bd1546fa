/**
 * One cursor for plots, track and pictures of a drive page.
 *
 * @typedef {{
 *   scale: import("../../drive-page/timeline.ts").TimelineScale,
 *   t: number[], x: number[], y: number[], speed: number[], accel: number[], curvature: number[],
 *   bands: { title: string, spans: { label: string, startSecs: number, endSecs: number }[] }[],
 *   pictures: { tSecs: number, jpeg: string }[],
 * }} DriveData
 */

const source = document.getElementById("drive-data");
const plots = document.getElementById("timeline");
if (source && plots) {
  /** @type {DriveData} */
  const data = JSON.parse(source.textContent ?? "");
  const cursor = document.getElementById("cursor");
  const here = document.getElementById("here");
  const readout = document.getElementById("readout");
  const picture = /** @type {HTMLImageElement | null} */ (document.getElementById("picture"));
  let shown = -1;

  /** @param {number} secs */
  function moveTo(secs) {
    const { t } = data;
    if (t.length === 0) return;
    let at = 0;
    while (at < t.length - 1 && t[at + 1] <= secs) at++;
    const { t0, t1, left, right } = data.scale;
    const x = String(left + ((t[at] - t0) / (t1 - t0)) * (right - left));
    cursor?.setAttribute("x1", x);
    cursor?.setAttribute("x2", x);
    here?.setAttribute("cx", String(-data.y[at]));
    here?.setAttribute("cy", String(-data.x[at]));
    const labels = data.bands
      .map((band) => band.spans.find((s) => s.startSecs <= t[at] && t[at] < s.endSecs)?.label)
      .filter((label) => label !== undefined);
    if (readout) {
      const number = document.createElement("b");
      number.textContent = `${t[at].toFixed(1)} s`;
      const text = ` · ${(data.speed[at] * 3.6).toFixed(0)} km/h, ${data.accel[at].toFixed(1)} m/s², curvature ${data.curvature[at].toFixed(3)} · ${labels.join(", ")}`;
      readout.replaceChildren(number, text);
    }
    let best = 0;
    data.pictures.forEach((p, i) => {
      if (Math.abs(p.tSecs - t[at]) < Math.abs(data.pictures[best].tSecs - t[at])) best = i;
    });
    if (picture && best !== shown && data.pictures.length > 0) {
      shown = best;
      picture.src = `data:image/jpeg;base64,${data.pictures[best].jpeg}`;
    }
    for (const item of document.querySelectorAll(".keyframes li")) {
      item.classList.toggle("on", Math.abs(Number(/** @type {HTMLElement} */ (item).dataset.at) - t[at]) < 0.25);
    }
  }

  plots.addEventListener("pointermove", (event) => {
    const box = plots.getBoundingClientRect();
    const { t0, t1, left, right, width } = data.scale;
    const x = ((event.clientX - box.left) / box.width) * width;
    moveTo(t0 + Math.max(0, Math.min(1, (x - left) / (right - left))) * (t1 - t0));
  });
  for (const item of document.querySelectorAll("[data-at]")) {
    item.addEventListener("click", () => {
      moveTo(Number(item.getAttribute("data-at")));
    });
  }
  moveTo(data.scale.t0);
}
