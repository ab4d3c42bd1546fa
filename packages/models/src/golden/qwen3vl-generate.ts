import { join } from "node:path";
import { compile, type Executable, tensor, type Tensor, tensorInt64 } from "@causeway/graph";
import { buildDecodeStep, buildPrefill } from "../generation/graphs.ts";
import { KvCache } from "../generation/kv-cache.ts";
import { maskedScore } from "../qwen3vl/model.ts";
import { prepareCase } from "./backbone-case.ts";
import { withTensors } from "./case-tensors.ts";
import { Comparison, type GoldenCheck, member } from "./check.ts";
import { readCase, readConfig, weightFeeds } from "./qwen3vl-forward.ts";

export async function checkQwen3vlGenerate(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const folder = join(dir, String(member(caseJson, "checkpoint")));
  const config = await readConfig(folder);
  const absolute = Number(member(caseJson, "tolerance", "atol") ?? 1e-4);
  const near = { absolute };
  const check = new Comparison(
    String(member(caseJson, "case")),
    `ids exact; logits and cache ${absolute} absolute`,
  );
  const promptDir = join(dir, String(member(caseJson, "inputs", "prompt")));
  const expectedIds = member(caseJson, "generated") as number[][];
  const steps = (expectedIds[0] as number[]).length;
  const prompt = await withTensors(join(promptDir, "tensors.safetensors"), async (data) => {
    // The prompt's own case says where its pixels come from; only image-batch takes them from elsewhere.
    const source = data.has("pixel_values")
      ? caseJson
      : { inputs: { pixel_values: member(caseJson, "inputs", "pixel_values") } };
    return readCase(promptDir, source, data);
  });
  const { shape, positions, isReal, feeds, rotary } = prepareCase(config, prompt);
  const { text } = config;
  const { graph } = buildPrefill(config, { ...shape, rows: shape.batch }, "");
  feeds.set(
    "rows",
    tensorInt64(
      Array.from({ length: shape.batch }, (_, b) => (b + 1) * shape.length - 1),
      [shape.batch],
    ),
  );
  for (const [name, weight] of await weightFeeds(folder, graph)) feeds.set(name, weight);
  const prefill = await runAndFree(await compile(graph), feeds);
  const layers = (out: ReadonlyMap<string, Tensor>, name: string) =>
    Array.from({ length: text.numLayers }, (_, i) => out.get(`${name}.${i}`) as Tensor);

  const capacity = shape.length + steps;
  const cache = new KvCache({
    rows: shape.batch,
    layers: text.numLayers,
    heads: text.numKvHeads,
    headDim: text.headDim,
    capacity,
  });
  for (let b = 0; b < shape.batch; b++) {
    // Left padding is dropped: our cache packs rows from slot 0.
    const padding = isReal?.[b]?.indexOf(true) ?? 0;
    cache.append(
      b,
      layers(prefill, "key"),
      layers(prefill, "value"),
      b,
      padding,
      shape.length - padding,
    );
  }
  await withTensors(join(dir, "tensors.safetensors"), async (data) => {
    for (let i = 0; i < text.numLayers; i++) {
      for (const kind of ["key", "value"]) {
        if (!data.has(`prompt.${kind}.${i}`)) continue;
        check.close(
          `prompt.${kind}.${i}`,
          (prefill.get(`${kind}.${i}`) as Tensor).data as Float32Array,
          (await data.floats(`prompt.${kind}.${i}`)).data,
          near,
        );
      }
    }
    const expectedLogits = (await data.floats("logits")).data;
    const step = buildDecodeStep(config, { rows: shape.batch, capacity }, "");
    const weights = await weightFeeds(folder, step);
    const decode = await compile(step);
    const generated: number[][] = Array.from({ length: shape.batch }, () => []);
    const half = text.headDim / 2;
    let logits = (prefill.get("logits") as Tensor).data as Float32Array;
    const place = [...positions.next];
    for (let k = 0; k < steps; k++) {
      for (let b = 0; b < shape.batch; b++) {
        const own = logits.subarray(b * text.vocabSize, (b + 1) * text.vocabSize);
        const at = (b * steps + k) * text.vocabSize;
        check.close(
          `logits[${b}][${k}]`,
          own,
          expectedLogits.subarray(at, at + text.vocabSize),
          near,
        );
        (generated[b] as number[]).push(
          own.indexOf(own.reduce((a, v) => Math.max(a, v), -Infinity)),
        );
      }
      if (k === steps - 1) break;
      const { cos, sin } = rotary.lookupPlain(place);
      const mask = new Float32Array(shape.batch * capacity);
      cache.lengths.forEach((length, b) =>
        mask.fill(maskedScore, b * capacity + length, (b + 1) * capacity),
      );
      const stepFeeds = new Map<string, Tensor>([
        ...weights,
        [
          "ids",
          tensorInt64(
            generated.map((row) => row.at(-1) as number),
            [shape.batch, 1],
          ),
        ],
        ["cos", tensor(cos, [shape.batch, 1, half])],
        ["sin", tensor(sin, [shape.batch, 1, half])],
        ["cache_mask", tensor(mask, [shape.batch, 1, 1, capacity])],
      ]);
      for (let i = 0; i < text.numLayers; i++) {
        stepFeeds.set(`cache_key.${i}`, tensor(cache.keys[i] as Float32Array, cache.shape));
        stepFeeds.set(`cache_value.${i}`, tensor(cache.values[i] as Float32Array, cache.shape));
      }
      const out = await decode.run(stepFeeds);
      for (let b = 0; b < shape.batch; b++) {
        cache.append(b, layers(out, "key"), layers(out, "value"), b, 0, 1);
        place[b] = (place[b] as number) + 1;
      }
      logits = (out.get("logits") as Tensor).data as Float32Array;
    }
    await decode.dispose();
    check.exact("generated", generated, expectedIds);
    for (let i = 0; i < text.numLayers && data.has("final.key.0"); i++) {
      for (const [kind, buffers] of [
        ["key", cache.keys],
        ["value", cache.values],
      ] as const) {
        const { shape: tail, data: expected } = await data.floats(`final.${kind}.${i}`);
        const count = tail[2] as number;
        const actual = Array.from({ length: text.numKvHeads }, (_, h) => {
          const end = (h * capacity + (cache.lengths[0] as number)) * text.headDim;
          return [...(buffers[i] as Float32Array).subarray(end - count * text.headDim, end)];
        }).flat();
        check.close(`final.${kind}.${i}`, actual, expected, near);
      }
    }
  });
  return [check.result()];
}

async function runAndFree(
  executable: Executable,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<ReadonlyMap<string, Tensor>> {
  try {
    return await executable.run(feeds);
  } finally {
    await executable.dispose();
  }
}
