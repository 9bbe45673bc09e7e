/** Builds pgvector's vectors, regardless of the extension's schema, as lists of float32. */
import { type Data, Field, FixedSizeList, Float32, List } from "apache-arrow";
import { halfToDouble } from "../../../data/float16.js";
import { BugError } from "../../../errors.js";
import type { VectorWire } from "../wire-types.js";
import { type ColumnBuilder, dataOf, Validity, type Wired } from "./column-builder.js";
import { FixedBuilder } from "./fixed-builder.js";
import { Offsets } from "./offsets.js";

/** Format: number of dimensions, two zero bytes, floats or halves. */
export class VectorBuilder implements ColumnBuilder {
  private readonly offsets = new Offsets();
  private readonly validity = new Validity();
  private readonly floats: FixedBuilder;

  constructor(
    private readonly column: string,
    private readonly kind: VectorWire,
    private readonly size: number | null,
  ) {
    this.floats = new FixedBuilder(column, "float4", { kind: "float", bits: 32 });
  }

  get looseBytes(): number {
    return this.floats.looseBytes + this.offsets.rows * 4;
  }

  append({ view }: Wired, start: number): void {
    const { floats, size } = this;
    const count = view.getUint16(start);
    if (size !== null && count !== size)
      throw new BugError(
        "bug.wire",
        `column "${this.column}": a vector of ${count} was sent, not of ${size}`,
      );
    floats.reserve(floats.rows + count);
    if (this.kind === "vector")
      for (let index = 0; index < count; index++)
        floats.words[floats.rows + index] = view.getUint32(start + 4 + index * 4);
    else {
      const values = new Float32Array(floats.words.buffer, floats.rows * 4, count);
      for (let index = 0; index < count; index++)
        values[index] = halfToDouble(view.getUint16(start + 4 + index * 2));
    }
    floats.rows += count;
    this.offsets.push(floats.rows);
  }

  appendNull(): void {
    const { floats, size } = this;
    this.validity.setNull(this.offsets.rows);
    if (size !== null) {
      floats.reserve(floats.rows + size);
      floats.words.fill(0, floats.rows, floats.rows + size);
      floats.rows += size;
    }
    this.offsets.push(floats.rows);
  }

  finish(): Data {
    const length = this.offsets.rows;
    const element = new Field("element", new Float32(), true);
    const nulls = this.validity.take(length);
    const valueOffsets = this.offsets.take();
    const child = this.floats.finish();
    return this.size === null
      ? dataOf({ type: new List(element), length, ...nulls, valueOffsets, child })
      : dataOf({ type: new FixedSizeList(this.size, element), length, ...nulls, child });
  }
}
