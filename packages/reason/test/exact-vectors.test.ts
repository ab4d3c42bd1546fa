/** The table of exact vectors names tests that hold them. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const root = new URL("../../../", import.meta.url);
const page = await readFile(new URL("docs/exact-vectors.md", root), "utf8");
const rows = [...page.matchAll(/^\| (.+?) \| (.+) \| (packages\/\S+) \|$/gm)].map(
  ([, what, values, path]) => ({ what, values, path }),
);

test("every row was read", () => {
  expect(rows.length).toBe(30);
});

test.each(rows)("$what", async ({ values, path }) => {
  const source = (await readFile(new URL(path, root), "utf8")).replaceAll(/\s+/g, " ");
  const wanted = [...values.matchAll(/`([^`]+)`/g)].map((m) => m[1]);
  expect(wanted.length).toBeGreaterThan(0);
  expect(wanted.filter((value) => !source.includes(value.replaceAll(/\s+/g, " ")))).toEqual([]);
});
