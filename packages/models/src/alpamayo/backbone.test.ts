import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import { expect, test } from "vitest";
import { backboneFacts, backboneFolder, backboneNames, loadBackbone } from "./backbone.ts";
import { nano } from "./presets.ts";
import { moduleOf } from "./weights.ts";

test.each(backboneNames)("the shipped %s backbone is what its files say", async (name) => {
  const folder = backboneFolder(name);
  const bytes = await readFile(join(folder, "model.safetensors"));
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(backboneFacts(name).weights);
  expect(bytes.length).toBeLessThan(10e6);
  const lineage = JSON.parse(await readFile(join(folder, "lineage.json"), "utf8")) as {
    modules: Record<string, { state: string }>;
    history: { steps: number }[];
  };
  const steps = lineage.history.reduce((sum, stage) => sum + stage.steps, 0);
  expect(steps).toBe(backboneFacts(name).steps);
  expect(lineage.modules["vision"]?.state).toBe("trained");
  expect(lineage.modules["expert"]?.state).toBe("initial");
});

test("a backbone comes with the shape of its preset and an expert of the caller's seed", async () => {
  const [a, b] = await Promise.all(
    [1, 2].map((seed) => loadBackbone(backboneFolder("nano"), createRng(seed))),
  );
  expect(a?.codec.manifest.name).toBe("nano");
  expect(a?.codec.config.vlm.text).toMatchObject(nano.text);
  for (const [name, { data }] of a?.weights ?? []) {
    expect(Number.isFinite((data as Float32Array).reduce((sum, v) => sum + v, 0)), name).toBe(true);
    // Bytes, not values: element-wise comparison of 3 million numbers takes seconds.
    const bytesOf = (array: ArrayBufferView | undefined) =>
      array === undefined
        ? Buffer.alloc(0)
        : Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    if (["vision", "text"].includes(moduleOf(name)))
      expect(bytesOf(b?.weights.get(name)?.data).equals(bytesOf(data)), name).toBe(true);
  }
  const expert = "expert.layers.0.self_attn.q_proj.weight";
  expect(a?.weights.get(expert)?.data).not.toEqual(b?.weights.get(expert)?.data);
});

test("a folder without some of the weights is refused by name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "backbone-"));
  try {
    await cp(backboneFolder("nano"), folder, { recursive: true });
    const header = Buffer.from('{"__metadata__":{"format":"pt"}}');
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    await writeFile(join(folder, "model.safetensors"), Buffer.concat([size, header]));
    await expect(loadBackbone(folder, createRng(1))).rejects.toThrow(
      /tensor "vlm\..*" is missing.*ship it again/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
