import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** SHA-256 of a file as hex; streams, so memory does not depend on its size. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(part as Uint8Array);
  }
  return hash.digest("hex");
}

export function sha256Text(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
