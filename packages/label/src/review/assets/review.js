/**
 * The review page. State per label: which components were confirmed on the history alone, whether the future is open, the
 * verdict. The future is put into the page only when the components are confirmed.
 */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const app = document.getElementById("app");
  const load = () => {
    try {
      return JSON.parse(localStorage.getItem(data.store) ?? "null");
    } catch {
      return null;
    }
  };
  const state = load() ?? { reviewer: "", index: 0, answers: {} };
  let shownAt = performance.now();

  const save = () => {
    try {
      localStorage.setItem(data.store, JSON.stringify(state));
    } catch {
      // A browser that keeps nothing still lets the file be saved.
    }
  };

  /** Elements by hand: text never becomes markup. */
  const el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key in node && key !== "list") node[key] = value;
      else node.setAttribute(key, value);
    }
    for (const child of children.flat()) if (child !== null) node.append(child);
    return node;
  };

  const item = () => data.items[state.index];
  const answerOf = (it) =>
    (state.answers[it.label.id] ??= {
      confirmed: it.label.components.map((c) => c.id),
      isOpen: false,
      lateChanges: [],
      checks: Object.fromEntries(data.checks.map((c) => [c, false])),
      verdict: null,
      edit: null,
      note: "",
      secs: 0,
      at: null,
    });

  const tick = () => {
    const it = item();
    if (it === undefined) return;
    answerOf(it).secs += (performance.now() - shownAt) / 1000;
    shownAt = performance.now();
  };
  const mayJudge = (it) => state.reviewer.trim() !== "" && !it.authors.includes(state.reviewer.trim());

  const toggle = (id) => {
    const a = answerOf(item());
    const has = a.confirmed.includes(id);
    a.confirmed = has ? a.confirmed.filter((x) => x !== id) : [...a.confirmed, id];
    if (a.isOpen) a.lateChanges.push(`${has ? "-" : "+"}${id}`);
    draw();
  };
  const open = () => {
    if (!mayJudge(item())) return draw("Enter your name first; authors do not check their own labels.");
    answerOf(item()).isOpen = true;
    draw();
  };
  const judge = (verdict) => {
    const it = item();
    const a = answerOf(it);
    if (!mayJudge(it)) return draw("Enter your name first; authors do not check their own labels.");
    if (!a.isOpen) return draw("Confirm the components first (c).");
    if (verdict === "edit" && a.edit === null) {
      const { longitudinal, lateral, lateralSide, causeIds, trace } = it.label;
      a.edit = { longitudinal, lateral, lateralSide, causeIds: [...causeIds], trace };
    }
    if (verdict !== "edit") a.edit = null;
    tick();
    a.verdict = verdict;
    a.at = new Date().toISOString();
    if (verdict === "edit") draw();
    else move(1);
  };
  const move = (by) => {
    tick();
    state.index = Math.min(data.items.length - 1, Math.max(0, state.index + by));
    draw();
  };

  const records = () =>
    data.items.flatMap((it) => {
      const a = state.answers[it.label.id];
      if (a === undefined || a.verdict === null || !a.isOpen) return [];
      return [
        {
          id: it.label.id,
          labelHash: it.labelHash,
          verdict: a.verdict,
          checks: a.checks,
          confirmed: a.confirmed,
          lateChanges: a.lateChanges,
          edit: a.verdict === "edit" ? a.edit : null,
          note: a.note,
          secs: Math.round(a.secs * 10) / 10,
          at: a.at,
        },
      ];
    });
  const download = () => {
    tick();
    const reviewer = state.reviewer.trim();
    const file = { schema: data.schema, reviewer, records: records() };
    const url = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
    const link = el("a", { href: url, download: `review-${reviewer.replace(/\W+/g, "-") || "anonymous"}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    draw(`${file.records.length} answers saved. Merge them with: causeway review DATASET --apply FILE`);
  };

  const strip = (half, name) =>
    el(
      "div",
      { className: `strip ${name}` },
      half.pictures.map((p) =>
        el(
          "figure",
          {},
          el("img", { src: p.src, alt: `${p.secs.toFixed(1)} s` }),
          el("figcaption", {}, `${p.secs > 0 ? "+" : ""}${p.secs.toFixed(1)} s`),
        ),
      ),
    );
  const table = (half) => {
    const cell = (v, digits) => el("td", {}, v === null ? "-" : v.toFixed(digits));
    const head = ["t (s)", "speed (m/s)", "accel (m/s²)", "heading (°, left +)", "x (m)", "y (m)"];
    return el(
      "table",
      {},
      el("tr", {}, head.map((h) => el("th", {}, h))),
      half.ego.map((r) =>
        el(
          "tr",
          {},
          cell(r.secs, 1),
          cell(r.speedMps, 1),
          cell(r.accelMps2, 1),
          cell((r.headingRad * 180) / Math.PI, 1),
          cell(r.xM, 1),
          cell(r.yM, 1),
        ),
      ),
    );
  };
  /** Curves over the times of both halves, so that what is shown later has its place from the start. */
  const plot = (title, halves, valueOf) => {
    const [width, height, left] = [420, 96, 44];
    const rows = halves.flatMap((h) => h.ego).filter((r) => valueOf(r) !== null);
    const span = (values, least) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const pad = Math.max(0, (least - (high - low)) / 2);
      return [low - pad, high + pad];
    };
    const [from, to] = [data.items[state.index].history.ego[0].secs, data.items[state.index].future.ego.at(-1).secs];
    const [low, high] = span(rows.map(valueOf), 2);
    const x = (secs) => left + ((secs - from) / (to - from)) * (width - left - 6);
    const y = (v) => 8 + ((high - v) / (high - low)) * (height - 26);
    const svg = (tag, attributes, ...children) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      node.append(...children);
      return node;
    };
    const mark = (v) => svg("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, v.toFixed(1));
    return el(
      "figure",
      { className: "plot" },
      el("figcaption", {}, title),
      svg(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title },
        svg("line", { class: "now", x1: x(0), x2: x(0), y1: 4, y2: height - 14 }),
        svg("text", { x: x(0), y: height - 2, "text-anchor": "middle" }, "t = 0"),
        mark(low),
        mark(high),
        ...halves.map((h, i) =>
          svg("polyline", {
            class: i === 0 ? "history" : "future",
            points: h.ego
              .filter((r) => valueOf(r) !== null)
              .map((r) => `${x(r.secs).toFixed(1)},${y(valueOf(r)).toFixed(1)}`)
              .join(" "),
          }),
        ),
      ),
    );
  };
  const motion = (half, halves) =>
    el(
      "div",
      { className: "motion" },
      table(half),
      el(
        "div",
        {},
        plot("speed (m/s)", halves, (r) => r.speedMps),
        plot("heading (°, left is up)", halves, (r) => (r.headingRad * 180) / Math.PI),
      ),
    );

  const units = { M: "m", Mps: "m/s", Rad: "rad", PerM: "1/m", Secs: "s" };
  /** "distanceM", 6.9 as "distance 6.9 m". */
  const words = (key, value) => {
    const [, name, unit] = /^(.*?)(Mps|PerM|Rad|Secs|M)?$/.exec(key);
    const plain = name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);
    return `${plain.replaceAll("_", " ")} ${value}${unit === undefined ? "" : ` ${units[unit]}`}`;
  };
  const choice = (name, values, current, set) =>
    el(
      "label",
      {},
      `${name} `,
      el(
        "select",
        { name, onchange: (e) => set(e.target.value === "" ? null : e.target.value) },
        ["", ...values].map((v) => el("option", { value: v, selected: v === (current ?? "") }, v === "" ? "none" : v)),
      ),
    );

  const editor = (it, a) => {
    const set = (change) => {
      Object.assign(a.edit, change);
      a.at = new Date().toISOString();
      save();
    };
    return el(
      "section",
      { className: "editor" },
      el("h2", {}, "Edit"),
      el(
        "div",
        { className: "row" },
        choice("longitudinal", data.longitudinal, a.edit.longitudinal, (longitudinal) => set({ longitudinal })),
        choice("lateral", data.lateral, a.edit.lateral, (lateral) => set({ lateral })),
        choice("side", ["left", "right"], a.edit.lateralSide, (lateralSide) => set({ lateralSide })),
      ),
      el("label", {}, "causes, most important first ", el("input", {
        name: "causes",
        value: a.edit.causeIds.join(" "),
        oninput: (e) => set({ causeIds: e.target.value.split(/[\s,]+/).filter((x) => x !== "") }),
      })),
      el("textarea", {
        name: "trace",
        rows: 2,
        value: a.edit.trace ?? "",
        oninput: (e) => set({ trace: e.target.value === "" ? null : e.target.value }),
      }),
    );
  };

  const secondHalf = (it, a) => {
    const { label } = it;
    const decided = [label.longitudinal, label.lateral, label.lateralSide].filter((x) => x !== null).join(", ");
    return [
      el("section", { id: "future" }, el("h2", {}, "What happened"), strip(it.future, "future"), motion(it.future, [it.history, it.future])),
      el(
        "section",
        { id: "claim" },
        el("p", { className: "trace" }, label.trace ?? "(nothing decided)"),
        el("p", {}, `${decided}; causes ${label.causeIds.join(", ") || "none"}`),
        it.verdict === null
          ? null
          : el(
              "ul",
              { className: "findings" },
              [
                `rules: ${it.verdict.outcome}`,
                ...(it.verdict.critic === null ? [] : [`critic: ${it.verdict.critic.toFixed(2)}`]),
                ...it.verdict.findings,
                // A rule's error is a reason as well: once is enough.
                ...it.verdict.reasons.filter((r) => !it.verdict.findings.some((f) => f.replace(" error:", ":") === r)),
              ].map((t) => el("li", {}, t)),
            ),
        el(
          "div",
          { className: "row" },
          data.checks.map((c) =>
            el(
              "label",
              {},
              el("input", {
                type: "checkbox",
                name: c,
                checked: a.checks[c],
                onchange: (e) => {
                  a.checks[c] = e.target.checked;
                  save();
                },
              }),
              ` ${c.replaceAll("_", " ")}`,
            ),
          ),
        ),
        el("input", {
          name: "note",
          placeholder: "note",
          value: a.note,
          oninput: (e) => {
            a.note = e.target.value;
            save();
          },
        }),
        el(
          "div",
          { className: "row" },
          el("button", { id: "approve", onclick: () => judge("approve") }, "approve (a)"),
          el("button", { id: "edit", onclick: () => judge("edit") }, "edit (e)"),
          el("button", { id: "reject", onclick: () => judge("reject") }, "reject (r)"),
          el("span", { id: "verdict" }, a.verdict === null ? "" : `now: ${a.verdict}`),
        ),
      ),
      a.verdict === "edit" && a.edit !== null ? editor(it, a) : null,
    ];
  };

  const draw = (message = "") => {
    save();
    const it = item();
    const header = el(
      "header",
      {},
      el("h1", {}, document.title),
      el("span", { id: "place" }, `${it === undefined ? 0 : state.index + 1} of ${data.items.length}, ${records().length} answered`),
      el("input", {
        id: "reviewer",
        placeholder: "your name",
        value: state.reviewer,
        // Nothing is drawn anew here: leaving the field by a click on a button would take the button away under it.
        oninput: (e) => {
          state.reviewer = e.target.value.trim();
          const note = document.getElementById("author");
          if (note !== null) note.hidden = !it.authors.includes(state.reviewer);
          save();
        },
      }),
      el("button", { id: "save", onclick: download }, "save answers (s)"),
    );
    const keys = "keys: j next, k back, 1 … 9 component on or off, c confirm components, a approve, e edit, r reject, s save";
    if (it === undefined) {
      app.replaceChildren(header, el("p", {}, "Nothing to review."));
      return;
    }
    const a = answerOf(it);
    const components = el(
      "ul",
      { className: "components" },
      it.label.components.map((c, i) =>
        el(
          "li",
          {},
          el(
            "label",
            {},
            el("input", { type: "checkbox", name: c.id, checked: a.confirmed.includes(c.id), onchange: () => toggle(c.id) }),
            el("kbd", {}, String(i + 1)),
            ` ${c.id}: ${c.kind.replaceAll("_", " ")} `,
            Object.entries(c.attributes).map(([k, v]) => words(k, v)).join(", "),
          ),
        ),
      ),
    );
    app.replaceChildren(
      ...[
        header,
        el("p", { className: "message", id: "message", hidden: message === "" }, message),
        el("p", { className: "message", id: "author", hidden: !it.authors.includes(state.reviewer) }, "You are an author of this label: another person must check it."),
        el("section", { id: "history" }, el("h2", {}, `${it.label.id}: before t = 0`), strip(it.history, "history"), motion(it.history, [it.history]),
          el("p", {}, `navigation: ${it.navText ?? "no manoeuvre ahead"}`)),
        el("section", {}, el("h2", {}, "Which of these do you see?"), components),
        a.isOpen
          ? null
          : el("div", { className: "locked", id: "locked" }, "The future is locked. ",
              el("button", { id: "confirm", onclick: open }, "confirm components (c)")),
        ...(a.isOpen ? secondHalf(it, a) : []),
        el("p", { className: "findings" }, keys),
      ].filter((x) => x !== null),
    );
  };

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== "checkbox") return;
    const it = item();
    if (e.key === "s") download();
    else if (it === undefined) return;
    else if (e.key === "j" || e.key === "ArrowRight") move(1);
    else if (e.key === "k" || e.key === "ArrowLeft") move(-1);
    else if (e.key === "c") open();
    else if (e.key === "a") judge("approve");
    else if (e.key === "e") judge("edit");
    else if (e.key === "r") judge("reject");
    else if (/^[1-9]$/.test(e.key) && it.label.components[Number(e.key) - 1] !== undefined)
      toggle(it.label.components[Number(e.key) - 1].id);
    else return;
    e.preventDefault();
  });
  draw();
})();
