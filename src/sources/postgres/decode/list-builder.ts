/** Arrays of one dimension as lists. */
import { type Data, type DataType, Field, List } from "apache-arrow";
import { type ColumnBuilder, dataOf, notRepresentable, Validity, type Wired } from "./column-builder.js";
import { Offsets } from "./offsets.js";

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

  /**
   * Format: number of dimensions, whether there are nulls, the elements' type, size and lower bound of each
   * dimension, elements.
   */
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
