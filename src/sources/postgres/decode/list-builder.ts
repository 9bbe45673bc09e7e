/** Arrays of one dimension, and pgvector's vectors, as lists. */
import { type Data, type DataType, Field, FixedSizeList, Float32, List } from "apache-arrow";
import { BugError } from "../../../errors.js";
import { type ColumnBuilder, dataOf, notRepresentable, Validity, type Wired } from "./column-builder.js";
import { FixedBuilder } from "./fixed-builder.js";

class Offsets {
  private ends = new Int32Array(257);
  rows = 0;

  push(end: number): void {
    this.rows += 1;
    if (this.rows >= this.ends.length) {
      const grown = new Int32Array(this.ends.length * 2);
      grown.set(this.ends);
      this.ends = grown;
    }
    this.ends[this.rows] = end;
  }

  take(): Int32Array {
    const taken = this.ends.subarray(0, this.rows + 1);
    this.rows = 0;
    return taken;
  }
}

export class ListBuilder implements ColumnBuilder {
  private readonly offsets = new Offsets();
  private readonly validity = new Validity();
  private elements = 0;

  constructor(
    private readonly column: string,
    private readonly item: ColumnBuilder,
    private readonly itemType: DataType,
  ) {}

  get looseBytes(): number {
    return this.item.looseBytes + this.offsets.rows * 4;
  }

  /** Sent: dimensions, whether there are nulls, the elements' type, size and lower bound of each, elements. */
  append(from: Wired, start: number): void {
    const { view } = from;
    const dimensions = view.getInt32(start);
    if (dimensions > 1) throw this.tooDeep(dimensions);
    const count = dimensions === 0 ? 0 : view.getInt32(start + 12);
    let place = start + 20;
    for (let index = 0; index < count; index++) {
      const length = view.getInt32(place);
      place += 4;
      if (length < 0) this.item.appendNull();
      else {
        this.item.append(from, place, length);
        place += length;
      }
    }
    this.elements += count;
    this.offsets.push(this.elements);
  }

  appendNull(): void {
    this.validity.setNull(this.offsets.rows);
    this.offsets.push(this.elements);
  }

  finish(): Data {
    const length = this.offsets.rows;
    this.elements = 0;
    return dataOf({
      type: new List(new Field("element", this.itemType, true)),
      length,
      ...this.validity.take(length),
      valueOffsets: this.offsets.take(),
      child: this.item.finish(),
    });
  }

  private tooDeep(dimensions: number): Error {
    return notRepresentable(
      this.column,
      `an array of ${dimensions} dimensions, and a list has one`,
      "Flatten it with a query: array(select unnest(column)).",
    );
  }
}

/** Sent: how many dimensions, two bytes of nothing, floats. */
export class VectorBuilder implements ColumnBuilder {
  private readonly offsets = new Offsets();
  private readonly validity = new Validity();
  private readonly floats: FixedBuilder;

  constructor(
    private readonly column: string,
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
    for (let index = 0; index < count; index++)
      floats.words[floats.rows + index] = view.getUint32(start + 4 + index * 4);
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
