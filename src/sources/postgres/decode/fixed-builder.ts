/** Builds columns of fixed-width values: numbers, dates, times. */
import type { Data, DataType } from "apache-arrow";
import { arrowType } from "../../../data/arrow-types.js";
import type { ColumnType } from "../../../data/column.js";
import { BugError } from "../../../errors.js";
import type { FixedWire } from "../wire-types.js";
import { type ColumnBuilder, dataOf, notRepresentable, Validity, type Wired } from "./column-builder.js";

/** Number of 32-bit words of a value. Two of them form a 64-bit value, the low word first. */
const wordsOf: { readonly [kind in FixedWire]: 1 | 2 } = {
  int2: 1,
  int4: 1,
  oid: 1,
  float4: 1,
  date: 1,
  int8: 2,
  float8: 2,
  time: 2,
  timestamp: 2,
  timestamptz: 2,
};

/** Days from PostgreSQL's epoch, the year 2000, to that of Unix. */
const epochDays = 10_957;
/** 946,684,800,000,000 microseconds in two words. */
const epochMicrosHigh = 220_417;
const epochMicrosLow = 946_684_800_000_000 - epochMicrosHigh * 2 ** 32;
const infiniteDays = [-(2 ** 31), 2 ** 31 - 1];

export class FixedBuilder implements ColumnBuilder {
  /** Bits of the values; floats are copied as bits too. */
  words: Uint32Array;
  readonly validity = new Validity();
  rows = 0;
  private readonly type: DataType;
  private readonly wordsPerRow: 1 | 2;

  constructor(
    private readonly column: string,
    private readonly kind: FixedWire,
    type: ColumnType,
  ) {
    this.type = arrowType(type);
    this.wordsPerRow = wordsOf[kind];
    this.words = new Uint32Array(1024);
  }

  get looseBytes(): number {
    return this.rows * this.wordsPerRow * 4;
  }

  /** Whether values of this kind are stored as they are sent. */
  get isPlain(): boolean {
    return this.kind !== "date" && this.kind !== "timestamp" && this.kind !== "timestamptz";
  }

  get bytesPerValue(): number {
    return this.kind === "int2" ? 2 : this.wordsPerRow * 4;
  }

  reserve(rows: number): void {
    const needed = rows * this.wordsPerRow;
    if (needed <= this.words.length) return;
    const grown = new Uint32Array(Math.max(needed, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }

  append({ view }: Wired, start: number, length: number): void {
    this.reserve(this.rows + 1);
    if (length !== this.bytesPerValue)
      throw new BugError("bug.wire", `column "${this.column}": ${length} bytes sent for a ${this.kind}`);
    if (this.kind === "int2") this.words[this.rows] = view.getInt16(start);
    else if (this.kind === "date") this.words[this.rows] = this.days(view.getInt32(start));
    else if (this.wordsPerRow === 1) this.words[this.rows] = view.getUint32(start);
    else if (this.isPlain) this.put(view.getUint32(start), view.getUint32(start + 4));
    else this.putMicros(view.getInt32(start), view.getUint32(start + 4));
    this.rows += 1;
  }

  appendNull(): void {
    this.reserve(this.rows + 1);
    this.validity.setNull(this.rows);
    for (let word = 0; word < this.wordsPerRow; word++) this.words[this.rows * this.wordsPerRow + word] = 0;
    this.rows += 1;
  }

  finish(): Data {
    const { rows, type } = this;
    const words = this.words.subarray(0, rows * this.wordsPerRow);
    this.rows = 0;
    return dataOf({ type, length: rows, ...this.validity.take(rows), data: this.asValues(words) });
  }

  private put(high: number, low: number): void {
    this.words[this.rows * 2] = low;
    this.words[this.rows * 2 + 1] = high;
  }

  private days(days: number): number {
    if (days === infiniteDays[0] || days === infiniteDays[1] || days > (infiniteDays[1] ?? 0) - epochDays)
      throw this.unlimited("date");
    return days + epochDays;
  }

  /**
   * The largest values represent infinity; those just below them overflow when they are counted from 1970.
   */
  private putMicros(high: number, low: number): void {
    const sum = low + epochMicrosLow;
    const carry = sum > 0xffff_ffff ? 1 : 0;
    const highSum = high + epochMicrosHigh + carry;
    if (highSum > 0x7fff_ffff || (high === -(2 ** 31) && low === 0)) throw this.unlimited("timestamp");
    this.put(highSum, sum);
  }

  private unlimited(what: string): Error {
    return notRepresentable(
      this.column,
      `an infinite ${what}, or one past what 64 bits of microseconds since 1970 hold`,
      "Leave such rows out with a query, or select another value for them: nullif(column, 'infinity').",
    );
  }

  private asValues(words: Uint32Array): ArrayBufferView {
    const { buffer, byteOffset, length } = words;
    switch (this.kind) {
      case "int2":
        return Int16Array.from(new Int32Array(buffer, byteOffset, length));
      case "int4":
      case "date":
        return new Int32Array(buffer, byteOffset, length);
      case "oid":
        return words;
      case "float4":
        return new Float32Array(buffer, byteOffset, length);
      case "float8":
        return new Float64Array(buffer, byteOffset, length / 2);
      default:
        return new BigInt64Array(buffer, byteOffset, length / 2);
    }
  }
}
