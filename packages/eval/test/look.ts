/** Writes the report of synthetic artefacts to a file, to look at it in a browser: `npx tsx packages/eval/test/look.ts OUT.html`. */
import { renderReport, writeText } from "@causeway/eval";
import { syntheticReport } from "./synthetic.ts";

const out = process.argv[2];
if (out === undefined) throw new Error("look: name the file to write, e.g. out.html");
const artefacts = await syntheticReport({
  recordings: 32,
  samplesPerRecording: 6,
  scenesPerKind: 6,
  clips: 16,
  films: true,
  cameraEvery: 3,
  resamples: 1000,
  seed: 11,
});
const text = renderReport(artefacts);
writeText(out, text);
console.log(`${out}: ${(text.length / 1e6).toFixed(2)} MB`);
