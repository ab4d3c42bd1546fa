/** Tables whose rows stay in the file: found by token and by group, as a Map would find them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { indexTable, readTable } from "../src/sources/row-index.ts";
import { createTokenIndex } from "../src/sources/token-index.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-rows-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const hex = (n: number) => n.toString(16).padStart(32, "0");

describe("tokens", () => {
  test("any tokens have the numbers that a Map gives them", () => {
    const token = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.nat(30).map(hex),
      fc.nat(30).map((n) => hex(n).toUpperCase()),
      fc.nat(30).map((n) => `${hex(n).slice(1)}g`),
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), fc.array(token), (added, others) => {
        const index = createTokenIndex();
        const truth = new Map<string, number>();
        for (const t of added) {
          expect(index.add(t)).toBe(!truth.has(t));
          if (!truth.has(t)) truth.set(t, truth.size);
        }
        expect(index.size).toBe(truth.size);
        for (const t of [...added, ...others]) expect(index.find(t)).toBe(truth.get(t) ?? -1);
      }),
    );
  });

  test("many tokens, in a row and at random, over several pages", () => {
    const index = createTokenIndex();
    const rng = createRng(1);
    const word = () =>
      rng
        .int(2 ** 31)
        .toString(16)
        .padStart(8, "0");
    const tokens = Array.from({ length: 150_000 }, (_, i) =>
      i % 2 === 0 ? hex(i) : word() + word() + word() + word(),
    );
    expect(tokens.every((t) => index.add(t))).toBe(true);
    expect(tokens.every((t, i) => index.find(t) === i)).toBe(true);
    expect(index.find(hex(1))).toBe(-1);
    expect(index.add(tokens[70_000])).toBe(false);
    expect(index.size).toBe(150_000);
  });
});

describe("rows", () => {
  const schema = z.object({ token: z.string(), group: z.number(), text: z.string() });
  const row = (i: number) => ({ token: hex(i * 7), group: i % 5, text: `row ${i}` });

  test("a table of several pages: rows by group and by token", async () => {
    const path = join(dir, "large.json");
    const rows = Array.from({ length: 70_000 }, (_, i) => row(i));
    await writeFile(path, JSON.stringify(rows.map((r) => ({ ...r, unused: [r.text] }))));
    const index = await indexTable(path, schema, (r) => r.group);
    expect(await index.inGroup(3)).toEqual(rows.filter((r) => r.group === 3));
    expect(await index.inGroup(9)).toEqual([]);
    const wanted = [hex(7 * 69_999), "none", hex(0), hex(1), hex(7 * 65_536)];
    expect(await index.withTokens(wanted)).toEqual([
      rows[69_999],
      undefined,
      rows[0],
      undefined,
      rows[65_536],
    ]);
    expect(await readTable(path, schema)).toEqual(rows);
  });

  test("damage is found when the table is read, not when the row is asked for", async () => {
    const path = join(dir, "damaged.json");
    const write = (rows: readonly unknown[]) => writeFile(path, JSON.stringify(rows));
    const index = () => indexTable(path, schema, () => 0);
    await write([row(0), row(1), row(2), row(1)]);
    await expect(index()).rejects.toThrow(
      `damaged.json row 4: token ${hex(7)} is that of row 2 too; expected one row per token.`,
    );
    await write([row(0), { ...row(1), group: "1" }]);
    await expect(index()).rejects.toThrow("damaged.json row 2: group: Invalid input");
    await write([row(0), [1]]);
    await expect(index()).rejects.toThrow("damaged.json row 2: row: Invalid input");
  });

  test("a file that was cut after it was read is an error, not other rows", async () => {
    const path = join(dir, "cut.json");
    const text = JSON.stringify([row(0), row(1), row(2)]);
    await writeFile(path, text);
    const index = await indexTable(path, schema, (r) => r.group);
    await writeFile(path, text.slice(0, -30));
    await expect(index.inGroup(2)).rejects.toThrow("the file became shorter while it was in use");
    expect(await index.inGroup(0)).toEqual([row(0)]);
  });
});
