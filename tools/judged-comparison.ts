/**
 * Makes docs/judged-comparison.png, the picture of a judged comparison in README:
 *
 *   node --import tsx tools/judged-comparison.ts [docs/judged-comparison.png]
 *
 * Frames and labels are simulated. Two sets of replies are written from the same truth, one that knows little and one
 * that says the truth in other words; a scripted judge scores by common letters. So the numbers compare no models, and
 * the page says that they are synthetic. The commands that made it are those of `causeway score`.
 * Needs a Chromium on the PATH (or CHROMIUM=/path).
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { sentenceChrf } from "@causeway/eval/text";
import { oracleLabel } from "@causeway/label";
import { createScriptedModel } from "@causeway/reason";
import { camerasNamed, generateDrive, type ScenarioKind } from "@causeway/sim";
import { silentProgress } from "../packages/cli/src/progress.ts";
import { captionBenchmark } from "../packages/cli/src/score/benchmarks.ts";
import { compareScores } from "../packages/cli/src/score/compare.ts";
import { runBenchmark } from "../packages/cli/src/score/run-benchmark.ts";

const [picture = "docs/judged-comparison.png"] = process.argv.slice(2);
const view = { width: 1200, height: 1180 };

/** What each scenario is about, as an annotator would fill the fields in. */
const scenes: readonly {
  readonly kind: ScenarioKind;
  readonly action: string;
  readonly light: string;
}[] = [
  { kind: "yield_to_vru", action: "yield to VRUs", light: "none" },
  { kind: "stop_for_light", action: "", light: "yellow, then red, for the vehicle's own lane" },
  { kind: "slow_for_lead", action: "vehicle following", light: "none" },
  { kind: "cut_in", action: "vehicle cut-in ahead", light: "none" },
  { kind: "stop_for_lead", action: "vehicle following", light: "none" },
];

const folder = mkdtempSync(join(tmpdir(), "judged-"));
try {
  const entries = [];
  const before: string[] = [];
  const after: string[] = [];
  for (const [i, { kind, action, light }] of [...scenes, ...scenes].entries()) {
    const cameras = camerasNamed(["camera_front_wide_120fov"], { width: 640, height: 360 });
    const drive = await generateDrive({
      kind,
      seed: 40 + i,
      durationSecs: 9,
      cameras,
      jpegQuality: 90,
    });
    const stampUs = 5_000_000;
    const frame = drive.cameras[0]?.frames.find((f) => f.stampUs >= stampUs);
    if (frame === undefined) throw new Error(`${kind}: no picture at ${stampUs} us`);
    const id = `${kind}-${i + 1}`;
    writeFileSync(join(folder, `${id}.jpg`), frame.bytes);
    const trace = (seed: number): string =>
      oracleLabel(drive, stampUs, { seed }).trace ?? "Nothing of note.";
    const label = {
      weather: "clear",
      lighting: "daylight",
      traffic_light: light,
      road_type: "urban street",
      interactive_expanded_metaaction: action === "" ? null : [action],
      safety_analysis: trace(1),
      driving_difficulty: action === "yield to VRUs" ? 3 : 2,
      rule_violation: "False",
    };
    entries.push({ id, video: `${id}.jpg`, label });
    const reply = (caption: object): string =>
      JSON.stringify({ id, reply: JSON.stringify(caption) });
    before.push(
      reply({
        weather: "clear",
        lighting: "daylight",
        traffic_light: "none",
        road_type: "street",
        safety_analysis: "The car drives on a road.",
        driving_difficulty: 1,
        rule_violation: "False",
      }),
    );
    after.push(
      reply({
        ...label,
        lighting: "day",
        road_type: "urban street",
        safety_analysis: trace(2),
        driving_difficulty: 2,
      }),
    );
  }
  writeFileSync(join(folder, "clips.json"), JSON.stringify(entries));
  writeFileSync(join(folder, "before.jsonl"), before.join("\n"));
  writeFileSync(join(folder, "after.jsonl"), after.join("\n"));

  const judge = createScriptedModel({
    name: "letters-in-common",
    script: ({ messages }) => {
      const text =
        messages
          .at(-1)
          ?.content.flatMap((p) => (p.type === "text" ? [p.text] : []))
          .join("") ?? "";
      const [, reference = "", hypothesis = ""] =
        /Human label: (.*)\nStatement to judge: (.*)\n/.exec(text) ?? [];
      const score = 1 + Math.round(4 * sentenceChrf({ hypothesis, references: [reference] }));
      return `Letters in common.\n<answer>${score}</answer>`;
    },
  });
  const context = {
    isDryRun: false,
    progress: silentProgress,
    signal: new AbortController().signal,
  };
  const options = {
    model: "fake",
    cache: false,
    concurrency: 4,
    retryFailed: "passing",
    retries: 0,
    context: 16_384,
  } as const;
  for (const name of ["before", "after"])
    await runBenchmark(
      context,
      {
        ...options,
        replies: join(folder, `${name}.jsonl`),
        out: join(folder, name),
        title: "Driving captions, simulated",
      },
      join(folder, "clips.json"),
      captionBenchmark(judge),
    );
  const page = join(folder, "comparison.html");
  const { text } = await compareScores(
    context,
    { html: page },
    join(folder, "before"),
    join(folder, "after"),
  );
  console.log(text);
  mkdirSync(dirname(resolve(picture)), { recursive: true });
  execFileSync(
    process.env["CHROMIUM"] ?? "chromium",
    [
      "--headless",
      // As root (containers) Chromium refuses to start with its sandbox; the page is our own and makes no requests.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--hide-scrollbars",
      `--user-data-dir=${join(folder, "profile")}`,
      `--window-size=${view.width},${view.height}`,
      "--virtual-time-budget=3000",
      `--screenshot=${resolve(picture)}`,
      pathToFileURL(page).href,
    ],
    { stdio: "pipe", timeout: 120_000 },
  );
  if (process.env["KEEP"] !== undefined) execFileSync("cp", ["-r", folder, process.env["KEEP"]]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${picture}: ${Math.round(statSync(picture).size / 1000)} kB`);
