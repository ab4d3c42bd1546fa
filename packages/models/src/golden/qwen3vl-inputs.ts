import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Grid, ropePositions } from "../qwen3vl/positions.ts";
import type { TokenizerJson } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { Comparison, type GoldenCheck, member } from "./check.ts";
import { readConfig } from "./qwen3vl-forward.ts";

const readJson = async (path: string) => JSON.parse(await readFile(path, "utf8")) as unknown;
const caseName = (caseJson: unknown) => String(member(caseJson, "case"));

interface PositionRow {
  readonly name: string;
  readonly padding: string;
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly image_grid_thw: Grid[];
  readonly video_grid_thw: Grid[];
  readonly position_ids: number[][][];
  readonly rope_deltas: number[];
  readonly rope_deltas_padded: number[];
}

export async function checkQwen3vlPositions(
  dir: string,
  caseJson: unknown,
): Promise<GoldenCheck[]> {
  const { imageTokenId, videoTokenId, vision } = await readConfig(
    join(dir, String(member(caseJson, "checkpoint"))),
  );
  const out: GoldenCheck[] = [];
  for (const row of (await readJson(join(dir, "vectors.json"))) as PositionRow[]) {
    const check = new Comparison(`${caseName(caseJson)}/${row.name}/${row.padding}`, "exact");
    const isReal = row.attention_mask.map((mask) => mask.map((v) => v === 1));
    // A grid whose placeholder is nowhere in the text is unused in the reference; here it would be an error.
    const runs = row.input_ids.flat().includes(imageTokenId) || row.image_grid_thw.length === 0;
    const got = ropePositions(
      row.input_ids,
      isReal,
      { images: runs ? row.image_grid_thw : [], videos: row.video_grid_thw },
      { imageTokenId, videoTokenId, spatialMergeSize: vision.spatialMergeSize },
    );
    const length = (row.input_ids[0] as number[]).length;
    check.exact(
      "position_ids",
      got.axes.map((axis) =>
        row.input_ids.map((_, b) => [...axis.subarray(b * length, (b + 1) * length)]),
      ),
      row.position_ids,
    );
    check.exact("rope_deltas", got.deltas, row.rope_deltas);
    check.exact("rope_deltas_padded", got.paddedDeltas, row.rope_deltas_padded);
    out.push(check.result());
  }
  return out;
}

export async function checkTokenizer(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const path = join(dir, String(member(caseJson, "checkpoint")), "tokenizer.json");
  const tokenizer = new Tokenizer((await readJson(path)) as TokenizerJson);
  const vectors = new Comparison(`${caseName(caseJson)}/vectors`, "exact");
  for (const row of (await readJson(join(dir, "vectors.json"))) as {
    text: string;
    ids: number[];
    decoded: string;
    decodedWithoutSpecial: string;
  }[]) {
    vectors.exact(`ids of ${JSON.stringify(row.text)}`, tokenizer.encode(row.text), row.ids);
    vectors.exact("decoded", tokenizer.decode(row.ids), row.decoded);
    vectors.exact(
      "without special",
      tokenizer.decode(row.ids, { skipSpecial: true }),
      row.decodedWithoutSpecial,
    );
  }
  const partial = new Comparison(`${caseName(caseJson)}/partial`, "exact");
  for (const row of (await readJson(join(dir, "partial.json"))) as {
    prefixes: { ids: number[]; decoded: string }[];
  }[]) {
    for (const { ids, decoded } of row.prefixes)
      partial.exact("prefix", tokenizer.decode(ids), decoded);
  }
  return [vectors.result(), partial.result()];
}
