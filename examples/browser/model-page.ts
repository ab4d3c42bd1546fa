/** A driving model behind a URL, opened and asked in the page. No DOM here. */
import { createRng, type LocalPath, type RgbImage } from "@causeway/geom";
import { createOrtWeb } from "@causeway/graph";
import { type Driver, type DrivingCodec, driverFromFiles } from "@causeway/models/browser";
import * as ort from "onnxruntime-web/wasm";

/** One moment as plain data, so that it can also be typed into the console. */
export interface PlainScene {
  /** Per camera of the manifest its frames, oldest first; `pixels` are RGB levels, row by row. */
  readonly cameras: Readonly<
    Record<
      string,
      readonly {
        readonly width: number;
        readonly height: number;
        readonly pixels: ArrayLike<number>;
      }[]
    >
  >;
  /** Rig frame at t0, 0.1 s apart, the last pose the identity. */
  readonly history: Readonly<Record<"x" | "y" | "z" | "yaw", ArrayLike<number>>>;
  readonly navText: string | null;
}

export interface PlainAnswer {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly logProbs: readonly number[];
  /** Rig frame at t0. */
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Asking {
  readonly seed: number;
  readonly samples: number;
  readonly temperature: number;
  readonly maxTokens?: number;
}

export class ModelPage {
  readonly codec: DrivingCodec;
  readonly #driver: Driver;

  private constructor(codec: DrivingCodec, driver: Driver) {
    this.codec = codec;
    this.#driver = driver;
  }

  /** Addresses end with a slash; `runtime` is the folder of the .wasm file. */
  static async open(options: {
    readonly model: string;
    readonly runtime: string;
    readonly threads: number;
  }): Promise<ModelPage> {
    ort.env.wasm.wasmPaths = options.runtime;
    ort.env.wasm.numThreads = options.threads;
    const { driver, codec } = await driverFromFiles(async (name) => {
      const response = await fetch(options.model + name);
      if (response.status === 404) return null;
      if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    }, createOrtWeb(ort));
    return new ModelPage(codec, driver);
  }

  async drive(scene: PlainScene, asking: Asking): Promise<readonly PlainAnswer[]> {
    const { seed, ...options } = asking;
    const history: LocalPath = {
      x: Float64Array.from(scene.history.x),
      y: Float64Array.from(scene.history.y),
      z: Float64Array.from(scene.history.z),
      yaw: Float64Array.from(scene.history.yaw),
    };
    const cameras = new Map(
      Object.entries(scene.cameras).map(([name, frames]) => [
        name,
        frames.map((frame): RgbImage => ({ ...frame, pixels: Uint8Array.from(frame.pixels) })),
      ]),
    );
    const [result] = await this.#driver.drive([{ cameras, history, navText: scene.navText }], {
      ...options,
      rng: createRng(seed),
    });
    return (result?.samples ?? []).map(({ text, tokens, logProbs, path }) => ({
      text,
      tokens: [...tokens],
      logProbs: [...logProbs],
      x: [...path.x],
      y: [...path.y],
    }));
  }
}
