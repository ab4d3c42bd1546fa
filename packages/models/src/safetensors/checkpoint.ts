import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../errors.ts";
import { readFolderJson } from "../folder/read-json.ts";
import type { SafetensorsDtype } from "./dtypes.ts";
import { type FloatTensor, SafetensorsFile } from "./file.ts";
import { applyScale } from "./fp8-scale.ts";

const indexName = "model.safetensors.index.json";
/** A plain file name: no separator, no drive, no parent. */
const shardName = /^[\w][\w.+-]*\.safetensors$/;
/** More than any release has; each shard is an open file. */
const maxShards = 512;

/** Tensors of a checkpoint folder, whether in one `model.safetensors` or in shards with an index. */
export class Checkpoint {
  readonly folder: string;
  readonly #fileOf: ReadonlyMap<string, SafetensorsFile>;

  private constructor(folder: string, fileOf: ReadonlyMap<string, SafetensorsFile>) {
    this.folder = folder;
    this.#fileOf = fileOf;
  }

  static async open(folder: string): Promise<Checkpoint> {
    const indexPath = join(folder, indexName);
    const fileOf = new Map<string, SafetensorsFile>();
    const isSharded = await access(indexPath).then(
      () => true,
      () => false,
    );
    if (!isSharded) {
      await requireSafetensors(folder);
      const file = await SafetensorsFile.open(join(folder, "model.safetensors"));
      for (const name of file.names) fileOf.set(name, file);
      return new Checkpoint(folder, fileOf);
    }
    const index = (await readFolderJson(folder, indexName)) as {
      weight_map?: Record<string, unknown>;
    } | null;
    const map = index?.weight_map;
    if (typeof map !== "object" || map === null || Array.isArray(map)) {
      throw new FormatError(`checkpoint index has no weight_map. (${indexPath})`);
    }
    const files = new Map<string, SafetensorsFile>();
    try {
      for (const [name, shard] of Object.entries(map)) {
        // A shard is a file of this folder and never a path out of it.
        if (typeof shard !== "string" || !shardName.test(shard)) {
          throw new FormatError(
            `checkpoint index: tensor "${name}" is in ${JSON.stringify(shard)?.slice(0, 120)}; expected a file name of the same folder. (${indexPath})`,
          );
        }
        let file = files.get(shard);
        if (file === undefined) {
          if (files.size >= maxShards)
            throw new FormatError(
              `checkpoint index names more than ${maxShards} files. (${indexPath})`,
            );
          file = await SafetensorsFile.open(join(folder, shard));
          files.set(shard, file);
        }
        file.entry(name);
        fileOf.set(name, file);
      }
      for (const [shard, file] of files) {
        const extra = file.names.find((name) => fileOf.get(name) !== file);
        if (extra !== undefined)
          throw new FormatError(
            `checkpoint index: ${shard} holds "${extra}", which the index does not list for it. (${indexPath})`,
          );
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

  dtype(name: string): SafetensorsDtype {
    return this.#file(name).entry(name).dtype;
  }

  /** Shapes of all tensors, from the headers alone. */
  shapes(): ReadonlyMap<string, readonly number[]> {
    return new Map(this.names.map((name) => [name, this.shape(name)]));
  }

  /** Metadata of the file that holds a tensor. */
  metadata(): ReadonlyMap<string, string> {
    return new Map(
      [...new Set(this.#fileOf.values())].flatMap((file) => [...file.header.metadata]),
    );
  }

  /** Bytes of all tensors. */
  get bytes(): number {
    let sum = 0;
    for (const [name, file] of this.#fileOf) {
      const { begin, end } = file.entry(name);
      sum += end - begin;
    }
    return sum;
  }

  async floats(name: string): Promise<FloatTensor> {
    return this.#file(name).floats(name);
  }

  /** A weight as float32; one that is stored in 8 bits is multiplied by the scale beside it, if there is one. */
  async weight(name: string): Promise<FloatTensor> {
    const weight = await this.floats(name);
    if (!this.dtype(name).startsWith("F8_")) return weight;
    const scale = [`${name}_scale`, `${name}_scale_inv`].find((s) => this.has(s));
    if (scale !== undefined) applyScale(weight, await this.floats(scale), name);
    return weight;
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

/** Says what is there when `model.safetensors` is not. Pickled checkpoints are never loaded. */
async function requireSafetensors(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  if (names.includes("model.safetensors")) return;
  const pickle = names.find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  throw new FormatError(
    `model folder: there is no model.safetensors and no ${indexName}${
      pickle === undefined
        ? ""
        : `; ${pickle} is a pickle, which can run code and is not loaded. Convert it to safetensors with the library that wrote it`
    }. (${folder})`,
  );
}
