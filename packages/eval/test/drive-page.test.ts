import { describe, expect, it } from "vitest";
import {
  bandTone,
  type DrivePageData,
  mapToJson,
  renderDatasetIndex,
  renderDrivePage,
} from "@causeway/eval";
import { syntheticMap } from "./synthetic-scene.ts";

const n = 120;
const secs = Array.from({ length: n }, (_, i) => i * 0.1);
const data: DrivePageData = {
  id: "drive <1>",
  format: "test",
  licence: "none",
  scenario: null,
  notes: ["10 Hz assumed"],
  layers: ["map"],
  durationSecs: 12,
  distanceM: 96,
  tSecs: secs,
  x: secs.map((t) => 8 * t),
  y: secs.map(() => 0),
  speedMps: secs.map((t) => (t > 5 && t < 5.35 ? Number.NaN : 8)),
  accelMps2: secs.map(() => 0),
  curvaturePerM: secs.map(() => 0),
  bands: [
    {
      title: "longitudinal",
      missing: null,
      spans: [
        { label: "Stop", startSecs: 0, endSecs: 4 },
        { label: "MaintainSpeed", startSecs: 4, endSecs: 12 },
      ],
    },
    { title: "lane", missing: "the drive has no map", spans: [] },
  ],
  keyframes: [
    { tSecs: 3.5, reason: "0.5 s before it moves off", trace: "The light is green, so I go." },
  ],
  questions: [],
  map: mapToJson(syntheticMap(0).map),
  pictures: [],
  facts: [],
  indexHref: "index.html",
};

describe("drive page", () => {
  const page = renderDrivePage(data);

  it("is one file and escapes names", () => {
    expect(page).not.toMatch(/https?:\/\//);
    expect(page).toContain("<h1>drive &lt;1&gt;</h1>");
    expect(page).not.toMatch(/src="(?!data:)/);
  });

  it("leaves a gap where a value is missing, in the plot and in the data", () => {
    const speed = /class="line c-model" d="([^"]+)"/.exec(page)?.[1] ?? "";
    expect(speed.match(/M/g)?.length).toBe(2);
    const json = JSON.parse(/id="drive-data">(.*?)<\/script>/s.exec(page)?.[1] ?? "");
    expect(json.speed[51]).toBeNull();
    expect(json.speed[49]).toBe(8);
  });

  it("shows bands, why one is missing, and keyframes with their trace", () => {
    expect(page).toContain("span tone-stop");
    expect(page).toContain("not available: the drive has no map");
    expect(page).toContain("The light is green, so I go.");
  });

  it("draws a drive without motion: pictures, questions under those of their moment, no plots", () => {
    const empty: DrivePageData = {
      ...data,
      tSecs: [],
      x: [],
      y: [],
      speedMps: [],
      accelMps2: [],
      curvaturePerM: [],
      bands: [],
      keyframes: [],
      map: null,
      pictures: [{ tSecs: 3, jpeg: "AAAA" }],
      questions: [
        {
          tSecs: 3.05,
          pictures: [{ camera: "CAM_BACK", jpeg: "BBBB" }],
          kinds: [
            {
              kind: "planning",
              asked: [{ question: "What of <c1,CAM_BACK,1,2>?", answer: "Stop." }],
            },
          ],
          objects: ["<c1,CAM_BACK,1,2> · Vehicle"],
        },
      ],
    };
    const still = renderDrivePage(empty);
    expect(still).not.toContain("NaN");
    expect(still).toContain("No ego motion");
    expect(still).not.toMatch(/id="timeline"|id="track"|Keyframes<|distance <b>/);
    expect(still).toContain('src="data:image/jpeg;base64,AAAA"><figcaption>3.0 s');
    expect(still.indexOf("BBBB")).toBeLessThan(
      still.indexOf("<dt>What of &lt;c1,CAM_BACK,1,2&gt;?"),
    );
    expect(still).toContain("<dd>Stop.</dd>");
    expect(page).not.toContain('"NaN');
    expect(page).not.toContain("No ego motion");
  });
});

describe("dataset page", () => {
  it("lists drives and what was skipped, with reasons", () => {
    const page = renderDatasetIndex({
      name: "set",
      licence: "x",
      fingerprint: null,
      skipped: [{ what: "bad.mcap", why: "cut at byte 12" }],
      drives: [
        {
          id: "d1",
          href: "d1.html",
          format: "test",
          scenario: "curve",
          durationSecs: 12,
          distanceM: 96,
          keyframes: 1,
          labels: 2,
          questions: 0,
          hasMap: true,
          numCameras: 1,
          speedMps: [1, 2, 3],
          x: [0, 5],
          y: [0, 1],
          band: data.bands[0],
        },
        {
          id: "d2",
          href: null,
          format: "nuscenes",
          scenario: null,
          durationSecs: 12,
          distanceM: null,
          keyframes: 0,
          labels: 0,
          questions: 435,
          hasMap: false,
          numCameras: 6,
          speedMps: [],
          x: [],
          y: [],
          band: { title: "longitudinal", missing: "the drive has no ego motion", spans: [] },
        },
      ],
    });
    expect(page).toContain("questions <b>435</b>");
    expect(page).toContain("without ego motion <b>1</b>");
    expect(page).toContain('<td class="num">no ego motion</td>');
    expect(page).toContain('<a href="d1.html">d1</a>');
    expect(page).toContain("cut at byte 12");
    expect(page).not.toContain("NaN");
  });
});

describe("band tones", () => {
  it("reads the usual spellings of meta-actions and decisions", () => {
    expect(
      [
        "GentleDeceleration",
        "StrongAcceleration",
        "stop",
        "SteerLeft",
        "SharpSteerRight",
        "MaintainSpeed",
        "Reverse",
        "yield_right_of_way",
        "lane_change left",
        "set_speed_tracking",
        "lead_following",
        "ReverseLeft",
      ].map(bandTone),
    ).toEqual([
      "slow",
      "fast",
      "stop",
      "left",
      "right",
      "calm",
      "reverse",
      "stop",
      "left",
      "calm",
      "slow",
      "reverse",
    ]);
  });
});
