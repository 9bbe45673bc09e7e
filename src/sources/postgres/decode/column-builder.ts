/** Columns under construction. Buffers grow as values come, and are used again for the next chunk. */
import type { Data, DataType } from "apache-arrow";
import { makeData } from "apache-arrow";
import { DataError } from "../../../errors.js";

/** Bytes with values in PostgreSQL's binary format, which is big-endian. */
export interface Wired {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export interface ColumnBuilder {
  /** Takes the value in `length` bytes at `start`. @throws DataError `data.not-representable` */
  append(from: Wired, start: number, length: number): void;
  appendNull(): void;
  /**
   * The values so far. They are good until as many rows were appended again: their buffers are then written over.
   */
  finish(): Data;
  /** Bytes of values whose number a row does not tell; for ending a chunk before it becomes too large. */
  readonly looseBytes: number;
}

export function notRepresentable(column: string, what: string, wayOut: string): DataError {
  return new DataError("data.not-representable", `column "${column}" has ${what}`, {
    hint: wayOut,
    details: { column },
  });
}

/** Which rows are null. Rows are valid until told otherwise. */
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

  /** Hands the bitmap over, where it is needed, and starts anew. */
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

/** Arrow's makers tell types apart by overloads; here the type was chosen beforehand. */
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
