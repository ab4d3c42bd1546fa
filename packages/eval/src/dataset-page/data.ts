/** What the report of a dataset is made of: plain data, gathered by whoever knows the files. */
import type { CurationSummary, Inventory } from "@causeway/data";

/** One picture with where the car then went. */
export interface Shot {
  /** base64 JPEG. */
  readonly jpeg: string;
  readonly width: number;
  readonly height: number;
  /** SVG path of the driven way in pixels; empty when it cannot be drawn. */
  readonly ribbon: string;
}

export interface ReportSample {
  readonly id: string;
  /** e.g. "city", "turn left", "12.1 m/s". */
  readonly chips: readonly string[];
  readonly trace: string | null;
  readonly decision: string | null;
  readonly teacher: string | null;
  readonly status: string | null;
  readonly shot: Shot | null;
}

export interface ReportDisagreement extends ReportSample {
  /** What the rules say, worst first. */
  readonly findings: readonly {
    readonly outcome: "error" | "warn";
    readonly rule: string;
    readonly claim: string;
    readonly detail: string;
    /** Whether the finding turns when thresholds move by a quarter. */
    readonly isSensitive: boolean;
  }[];
}

export interface LabelRates {
  /** File of labels, e.g. "oracle". */
  readonly name: string;
  readonly teachers: readonly string[];
  readonly total: number;
  readonly accepted: number;
  readonly review: number;
  readonly rejected: number;
  readonly noDecision: number;
  /** The rule filter run again now: labels by its outcome. */
  readonly rules: Readonly<Record<"pass" | "warn" | "error" | "abstain" | "unparsable", number>>;
  readonly byDecision: readonly {
    readonly decision: string;
    readonly total: number;
    readonly accepted: number;
    readonly review: number;
    readonly rejected: number;
  }[];
}

export interface LedgerCost {
  /** Folder, relative to the dataset. */
  readonly name: string;
  readonly isSynthetic: boolean;
  readonly models: readonly {
    readonly model: string;
    readonly replies: number;
    readonly cached: number;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly areTokensEstimated: boolean;
    /** Middle of the latencies, s. */
    readonly medianSecs: number | null;
  }[];
  readonly done: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly failedRequests: number;
  /** As the run itself summed it up, with its prices; null where it had none. */
  readonly costUsd: number | null;
}

export interface RejectedShot {
  readonly id: string;
  readonly stage: string;
  readonly reasons: readonly string[];
  readonly shot: Shot | null;
  /** Of a duplicate: the clip that it is like. */
  readonly twin: { readonly id: string; readonly shot: Shot | null } | null;
}

export interface DatasetReportData {
  readonly name: string;
  readonly licence: string;
  readonly fingerprint: string;
  readonly drives: number;
  readonly hours: number;
  /** Of the drives. */
  readonly withoutMotion: number;
  /** That came with the recordings. */
  readonly questions: number;
  readonly formats: readonly { readonly format: string; readonly drives: number }[];
  readonly splits: Readonly<Record<"train" | "val" | "test", number>> | null;
  /** Versions that it was made from, nearest first. */
  readonly lineage: readonly {
    readonly name: string;
    readonly fingerprint: string;
    readonly policyHash: string | null;
  }[];
  readonly policyHash: string | null;
  /** Of the drives, each as one clip; shown where there is no curation. */
  readonly inventory: Inventory;
  /** Of the last curation of this dataset (or the one that made it); null when there was none. */
  readonly curation: CurationSummary | null;
  /** Whether `curation` made this dataset, rather than looked at it. */
  readonly isVersion: boolean;
  readonly rejected: readonly RejectedShot[];
  readonly keyframes: {
    readonly drives: number;
    readonly chosen: number;
    readonly dropped: Readonly<Record<string, number>>;
    /** The scenario catalogue with how often each was found, zeros included. */
    readonly scenarios: readonly { readonly title: string; readonly count: number }[];
    readonly strata: readonly { readonly stratum: string; readonly count: number }[];
  } | null;
  readonly labels: readonly LabelRates[];
  readonly disagreements: readonly ReportDisagreement[];
  readonly samples: readonly ReportSample[];
  readonly ledgers: readonly LedgerCost[];
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}
