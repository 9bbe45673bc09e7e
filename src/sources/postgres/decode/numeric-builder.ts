/** Builds `numeric(p, s)` columns as 128-bit decimals: integers in units of 10^-s. */
import { type Data, Decimal } from "apache-arrow";
import { type ColumnBuilder, dataOf, notRepresentable, Validity, type Wired } from "./column-builder.js";

/** Up to this number of digits, sums of base-10,000 digits and their powers are exact in a double. */
const exactDigits = 15;
const exactGroups = 3;
const word = 2 ** 32;
const negative = 0x4000;
const positive = 0x0000;

export class NumericBuilder implements ColumnBuilder {
  private words = new Uint32Array(1024);
  private readonly validity = new Validity();
  private rows = 0;

  constructor(
    private readonly column: string,
    private readonly precision: number,
    private readonly scale: number,
  ) {}

  get looseBytes(): number {
    return this.rows * 16;
  }

  /** Format: number of base-10,000 digits, the first digit's power, sign, decimal places, then the digits. */
  append({ view }: Wired, start: number): void {
    const groups = view.getUint16(start);
    const weight = view.getInt16(start + 2);
    const sign = view.getUint16(start + 4);
    if (sign !== positive && sign !== negative) throw this.notANumber();
    const power = (weight - groups + 1) * 4 + this.scale;
    if (groups <= exactGroups && this.precision <= exactDigits) {
      let units = 0;
      for (let index = 0; index < groups; index++)
        units = units * 10_000 + view.getUint16(start + 8 + index * 2);
      // The last base-10,000 digit may end in zeros beyond the scale, so the division is exact.
      this.put(power >= 0 ? units * 10 ** power : units / 10 ** -power, sign === negative);
      return;
    }
    let units = 0n;
    for (let index = 0; index < groups; index++)
      units = units * 10_000n + BigInt(view.getUint16(start + 8 + index * 2));
    this.putWide(
      power >= 0 ? units * 10n ** BigInt(power) : units / 10n ** BigInt(-power),
      sign === negative,
    );
  }

  appendNull(): void {
    this.validity.setNull(this.rows);
    this.put(0, false);
  }

  finish(): Data {
    const { rows, scale, precision } = this;
    this.rows = 0;
    return dataOf({
      type: new Decimal(scale, precision, 128),
      length: rows,
      ...this.validity.take(rows),
      data: this.words.subarray(0, rows * 4),
    });
  }

  private put(units: number, isNegative: boolean): void {
    this.putWords(units % word, Math.floor(units / word), 0, 0, isNegative && units !== 0);
  }

  private putWide(units: bigint, isNegative: boolean): void {
    const at = (shift: bigint) => Number((units >> shift) & 0xffff_ffffn);
    this.putWords(at(0n), at(32n), at(64n), at(96n), isNegative && units !== 0n);
  }

  /** Low word first; a negative number is the two's complement. */
  private putWords(a: number, b: number, c: number, d: number, isNegative: boolean): void {
    const first = this.rows * 4;
    if (first + 4 > this.words.length) {
      const grown = new Uint32Array(this.words.length * 2);
      grown.set(this.words);
      this.words = grown;
    }
    let carry = 1;
    [a, b, c, d].forEach((value, index) => {
      if (!isNegative) {
        this.words[first + index] = value;
        return;
      }
      const sum = (~value >>> 0) + carry;
      this.words[first + index] = sum;
      carry = sum >= word ? 1 : 0;
    });
    this.rows += 1;
  }

  private notANumber(): Error {
    return notRepresentable(
      this.column,
      "NaN, which a decimal cannot represent",
      "Select another value for it with a query: nullif(column, 'NaN').",
    );
  }
}
