/**
 * Control samples: labels with a known fault, mixed into a critic's work without its knowledge. The share of them that it would
 * accept is its false-accept rate, measured on the same drives with the same prompt in the same run.
 */
import type { Rng } from "@causeway/geom";
import type { CocLabel } from "../coc/schema.ts";

export type ControlKind = "shuffled" | "flipped-direction" | "swapped-colour";

export interface Control {
  readonly kind: ControlKind;
  /** Its id ends in `#control-KIND`, its moment stays that of the true label. */
  readonly label: CocLabel;
}

const otherSide = { left: "right", right: "left" } as const;
const swapWord = (trace: string | null, pairs: Readonly<Record<string, string>>): string | null =>
  trace?.replace(new RegExp(`\\b(${Object.keys(pairs).join("|")})\\b`, "gi"), (w) => {
    const to = pairs[w.toLowerCase()];
    return w[0] === w[0].toUpperCase() ? `${to[0].toUpperCase()}${to.slice(1)}` : to;
  }) ?? null;

const named = (label: CocLabel, kind: ControlKind, change: Partial<CocLabel>): Control => ({
  kind,
  label: { ...label, ...change, id: `${label.id}#control-${kind}` },
});

function flipped(label: CocLabel): Control | null {
  if (label.lateralSide === null) return null;
  return named(label, "flipped-direction", {
    lateralSide: otherSide[label.lateralSide],
    trace: swapWord(label.trace, otherSide),
  });
}

const colours = { red: "green", green: "red", yellow: "green", amber: "green" } as const;
function recoloured(label: CocLabel): Control | null {
  const isLit = label.components.some(
    (c) => label.causeIds.includes(c.id) && /^(red|yellow|green)_light$/.test(c.kind),
  );
  if (!isLit) return null;
  const swap = (c: CocLabel["components"][number]) => ({
    ...c,
    kind: c.kind.replace(/^(red|yellow|green)(?=_light$)/, (w) => colours[w as "red"]),
    attributes: Object.fromEntries(
      Object.entries(c.attributes).map(([k, v]) => [
        k,
        typeof v === "string" ? (swapWord(v, colours) as string) : v,
      ]),
    ),
  });
  return named(label, "swapped-colour", {
    components: label.components.map((c) => (label.causeIds.includes(c.id) ? swap(c) : c)),
    trace: swapWord(label.trace, colours),
  });
}

/** The words of a label with another decision from another drive. */
function shuffled(label: CocLabel, labels: readonly CocLabel[], rng: Rng): Control | null {
  const others = labels.filter(
    (o) =>
      o.driveId !== label.driveId &&
      o.trace !== null &&
      (o.longitudinal !== label.longitudinal || o.lateral !== label.lateral),
  );
  if (others.length === 0) return null;
  const { longitudinal, lateral, lateralSide, components, causeIds, trace } = rng.pick(others);
  return named(label, "shuffled", {
    longitudinal,
    lateral,
    lateralSide,
    components,
    causeIds,
    trace,
  });
}

function inRandomOrder<T>(items: readonly T[], rng: Rng): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** About `count` controls, the kinds in turn as far as the labels allow. */
export function drawControls(labels: readonly CocLabel[], count: number, rng: Rng): Control[] {
  const decided = inRandomOrder(
    labels.filter((l) => l.trace !== null),
    rng.fork("order"),
  );
  const makers = [
    (l: CocLabel) => flipped(l),
    (l: CocLabel) => recoloured(l),
    (l: CocLabel) => shuffled(l, labels, rng.fork(l.id)),
  ];
  const out: Control[] = [];
  const used = new Set<string>();
  for (let round = 0; out.length < count && round < count; round++) {
    const before = out.length;
    for (const make of makers) {
      if (out.length >= count) break;
      for (const label of decided) {
        if (used.has(label.id)) continue;
        const control = make(label);
        if (control === null) continue;
        used.add(label.id);
        out.push(control);
        break;
      }
    }
    if (out.length === before) break;
  }
  return out;
}
