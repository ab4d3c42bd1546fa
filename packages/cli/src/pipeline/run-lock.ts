import { open, readFile, rm, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** One writer per folder. A lock whose process is gone (kill -9) is taken over. Returns the release. */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, "lock");
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(`${process.pid}\n`);
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const pid = Number((await readFile(path, "utf8").catch(() => "")).trim());
      if (pid > 0 && pid !== process.pid && isAlive(pid))
        throw new UserError(
          "IN_USE",
          `this folder is in use by another causeway (process ${pid}). Wait for it, stop it, or choose another folder with --out (${dir})`,
        );
      await rm(path, { force: true });
    }
  }
  throw new UserError(
    "IN_USE",
    `the lock could not be taken; is another causeway starting? (${path})`,
  );
}
