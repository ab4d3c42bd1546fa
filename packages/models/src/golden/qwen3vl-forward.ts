import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Graph, type Tensor, tensorInt64, type Value } from "@causeway/graph";
import { parseQwen3VLConfig, type Qwen3VLConfig } from "../qwen3vl/config.ts";
import { buildPrefill } from "../generation/graphs.ts";
import type { Grid } from "../qwen3vl/positions.ts";
import { Checkpoint } from "../safetensors/checkpoint.ts";
import type { SafetensorsFile } from "../safetensors/file.ts";
import { runOnce } from "./action-in-proj.ts";
import { type BackboneCase, prepareCase, realEntries } from "./backbone-case.ts";
import { integerRows, withTensors } from "./case-tensors.ts";
import { Comparison, type GoldenCheck, member } from "./check.ts";

export async function readConfig(folder: string): Promise<Qwen3VLConfig> {
  return parseQwen3VLConfig(JSON.parse(await readFile(join(folder, "config.json"), "utf8")));
}

/** Weights of a Qwen3-VL checkpoint that a graph asks for. */
export async function weightFeeds(folder: string, graph: Graph): Promise<Map<string, Tensor>> {
  const checkpoint = await Checkpoint.open(folder);
  try {
    const out = new Map<string, Tensor>();
    for (const name of graph.parameters.keys()) {
      const { shape, data } = await checkpoint.floats(name);
      out.set(name, { dtype: "float32", shape, data });
    }
    return out;
  } finally {
    await checkpoint.close();
  }
}

/** Patches of a case; those that it takes from another case are found by the case that it names. */
async function pixelsOf(
  dir: string,
  caseJson: unknown,
  data: SafetensorsFile,
): Promise<Float32Array | null> {
  const parts: Float32Array[] = [];
  for (const name of ["pixel_values", "pixel_values_videos"]) {
    if (data.has(name)) {
      parts.push((await data.floats(name)).data);
      continue;
    }
    const elsewhere = member(caseJson, "inputs", name);
    if (typeof elsewhere !== "string") continue;
    const other = basename(/the tensor of ([\w-]+)/.exec(elsewhere)?.[1] ?? elsewhere);
    parts.push(
      await withTensors(
        join(dir, "..", other, "tensors.safetensors"),
        async (file) => (await file.floats(name)).data,
      ),
    );
  }
  if (parts.length === 0) return null;
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export async function readCase(
  dir: string,
  caseJson: unknown,
  data: SafetensorsFile,
): Promise<BackboneCase> {
  const grids = async (name: string) =>
    data.has(name) ? ((await integerRows(data, name)) as unknown as Grid[]) : [];
  return {
    ids: await integerRows(data, "input_ids"),
    attentionMask: await integerRows(data, "attention_mask"),
    images: await grids("image_grid_thw"),
    videos: await grids("video_grid_thw"),
    pixels: await pixelsOf(dir, caseJson, data),
  };
}

/** Positions, vision tower, every hidden state and the logits of one case. */
export async function checkQwen3vlForward(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const folder = join(dir, String(member(caseJson, "checkpoint")));
  const config = await readConfig(folder);
  const absolute = Number(member(caseJson, "tolerance", "atol") ?? 1e-4);
  const check = new Comparison(
    String(member(caseJson, "case")),
    `${absolute} absolute on real tokens; positions exact`,
  );
  const near = { absolute };
  await withTensors(join(dir, "tensors.safetensors"), async (data) => {
    const prepared = prepareCase(config, await readCase(dir, caseJson, data));
    const { shape, positions, isReal, feeds } = prepared;
    const rows = shape.batch * shape.length;
    const { graph, backbone, logits } = buildPrefill(config, { ...shape, rows }, "");
    feeds.set(
      "rows",
      tensorInt64(
        Array.from({ length: rows }, (_, i) => i),
        [rows],
      ),
    );
    for (const [name, weight] of await weightFeeds(folder, graph)) feeds.set(name, weight);

    const real = (values: ArrayLike<number>, inner = 1) =>
      realEntries(values, isReal, shape.length, { outer: 1, inner });
    const expectedPositions = (await data.integers("position_ids")).data;
    positions.axes.forEach((axis, i) => {
      check.exact(
        `position_ids[${i}]`,
        real(axis),
        real(expectedPositions.slice(i * rows, (i + 1) * rows)),
      );
    });
    if (data.has("rope_deltas"))
      check.exact("rope_deltas", positions.deltas, (await data.integers("rope_deltas")).data);
    if (data.has("rope_deltas_padded")) {
      check.exact(
        "rope_deltas_padded",
        positions.paddedDeltas,
        (await data.integers("rope_deltas_padded")).data,
      );
    }
    // The reference repeats each angle for both channels of a pair; we keep one.
    const { headDim } = config.text;
    for (const name of ["cos", "sin"]) {
      if (!data.has(`rope_${name}`)) continue;
      const full = (await data.floats(`rope_${name}`)).data;
      const half = Float32Array.from({ length: full.length / 2 }, (_, i) => {
        const [row, column] = [Math.floor(i / (headDim / 2)), i % (headDim / 2)];
        return full[row * headDim + column] as number;
      });
      const own = (feeds.get(name) as Tensor).data as Float32Array;
      check.close(`rope_${name}`, real(own, headDim / 2), real(half, headDim / 2), {
        absolute: 1e-6,
      });
    }

    const { vision, decoder } = backbone;
    const outputs: Record<string, Value> = { logits };
    decoder.states.forEach((state, i) => {
      outputs[`hidden.${i}`] = state;
    });
    if (vision !== null) {
      outputs["vision.merged"] = vision.merged;
      vision.deepstack.forEach((level, i) => {
        outputs[`vision.deepstack.${i}`] = level;
      });
      for (const [name, value] of vision.trace) outputs[`vision.${name}`] = value;
    }
    const run = await runOnce(graph, outputs, feeds);
    for (const [name, value] of Object.entries(outputs)) {
      if (name.startsWith("vision.")) {
        // Images and videos are two calls in the reference and one here: images first.
        const parts: Float32Array[] = [];
        for (const source of [name, name.replace("vision.", "video_vision.")]) {
          if (data.has(source)) parts.push((await data.floats(source)).data);
        }
        const expected = parts.flatMap((part) => [...part]);
        if (expected.length === run(name).length) check.close(name, run(name), expected, near);
      } else if (data.has(name)) {
        const inner = value.shape.at(-1) as number;
        check.close(
          name,
          real(run(name), inner),
          real((await data.floats(name)).data, inner),
          near,
        );
      }
    }
  });
  return [check.result()];
}
