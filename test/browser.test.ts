/** The example page in headless Chromium against the same model in Node. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import { AlpamayoModel, backboneFolder, type DrivingCodec } from "@causeway/models";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import type { Asking, PlainAnswer, PlainScene } from "../examples/browser/model-page.ts";
import { serveModel } from "../examples/browser/server.ts";

const browserPath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((p) => existsSync(p));

interface CausewayPage {
  readonly causeway: Promise<{
    drive(scene: PlainScene, asking: Asking): Promise<readonly PlainAnswer[]>;
  }>;
}

/** A scene as text for the page: Playwright walks over arrays number by number, which takes longer than the model. */
function packed(scene: PlainScene): PackedScene {
  const cameras = Object.entries(scene.cameras).map(([name, frames]) => ({
    name,
    frames: frames.map(({ width, height, pixels }) => ({
      width,
      height,
      base64: Buffer.from(Uint8Array.from(pixels)).toString("base64"),
    })),
  }));
  return { ...scene, cameras };
}

interface PackedScene extends Omit<PlainScene, "cameras"> {
  readonly cameras: readonly {
    readonly name: string;
    readonly frames: readonly { width: number; height: number; base64: string }[];
  }[];
}

/** Runs in the page. */
const driveInPage = async (given: { readonly scene: PackedScene; readonly asking: Asking }) => {
  const cameras = Object.fromEntries(
    given.scene.cameras.map(({ name, frames }) => [
      name,
      frames.map(({ base64, ...size }) => ({
        ...size,
        pixels: Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)),
      })),
    ]),
  );
  const model = await (globalThis as unknown as CausewayPage).causeway;
  return model.drive({ ...given.scene, cameras }, given.asking);
};

/** Blocks of random colours, so that pictures differ in more than noise; speeds up from `speedMps`. */
function sceneOf(manifest: DrivingCodec["manifest"], seed: number): PlainScene {
  const rng = createRng(seed);
  const { widthPx: width, heightPx: height } = manifest.image;
  const frame = () => {
    const blocks = Array.from({ length: 60 * 3 }, () => rng.int(256));
    const pixels: number[] = [];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const block = (y >> 4) * 10 + (x >> 4);
        pixels.push(...blocks.slice(3 * block, 3 * block + 3));
      }
    return { width, height, pixels };
  };
  const times = Array.from({ length: manifest.historyPoses }, (_, i) => 0.1 * (i - 15));
  const zeros = times.map(() => 0);
  return {
    cameras: Object.fromEntries(
      manifest.cameras.map(({ name }) => [
        name,
        Array.from({ length: manifest.framesPerCamera }, frame),
      ]),
    ),
    history: { x: times.map((t) => 8 * t + 0.4 * t * t), y: zeros, z: zeros, yaw: zeros },
    navText: seed % 2 === 0 ? "Turn left in 30m" : null,
  };
}

const largestGap = (a: readonly number[], b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
};

test.skipIf(browserPath === undefined)(
  "the page samples the tokens and paths that Node does (skipped without Chromium)",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "causeway-browser-"));
    const model = await AlpamayoModel.load(backboneFolder("nano"));
    await model.save(folder);
    const { server, url } = await serveModel(folder);
    const browser = await chromium.launch({
      executablePath: browserPath as string,
      args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    });
    try {
      const page = await browser.newPage();
      // A busy machine may take minutes for what takes seconds alone.
      page.setDefaultTimeout(120_000);
      const wrong: string[] = [];
      page.on("pageerror", (e) => wrong.push(e.message));
      page.on("request", (r) => {
        if (!r.url().startsWith(url) && !/^(data|blob):/.test(r.url())) wrong.push(r.url());
      });
      await page.goto(url);
      for (const [seed, temperature] of [
        [1, 0],
        [2, 0.8],
      ] as const) {
        const scene = sceneOf(model.codec.manifest, seed);
        const asking: Asking = { seed, samples: 2, temperature, maxTokens: 24 };
        const there = await page.evaluate(driveInPage, { scene: packed(scene), asking });
        const [here] = await model.drive(
          [
            {
              cameras: new Map(
                Object.entries(scene.cameras).map(([name, frames]) => [
                  name,
                  frames.map((f) => ({ ...f, pixels: Uint8Array.from(f.pixels) })),
                ]),
              ),
              history: {
                x: Float64Array.from(scene.history.x),
                y: Float64Array.from(scene.history.y),
                z: Float64Array.from(scene.history.z),
                yaw: Float64Array.from(scene.history.yaw),
              },
              navText: scene.navText,
            },
          ],
          { samples: 2, temperature, maxTokens: 24, rng: createRng(seed) },
        );
        expect(there.length).toBe(2);
        const samples = here?.samples ?? [];
        there.forEach((answer, i) => {
          const sample = samples[i] as (typeof samples)[number];
          expect(answer.tokens).toEqual(sample.tokens);
          expect(answer.tokens.length).toBeGreaterThan(2);
          expect(answer.text).toBe(sample.text);
          expect(largestGap(answer.logProbs, sample.logProbs)).toBeLessThan(1e-4);
          // A random expert may stand still; paths that moved are compared.
          expect(Math.max(...answer.x.map(Math.abs))).toBeGreaterThan(5);
          expect(largestGap(answer.x, sample.path.x)).toBeLessThan(0.01);
          expect(largestGap(answer.y, sample.path.y)).toBeLessThan(0.01);
        });
      }
      await page.locator("#drive").click();
      await page.locator("#status", { hasText: "6 paths in" }).waitFor();
      expect((await page.locator("#answer").innerText()).length).toBeGreaterThan(3);
      expect(wrong).toEqual([]);
    } finally {
      await browser.close();
      server.close();
      await model.dispose();
      await rm(folder, { recursive: true });
    }
  },
  300_000,
);

test("the server answers for the page and the model's files alone", async () => {
  const { server, url } = await serveModel(backboneFolder("nano"));
  try {
    const statusOf = async (path: string) => (await fetch(url + path)).status;
    expect(await statusOf("")).toBe(200);
    expect(await statusOf("model/config.json")).toBe(200);
    expect(await statusOf("model/backbone.json")).toBe(404);
    expect(await statusOf("model/..%2Fconfig.json")).toBe(404);
    expect(await statusOf("package.json")).toBe(404);
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
  } finally {
    server.close();
  }
  await expect(serveModel(join(tmpdir(), "no-model-here"))).rejects.toThrow(
    /there is no config.json, manifest.json, tokenizer.json, model.safetensors/,
  );
});
