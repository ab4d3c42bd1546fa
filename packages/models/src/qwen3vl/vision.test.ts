import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tableCorners } from "./vision.ts";

describe("position table", () => {
  it("reads the table itself where grid and table have the same side", () => {
    const { indices, weights } = tableCorners({ rows: 4, columns: 4 }, 2, 4);
    // Merge-block order of a 4 x 4 grid.
    const order = [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15];
    order.forEach((row, n) => {
      expect(indices[n]).toBe(row);
      expect(weights[n]).toBe(1);
    });
  });

  it("interpolates linearly: a table that is linear in row and column stays so", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 2, max: 9 }),
        (r, c, side) => {
          const [rows, columns] = [2 * r, 2 * c];
          const { indices, weights } = tableCorners({ rows, columns }, 2, side);
          const patches = rows * columns;
          for (let n = 0; n < patches; n++) {
            let y = 0;
            let x = 0;
            let total = 0;
            for (let k = 0; k < 4; k++) {
              const weight = weights[k * patches + n] as number;
              const index = indices[k * patches + n] as number;
              total += weight;
              y += weight * Math.floor(index / side);
              x += weight * (index % side);
            }
            const block = Math.floor(n / 4);
            const row = 2 * Math.floor(block / (columns / 2)) + Math.floor((n % 4) / 2);
            const column = 2 * (block % (columns / 2)) + (n % 2);
            expect(total).toBeCloseTo(1, 5);
            expect(y).toBeCloseTo((row * (side - 1)) / (rows - 1), 4);
            expect(x).toBeCloseTo((column * (side - 1)) / (columns - 1), 4);
          }
        },
      ),
    );
  });
});
