import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  bfloat16FromFloat,
  float16FromFloat,
  floatFromBfloat16,
  floatFromFloat16,
  floatFromFloat8E4M3,
  floatFromFloat8E5M2,
} from "./dtypes.ts";
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from "./file.ts";
import { Checkpoint } from "./checkpoint.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "causeway-safetensors-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function fileBytes(header: string, data: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const out = new Uint8Array(8 + text.length + data);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  return out;
}

describe("8-bit floats", () => {
  it.each([
    [0x00, 0, 0],
    [0x01, 2 ** -9, 2 ** -16],
    [0x38, 1, 0.5],
    [0x3c, 1.5, 1],
    [0x7b, 352, 57_344],
    [0x7e, 448, Number.NaN],
    [0x7c, 384, Infinity],
    [0xb8, -1, -0.5],
    [0xff, Number.NaN, Number.NaN],
  ])("of bits %i are %d (E4M3) and %d (E5M2)", (bits, e4m3, e5m2) => {
    expect(floatFromFloat8E4M3(bits)).toBe(e4m3);
    expect(floatFromFloat8E5M2(bits)).toBe(e5m2);
  });

  it("are read with the scale beside them: one, one per row, or one per block", async () => {
    const codes = new Uint8Array(4 * 6).fill(0x38);
    const weight = { dtype: "F8_E4M3", shape: [4, 6], data: codes } as const;
    const scaled = async (shape: number[], values: number[], suffix: string) => {
      await writeSafetensors(
        join(folder, "model.safetensors"),
        new Map<string, TensorToWrite>([
          ["w.weight", weight],
          [`w.weight_${suffix}`, { dtype: "F32", shape, data: Float32Array.from(values) }],
        ]),
      );
      const checkpoint = await Checkpoint.open(folder);
      try {
        const { data } = await checkpoint.weight("w.weight");
        return [0, 1, 2, 3].map((row) => [...data.subarray(6 * row, 6 * row + 6)]);
      } finally {
        await checkpoint.close();
      }
    };
    const rows = (...values: number[]) => values.map((v) => Array.from({ length: 6 }, () => v));
    expect(await scaled([], [2], "scale")).toEqual(rows(2, 2, 2, 2));
    expect(await scaled([4, 1], [1, 2, 3, 4], "scale")).toEqual(rows(1, 2, 3, 4));
    // Blocks of 2 x 4: two down, two across, the last one cut.
    const block = await scaled([2, 2], [1, 2, 3, 4], "scale_inv");
    expect(block).toEqual([
      [1, 1, 1, 1, 2, 2],
      [1, 1, 1, 1, 2, 2],
      [3, 3, 3, 3, 4, 4],
      [3, 3, 3, 3, 4, 4],
    ]);
    await expect(scaled([3], [1, 1, 1], "scale")).rejects.toThrow(/its scale is \[3\]/);
  });
});

describe("half precision", () => {
  it("keeps every finite half through float and back", () => {
    const wrong: number[] = [];
    for (let half = 0; half < 0x10000; half++) {
      const isFloat16 = (half & 0x7c00) !== 0x7c00;
      const isBfloat16 = (half & 0x7f80) !== 0x7f80;
      if (isFloat16 && float16FromFloat(floatFromFloat16(half)) !== half) wrong.push(half);
      if (isBfloat16 && bfloat16FromFloat(floatFromBfloat16(half)) !== half) wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });

  it("rounds to the nearest neighbour, ties to even", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -60000, max: 60000 }), (value) => {
        for (const [to, from] of [
          [float16FromFloat, floatFromFloat16],
          [bfloat16FromFloat, floatFromBfloat16],
        ] as const) {
          const half = to(value);
          const error = Math.abs(from(half) - value);
          for (const neighbour of [half - 1, half + 1]) {
            const other = from(neighbour & 0xffff);
            if (Number.isFinite(other) && Math.sign(other) === Math.sign(value)) {
              expect(error).toBeLessThanOrEqual(Math.abs(other - value));
            }
          }
        }
      }),
    );
    expect(floatFromFloat16(float16FromFloat(2049))).toBe(2048);
    expect(floatFromFloat16(float16FromFloat(2051))).toBe(2052);
    expect(floatFromBfloat16(bfloat16FromFloat(0.6810426736454882))).toBe(0.6796875);
    expect(floatFromFloat16(float16FromFloat(70000))).toBe(Infinity);
  });
});

describe("files", () => {
  it("reads back what was written, by tensor and by window", async () => {
    const path = join(folder, "a.safetensors");
    const data = Float32Array.from({ length: 12 }, (_, i) => i - 4.25);
    await writeSafetensors(
      path,
      new Map<string, TensorToWrite>([
        ["z", { dtype: "F32", shape: [3, 4], data }],
        ["half", { dtype: "BF16", shape: [12], data }],
        ["ids", { dtype: "I64", shape: [2], data: BigInt64Array.from([-7n, 155697n]) }],
        ["mask", { dtype: "U8", shape: [3], data: Uint8Array.from([1, 0, 1]) }],
        ["scalar", { dtype: "F32", shape: [], data: Float32Array.of(2.5) }],
      ]),
    );
    const file = await SafetensorsFile.open(path);
    expect([...(await file.floats("z")).data]).toEqual([...data]);
    expect([...(await file.floatWindow("z", 5, 3))]).toEqual(Array.from(data.slice(5, 8)));
    expect([...(await file.floats("half")).data]).toEqual([...data]);
    expect((await file.integers("ids")).data).toEqual([-7, 155697]);
    expect((await file.integers("mask")).data).toEqual([1, 0, 1]);
    expect((await file.floats("scalar")).shape).toEqual([]);
    expect(file.header.metadata.get("format")).toBe("pt");
    expect(file.header.dataStart % 8).toBe(0);
    await expect(file.floatWindow("z", 10, 3)).rejects.toThrow(/outside tensor "z" with 12/);
    await file.close();
  });

  it("writes the same bytes whatever the order of the tensors", async () => {
    const a: TensorToWrite = { dtype: "F32", shape: [1], data: Float32Array.of(1) };
    const b: TensorToWrite = { dtype: "F32", shape: [1], data: Float32Array.of(2) };
    await writeSafetensors(
      join(folder, "1"),
      new Map([
        ["a", a],
        ["b", b],
      ]),
    );
    await writeSafetensors(
      join(folder, "2"),
      new Map([
        ["b", b],
        ["a", a],
      ]),
    );
    expect(await readFile(join(folder, "1"))).toEqual(await readFile(join(folder, "2")));
  });

  it("leaves the old file and no temporary file when a tensor is wrong", async () => {
    const path = join(folder, "a.safetensors");
    await writeFile(path, "old");
    const wrong: TensorToWrite = { dtype: "F32", shape: [3], data: Float32Array.of(1) };
    await expect(writeSafetensors(path, new Map([["a", wrong]]))).rejects.toThrow(
      /needs 12 bytes, got 4/,
    );
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["a.safetensors"]);
  });

  it.each([
    ["a header longer than the file", fileBytes("{}", 0).slice(0, 9), /only 1 follow/],
    ["an absurd header length", new Uint8Array(16).fill(255), /at most 25000000/],
    ["a short file", new Uint8Array(3), /has 3 bytes/],
    ["a header that is not JSON", fileBytes("{nope", 0), /not valid JSON/],
    [
      "overlapping tensors",
      fileBytes(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        8,
      ),
      /"b" overlaps/,
    ],
    [
      "a hole",
      fileBytes('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8),
      /leaves a hole/,
    ],
    [
      "a tail",
      fileBytes('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 8),
      /cover 4 bytes but 8/,
    ],
    [
      "a size that contradicts the shape",
      fileBytes('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}', 4),
      /needs 12 bytes/,
    ],
    [
      "an unknown dtype",
      fileBytes('{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}', 4),
      /dtype "Q4"; known/,
    ],
  ])("refuses %s", async (_, bytes, message) => {
    const path = join(folder, "bad.safetensors");
    await writeFile(path, bytes);
    await expect(SafetensorsFile.open(path)).rejects.toThrow(message);
  });

  it("reads shards through an index and refuses a shard outside the folder", async () => {
    const tensor = (value: number): TensorToWrite => ({
      dtype: "F32",
      shape: [1],
      data: Float32Array.of(value),
    });
    await writeSafetensors(join(folder, "s1.safetensors"), new Map([["a", tensor(1)]]));
    await writeSafetensors(join(folder, "s2.safetensors"), new Map([["b", tensor(2)]]));
    const index = join(folder, "model.safetensors.index.json");
    await writeFile(
      index,
      JSON.stringify({ weight_map: { a: "s1.safetensors", b: "s2.safetensors" } }),
    );
    const checkpoint = await Checkpoint.open(folder);
    expect((await checkpoint.floats("b")).data[0]).toBe(2);
    await checkpoint.close();
    await writeFile(index, JSON.stringify({ weight_map: { a: "../s1.safetensors" } }));
    await expect(Checkpoint.open(folder)).rejects.toThrow(/same folder/);
  });
});
