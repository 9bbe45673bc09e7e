/** Builds columns of texts and bytes, which are stored as sent except for a few bytes around them. */
import type { Data } from "apache-arrow";
import { arrowType } from "../../../data/arrow-types.js";
import type { ColumnType } from "../../../data/column.js";
import { BugError } from "../../../errors.js";
import { type ColumnBuilder, dataOf, Validity, type Wired } from "./column-builder.js";

const hexDigits = new TextEncoder().encode("0123456789abcdef");

export class BytesBuilder implements ColumnBuilder {
  private bytes = new Uint8Array(4096);
  private offsets = new Int32Array(257);
  private readonly validity = new Validity();
  private rows = 0;
  private end = 0;

  constructor(
    private readonly column: string,
    private readonly kind: "bytes" | "json-b" | "uuid" | "char",
    private readonly type: ColumnType,
  ) {}

  get looseBytes(): number {
    return this.end;
  }

  append(from: Wired, start: number, length: number): void {
    if (this.kind === "uuid") this.putUuid(from, start, length);
    else if (this.kind === "json-b") this.put(from, this.afterVersion(from, start), length - 1);
    else if (this.kind === "char") this.putChar(from, start);
    else this.put(from, start, length);
    this.endRow();
  }

  appendNull(): void {
    this.validity.setNull(this.rows);
    this.endRow();
  }

  finish(): Data {
    const { rows, end } = this;
    this.rows = 0;
    this.end = 0;
    return dataOf({
      type: arrowType(this.type),
      length: rows,
      ...this.validity.take(rows),
      data: this.bytes.subarray(0, end),
      valueOffsets: this.offsets.subarray(0, rows + 1),
    });
  }

  private endRow(): void {
    this.rows += 1;
    if (this.rows >= this.offsets.length) {
      const grown = new Int32Array(this.offsets.length * 2);
      grown.set(this.offsets);
      this.offsets = grown;
    }
    this.offsets[this.rows] = this.end;
  }

  private put({ bytes }: Wired, start: number, length: number): void {
    this.reserve(length);
    this.bytes.set(bytes.subarray(start, start + length), this.end);
    this.end += length;
  }

  private reserve(length: number): void {
    if (this.end + length <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.end + length, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }

  private afterVersion({ view }: Wired, start: number): number {
    if (view.getUint8(start) === 1) return start + 1;
    throw new BugError("bug.wire", `column "${this.column}": jsonb of an unknown version was sent`);
  }

  /** Formats one byte as PostgreSQL does: 0 as the empty string, a non-ASCII byte in octal. */
  private putChar({ bytes }: Wired, start: number): void {
    const byte = bytes[start] ?? 0;
    const text = byte === 0 ? "" : byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`;
    this.reserve(text.length);
    for (const letter of text) this.bytes[this.end++] = letter.charCodeAt(0);
  }

  /** As PostgreSQL writes it: 8-4-4-4-12. */
  private putUuid({ bytes }: Wired, start: number, length: number): void {
    if (length !== 16)
      throw new BugError("bug.wire", `column "${this.column}": ${length} bytes sent for a uuid`);
    this.reserve(36);
    for (let index = 0; index < 16; index++) {
      const byte = bytes[start + index] ?? 0;
      if (index === 4 || index === 6 || index === 8 || index === 10) this.bytes[this.end++] = 0x2d;
      this.bytes[this.end++] = hexDigits[byte >> 4] ?? 0;
      this.bytes[this.end++] = hexDigits[byte & 15] ?? 0;
    }
  }
}
