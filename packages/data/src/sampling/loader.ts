/** Samples in batches for training and evaluation: drives opened as needed, pictures decoded once. */
import { join } from "node:path";
import type { RgbImage } from "@causeway/geom";
import { type DriveHandle } from "../drive-handle.ts";
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

/** Open drives, the longest unused closed first. */
function drivePool(files: DriveFiles, maxOpen: number) {
  const open = new Map<string, Promise<DriveHandle>>();
  const chunkCache = createChunkCache(chunkCacheBytes);
  return {
    get(driveId: string): Promise<DriveHandle> {
      const known = open.get(driveId);
      const handle = known ?? openDrive(files.fileOf(driveId).path, { chunkCache });
      open.delete(driveId);
      open.set(driveId, handle);
      return handle;
    },
    /** Between batches only: a handle in use must stay open. */
    async trim() {
      for (const [id, handle] of open) {
        if (open.size <= maxOpen) break;
        open.delete(id);
        await (await handle).close();
      }
    },
    async close() {
      for (const handle of open.values()) {
        await handle.then(
          (h) => h.close(),
          () => undefined,
        );
      }
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
    const key = `${files.fileOf(handle.id).contentId}/${camera}/${row}`;
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

  return {
    async load(keys) {
      // Samples of one batch may share pictures.
      const inFlight = new Map<string, Promise<RgbImage>>();
      const batch = keys.map(async ({ driveId, t0Us }): Promise<ModelSample> => {
        const handle = await pool.get(driveId);
        const motion = sampleMotionAt(handle, t0Us);
        const images = new Map<string, readonly RgbImage[]>();
        for (const camera of cameras) {
          const rows = frameRowsAt(handle, camera, t0Us, options);
          images.set(
            camera,
            await Promise.all(
              rows.map((row) => {
                const key = `${driveId}/${camera}/${row}`;
                const image = inFlight.get(key) ?? limit(() => frame(handle, camera, row));
                inFlight.set(key, image);
                return image;
              }),
            ),
          );
        }
        return { ...motion, cameras: images };
      });
      // Wait for all, also after a failure: their drives must not be closed below them.
      const settled = await Promise.allSettled(batch);
      await pool.trim();
      const failed = settled.find((s) => s.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      samples += keys.length;
      return settled.map((s) => (s as PromiseFulfilledResult<ModelSample>).value);
    },
    stats: () => ({
      samples,
      decodedFrames,
      cachedFrames,
      cache: file === null ? "memory" : "file",
    }),
    async close() {
      await pool.close();
      await cache.close();
    },
  };
}
