/**
 * Player of closed-loop films: bird's-eye view, camera with the plan drawn in, reasoning, time line.
 * `#film=policy/scene&t=4.2` in the address opens a film at a time.
 *
 * @typedef {import("../sections/films.ts").PlayerFilm} Film
 */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const dataElement = document.getElementById("film-data");
/** @type {Film[]} */
const films = dataElement ? JSON.parse(dataElement.textContent ?? "[]") : [];
if (films.length > 0) start();

function start() {
  const list = element("film-list");
  const policySelect = /** @type {HTMLSelectElement} */ (element("film-policy"));
  const kindSelect = /** @type {HTMLSelectElement} */ (element("film-kind"));
  const failedOnly = /** @type {HTMLInputElement} */ (element("film-failed"));
  const seek = /** @type {HTMLInputElement} */ (element("film-seek"));
  const playButton = element("film-play");
  const speedButton = element("film-speed");
  const bev = /** @type {HTMLCanvasElement} */ (element("film-bev"));
  const cameraBox = element("film-cameras");
  const strip = element("film-strip");

  let film = films[0];
  let at = 0; // frame, fractional while playing
  let playing = false;
  let rate = 1;
  let before = 0;
  /** @type {Map<string, HTMLImageElement>} */
  let pictures = new Map();
  /** @type {{ canvas: HTMLCanvasElement, camera: Film["cameras"][number] }[]} */
  let views = [];

  const lastFrame = () => film.x.length - 1;
  /** @param {Film} f */
  const key = (f) => `${f.policy}/${f.sceneId}`;

  /**
   * Last entry that began at or before a frame.
   * @template {{ readonly frame: number }} T
   * @param {readonly T[]} entries
   * @param {number} frame
   * @returns {T | null}
   */
  function latest(entries, frame) {
    let found = null;
    for (const entry of entries) {
      if (entry.frame > frame) break;
      found = entry;
    }
    return found;
  }

  // ---- list ----
  function shownFilms() {
    return films.filter(
      (f) =>
        (policySelect.value === "" || f.policy === policySelect.value) &&
        (kindSelect.value === "" || f.kind === kindSelect.value) &&
        (!failedOnly.checked || f.failed),
    );
  }

  function fillList() {
    list.textContent = "";
    const shown = shownFilms();
    for (const f of shown) {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = key(f) === key(film) ? "on" : "";
      const score = document.createElement("span");
      score.className = "score";
      score.style.setProperty("--v", String(f.score ?? 0));
      score.textContent = f.score === null ? "–" : f.score.toFixed(2);
      const name = document.createElement("b");
      name.textContent = f.title;
      const detail = document.createElement("small");
      const who = policySelect.value === "" ? `${f.policyName} · ` : "";
      detail.textContent = who + (f.flags.length > 0 ? f.flags.join(", ") : f.failed ? "not finished" : "no incident");
      detail.className = f.flags.length > 0 ? "bad" : "";
      button.append(score, name, detail);
      button.addEventListener("click", () => open(f, null));
      item.append(button);
      list.append(item);
    }
    if (shown.length === 0) {
      const item = document.createElement("li");
      item.className = "empty";
      item.textContent = "No film matches.";
      list.append(item);
    }
  }

  // ---- open, seek, play ----
  /**
   * @param {Film} next
   * @param {number | null} frame  null: one second before the first incident, else a third into the film.
   */
  function open(next, frame) {
    film = next;
    pictures = new Map();
    const incident = film.events[0]?.frame;
    const first = incident === undefined ? Math.round(film.x.length / 3) : Math.max(0, incident - 10);
    at = Math.max(0, Math.min(lastFrame(), frame ?? first));
    seek.max = String(lastFrame());
    cameraBox.textContent = "";
    views = film.cameras.map((camera) => {
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-label", camera.name);
      canvas.style.aspectRatio = `${camera.width} / ${camera.height}`;
      cameraBox.append(canvas);
      return { canvas, camera };
    });
    cameraBox.classList.toggle("none", views.length === 0);
    const facts = document.createElement("p");
    facts.className = "note";
    facts.style.whiteSpace = "pre-line";
    const lines = [`seed ${film.seed}`, ...film.facts.split("\n")];
    facts.textContent = lines.join(views.length === 1 ? "  ·  " : "\n");
    cameraBox.append(facts);
    fillList();
    drawStrip();
    draw();
  }

  /** @param {boolean} on */
  function play(on) {
    if (on && at >= lastFrame()) at = 0;
    playing = on;
    playButton.textContent = on ? "❚❚" : "▶";
    before = performance.now();
    if (on) requestAnimationFrame(tick);
  }

  /** @param {number} now */
  function tick(now) {
    if (!playing) return;
    at += ((now - before) / 1000 / film.stepSecs) * rate;
    before = now;
    if (at >= lastFrame()) {
      at = lastFrame();
      play(false);
    }
    draw();
    if (playing) requestAnimationFrame(tick);
  }

  // ---- drawing ----
  const colors = {
    ground: "#12171d",
    road: "#222a33",
    lane: "#28313b",
    marking: "#7d8794",
    crosswalk: "#5a6470",
    plan: "#7b9bff",
    past: "#5b6a7d",
    ego: "#e9eefc",
    actor: "#c7a46b",
    person: "#ff8fb1",
    brake: "#ff4d3d",
    lights: /** @type {Record<string, string>} */ ({ r: "#ff4d3d", y: "#ffc845", g: "#3ddc84", o: "#59636f" }),
  };

  /**
   * Sizes a canvas to its box in device pixels.
   * @param {HTMLCanvasElement} canvas
   */
  function context(canvas) {
    const ratio = Math.max(1, window.devicePixelRatio || 1);
    const width = Math.max(1, canvas.clientWidth);
    const height = Math.max(1, canvas.clientHeight);
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { g, width, height };
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {readonly number[]} line
   */
  function trace(g, line) {
    for (let i = 0; i + 1 < line.length; i += 2) {
      if (i === 0) g.moveTo(line[0], line[1]);
      else g.lineTo(line[i], line[i + 1]);
    }
  }

  /**
   * A vehicle as a box with a nose; world metres.
   * @param {CanvasRenderingContext2D} g
   * @param {number} x
   * @param {number} y
   * @param {number} yaw
   * @param {number} length
   * @param {number} width
   * @param {string} fill
   * @param {boolean} braking
   */
  function box(g, x, y, yaw, length, width, fill, braking) {
    g.save();
    g.translate(x, y);
    g.rotate(yaw);
    g.fillStyle = fill;
    g.beginPath();
    g.roundRect(-length / 2, -width / 2, length, width, Math.min(0.6, width / 3));
    g.fill();
    if (length > 1.5) {
      g.fillStyle = "rgba(0, 0, 0, 0.35)";
      g.fillRect(length * 0.12, -width * 0.36, length * 0.16, width * 0.72);
      if (braking) {
        g.fillStyle = colors.brake;
        g.fillRect(-length / 2, -width / 2, 0.5, width * 0.32);
        g.fillRect(-length / 2, width * 0.18, 0.5, width * 0.32);
      }
    }
    g.restore();
  }

  /**
   * Value between two frames.
   * @param {readonly number[]} column
   * @param {number} t
   */
  function between(column, t) {
    const i = Math.min(column.length - 1, Math.floor(t));
    const k = Math.min(column.length - 1, i + 1);
    return column[i] + (column[k] - column[i]) * (t - i);
  }

  function drawBev() {
    const { g, width, height } = context(bev);
    const frame = Math.floor(at);
    g.fillStyle = colors.ground;
    g.fillRect(0, 0, width, height);
    const x = between(film.x, at);
    const y = between(film.y, at);
    const yaw = between(film.yaw, at);
    // Ahead is up; the car sits in the lower third. Faster means farther: most of the plan stays in view.
    const scale = height / Math.max(48, Math.min(84, 42 + 3.2 * between(film.speedMps, at)));
    const middle = width / 2;
    const low = height * 0.76;
    g.font = "10.5px Inter, system-ui, sans-serif";
    for (let ahead = 10; ahead < low / scale; ahead += 10) {
      g.strokeStyle = ahead % 20 === 0 ? "rgba(255, 255, 255, 0.075)" : "rgba(255, 255, 255, 0.03)";
      g.lineWidth = 1;
      g.beginPath();
      g.arc(middle, low, ahead * scale, -Math.PI, 0);
      g.stroke();
      if (ahead % 20 === 0) {
        g.fillStyle = "rgba(255, 255, 255, 0.32)";
        g.fillText(`${ahead} m`, middle + Math.sin(0.62) * ahead * scale + 4, low - Math.cos(0.62) * ahead * scale);
      }
    }
    g.save();
    g.translate(middle, low);
    g.scale(scale, -scale);
    g.rotate(Math.PI / 2 - yaw);
    g.translate(-x, -y);
    g.lineJoin = "round";
    g.lineCap = "round";

    g.fillStyle = colors.road;
    g.beginPath();
    for (const ring of film.map.drivable) {
      trace(g, ring);
      g.closePath();
    }
    g.fill("nonzero");
    g.fillStyle = colors.lane;
    for (const lane of film.map.lanes) {
      g.beginPath();
      trace(g, lane.left);
      for (let i = lane.right.length - 2; i >= 0; i -= 2) g.lineTo(lane.right[i], lane.right[i + 1]);
      g.closePath();
      g.fill();
    }
    g.strokeStyle = colors.crosswalk;
    g.lineWidth = 0.3;
    g.setLineDash([0.5, 0.5]);
    for (const ring of film.map.crosswalks) {
      g.beginPath();
      trace(g, ring);
      g.closePath();
      g.stroke();
    }
    g.strokeStyle = colors.marking;
    g.lineWidth = 0.16;
    for (const lane of film.map.lanes) {
      for (const side of /** @type {const} */ (["left", "right"])) {
        const style = side === "left" ? lane.leftMarking : lane.rightMarking;
        if (style === "none") continue;
        g.setLineDash(style === "dashed" ? [2.5, 3.5] : []);
        g.beginPath();
        trace(g, lane[side]);
        g.stroke();
      }
    }
    g.setLineDash([]);
    const light = new Map(film.lights.map((l) => [l.id, l.colors[frame] ?? "o"]));
    for (const stop of film.map.stopLines) {
      const state = stop.lightId === null ? null : light.get(stop.lightId);
      g.strokeStyle = state ? colors.lights[state] : stop.isStopSign ? colors.lights.r : "#d9dde3";
      g.lineWidth = 0.5;
      g.beginPath();
      trace(g, stop.line);
      g.stroke();
    }
    for (const l of film.map.lights) {
      g.fillStyle = colors.lights[light.get(l.id) ?? "o"];
      g.beginPath();
      g.arc(l.x, l.y, 0.8, 0, 7);
      g.fill();
    }

    g.strokeStyle = colors.past;
    g.lineWidth = 0.3;
    g.beginPath();
    for (let i = Math.max(0, frame - 60); i <= frame; i++) g.lineTo(film.x[i], film.y[i]);
    g.stroke();
    const plan = latest(film.plans, frame);
    if (plan) {
      g.strokeStyle = colors.plan;
      g.globalAlpha = 0.28;
      g.lineWidth = film.ego.widthM;
      g.beginPath();
      plan.x.forEach((px, i) => g.lineTo(px, plan.y[i]));
      g.stroke();
      g.globalAlpha = 1;
      g.lineWidth = 0.35;
      g.stroke();
    }
    for (const a of film.actors) {
      const i = at - a.firstFrame;
      if (i < 0 || i >= a.x.length) continue;
      const person = a.kind === "pedestrian" || a.kind === "cyclist";
      box(
        g,
        between(a.x, i),
        between(a.y, i),
        between(a.yaw, i),
        Math.max(a.lengthM, 0.9),
        Math.max(a.widthM, 0.9),
        person ? colors.person : colors.actor,
        a.braking[Math.floor(i)] === "1",
      );
    }
    const { rearAxleToCenterM: back, lengthM, widthM } = film.ego;
    box(g, x + Math.cos(yaw) * back, y + Math.sin(yaw) * back, yaw, lengthM, widthM, colors.ego, false);
    g.restore();
  }

  /** @param {string} jpeg */
  function picture(jpeg) {
    let image = pictures.get(jpeg);
    if (!image) {
      image = new Image();
      image.src = `data:image/jpeg;base64,${jpeg}`;
      image.addEventListener("load", () => draw());
      pictures.set(jpeg, image);
    }
    return image;
  }

  /** @param {number} index */
  function drawCamera(index) {
    const { canvas, camera } = views[index];
    const { g, width, height } = context(canvas);
    const frame = Math.floor(at);
    const shot = latest(camera.frames, frame) ?? camera.frames[0];
    const image = picture(shot.jpeg);
    g.imageSmoothingQuality = "high";
    if (image.complete) g.drawImage(image, 0, 0, width, height);
    for (const next of camera.frames) {
      if (next.frame > frame && next.frame <= frame + 8) picture(next.jpeg);
    }
    const plan = latest(film.plans, shot.frame);
    const m = camera.matrix;
    if (!plan || !m) return;
    // The plan is drawn into the picture as it was taken, so both belong to one moment.
    const c = Math.cos(film.yaw[shot.frame]);
    const s = Math.sin(film.yaw[shot.frame]);
    g.save();
    g.scale(width / camera.width, height / camera.height);
    /**
     * Pixel of a world point on the road, moved sideways; null when it is not in front of the camera.
     * @param {number} i
     * @param {number} aside
     */
    const pixel = (i, aside) => {
      const k = Math.min(i, plan.x.length - 2);
      const along = Math.atan2(plan.y[k + 1] - plan.y[k], plan.x[k + 1] - plan.x[k]);
      const dx = plan.x[i] - Math.sin(along) * aside - film.x[shot.frame];
      const dy = plan.y[i] + Math.cos(along) * aside - film.y[shot.frame];
      const ahead = c * dx + s * dy;
      const left = c * dy - s * dx;
      const depth = m[8] * ahead + m[9] * left + m[11];
      if (depth < 1) return null;
      return { u: (m[0] * ahead + m[1] * left + m[3]) / depth, v: (m[4] * ahead + m[5] * left + m[7]) / depth };
    };
    /** @param {number} aside */
    const edge = (aside) => plan.x.map((_, i) => pixel(i, aside)).filter((p) => p !== null);
    const half = film.ego.widthM * 0.42;
    g.fillStyle = colors.plan;
    g.strokeStyle = colors.plan;
    g.lineWidth = camera.width / 190;
    g.globalAlpha = 0.42;
    g.beginPath();
    for (const p of [...edge(half), ...edge(-half).reverse()]) g.lineTo(p.u, p.v);
    g.closePath();
    g.fill();
    g.globalAlpha = 0.9;
    for (const side of [half, -half]) {
      g.beginPath();
      for (const p of edge(side)) g.lineTo(p.u, p.v);
      g.stroke();
    }
    g.restore();
  }

  function drawStrip() {
    const n = film.x.length;
    const top = Math.max(8, ...film.speedMps);
    const points = film.speedMps.map((v, i) => `${(i / Math.max(1, n - 1)) * 1000},${(40 - (v / top) * 34).toFixed(1)}`);
    const marks = film.events.map((e) => {
      const x = (e.frame / Math.max(1, n - 1)) * 1000;
      return `<rect class="event" x="${x - 2}" y="0" width="4" height="40"/>`;
    });
    const thoughts = film.reasoning.map((r) => {
      const x = (r.frame / Math.max(1, n - 1)) * 1000;
      return `<rect class="said" x="${x}" y="36" width="3" height="4"/>`;
    });
    strip.setAttribute("viewBox", "0 0 1000 40");
    strip.innerHTML = `<polygon class="area" points="0,40 ${points.join(" ")} 1000,40"/><polyline points="${points.join(" ")}"/>${marks.join("")}${thoughts.join("")}`;
  }

  function draw() {
    const frame = Math.floor(at);
    drawBev();
    views.forEach((_, i) => drawCamera(i));
    const said = latest(film.reasoning, frame);
    const thought = element("film-thought");
    const text = said ? said.text : "This driver writes nothing.";
    if (thought.textContent !== text) thought.textContent = text;
    thought.classList.toggle("quiet", !said);
    const truth = latest(film.oracle ?? [], frame);
    const oracle = element("film-oracle");
    oracle.hidden = !truth;
    const oracleText = oracle.querySelector("p");
    if (oracleText && truth && oracleText.textContent !== truth.text) oracleText.textContent = truth.text;
    const event = latest(film.events, frame);
    const speed = between(film.speedMps, at);
    const readout = element("film-readout");
    readout.innerHTML = "";
    const number = document.createElement("b");
    number.textContent = (speed * 3.6).toFixed(0);
    readout.append(number, " km/h");
    if (event && frame - event.frame < 25) {
      const alarm = document.createElement("span");
      alarm.className = "alarm";
      alarm.textContent = event.text;
      readout.append(alarm);
    }
    seek.value = String(frame);
    element("film-time").textContent = `${(at * film.stepSecs).toFixed(1)} / ${(lastFrame() * film.stepSecs).toFixed(1)} s`;
  }

  // ---- wiring ----
  playButton.addEventListener("click", () => play(!playing));
  speedButton.addEventListener("click", () => {
    rate = rate === 1 ? 2 : rate === 2 ? 4 : rate === 4 ? 0.5 : 1;
    speedButton.textContent = `${rate}×`;
  });
  seek.addEventListener("input", () => {
    at = Number(seek.value);
    draw();
  });
  for (const control of [policySelect, kindSelect, failedOnly]) {
    control.addEventListener("change", () => {
      const shown = shownFilms();
      if (shown.length > 0 && !shown.includes(film)) {
        play(false);
        open(shown[0], null);
      } else fillList();
    });
  }
  document.addEventListener("keydown", (event) => {
    const tag = /** @type {HTMLElement} */ (event.target).tagName;
    if (tag === "SELECT" || tag === "INPUT" || tag === "BUTTON" || tag === "SUMMARY" || event.ctrlKey || event.metaKey || event.altKey) return;
    const player = element("films").getBoundingClientRect();
    if (player.bottom < 80 || player.top > window.innerHeight - 80) return;
    if (event.key === " ") play(!playing);
    else if (event.key === "ArrowRight") at = Math.min(lastFrame(), Math.floor(at) + 1);
    else if (event.key === "ArrowLeft") at = Math.max(0, Math.ceil(at) - 1);
    else return;
    event.preventDefault();
    draw();
  });
  new ResizeObserver(() => draw()).observe(bev);

  function fromAddress() {
    const match = /film=([^&]+)(?:&t=([0-9.]+))?/.exec(location.hash);
    if (!match) return false;
    const wanted = decodeURIComponent(match[1]);
    const found = films.find((f) => key(f) === wanted);
    if (!found) return false;
    if (policySelect.value !== "") policySelect.value = found.policy;
    open(found, match[2] === undefined ? null : Math.round(Number(match[2]) / found.stepSecs));
    return true;
  }
  window.addEventListener("hashchange", fromAddress);
  if (!fromAddress()) open(shownFilms()[0] ?? films[0], null);
}
