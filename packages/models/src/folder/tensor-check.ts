import { FormatError } from "../errors.ts";

/** What a checkpoint lacks, has too much, or has in another shape. */
export interface TensorDifference {
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
  readonly misshapen: readonly string[];
}

/** @param ignored  Tensors that may be there without being used (buffers that follow from the configuration). */
export function compareTensors(
  expected: ReadonlyMap<string, readonly number[]>,
  actual: ReadonlyMap<string, readonly number[]>,
  ignored: (name: string) => boolean = () => false,
): TensorDifference {
  const misshapen: string[] = [];
  const missing: string[] = [];
  for (const [name, shape] of expected) {
    const own = actual.get(name);
    if (own === undefined) missing.push(name);
    else if (own.join() !== shape.join())
      misshapen.push(`${name} is [${own.join(", ")}] instead of [${shape.join(", ")}]`);
  }
  const unknown = [...actual.keys()].filter((name) => !expected.has(name) && !ignored(name));
  return { missing, unknown, misshapen };
}

/** How many names of each kind a message spells out. */
const named = 12;

function part(title: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const rest = names.length > named ? `, and ${names.length - named} more` : "";
  return [`${names.length} ${title}: ${names.slice(0, named).join(", ")}${rest}`];
}

/** One error that lists everything, or nothing. A wrong tensor is never skipped or padded. */
export function requireTensors(difference: TensorDifference, where: string): void {
  const parts = [
    ...part("missing", difference.missing),
    ...part("misshapen", difference.misshapen),
    ...part("unknown", difference.unknown),
  ];
  if (parts.length === 0) return;
  throw new FormatError(
    `weights do not fit config.json: ${parts.join("; ")}. Is this the right configuration for these files? (${where})`,
  );
}
