/** A zip archive of stored entries, written as a stream (fflate's), refused before it would need zip64. */
import { Zip, ZipPassThrough } from "fflate";
import { DataConfigError } from "../errors.ts";
import type { AtomicSink } from "../io/atomic.ts";

export interface ZipMember {
  readonly name: string;
  open(): AsyncIterable<Uint8Array>;
}

const maxBytes = 0xffff_ffff - 2 ** 20;
/** Same content gives the same bytes. */
const fixedTime = new Date(2020, 0, 1);

export async function writeZip(sink: AtomicSink, members: readonly ZipMember[]): Promise<void> {
  let pending: Uint8Array[] = [];
  let total = 0;
  let failure: Error | null = null;
  const zip = new Zip((error, part) => {
    if (error !== null) failure = error;
    else {
      pending.push(part);
      total += part.byteLength;
    }
  });
  const flush = async () => {
    if (failure !== null) throw failure;
    if (total > maxBytes) {
      throw new DataConfigError(
        `export: an archive grows beyond ${maxBytes} bytes, which this writer does not do. Choose a smaller --chunk.`,
      );
    }
    const parts = pending;
    pending = [];
    for (const part of parts) await sink.write(part);
  };
  for (const { name, open } of members) {
    const file = new ZipPassThrough(name);
    file.mtime = fixedTime;
    zip.add(file);
    for await (const part of open()) {
      file.push(new Uint8Array(part));
      await flush();
    }
    file.push(new Uint8Array(0), true);
    await flush();
  }
  zip.end();
  await flush();
}
