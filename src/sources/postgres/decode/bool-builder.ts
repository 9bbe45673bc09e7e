import { Bool, type Data } from "apache-arrow";
import { type ColumnBuilder, dataOf, Validity, type Wired } from "./column-builder.js";

export class BoolBuilder implements ColumnBuilder {
  private bits = new Uint8Array(128);
  private readonly validity = new Validity();
  private rows = 0;

  get looseBytes(): number {
    return this.rows >> 3;
  }

  append({ view }: Wired, start: number): void {
    this.push(view.getUint8(start) !== 0);
  }

  appendNull(): void {
    this.validity.setNull(this.rows);
    this.push(false);
  }

  finish(): Data {
    const { rows } = this;
    const bits = this.bits.slice(0, (rows + 7) >> 3);
    this.rows = 0;
    this.bits.fill(0);
    return dataOf({ type: new Bool(), length: rows, ...this.validity.take(rows), data: bits });
  }

  private push(value: boolean): void {
    const byte = this.rows >> 3;
    if (byte >= this.bits.length) {
      const grown = new Uint8Array(this.bits.length * 2);
      grown.set(this.bits);
      this.bits = grown;
    }
    if (value) this.bits[byte] = (this.bits[byte] ?? 0) | (1 << (this.rows & 7));
    this.rows += 1;
  }
}
