/** Samples in batches for training and evaluation: drives opened as needed, pictures decoded once. */
import { join } from "node:path";
import type { RgbImage } from "@causeway/geom";
import type { Takeover } from "../drive.ts";
import type { DriveHandle } from "../drive-handle.ts";
import { DataConfigError } from "../errors.ts";
import { decodeImage } from "../image.ts";
import { createChunkCache } from "../mcap/frame-index.ts";
import { openDrive } from "../mcap/open-drive.ts";
import type { ModelSample } from "../sample.ts";
import { createMemoryFrameCache, type FrameCache, openFileFrameCache } from "./frame-cache.ts";
import { frameRowsAt, sampleMotionAt } from "./sample-at.ts";

export interface SampleKey {
  readonly driveId: string;
  readonly t0Us: number;
}

/** Where the drives are; a `Dataset` is one. */
export interface DriveFiles {
  /** File of a drive and a name for its content (a hash). */
  fileOf(driveId: string): { readonly path: string; readonly contentId: string };
}

export interface SampleLoaderOptions {
  /** Cameras of each sample; empty for motion only. */
  readonly cameras: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly frameToleranceUs?: number;
  /** Folder for decoded pictures, which later runs use again; null: keep them in memory. */
  readonly cacheDir?: string | null;
  /** Budget of the memory cache; default 512 MiB. */
  readonly memoryBytes?: number;
  /** Drives open at once; default 200. */
  readonly maxOpenDrives?: number;
}

export interface SampleLoaderStats {
  readonly samples: number;
  readonly decodedFrames: number;
  readonly cachedFrames: number;
  /** "file", or "memory" when no folder was given or another process has its cache open. */
  readonly cache: "file" | "memory";
  /** The budget or the disk is used up: what does not fit is decoded each time. */
  readonly isCacheFull: boolean;
}

export interface SampleLoader {
  /** Samples in the order of the keys. Throws at the first that does not exist. Pictures are read-only. */
  load(keys: readonly SampleKey[]): Promise<readonly ModelSample[]>;
  stats(): SampleLoaderStats;
  close(): Promise<void>;
}

const chunkCacheBytes = 32 * 2 ** 20;
const defaultMemoryBytes = 512 * 2 ** 20;
/** Decoding runs on libuv's threads; more in flight only waits there. */
const maxDecoding = 8;

/** Open drives; of those that nobody is using, the longest unused are closed first. */
function drivePool(files: DriveFiles, maxOpen: number) {
  interface Entry {
    readonly handle: Promise<DriveHandle>;
    readonly takeovers: Promise<readonly Takeover[] | null>;
    users: number;
  }
  const open = new Map<string, Entry>();
  const chunkCache = createChunkCache(chunkCacheBytes);
  const closeQuietly = (entry: Entry) =>
    entry.handle.then(
      (handle) => handle.close(),
      // It never opened; who asked for it has the error.
      () => undefined,
    );
  const opened = (driveId: string): Entry => {
    const handle = openDrive(files.fileOf(driveId).path, { chunkCache });
    const takeovers = handle.then((h) => h.takeovers());
    // Whoever uses the entry has the error.
    takeovers.catch(() => undefined);
    return { handle, takeovers, users: 0 };
  };
  return {
    async use<T>(
      driveId: string,
      work: (handle: DriveHandle, takeovers: readonly Takeover[] | null) => Promise<T>,
    ): Promise<T> {
      const entry = open.get(driveId) ?? opened(driveId);
      open.delete(driveId);
      open.set(driveId, entry);
      entry.users++;
      try {
        return await work(await entry.handle, await entry.takeovers);
      } finally {
        entry.users--;
        for (const [id, idle] of open) {
          if (open.size <= maxOpen) break;
          if (idle.users > 0) continue;
          open.delete(id);
          await closeQuietly(idle);
        }
      }
    },
    async close() {
      for (const entry of open.values()) await closeQuietly(entry);
      open.clear();
    },
  };
}

/** At most `max` tasks at a time. */
function limiter(max: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await task();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}

export async function openSampleLoader(
  files: DriveFiles,
  options: SampleLoaderOptions,
): Promise<SampleLoader> {
  const { width, height, cameras } = options;
  for (const size of [width, height]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new DataConfigError(`sample loader: size ${width}x${height}; expected whole pixels.`);
    }
  }
  const frameBytes = width * height * 3;
  const file =
    options.cacheDir === undefined || options.cacheDir === null || cameras.length === 0
      ? null
      : await openFileFrameCache(
          join(options.cacheDir, `frames-${width}x${height}.rgb`),
          frameBytes,
        );
  const cache: FrameCache =
    file ?? createMemoryFrameCache(options.memoryBytes ?? defaultMemoryBytes);
  const pool = drivePool(files, options.maxOpenDrives ?? 200);
  const limit = limiter(maxDecoding);
  let samples = 0;
  let decodedFrames = 0;
  let cachedFrames = 0;

  async function frame(handle: DriveHandle, camera: string, row: number): Promise<RgbImage> {
    const key = frameKey(handle, camera, row);
    const known = await cache.get(key);
    if (known !== null) {
      cachedFrames++;
      return { width, height, pixels: known };
    }
    const [encoded] = await handle.frames(camera, [row]);
    const image = await decodeImage(encoded.bytes, {
      width,
      height,
      where: `${handle.path} camera ${camera} at ${encoded.stampUs} us`,
    });
    decodedFrames++;
    await cache.put(key, image.pixels);
    return image;
  }

  const frameKey = (handle: DriveHandle, camera: string, row: number) =>
    `${files.fileOf(handle.id).contentId}/${camera}/${row}`;

  // Samples share pictures, within a batch and between batches that are loaded at the same time.
  const inFlight = new Map<string, Promise<RgbImage>>();
  function sharedFrame(handle: DriveHandle, camera: string, row: number): Promise<RgbImage> {
    const key = frameKey(handle, camera, row);
    let image = inFlight.get(key);
    if (image === undefined) {
      image = limit(() => frame(handle, camera, row)).finally(() => inFlight.delete(key));
      inFlight.set(key, image);
    }
    return image;
  }

  const loadOne = ({ driveId, t0Us }: SampleKey): Promise<ModelSample> =>
    pool.use(driveId, async (handle, takeovers) => {
      const motion = sampleMotionAt(handle, t0Us, takeovers);
      const rows = cameras.map((camera) => frameRowsAt(handle, camera, t0Us, options));
      // All of them settle before the drive may be closed, also when one fails.
      const settled = await Promise.allSettled(
        cameras.map((camera, c) =>
          Promise.all(rows[c].map((row) => sharedFrame(handle, camera, row))),
        ),
      );
      const images = new Map<string, readonly RgbImage[]>();
      settled.forEach((result, c) => {
        if (result.status === "rejected") throw result.reason;
        images.set(cameras[c], result.value);
      });
      return { ...motion, cameras: images };
    });

  return {
    async load(keys) {
      const settled = await Promise.allSettled(keys.map(loadOne));
      const loaded = settled.map((result) => {
        if (result.status === "rejected") throw result.reason;
        return result.value;
      });
      samples += keys.length;
      return loaded;
    },
    stats: () => ({
      samples,
      decodedFrames,
      cachedFrames,
      cache: file === null ? "memory" : "file",
      isCacheFull: cache.isFull(),
    }),
    async close() {
      await pool.close();
      await cache.close();
    },
  };
}
