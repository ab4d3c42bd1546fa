/** A driving model with random weights on a simulated drive: the path is planned, compared and drawn in place. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeDrive } from "@causeway/data";
import { createRng } from "@causeway/geom";
import { AlpamayoModel, createCodec, nano, trainDrivingTokenizer } from "@causeway/models";
import { camerasNamed, generateDrive } from "@causeway/sim";
import { runReason, type ReasonOptions } from "../actions/reason.ts";
import { silentProgress } from "../progress.ts";
import { planOnDrive } from "./drive-plan.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "drive-plan-"));
  const preset = {
    ...nano,
    text: {
      ...nano.text,
      hiddenSize: 32,
      intermediateSize: 48,
      numLayers: 2,
      headDim: 16,
      mropeSection: [4, 2, 2] as const,
    },
    vision: {
      ...nano.vision,
      hiddenSize: 32,
      intermediateSize: 48,
      depth: 2,
      deepstackIndexes: [0],
    },
    expert: { hiddenSize: 32, intermediateSize: 48, numHeads: 4 },
  };
  const codec = createCodec(
    preset,
    trainDrivingTokenizer(preset, ["Keep lane since the road ahead is clear."]),
  );
  await AlpamayoModel.create(codec, createRng(2)).save(join(root, "driver"));
  const cameras = camerasNamed(
    codec.manifest.cameras.map((c) => c.name),
    { width: 160, height: 96 },
  );
  const drive = await generateDrive({ kind: "curvy_road", seed: 4, durationSecs: 9, cameras });
  await writeDrive(drive, join(root, "drive.mcap"));
});
afterAll(() => rm(root, { recursive: true }));

const plan = (overlay: string | null, atSecs = 2) =>
  planOnDrive(join(root, "driver"), join(root, "drive.mcap"), atSecs, 0, overlay);

test("a path of 6.4 s, the same for the same seed, drawn on the front camera", async () => {
  const first = await plan(join(root, "plan.png"));
  expect(first.path.x.length).toBe(64);
  expect(first.path.x.every(Number.isFinite)).toBe(true);
  expect(first.meanErrorM).toBeGreaterThan(0);
  expect((await plan(null)).path).toEqual(first.path);
  const { width, height } = await sharp(first.overlay as string).metadata();
  expect([width, height]).toEqual([960, 576]);
});

test("a moment without enough future says which moments have one", async () => {
  await expect(plan(null, 8)).rejects.toThrow(/Choose t0 up to/);
});

test("the command answers with our own engine, without a server", async () => {
  const options: ReasonOptions = {
    model: `engine:${join(root, "driver")}`,
    prompt: "caption",
    concurrency: 1,
    cache: false,
    retryFailed: "passing",
    context: 16_384,
    shrink: true,
    coordinates: "relative",
    json: true,
    camera: "all",
    at: "2",
    maxTokens: 400,
    plan: true,
  };
  const context = {
    isDryRun: false,
    progress: silentProgress,
    signal: new AbortController().signal,
  };
  const { data } = await runReason(context, options, [join(root, "drive.mcap")], root);
  expect(data).toMatchObject({
    model: expect.stringMatching(/^local:.*#[0-9a-f]{12}$/) as unknown,
    summary: { isSynthetic: false, done: 1 },
    plan: { path: { x: expect.any(Array) as unknown } },
  });
});
