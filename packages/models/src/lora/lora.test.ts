import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng, type Rng } from "@causeway/geom";
import { compile, type Tensor, tensor } from "@causeway/graph";
import {
  type LoraAdapter,
  LoraGraph,
  loraShape,
  loraTensors,
  mergeLora,
  readLora,
  writeLora,
} from "@causeway/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lora-"));
});
afterAll(() => rm(folder, { recursive: true }));

const noise = (rng: Rng, shape: readonly number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
});
const name = "model.language_model.layers.0.self_attn.q_proj.weight";
function adapter(rank = 2): LoraAdapter {
  const rng = createRng(1);
  return {
    rank,
    alpha: 6,
    targetModules: ["q_proj"],
    factors: new Map([
      [name, { a: noise(rng, [rank, 5]), b: noise(rng, [4, rank]), scale: 6 / rank }],
    ]),
    configJson: null,
  };
}
const weights = (): Map<string, Tensor> => {
  const { shape, data } = noise(createRng(2), [4, 5]);
  return new Map([[name, { dtype: "float32", shape, data }]]);
};

describe("an adapter", () => {
  it("reads back as it was written, with the scale of its kind", async () => {
    await writeLora(join(folder, "a"), adapter());
    const again = await readLora(join(folder, "a"));
    expect(again.factors).toEqual(adapter().factors);
    expect(again.targetModules).toEqual(["q_proj"]);
    const path = join(folder, "a", "adapter_config.json");
    const json = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...json, use_rslora: true }));
    expect((await readLora(join(folder, "a"))).factors.get(name)?.scale).toBeCloseTo(
      6 / Math.sqrt(2),
      12,
    );
    await writeFile(path, JSON.stringify({ ...json, alpha_pattern: { q_proj: 8 } }));
    expect((await readLora(join(folder, "a"))).factors.get(name)?.scale).toBe(4);
  });

  it("merged into a weight is the weight that the adapted graph uses", async () => {
    const merged = weights();
    mergeLora(merged, adapter());
    const graph = new LoraGraph(loraShape(adapter()));
    const adapted = graph.parameter(name, [4, 5]);
    const base = weights();
    const executable = await compile(graph, { outputs: { adapted } });
    const out = await executable.run(new Map([...base, ...loraTensors(adapter())]));
    const active = out.get("adapted")?.data as Float32Array;
    await executable.dispose();
    const expected = merged.get(name)?.data as Float32Array;
    for (let i = 0; i < expected.length; i++)
      expect(active[i] as number).toBeCloseTo(expected[i] as number, 5);
    // The map was changed, the weights that it held were not.
    expect(base).toEqual(weights());
    expect(expected).not.toEqual(base.get(name)?.data);
  });

  it("for other weights is one error", () => {
    const other = new Map<string, Tensor>([["x", tensor(new Float32Array(1), [1])]]);
    expect(() => mergeLora(other, adapter())).toThrow(/q_proj.weight is not in the model/);
    const wide = new Map<string, Tensor>([[name, tensor(new Float32Array(24), [4, 6])]]);
    expect(() => mergeLora(wide, adapter())).toThrow(/is \[4, 6\], the adapter's \[4, 5\]/);
  });

  it("of a kind that would change more is refused by name", async () => {
    await writeLora(join(folder, "b"), adapter());
    const path = join(folder, "b", "adapter_config.json");
    const json = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    for (const [change, message] of [
      [{ use_dora: true }, /use_dora is true/],
      [{ modules_to_save: ["lm_head"] }, /modules_to_save/],
      [{ bias: "all" }, /bias is "all"/],
      [{ peft_type: "IA3" }, /expected "LORA"/],
      [{ r: 3 }, /expected \[3, in\] and \[out, 3\]/],
    ] as const) {
      await writeFile(path, JSON.stringify({ ...json, ...change }));
      await expect(readLora(join(folder, "b"))).rejects.toThrow(message);
    }
  });
});
