/** Arrays that are taken apart while their bytes come: wherever the bytes are cut, and whatever is wrong with them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FormatError } from "../src/index.ts";
import {
  createArraySplitter,
  type ElementPlace,
  readJsonArray,
  readJsonElements,
} from "../src/io/json-array.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-json-array-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Quotes, brackets and commas inside of strings, escapes, and characters of two, three and four bytes. */
const rows = [
  { token: "a", text: 'a "quoted", [bracketed], {braced} \\ text\\' },
  { 道路: "東京 — 𝄞 ü", nested: [{ deep: [] }, [[]], { "]": "}" }] },
  [1, -2.5e-3, null, true],
  "plain, \u0000 text",
  {},
  7,
];
const texts: readonly [string, string][] = [
  ["packed", JSON.stringify(rows)],
  ["spread out", `\r\n\t ${JSON.stringify(rows, null, 2)}\n\n`],
  ["with escapes for all that is not ASCII", JSON.stringify(rows).replace(/[^ -~]/gu, escaped)],
];
function escaped(char: string): string {
  const units = Array.from({ length: char.length }, (_, i) => char.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** Pushes parts of at most `size` bytes through one buffer that is overwritten after each. */
function split(bytes: Uint8Array, cuts: readonly number[]) {
  const values: unknown[] = [];
  const places: ElementPlace[] = [];
  const splitter = createArraySplitter("rows.json", (element, place) => {
    values.push(JSON.parse(Buffer.from(element).toString()));
    places.push(place);
  });
  const buffer = new Uint8Array(bytes.length);
  for (const [i, from] of [0, ...cuts].entries()) {
    const part = bytes.subarray(from, cuts[i] ?? bytes.length);
    buffer.set(part);
    splitter.push(buffer.subarray(0, part.length));
    buffer.fill(0xff);
  }
  splitter.end();
  return { values, places };
}

describe("elements are those of JSON.parse", () => {
  test.each(texts)("%s, cut at any byte, and at every byte", (_, text) => {
    const bytes = Buffer.from(text);
    const every = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
    expect(split(bytes, every).values).toEqual(rows);
    const whole = split(bytes, []);
    expect(whole.values).toEqual(rows);
    expect(whole.places.map((p) => p.row)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const { row, from, to } of whole.places) {
      expect(JSON.parse(bytes.subarray(from, to).toString())).toEqual(rows[row - 1]);
    }
    for (const cut of every) expect(split(bytes, [cut])).toEqual(whole);
  });

  test("any JSON, cut anywhere", () => {
    const values = fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 6 });
    const cuts = fc.array(fc.nat(2000), { maxLength: 5 });
    const spaces = fc.constantFrom(undefined, 1, "\t");
    fc.assert(
      fc.property(values, cuts, spaces, (list, at, space) => {
        const text = JSON.stringify(list, null, space);
        const bytes = Buffer.from(text);
        const inside = [...new Set(at.map((c) => c % bytes.length))].sort((a, b) => a - b);
        expect(split(bytes, inside).values).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe("files", () => {
  test("values come back by their place, in any order; the bytes that were read are told", async () => {
    const path = join(dir, "many.json");
    // Longer than a chunk, and than what is read of a file at once.
    const many = Array.from({ length: 12_000 }, (_, i) => ({ i, text: "日本".repeat(90) }));
    await writeFile(path, JSON.stringify(many, null, 1));
    const places: ElementPlace[] = [];
    const done: number[] = [];
    await readJsonArray(
      path,
      (value, place) => {
        expect(value).toEqual(many[place.row - 1]);
        places.push(place);
      },
      { onBytes: (n) => done.push(n) },
    );
    expect(places).toHaveLength(many.length);
    expect(done.length).toBeGreaterThan(5);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    const asked = [11_999, 0, 1, 6000, 6001, 3, 3, 11_998];
    const back = await readJsonElements(
      path,
      asked.map((i) => places[i]),
    );
    expect(back).toEqual(asked.map((i) => many[i]));
    expect(await readJsonElements(path, places)).toEqual(many);
  });

  test("reading stops when it is told to", async () => {
    const path = join(dir, "stopped.json");
    await writeFile(path, JSON.stringify(Array.from({ length: 120_000 }, (_, i) => `${i} words`)));
    const stop = new AbortController();
    const reading = readJsonArray(path, () => stop.abort(), { signal: stop.signal });
    await expect(reading).rejects.toThrow(/abort/i);
  });
});

describe("damage is named with file, row and byte", () => {
  async function errorOf(content: string | Uint8Array): Promise<FormatError> {
    const path = join(dir, "bad.json");
    await writeFile(path, content);
    const error = await readJsonArray(path, () => undefined).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }

  test.each<[string, string | Uint8Array, string, string]>([
    ["nothing", "", "truncated", "bad.json byte 0: the file is empty"],
    ["white space", " \n", "truncated", "bad.json byte 2: the file is empty"],
    ["an object", ' {"a": 1}', "format", "bad.json byte 1: holds no list"],
    ["two lists", "[1] [2]", "format", "byte 4: goes on after its list of 1 rows"],
    ["no value", "[1,,2]", "format", "bad.json row 2 byte 3: is empty"],
    ["a last comma", "[1,2,\n]", "format", "bad.json row 3 byte 5: is empty"],
    ["no value at all", "[,]", "format", "bad.json row 1 byte 1: is empty"],
    ["a word", "[{}, {a: 1}]", "format", "bad.json row 2: not valid JSON"],
    ["a brace of its own", "[1, }, 2]", "format", "bad.json row 2: not valid JSON"],
    ["crossed brackets", '[1, {"a": [1}], 2]', "format", "bad.json row 2: not valid JSON"],
    ["a missing comma", '[{"a": 1} {"a": 2}]', "format", "bad.json row 1: not valid JSON"],
    [
      "bytes of another encoding",
      Buffer.from('[1, "M\u00fcnchen"]', "latin1"),
      "format",
      "bad.json row 2: has bytes that are not UTF-8",
    ],
    [
      "deep nesting",
      `[1, ${"[".repeat(17)}`,
      "limit",
      "bad.json row 2 byte 20: is nested deeper than 16 levels",
    ],
    [
      "a quote that is not closed",
      `[1, "${"x, ".repeat(2 ** 20)}]`,
      "limit",
      "bad.json row 2: is longer than 1048576 bytes; a quote or a bracket of it is not closed",
    ],
  ])("%s", async (_, content, code, why) => {
    const error = await errorOf(content);
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(why)]);
  });

  test("a file that ends early says after how many rows, wherever it was cut", () => {
    const bytes = Buffer.from(texts[0][1]);
    const { places } = split(bytes, []);
    for (let length = 1; length < bytes.length; length++) {
      const numWhole = places.filter((p) => p.to < length).length;
      expect(() => split(bytes.subarray(0, length), [])).toThrow(
        `rows.json row ${numWhole + 1} byte ${length}: the file ends inside its list, after ${numWhole} whole rows`,
      );
    }
  });

  test("a file that is not there", async () => {
    await expect(readJsonArray(join(dir, "none.json"), () => undefined)).rejects.toThrow(
      "cannot be opened (ENOENT)",
    );
  });
});
