/**
 * Learning-rate schedules as plain data: `learningRate(schedule, baseLr, step)` is the rate that optimiser step
 * `step` (0-based) uses. The closed forms are those of Hugging Face transformers, torch.optim.lr_scheduler and
 * cosmos-rl; past `total` they return what the originals return there (cosines rise again), so that runs compare.
 */
export type Schedule =
  | { readonly kind: "constant"; readonly warmup: number }
  | { readonly kind: "linear"; readonly warmup: number; readonly total: number }
  | {
      readonly kind: "cosine";
      readonly warmup: number;
      readonly total: number;
      /** Half a cosine by default. */
      readonly cycles?: number;
      /** Lowest rate as a share of the base rate. Default 0. */
      readonly minRatio?: number;
    }
  | {
      readonly kind: "cosine-restarts";
      readonly warmup: number;
      readonly total: number;
      readonly cycles: number;
    }
  | {
      readonly kind: "polynomial";
      readonly warmup: number;
      readonly total: number;
      /** A rate, not a ratio. */
      readonly endLr: number;
      readonly power: number;
    }
  | { readonly kind: "inverse-sqrt"; readonly warmup: number; readonly timescale: number }
  | {
      /** Warm-up from `minRatio`, plateau, cosine down to `minRatio`. */
      readonly kind: "warmup-stable-decay";
      readonly warmup: number;
      readonly stable: number;
      readonly decay: number;
      readonly minRatio: number;
    }
  | { readonly kind: "cosine-annealing"; readonly period: number; readonly minLr: number }
  | {
      readonly kind: "linear-then-cosine";
      readonly startFactor: number;
      readonly warmup: number;
      readonly period: number;
    }
  | {
      readonly kind: "one-cycle";
      readonly maxLr: number;
      readonly total: number;
      readonly warmupShare: number;
      readonly divFactor: number;
      readonly finalDivFactor: number;
    }
  | CosmosRlSchedule;

/** The scheduler of cosmos-rl: warm-up, plateau, decay, and one stable step more than the rest needs. */
export interface CosmosRlSchedule {
  readonly kind: "cosmos-rl";
  readonly total: number;
  /** Steps (cut to `total`), or a share of `total` (truncated). cosmos-rl's default is 20 steps. */
  readonly warmup: { readonly steps: number } | { readonly share: number };
  /** Share of `total` that decays; null = everything after the warm-up. */
  readonly decayRatio: number | null;
  readonly decayType: "none" | "linear" | "sqrt" | "cosine";
  readonly minFactor: number;
  readonly warmupStartFactor: number;
}

export class ScheduleError extends Error {
  readonly code = "ERR_SCHEDULE";
  override readonly name = "ScheduleError";
}

/** Rounds halves to the even neighbour, as Python and numpy do. */
function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

const cosineDown = (progress: number): number => 0.5 * (1 + Math.cos(Math.PI * progress));

function cosmosFactor(s: CosmosRlSchedule, step: number): number {
  const wanted = "share" in s.warmup ? Math.trunc(s.total * s.warmup.share) : s.warmup.steps;
  const warmup = Math.min(wanted, s.total);
  const left = s.total - warmup;
  const decay =
    s.decayRatio === null ? left : Math.min(roundHalfEven(s.total * s.decayRatio), left);
  const stable = s.total + 1 - warmup - decay;
  if (step < warmup)
    return warmup === 1
      ? 1
      : s.warmupStartFactor + ((1 - s.warmupStartFactor) * step) / (warmup - 1);
  if (step < warmup + stable) return 1;
  if (decay === 0)
    throw new ScheduleError(
      `schedule cosmos-rl: step ${step} is past the end (${s.total} steps, ${warmup} of warm-up, none of decay)`,
    );
  const progress = (step + 1 - warmup - stable) / decay;
  const shape = {
    none: 1,
    linear: 1 - progress,
    sqrt: 1 - Math.sqrt(progress),
    cosine: cosineDown(progress),
  }[s.decayType];
  return s.minFactor + (1 - s.minFactor) * shape;
}

/** The rate of 0-based optimiser step `step`. */
export function learningRate(s: Schedule, baseLr: number, step: number): number {
  const warm = "warmup" in s && typeof s.warmup === "number" ? s.warmup : 0;
  const progress = "total" in s ? (step - warm) / Math.max(1, s.total - warm) : 0;
  const warming = step < warm ? step / Math.max(1, warm) : null;
  switch (s.kind) {
    case "constant":
      return baseLr * (warming ?? 1);
    case "linear":
      return baseLr * (warming ?? Math.max(0, (s.total - step) / Math.max(1, s.total - warm)));
    case "cosine": {
      const min = s.minRatio ?? 0;
      const wave = Math.max(0, cosineDown((s.cycles ?? 0.5) * 2 * progress));
      return baseLr * (warming ?? wave * (1 - min) + min);
    }
    case "cosine-restarts":
      return baseLr * (warming ?? (progress >= 1 ? 0 : cosineDown((s.cycles * progress) % 1)));
    case "polynomial":
      if (warming !== null) return baseLr * warming;
      return step > s.total ? s.endLr : (baseLr - s.endLr) * (1 - progress) ** s.power + s.endLr;
    case "inverse-sqrt":
      return baseLr * (warming ?? 1 / Math.sqrt((step + s.timescale - warm) / s.timescale));
    case "warmup-stable-decay": {
      const raise = (x: number) => x * (1 - s.minRatio) + s.minRatio;
      if (warming !== null) return baseLr * raise(warming);
      const decayed = step - warm - s.stable;
      if (decayed < 0) return baseLr;
      return baseLr * (decayed < s.decay ? raise(cosineDown(decayed / s.decay)) : s.minRatio);
    }
    case "cosine-annealing":
      return s.minLr + (baseLr - s.minLr) * cosineDown(step / s.period);
    case "linear-then-cosine":
      return step < s.warmup
        ? baseLr * (s.startFactor + ((1 - s.startFactor) * step) / s.warmup)
        : baseLr * cosineDown((step - s.warmup) / s.period);
    case "one-cycle": {
      const top = s.warmupShare * s.total - 1;
      const last = s.total - 1;
      const start = s.maxLr / s.divFactor;
      const end = start / s.finalDivFactor;
      const anneal = (from: number, to: number, x: number) => to + (from - to) * cosineDown(x);
      return step <= top
        ? anneal(start, s.maxLr, step / top)
        : anneal(s.maxLr, end, (step - top) / (last - top));
    }
    case "cosmos-rl":
      return baseLr * cosmosFactor(s, step);
  }
}
