import { beforeAll, describe, expect, it } from "vitest";
import { type ReportArtefacts, renderReport } from "@causeway/eval";
import { rankClips } from "../src/report/sections/clips.ts";
import { rankFilms, severity } from "../src/report/sections/films.ts";
import { sceneRow } from "./rows.ts";
import { smallSize, syntheticReport } from "./synthetic.ts";

let artefacts: ReportArtefacts;
let page: string;
beforeAll(async () => {
  artefacts = await syntheticReport(smallSize);
  page = renderReport(artefacts);
});

/** What a browser would have to fetch. */
function requests(text: string): string[] {
  const found = [...text.matchAll(/\b(?:src|href|action|poster|data)\s*=\s*"([^"]*)"/g)].map(
    (m) => m[1],
  );
  const css = [...text.matchAll(/url\(([^)]*)\)|@import\s+([^;]+)/g)].map((m) => m[1] ?? m[2]);
  return [...found, ...css].filter(
    (target) => !target.startsWith("data:") && !target.startsWith("#"),
  );
}

describe("report page", () => {
  it("asks for nothing outside itself", () => {
    expect(requests(page)).toEqual([]);
    expect(page).not.toMatch(/https?:\/\//);
    expect(page).toContain("default-src &#39;none&#39;; img-src data:");
  });

  it("has every part, and no part that did not run", () => {
    const sections = (text: string) =>
      [...text.matchAll(/<section id="([a-z-]+)"/g)].map((m) => m[1]);
    expect(sections(page)).toEqual([
      "films",
      "closed-loop",
      "open-loop",
      "reasoning",
      "clips",
      "training",
      "facts",
    ]);
    const empty = {
      ...artefacts,
      trainMetrics: [],
      openLoop: [],
      decisions: [],
      closedLoop: [],
      clips: [],
      films: [],
    };
    expect(sections(renderReport(empty))).toEqual(["facts"]);
  });

  it("gives the same bytes for the same artefacts", async () => {
    expect(renderReport(await syntheticReport(smallSize)) === page).toBe(true);
  });

  it("shows the numbers of summary.json and marks bars that are not met", () => {
    const { summary } = artefacts;
    const low = {
      ...summary,
      bars: summary.bars.map((b, i) =>
        i === 4
          ? { ...b, value: 0.31, interval: [0.2, 0.44] as const, passed: false }
          : { ...b, passed: true },
      ),
    };
    const text = renderReport({ ...artefacts, summary: low });
    expect(text).toContain("5 of 6 bars met");
    expect(text).toMatch(
      /class="card fail"[^>]*>\s*<h3>Drives<span class="verdict">✗ not met<\/span><\/h3>\s*<p class="value">0\.31<small>0\.20–0\.44/,
    );
    expect(text).toContain(`${(summary.openLoop.minAde6 as number).toFixed(2)} m`);
    const none = {
      ...summary,
      bars: summary.bars.map((b) => ({ ...b, value: null, interval: null, passed: false })),
    };
    expect(renderReport({ ...artefacts, summary: none })).toContain("not measured");
  });

  it("shows text from a model as text", () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">';
    const clips = artefacts.clips.map((c) => ({ ...c, modelTrace: evil, scenario: evil }));
    const films = artefacts.films.map((f) => ({ ...f, reasoning: [{ frame: 0, text: evil }] }));
    const text = renderReport({ ...artefacts, clips, films });
    expect(text).not.toContain("<script>alert");
    expect(text).not.toContain("<img src=x");
    const data = /<script type="application\/json" id="film-data">(.*?)<\/script>/s.exec(text);
    expect(JSON.parse(data?.[1] ?? "")[0].reasoning[0].text).toBe(evil);
  });

  it("draws the model's six paths and the logged one into the front camera", () => {
    const views = page.split('<div class="view">').slice(1);
    expect(views.length).toBe(artefacts.clips.length);
    for (const view of views) {
      const overlay = view.slice(0, view.indexOf("</svg>"));
      expect(overlay.match(/class="ray c-model"/g)?.length).toBe(6);
      expect(overlay.match(/class="ray thick c-expert" d="M/g)?.length).toBe(1);
    }
  });
});

describe("failures first", () => {
  it("ranks safety before rules before progress", () => {
    const rank = [
      sceneRow("model", "crash", { status: "failed" }),
      sceneRow("model", "fault", { collisionAtFault: true, collisionAny: true, score: 0 }),
      sceneRow("model", "off", { offroad: true, score: 0 }),
      sceneRow("model", "red", { redLight: true }),
      sceneRow("model", "slow", { score: 0.2 }),
      sceneRow("model", "fine"),
    ].map(severity);
    expect([...rank].sort((a, b) => b - a)).toEqual(rank);
    expect(new Set(rank).size).toBe(6);
  });

  it("puts the worst film in front, joined by policy and scene", () => {
    const rows = artefacts.closedLoop.map((r) =>
      r.policy === "model" && r.sceneId === "free_road-9000"
        ? { ...r, offroad: true, collisionAtFault: true, score: 0 }
        : r,
    );
    const { films } = rankFilms(artefacts.films, rows, 1e9);
    expect([films[0].policy, films[0].sceneId]).toEqual(["model", "free_road-9000"]);
    expect(films[0].flags).toEqual(["at-fault collision", "off-road"]);
    expect(films.length).toBe(artefacts.films.length);
  });

  it("keeps to the byte budget and says how many films lost their pictures", () => {
    const bytes = (films: ReturnType<typeof rankFilms>["films"]) =>
      films.reduce(
        (sum, f) =>
          sum + f.cameras.reduce((s, c) => s + c.frames.reduce((n, x) => n + x.jpeg.length, 0), 0),
        0,
      );
    const all = rankFilms(artefacts.films, artefacts.closedLoop, 1e9);
    const total = bytes(all.films);
    const half = rankFilms(artefacts.films, artefacts.closedLoop, total / 2);
    expect(all.withoutCamera).toBe(0);
    expect(bytes(half.films)).toBeLessThanOrEqual(total / 2);
    expect(half.withoutCamera).toBeGreaterThan(0);
    expect(renderReport(artefacts, { maxClips: 2, cameraBudgetBytes: 0 })).toContain(
      "films are left out",
    );
  });

  it("sorts clips by error, failed samples first", () => {
    const [first] = artefacts.clips;
    const rows = artefacts.openLoop.map((r) =>
      r.sampleId === first.sampleId && r.predictor === "model"
        ? { ...r, status: "failed" as const, error: "boom", metrics: null }
        : r,
    );
    const ranked = rankClips(artefacts.clips, rows);
    expect(ranked[0].clip.sampleId).toBe(first.sampleId);
    const errors = ranked.map((r) => r.errorM);
    expect([...errors].sort((a, b) => b - a)).toEqual(errors);
    expect(renderReport({ ...artefacts, openLoop: rows })).toContain("failed: boom");
  });
});
