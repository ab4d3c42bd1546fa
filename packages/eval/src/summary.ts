/**
 * `summary.json`: the few numbers that a run is judged by, with intervals and denominators beside them and the
 * bars they are held to. A value is null when its part of the evaluation did not run, never a stand-in number.
 */
import type { ClosedLoopRow, DecisionRow, OpenLoopRow } from "./artefacts.ts";
import {
  type BootstrapOptions,
  defaultBootstrap,
  type Estimate,
  type Interval,
} from "./metrics/bootstrap.ts";
import { scoreDifference, summariseClosedLoop } from "./metrics/closed-loop.ts";
import { summariseDecisions } from "./metrics/decisions.ts";
import { minAdeRatio, summariseOpenLoop } from "./metrics/open-loop.ts";

/** The headline tree; the same shape holds values, intervals and denominators. */
export interface HeadlineTree<T> {
  readonly openLoop: {
    /** minADE at 6.4 s over the model's K samples, m. */
    readonly minAde6: T;
    /** ADE at 6.4 s of the better kinematic baseline, m. */
    readonly baselineAde: T;
    /** minADE at 6.4 s of the same model with images of other samples, m. */
    readonly shuffledMinAde6: T;
  };
  /** Joint accuracy of the written decision against the oracle. */
  readonly decisionAccuracy: T;
  readonly reasoningActionConsistency: T;
  readonly closedLoop: {
    /** Mean AlpaSim scene score. */
    readonly score: T;
    readonly constantVelocityScore: T;
    readonly shuffledScore: T;
  };
}

export type BarName =
  | "looks_ahead"
  | "looks_at_images"
  | "decides"
  | "acts_as_it_says"
  | "drives"
  | "drives_better_than_blind";

/** One promise and whether it holds. `value` is compared with `bar` by `direction`. */
export interface Bar {
  readonly name: BarName;
  /** In words, for people. */
  readonly claim: string;
  readonly value: number | null;
  readonly interval: Interval | null;
  readonly bar: number;
  readonly direction: "at_most" | "at_least";
  /** false when the value is missing. */
  readonly passed: boolean;
}

export interface Summary extends HeadlineTree<number | null> {
  readonly closedLoop: HeadlineTree<number | null>["closedLoop"] & { readonly scenes: number };
  readonly wallSecs: number;
  readonly peakRssMb: number;
  /** 95 % cluster-bootstrap intervals at the same paths; null with fewer than two recordings or scenes. */
  readonly intervals: HeadlineTree<Interval | null>;
  /** Items behind each value, at the same paths. */
  readonly n: HeadlineTree<number>;
  /** Which kinematic baseline is the better one. */
  readonly baseline: "constant_velocity" | "ctra" | null;
  readonly bootstrap: BootstrapOptions & { readonly unit: string };
  readonly bars: readonly Bar[];
}

/** The bars of the main job. */
export const bars: Readonly<
  Record<
    BarName,
    { readonly bar: number; readonly direction: Bar["direction"]; readonly claim: string }
  >
> = {
  looks_ahead: {
    bar: 0.5,
    direction: "at_most",
    claim: "minADE₆ at 6.4 s is at most half of the better kinematic baseline's ADE",
  },
  looks_at_images: {
    bar: 1.5,
    direction: "at_least",
    claim: "shuffled images raise minADE₆ by at least half",
  },
  decides: {
    bar: 0.8,
    direction: "at_least",
    claim: "the written decision matches the oracle on both axes",
  },
  acts_as_it_says: {
    bar: 0.8,
    direction: "at_least",
    claim: "the planned path does what the reasoning says",
  },
  drives: { bar: 0.6, direction: "at_least", claim: "mean closed-loop scene score" },
  drives_better_than_blind: {
    bar: 0.25,
    direction: "at_least",
    claim: "scene score above constant velocity, same scenes",
  },
};

export interface SummaryInput {
  readonly openLoop: readonly OpenLoopRow[];
  readonly decisions: readonly DecisionRow[];
  readonly closedLoop: readonly ClosedLoopRow[];
  readonly wallSecs: number;
  readonly peakRssMb: number;
  readonly bootstrap?: BootstrapOptions;
}

function bar(name: BarName, estimate: Estimate): Bar {
  const { bar: limit, direction, claim } = bars[name];
  const { value, interval } = estimate;
  const passed = value !== null && (direction === "at_most" ? value <= limit : value >= limit);
  return { name, claim, value, interval, bar: limit, direction, passed };
}

const missing: Estimate = { value: null, interval: null, n: 0, clusters: 0 };

/** Computes the summary from the rows of the run folder. Pure: the same rows give the same bytes. */
export function makeSummary(input: SummaryInput): Summary {
  const options = input.bootstrap ?? defaultBootstrap;
  const open = (predictor: string) => summariseOpenLoop(predictor, input.openLoop, options);
  const full = (predictor: string, metric: "minAde" | "ade") =>
    open(predictor)[metric]["6.4s"] ?? missing;
  const minAde6 = full("model", "minAde");
  const shuffled = full("model_shuffled_images", "minAde");
  const candidates = (["constant_velocity", "ctra"] as const)
    .map((name) => ({ name, estimate: full(name, "ade") }))
    .filter((c) => c.estimate.value !== null)
    .sort((a, b) => (a.estimate.value as number) - (b.estimate.value as number));
  const baseline = candidates[0] ?? null;
  const decisions = summariseDecisions("model", input.decisions, options);
  const closed = (policy: string) => summariseClosedLoop(policy, input.closedLoop, options);
  const model = closed("model");
  const tree = <T>(of: (estimate: Estimate) => T): HeadlineTree<T> => ({
    openLoop: {
      minAde6: of(minAde6),
      baselineAde: of(baseline?.estimate ?? missing),
      shuffledMinAde6: of(shuffled),
    },
    decisionAccuracy: of(decisions.jointAccuracy),
    reasoningActionConsistency: of(decisions.consistency),
    closedLoop: {
      score: of(model.score),
      constantVelocityScore: of(closed("constant_velocity").score),
      shuffledScore: of(closed("model_shuffled_images").score),
    },
  });
  const values = tree((e) => e.value);
  return {
    ...values,
    closedLoop: { ...values.closedLoop, scenes: model.scenes },
    wallSecs: input.wallSecs,
    peakRssMb: input.peakRssMb,
    intervals: tree((e) => e.interval),
    n: tree((e) => e.n),
    baseline: baseline?.name ?? null,
    bootstrap: { ...options, unit: "open loop: recording; closed loop: scene" },
    bars: [
      bar(
        "looks_ahead",
        baseline === null
          ? missing
          : minAdeRatio(input.openLoop, "model", baseline.name, "6.4s", options),
      ),
      bar(
        "looks_at_images",
        minAdeRatio(input.openLoop, "model_shuffled_images", "model", "6.4s", options),
      ),
      bar("decides", decisions.jointAccuracy),
      bar("acts_as_it_says", decisions.consistency),
      bar("drives", model.score),
      bar(
        "drives_better_than_blind",
        scoreDifference(input.closedLoop, "model", "constant_velocity", options),
      ),
    ],
  };
}
