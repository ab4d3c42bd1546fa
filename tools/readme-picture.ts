/**
 * Makes docs/quickstart.png, the picture at the top of README, from a report that `npm run quickstart` wrote:
 *
 *   node --import tsx tools/readme-picture.ts [runs/quickstart/report.html] [docs/quickstart.png]
 *
 * Needs a Chromium on the PATH (or CHROMIUM=/path); its headless mode takes the picture, so no package is needed.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [report = "runs/quickstart/report.html", picture = "docs/quickstart.png"] =
  process.argv.slice(2);
const size = { width: 1200, height: 1500 };

function findChromium(): string {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const given = process.env["CHROMIUM"];
  for (const name of given === undefined ? names : [given]) {
    try {
      execFileSync(name, ["--version"], { stdio: "pipe" });
      return name;
    } catch {
      // Not this one.
    }
  }
  throw new Error(
    `no Chromium found (tried ${given ?? names.join(", ")}); set CHROMIUM to its path`,
  );
}

if (!existsSync(report))
  throw new Error(`no report at ${report}; run \`npm run quickstart\` first, or give its path`);
mkdirSync(dirname(resolve(picture)), { recursive: true });
const profile = mkdtempSync(join(tmpdir(), "readme-picture-"));
try {
  execFileSync(
    findChromium(),
    [
      "--headless",
      // As root (containers) Chromium refuses to start with its sandbox; the page is our own and makes no requests.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--hide-scrollbars",
      `--user-data-dir=${profile}`,
      `--window-size=${size.width},${size.height}`,
      "--virtual-time-budget=3000",
      `--screenshot=${resolve(picture)}`,
      pathToFileURL(resolve(report)).href,
    ],
    { stdio: "pipe", timeout: 120_000 },
  );
} finally {
  rmSync(profile, { recursive: true, force: true });
}
console.log(`${picture}: ${Math.round(statSync(picture).size / 1000)} kB`);
