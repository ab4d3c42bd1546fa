import { createServer } from "node:net";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { debugText, describeError, fromPlainError, StoppedError, toPlainError } from "./errors.ts";
import { lockFolder } from "./pipeline/run-lock.ts";

test("errors of the system are said in words, with the path last", () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
    code: "ENOSPC",
    syscall: "write",
    path: "runs/a/data/x.mcap",
  });
  expect(describeError(full)).toBe(
    "the disk is full. Free some space and run the same command again: it goes on where it stopped (runs/a/data/x.mcap)",
  );
});

test("a port in use is named", async () => {
  const first = createServer();
  await new Promise<void>((resolve) => first.listen(0, "127.0.0.1", resolve));
  const port = (first.address() as { port: number }).port;
  const second = createServer();
  const error = await new Promise((resolve) => {
    second.once("error", resolve);
    second.listen(port, "127.0.0.1");
  });
  first.close();
  expect(describeError(error)).toBe(
    `port ${port} is in use by another program; choose another with --port`,
  );
});

test("a defect of ours is marked as one and shown on one line", () => {
  expect(describeError(new TypeError("x is not a function\n  at y"))).toBe(
    "internal error: TypeError: x is not a function at y. Run again with --debug for the stack",
  );
});

test("errors keep their message, code and kind across processes", () => {
  const error = Object.assign(new Error("dataset: 3 drives; expected 4"), { code: "FORMAT" });
  const copy = fromPlainError(JSON.parse(JSON.stringify(toPlainError(error))));
  expect(copy.message).toBe(error.message);
  expect((copy as { code?: string }).code).toBe("FORMAT");
  expect(debugText(copy)).toContain("errors.test.ts");
  expect(fromPlainError(toPlainError(new StoppedError()))).toBeInstanceOf(StoppedError);
});

test("a folder has one writer; the lock of a dead process is taken over", async () => {
  const dir = mkdtempSync(join(tmpdir(), "lock-"));
  try {
    const release = await lockFolder(dir);
    // The same lock seen from another process.
    const script = `
      import { lockFolder } from ${JSON.stringify(new URL("./pipeline/run-lock.ts", import.meta.url).href)};
      await lockFolder(${JSON.stringify(dir)}).then(() => console.log("taken"), (e) => console.log(e.message));`;
    const other = () =>
      execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
        encoding: "utf8",
      }).trim();
    expect(other()).toBe(
      `this folder is in use by another causeway (process ${process.pid}). Wait for it, stop it, or choose another folder with --out (${dir})`,
    );
    await release();
    expect(other()).toBe("taken");
    // That process is gone without a release: its lock does not hold us up.
    const again = await lockFolder(dir);
    await again();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
