/** Bare checkpoint folders: strict reading, both forms of the configuration, writing and reading again, logits. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Tensor, tensorInt64 } from "@causeway/graph";
import { readFolderJson } from "../folder/read-json.ts";
import { writeWeights } from "../folder/write-weights.ts";
import { buildPrefill } from "../generation/graphs.ts";
import { parseQwen3VLConfig } from "../qwen3vl/config.ts";
import { readQwen3VLWeights } from "../qwen3vl/weights.ts";
import { Checkpoint } from "../safetensors/checkpoint.ts";
import { runOnce } from "./action-in-proj.ts";
import { prepareCase } from "./backbone-case.ts";
import { withTensors } from "./case-tensors.ts";
import { caseName, Comparison, type GoldenCheck, member } from "./check.ts";
import { readCase, readConfig } from "./qwen3vl-forward.ts";

async function readAll(folder: string) {
  const config = await readConfig(folder);
  const checkpoint = await Checkpoint.open(folder);
  try {
    const dtypes = new Map(checkpoint.names.map((name) => [name, checkpoint.dtype(name)]));
    return { config, dtypes, weights: await readQwen3VLWeights(config, checkpoint) };
  } finally {
    await checkpoint.close();
  }
}

const named = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const;

export async function checkQwen3vlCheckpoint(
  dir: string,
  caseJson: unknown,
): Promise<GoldenCheck[]> {
  const check = new Comparison(
    caseName(caseJson, "checkpoint"),
    "names, shapes, types and written bits exact; logits 1e-4 absolute",
  );
  const { config, dtypes, weights } = await readAll(dir);
  // Logits of the checkpoint are listed beside its tensors.
  const listed = Object.fromEntries(
    Object.entries(
      member(caseJson, "tensors") as Record<string, { shape: number[]; dtype: keyof typeof named }>,
    ).filter(([name]) => !name.endsWith(".logits")),
  );
  const sorted = (names: Iterable<string>) => [...names].toSorted();
  check.exact("names", sorted(weights.keys()), sorted(Object.keys(listed)));
  for (const [name, { shape, dtype }] of Object.entries(listed)) {
    check.exact(`shape of ${name}`, weights.get(name)?.shape, shape);
    check.exact(`type of ${name}`, dtypes.get(name), named[dtype]);
  }
  const parameters = member(caseJson, "parameters");
  if (typeof parameters === "number") {
    let own = 0;
    for (const { data } of weights.values()) own += data.length;
    check.exact("parameters", own, parameters);
  }
  const other = await readFolderJson(dir, "config.v5.json", { isOptional: true });
  if (other !== null) check.exact("config.v5.json", parseQwen3VLConfig(other), config);

  // Written in the same type, whole and in shards, it reads back to the same values.
  const dtype = [...dtypes.values()][0] as "F32" | "BF16" | "F16";
  for (const maxShardBytes of [5e9, 200_000]) {
    const folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
    try {
      await writeWeights(folder, weights, { dtype, maxShardBytes });
      const checkpoint = await Checkpoint.open(folder);
      try {
        for (const [name, { data }] of await readQwen3VLWeights(config, checkpoint))
          check.exact(`${name} written and read`, sameBits(data, weights.get(name)?.data), true);
      } finally {
        await checkpoint.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const logitsFile = await logitsOf(dir, caseJson);
  if (logitsFile !== null) {
    await withTensors(logitsFile, async (expected) => {
      for (const name of expected.names) {
        // "image-two.logits" belongs to the prompt of the case of that name beside this one.
        const promptDir = join(dir, "..", basename(name.replace(/\.logits$/, "")));
        const input = await withTensors(join(promptDir, "tensors.safetensors"), (data) =>
          readCase(promptDir, {}, data),
        );
        const { shape, feeds } = prepareCase(config, input);
        const rows = shape.batch * shape.length;
        const { graph, logits } = buildPrefill(config, { ...shape, rows }, "");
        feeds.set(
          "rows",
          tensorInt64(
            Float64Array.from({ length: rows }, (_, i) => i),
            [rows],
          ),
        );
        for (const parameter of graph.parameters.keys())
          feeds.set(parameter, weights.get(parameter) as Tensor);
        const run = await runOnce(graph, { logits }, feeds);
        check.close(name, run("logits"), (await expected.floats(name)).data, {
          absolute: Number(member(caseJson, "tolerance", "atol") ?? 1e-4),
        });
      }
    });
  }
  return [check.result()];
}

function sameBits(a: ArrayLike<unknown>, b: ArrayLike<unknown> | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** Logits of this folder, or of the folder that the case names for them. */
async function logitsOf(dir: string, caseJson: unknown): Promise<string | null> {
  const stated = member(caseJson, "files", "logits");
  const path =
    typeof stated === "string"
      ? join(dir, (/^\S+/.exec(stated) as RegExpExecArray)[0])
      : join(dir, "logits.safetensors");
  return readFile(path).then(
    () => path,
    () => null,
  );
}
