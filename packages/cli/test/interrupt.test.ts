import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openDrive } from "@causeway/data";
import { expect, test } from "vitest";

const entry = fileURLToPath(new URL("../bin/causeway.mjs", import.meta.url));

test("Ctrl-C stops at a safe point, says how to go on, and leaves only whole files", async () => {
  const dir = mkdtempSync(join(tmpdir(), "interrupt-"));
  try {
    const args = ["sim", "--out", join(dir, "data"), "--drives", "200", "--secs", "8"];
    const child = spawn(process.execPath, [entry, ...args], {
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (d: Buffer) => (stderr += d.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const drives = join(dir, "data/drives");
    const numDrives = () =>
      existsSync(drives) ? readdirSync(drives).filter((f) => f.endsWith(".mcap")).length : 0;
    while (numDrives() < 2) await sleep(20);
    // As a terminal does it: the whole group gets the signal.
    process.kill(-(child.pid as number), "SIGINT");
    expect(await ended).toBe(130);
    expect(stderr.trimEnd().split("\n").at(-1)).toBe(
      "causeway sim: stopped; run the same command again to go on",
    );
    expect(existsSync(join(dir, "data/lock"))).toBe(false);
    expect(existsSync(join(dir, "data/stages/drives.started.json"))).toBe(true);
    const files = readdirSync(drives).filter((f) => f.endsWith(".mcap"));
    expect(files.length).toBeLessThan(200);
    for (const file of files) await (await openDrive(join(drives, file))).close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
