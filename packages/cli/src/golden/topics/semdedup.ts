/**
 * Semantic de-duplication against an independent reference: `<set>.embedding` and `<set>.k<k>.initial_centroids` in a
 * safetensors file, labels, centroids, distances, pruning tables and removals in expected.json. Labels, order and ids are
 * exact, scores and centroids within the case's tolerance.
 */
import type { GoldenResult, GoldenTopic } from "../topic.ts";
import { stringField } from "../topic.ts";
import { caseFolder } from "./case-folder.ts";
import { type ReadTensor, readSafetensors } from "./read-safetensors.ts";

const name = "semdedup";

interface ExpectedRun {
  readonly k: number;
  readonly iterations: number;
  readonly cluster_sizes: readonly number[];
  readonly pruning: readonly {
    eps: number;
    kept: number;
    removed: number;
    removed_ids: readonly string[];
    greedy_kept: number;
    greedy_extra_kept_ids: readonly string[];
  }[];
  readonly tables: readonly {
    cluster: number;
    ids: readonly string[];
    max_ids: readonly (string | null)[];
    scores: readonly number[];
  }[];
}
interface Expected {
  readonly sets: readonly {
    name: string;
    rows: number;
    dim: number;
    runs: readonly ExpectedRun[];
  }[];
  readonly empty_cluster_example: {
    points: number[][];
    initial_centroids: number[][];
    labels: number[];
    centroids: number[][];
  };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export const topic: GoldenTopic = {
  name,
  matches: (caseJson) => stringField(caseJson, "topic") === name,
  async run(dir, caseJson) {
    const folder = caseFolder(dir);
    const expected = JSON.parse(await folder.text("expected.json")) as Expected;
    const tensors = readSafetensors(await folder.bytes("vectors.safetensors"));
    const limit = toleranceOf(caseJson);
    const results: GoldenResult[] = [];
    for (const set of expected.sets)
      for (const run of set.runs) results.push(await checkRun(tensors, set.name, run, limit));
    results.push(await checkEmpty(expected.empty_cluster_example, limit));
    return results;
  },
};

function toleranceOf(caseJson: unknown): number {
  const { cases } = caseJson as { cases?: { tolerance?: { scores?: number } }[] };
  return cases?.[0]?.tolerance?.scores ?? 1e-9;
}

/** Collects problems and the largest error of one case. */
function judge(id: string, limit: number) {
  const problems: string[] = [];
  let worst = 0;
  return {
    exact: (what: string, got: unknown, want: unknown) => {
      if (!same(got, want)) problems.push(what);
    },
    near: (what: string, got: ArrayLike<number>, want: ArrayLike<number>) => {
      if (got.length !== want.length) problems.push(`${what}: ${got.length} for ${want.length}`);
      for (let i = 0; i < want.length; i++) {
        const error = Math.abs(got[i] - want[i]);
        if (!(error <= worst)) worst = error;
        if (!(error <= limit)) {
          problems.push(`${what} ${i}: expected ${want[i]}, got ${got[i]}`);
          break;
        }
      }
    },
    result: (): GoldenResult => ({
      topic: name,
      case: id,
      passed: problems.length === 0,
      worst,
      tolerance: `labels, order, ids exact; numbers abs ${limit}`,
      note: problems.slice(0, 3).join("; "),
    }),
  };
}

async function checkRun(
  tensors: ReadonlyMap<string, ReadTensor>,
  setName: string,
  run: ExpectedRun,
  limit: number,
): Promise<GoldenResult> {
  const data = await import("@causeway/data");
  const tensor = (key: string): ReadTensor => {
    const found = tensors.get(`${setName}.${key}`);
    if (found === undefined) throw new Error(`no tensor ${setName}.${key}`);
    return found;
  };
  const embedding = tensor("embedding");
  const [rows, dim] = embedding.shape as readonly [number, number];
  const ids = Array.from({ length: rows }, (_, i) => `clip-${String(i).padStart(4, "0")}`);
  const store = data.memoryStore(ids, dim, Float32Array.from(embedding.data));
  const check = judge(`${setName}-k${run.k}`, limit);
  const got = await data.semDedup(store, {
    seed: 0,
    initialCentroids: { rows: run.k, dim, data: tensor(`k${run.k}.initial_centroids`).data },
  });
  check.exact("labels", Array.from(got.labels), Array.from(tensor(`k${run.k}.labels`).data));
  check.exact("iterations", got.iterations, run.iterations);
  check.near("centroid", got.centroids.data, tensor(`k${run.k}.centroids`).data);
  const distance = new Map(got.tables.flatMap((t) => t.ids.map((id, i) => [id, t.distances[i]])));
  check.near(
    "distance",
    ids.map((id) => distance.get(id) ?? Number.NaN),
    tensor(`k${run.k}.cosine_distance_to_centroid`).data,
  );
  for (const want of run.tables) {
    const table = got.tables.find((t) => t.cluster === want.cluster);
    check.exact(`cluster ${want.cluster} order`, table?.ids, want.ids);
    check.near(`cluster ${want.cluster} score`, table?.scores ?? [], want.scores);
    // The first row has nothing before it; what stands there is no result.
    check.exact(`cluster ${want.cluster} max_id`, table?.maxIds.slice(1), want.max_ids.slice(1));
  }
  for (const want of run.pruning) {
    const removed = data.removedAt(got.tables, want.eps);
    check.exact(`removed at ${want.eps}`, removed, want.removed_ids);
    const greedy = await data.greedyRemovals(store, got.tables, want.eps);
    check.exact(
      `greedy at ${want.eps}`,
      removed.filter((id) => !greedy.includes(id)),
      want.greedy_extra_kept_ids,
    );
    check.exact(`greedy kept at ${want.eps}`, rows - greedy.length, want.greedy_kept);
  }
  return check.result();
}

async function checkEmpty(
  example: Expected["empty_cluster_example"],
  limit: number,
): Promise<GoldenResult> {
  const { kmeans } = await import("@causeway/data");
  const matrix = (rows: number[][]) => ({
    rows: rows.length,
    dim: rows[0]?.length ?? 0,
    data: Float64Array.from(rows.flat()),
  });
  const got = kmeans(matrix(example.points), matrix(example.initial_centroids));
  const check = judge("empty-cluster", limit);
  check.exact("labels", Array.from(got.labels), example.labels);
  check.near("centroid", got.centroids.data, example.centroids.flat());
  return check.result();
}
