/** The schedule rows of the golden topic "optim": which closed form a row means is read from its arguments. */
import { type CosmosRlSchedule, type Schedule, learningRate } from "../optim/schedule.ts";
import { type ErrorMeter, goldenNumber } from "./check.ts";

type Arguments = Readonly<Record<string, unknown>>;

interface Row {
  readonly name: string;
  readonly arguments: Arguments;
  readonly base_lr: number;
  readonly lr: readonly unknown[];
}

function readSchedule(row: Row): Schedule {
  const a = row.arguments;
  const has = (...keys: string[]) => keys.every((k) => k in a);
  const num = (key: string): number => goldenNumber(a[key]);
  const warmup = has("warmup") ? num("warmup") : 0;
  if (has("max_lr", "pct_start"))
    return {
      kind: "one-cycle",
      maxLr: num("max_lr"),
      total: num("total"),
      warmupShare: num("pct_start"),
      divFactor: num("div_factor"),
      finalDivFactor: num("final_div_factor"),
    };
  if (has("start_factor", "T_max"))
    return {
      kind: "linear-then-cosine",
      startFactor: num("start_factor"),
      warmup,
      period: num("T_max"),
    };
  if (has("T_max"))
    return {
      kind: "cosine-annealing",
      period: num("T_max"),
      minLr: has("eta_min") ? num("eta_min") : 0,
    };
  if (has("stable", "decay"))
    return {
      kind: "warmup-stable-decay",
      warmup,
      stable: num("stable"),
      decay: num("decay"),
      minRatio: has("min_lr_ratio") ? num("min_lr_ratio") : 0,
    };
  if (has("timescale")) return { kind: "inverse-sqrt", warmup, timescale: num("timescale") };
  if (has("total", "power"))
    return {
      kind: "polynomial",
      warmup,
      total: num("total"),
      endLr: num("lr_end"),
      power: num("power"),
    };
  if (!has("total")) return { kind: "constant", warmup };
  const total = num("total");
  // Cosine, restarts and linear take the same arguments; the row's name tells them apart.
  if (row.name.includes("linear")) return { kind: "linear", warmup, total };
  if (row.name.includes("restarts"))
    return { kind: "cosine-restarts", warmup, total, cycles: has("cycles") ? num("cycles") : 1 };
  if (row.name.includes("cosine"))
    return {
      kind: "cosine",
      warmup,
      total,
      cycles: has("cycles") ? num("cycles") : 0.5,
      minRatio: has("min_lr_rate") ? num("min_lr_rate") : 0,
    };
  throw new TypeError(`schedule "${row.name}" is not implemented (${Object.keys(a).join(", ")})`);
}

interface CosmosRow {
  readonly total_steps: number;
  readonly settings: Arguments;
  readonly factor: readonly unknown[];
  readonly raises_at: { readonly step: number } | null;
}

function readCosmos(row: CosmosRow): CosmosRlSchedule {
  const s = row.settings;
  const num = (key: string, fallback: number) => (key in s ? goldenNumber(s[key]) : fallback);
  // A float warm-up up to 1 is a share; `markFloats` keeps 1.0 apart from 1.
  const warmup = s["optm_warmup_steps"];
  const given = s["optm_decay_type"] ?? "none";
  const decayType = typeof given === "string" ? given : JSON.stringify(given);
  if (!["none", "linear", "sqrt", "cosine"].includes(decayType))
    throw new TypeError(`cosmos-rl decay type "${decayType}" is not implemented`);
  return {
    kind: "cosmos-rl",
    total: row.total_steps,
    warmup:
      typeof warmup === "string"
        ? Number(warmup) <= 1
          ? { share: Number(warmup) }
          : { steps: Math.trunc(Number(warmup)) }
        : { steps: num("optm_warmup_steps", 20) },
    decayRatio:
      "optm_decay_ratio" in s && s["optm_decay_ratio"] !== null ? num("optm_decay_ratio", 0) : null,
    decayType: decayType as CosmosRlSchedule["decayType"],
    minFactor: num("optm_min_lr_factor", 0),
    warmupStartFactor: num("optm_warmup_start_factor", 0),
  };
}

/** JSON numbers lose the difference between 1 and 1.0; the warm-up needs it, so floats there become strings. */
const markFloats = (text: string): string =>
  text.replace(/("optm_warmup_steps":\s*)(\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)/gi, '$1"$2"');

export function checkSchedules(text: string, meter: ErrorMeter): void {
  const json = JSON.parse(markFloats(text)) as {
    schedules?: readonly Row[];
    cosmos_rl?: { readonly rows: readonly CosmosRow[] };
  };
  for (const row of json.schedules ?? []) {
    const schedule = readSchedule(row);
    row.lr.forEach((lr, step) =>
      meter.add(
        `${row.name} step ${step}`,
        learningRate(schedule, row.base_lr, step),
        goldenNumber(lr),
        1e-12,
      ),
    );
  }
  for (const row of json.cosmos_rl?.rows ?? []) {
    const schedule = readCosmos(row);
    const where = `cosmos-rl ${row.total_steps} ${JSON.stringify(row.settings)}`;
    row.factor.forEach((factor, step) =>
      meter.add(
        `${where} step ${step}`,
        learningRate(schedule, 1, step),
        goldenNumber(factor),
        1e-12,
      ),
    );
    if (row.raises_at === null) continue;
    try {
      const lr = learningRate(schedule, 1, row.raises_at.step);
      meter.fail(`${where} step ${row.raises_at.step}: got ${lr}, expected an error`);
    } catch {
      meter.numChecked++;
    }
  }
}
