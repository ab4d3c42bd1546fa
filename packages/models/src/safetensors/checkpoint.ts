import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError } from "../errors.ts";
import { type FloatTensor, SafetensorsFile } from "./file.ts";

/** Tensors of a checkpoint folder, whether in one `model.safetensors` or in shards with an index. */
export class Checkpoint {
  readonly folder: string;
  readonly #fileOf: ReadonlyMap<string, SafetensorsFile>;

  private constructor(folder: string, fileOf: ReadonlyMap<string, SafetensorsFile>) {
    this.folder = folder;
    this.#fileOf = fileOf;
  }

  static async open(folder: string): Promise<Checkpoint> {
    const indexPath = join(folder, "model.safetensors.index.json");
    const fileOf = new Map<string, SafetensorsFile>();
    const isSharded = await access(indexPath).then(
      () => true,
      () => false,
    );
    if (!isSharded) {
      const file = await SafetensorsFile.open(join(folder, "model.safetensors"));
      for (const name of file.names) fileOf.set(name, file);
      return new Checkpoint(folder, fileOf);
    }
    const index = JSON.parse(await readFile(indexPath, "utf8")) as {
      weight_map?: Record<string, unknown>;
    };
    if (typeof index.weight_map !== "object" || index.weight_map === null) {
      throw new FormatError(`checkpoint index has no weight_map. (${indexPath})`);
    }
    const files = new Map<string, SafetensorsFile>();
    try {
      for (const [name, shard] of Object.entries(index.weight_map)) {
        // A shard is a file of this folder and never a path out of it.
        if (typeof shard !== "string" || basename(shard) !== shard) {
          throw new FormatError(
            `checkpoint index: tensor "${name}" is in ${JSON.stringify(shard)}; expected a file name of the same folder. (${indexPath})`,
          );
        }
        let file = files.get(shard);
        if (file === undefined) {
          file = await SafetensorsFile.open(join(folder, shard));
          files.set(shard, file);
        }
        file.entry(name);
        fileOf.set(name, file);
      }
    } catch (error) {
      await Promise.all([...files.values()].map((file) => file.close()));
      throw error;
    }
    return new Checkpoint(folder, fileOf);
  }

  get names(): readonly string[] {
    return [...this.#fileOf.keys()];
  }

  has(name: string): boolean {
    return this.#fileOf.has(name);
  }

  shape(name: string): readonly number[] {
    return this.#file(name).entry(name).shape;
  }

  async floats(name: string): Promise<FloatTensor> {
    return this.#file(name).floats(name);
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#fileOf.values())].map((file) => file.close()));
  }

  #file(name: string): SafetensorsFile {
    const file = this.#fileOf.get(name);
    if (file === undefined) {
      throw new FormatError(
        `checkpoint has no tensor "${name}" (it has ${this.#fileOf.size}). (${this.folder})`,
      );
    }
    return file;
  }
}
