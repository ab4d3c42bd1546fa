/**
 * A stage turns files into files. It is skipped when nothing that it depends on has changed since it last finished,
 * and goes on where it was when its process was killed.
 *
 *   key = hash(name, options, digests of the outputs of `needs`, code of `module`)
 *
 *   stages/<name>.started.json  {key}              written before any output: outputs that belong to another key go
 *   stages/<name>.json          {key, digest, …}   written after all outputs, atomically: the stage is done
 */
export interface Stage {
  /** File-name safe, unique in the pipeline. */
  readonly name: string;
  /** For people: "simulate drives". */
  readonly title: string;
  /** Everything that decides the outputs, as plain JSON. */
  readonly options: unknown;
  /** Things that the work needs to know but that do not change its outputs (the run folder, thread counts). */
  readonly setting?: unknown;
  /** Names of earlier stages whose outputs this one reads. */
  readonly needs: readonly string[];
  /** Files and folders below the run folder that this stage alone writes; their content is what later stages depend on. */
  readonly outputs: readonly string[];
  /** More that this stage alone writes but nobody depends on (metrics with wall times). */
  readonly records?: readonly string[];
  /** `import.meta.url`-style address of a module that exports `work: Work<WorkInput<…>, …>`. */
  readonly module: string;
  /** Processes that share the items of the work. */
  readonly parts: number;
  /** One line about the finished stage, from the results of its processes. */
  summarize?(results: readonly unknown[]): string;
}

/** What a work module of a stage gets as `options`. */
export interface WorkInput<Options, Setting = unknown> {
  readonly runDir: string;
  readonly options: Options;
  readonly setting: Setting;
}

/** Content of `stages/<name>.json`. */
export interface StageMarker {
  readonly name: string;
  readonly title: string;
  /** Place in the pipeline, from 0. */
  readonly order: number;
  readonly key: string;
  /** Hash over paths and content of all outputs. */
  readonly digest: string;
  readonly files: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly sha256: string;
  }[];
  /** What `summarize` said. */
  readonly summary: string;
  /** Sum over all attempts that ended in order (killed ones are not known). */
  readonly wallSecs: number;
  readonly peakRssMb: number;
}

export type StageState = "done" | "goes on" | "starts";
