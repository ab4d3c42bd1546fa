/** Balance by quota: at most so many clips of each cell, spread over recordings; what goes carries its reason. */
import { createRng } from "@causeway/geom";
import { hash32 } from "@causeway/geom";

export interface BalanceItem {
  readonly id: string;
  readonly recording: string;
  /** Cell, e.g. "turn left|city". */
  readonly cell: string;
}

export interface BalanceResult {
  readonly dropped: ReadonlyMap<string, string>;
  readonly cells: ReadonlyMap<
    string,
    { readonly found: number; readonly kept: number; readonly quota: number | null }
  >;
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Within a cell, every recording's first clip comes before any second one, and so on; which one is first, and which
 * recording, is drawn by seed. The order of the input decides nothing.
 */
export function balanceClips(
  items: readonly BalanceItem[],
  quotaOf: (cell: string) => number | null,
  seed: number,
): BalanceResult {
  const cells = new Map<string, BalanceItem[]>();
  for (const item of items) {
    const list = cells.get(item.cell);
    if (list === undefined) cells.set(item.cell, [item]);
    else list.push(item);
  }
  const dropped = new Map<string, string>();
  const counts = new Map<string, { found: number; kept: number; quota: number | null }>();
  const draw = (text: string) => createRng((hash32(`${seed}/${text}`) ^ 0x2545f491) >>> 0).next();
  for (const cell of [...cells.keys()].sort(byText)) {
    const list = cells.get(cell) as BalanceItem[];
    const quota = quotaOf(cell);
    if (quota !== null && list.length > quota) {
      const rounds = new Map<string, number>();
      const order = list
        .map((item) => ({ item, key: draw(item.id) }))
        .sort((a, b) => a.key - b.key || byText(a.item.id, b.item.id))
        .map(({ item, key }) => {
          const round = rounds.get(item.recording) ?? 0;
          rounds.set(item.recording, round + 1);
          return { item, key, round };
        })
        .sort((a, b) => a.round - b.round || a.key - b.key || byText(a.item.id, b.item.id));
      for (const { item } of order.slice(quota)) {
        dropped.set(item.id, `balance: ${quota} of ${list.length} kept in "${cell}"`);
      }
    }
    counts.set(cell, {
      found: list.length,
      kept: quota === null ? list.length : Math.min(quota, list.length),
      quota,
    });
  }
  return { dropped, cells: counts };
}
