import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backboneFacts, backboneFolder, backboneNames } from "./backbone.ts";
import { AlpamayoModel } from "./model.ts";
import { nano } from "./presets.ts";

test.each(backboneNames)("the shipped %s weights are what their files say", async (name) => {
  const folder = backboneFolder(name);
  const bytes = await readFile(join(folder, "model.safetensors"));
  const facts = backboneFacts(name);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(facts.weights);
  expect(bytes.length).toBeLessThan(10e6);
  const lineage = JSON.parse(await readFile(join(folder, "lineage.json"), "utf8")) as {
    modules: Record<string, { state: string }>;
    history: { steps: number }[];
  };
  expect(lineage.history.map((stage) => stage.steps)).toEqual(
    facts.runs.flatMap((run) => run.steps),
  );
  for (const module of ["vision", "text", "expert", "action"])
    expect(lineage.modules[module]?.state, module).toBe("trained");
});

test("they load as a whole model of the preset's shape", async () => {
  const model = await AlpamayoModel.load(backboneFolder("nano"));
  expect(model.codec.manifest.name).toBe("nano");
  expect(model.codec.config.vlm.text).toMatchObject(nano.text);
  for (const [name, { data }] of model.weights)
    expect(Number.isFinite((data as Float32Array).reduce((sum, v) => sum + v, 0)), name).toBe(true);
});

test("a folder without some of the weights is refused by name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "backbone-"));
  try {
    await cp(backboneFolder("nano"), folder, { recursive: true });
    const header = Buffer.from('{"__metadata__":{"format":"pt"}}');
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    await writeFile(join(folder, "model.safetensors"), Buffer.concat([size, header]));
    await expect(AlpamayoModel.load(folder)).rejects.toThrow(/vlm\..*missing|missing.*vlm\./s);
  } finally {
    await rm(folder, { recursive: true });
  }
});
