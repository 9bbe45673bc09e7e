/** Columns under construction. Buffers grow with the values and are reused for the next chunk. */
import type { Data, DataType } from "apache-arrow";
import { makeData } from "apache-arrow";
import { DataError } from "../../../errors.js";

/** Bytes with values in PostgreSQL's binary format, which is big-endian. */
export interface Wired {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export interface ColumnBuilder {
  /** Appends the value in `length` bytes at `start`. @throws DataError `data.not-representable` */
  append(from: Wired, start: number, length: number): void;
  appendNull(): void;
  /**
   * Returns the values so far. They are valid until the same number of rows has been appended again, which
   * overwrites their buffers.
   */
  finish(): Data;
  /** Bytes of variable-size values, to end a chunk before it becomes too large. */
  readonly looseBytes: number;
}

export function notRepresentable(column: string, what: string, wayOut: string): DataError {
  return new DataError("data.not-representable", `column "${column}" has ${what}`, {
    hint: wayOut,
    details: { column },
  });
}

/** Tracks which rows are null. Rows are valid by default. */
export class Validity {
  private bits = new Uint8Array(128).fill(0xff);
  nullCount = 0;

  setNull(row: number): void {
    if (row >> 3 >= this.bits.length) {
      const grown = new Uint8Array(Math.max(this.bits.length * 2, (row >> 3) + 1)).fill(0xff);
      grown.set(this.bits);
      this.bits = grown;
    }
    const byte = row >> 3;
    this.bits[byte] = (this.bits[byte] ?? 0) & ~(1 << (row & 7));
    this.nullCount += 1;
  }

  /** Returns the bitmap if there are nulls, and starts a new one. */
  take(rows: number): { readonly nullCount: number; readonly nullBitmap: Uint8Array | null } {
    const { nullCount, bits } = this;
    if (nullCount === 0) return { nullCount, nullBitmap: null };
    const needed = (rows + 7) >> 3;
    const nullBitmap = new Uint8Array(needed).fill(0xff);
    nullBitmap.set(bits.subarray(0, Math.min(needed, bits.length)));
    bits.fill(0xff);
    this.nullCount = 0;
    return { nullCount, nullBitmap };
  }
}

/** Arrow's constructors distinguish types by overloads; here the type was chosen before. */
export function dataOf(props: {
  readonly type: DataType;
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array | null;
  readonly data?: ArrayBufferView;
  readonly valueOffsets?: Int32Array;
  readonly child?: Data;
}): Data {
  return makeData(props as never) as Data;
}
