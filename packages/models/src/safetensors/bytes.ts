import { floatsFromBytes } from "./dtypes.ts";
import { applyScale } from "./fp8-scale.ts";
import { headerLength, parseHeader, type SafetensorsHeader, type TensorEntry } from "./header.ts";
import { FormatError } from "../errors.ts";
import type { FloatTensor } from "./file.ts";

/** A whole safetensors file in memory: what a page has after a download. The same checks as for files. */
export class SafetensorsBytes {
  readonly header: SafetensorsHeader;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, where = "safetensors") {
    const length = headerLength(bytes.subarray(0, 8), bytes.byteLength, where);
    this.#bytes = bytes;
    this.header = parseHeader(bytes.subarray(8, 8 + length), bytes.byteLength - 8 - length, where);
  }

  get names(): readonly string[] {
    return [...this.header.tensors.keys()];
  }

  shapes(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.header.tensors].map(([name, { shape }]) => [name, shape]));
  }

  /** A weight as float32; one that is stored in 8 bits is multiplied by the scale beside it, if there is one. */
  weight(name: string): FloatTensor {
    const entry = this.#entry(name);
    const weight = this.#floats(entry);
    if (!entry.dtype.startsWith("F8_")) return weight;
    const scale = [`${name}_scale`, `${name}_scale_inv`].find((s) => this.header.tensors.has(s));
    if (scale !== undefined) applyScale(weight, this.#floats(this.#entry(scale)), name);
    return weight;
  }

  #entry(name: string): TensorEntry {
    const entry = this.header.tensors.get(name);
    if (entry === undefined) throw new FormatError(`safetensors: no tensor "${name}"`);
    return entry;
  }

  #floats({ begin, end, dtype, shape }: TensorEntry): FloatTensor {
    const { dataStart } = this.header;
    // A copy: views of half the file's alignment cannot be float arrays, and the download may go.
    return {
      shape,
      data: floatsFromBytes(this.#bytes.slice(dataStart + begin, dataStart + end), dtype),
    };
  }
}
