/**
 * Equal numbers of items per label: floor(N / labels) each, labels with more lose some, labels with fewer repeat some.
 * Trained on the raw distribution, a policy learns to say the most common score.
 */
import type { Rng } from "@causeway/geom";
import { groupBy } from "../group-by.ts";

/** Indices of items, shuffled. `rng` fixes which. */
export function balanceLabels(labels: readonly string[], rng: Rng): number[] {
  const byLabel = groupBy(labels.keys(), (i) => labels[i] as string);
  if (byLabel.size === 0) return [];
  const target = Math.floor(labels.length / byLabel.size);
  const chosen: number[] = [];
  for (const label of [...byLabel.keys()].sort()) {
    const own = shuffled([...(byLabel.get(label) ?? [])], rng);
    chosen.push(...own.slice(0, target));
    for (let extra = own.length; extra < target; extra++) chosen.push(rng.pick(own));
  }
  return shuffled(chosen, rng);
}

function shuffled(items: readonly number[], rng: Rng): number[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    [out[i], out[j]] = [out[j] as number, out[i] as number];
  }
  return out;
}
