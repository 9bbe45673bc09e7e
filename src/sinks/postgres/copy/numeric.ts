/** Encodes decimal numbers in PostgreSQL's wire format: groups of four digits. */
import type { CopyBuffer } from "./copy-buffer.js";

const special: { readonly [text: string]: number } = { NaN: 0xc000, Infinity: 0xd000, "-Infinity": 0xf000 };

/** @param text a number as JavaScript formats it: `-12.5`, `1e-7`, `NaN` */
export function writeNumeric(text: string, out: CopyBuffer): void {
  const sign = special[text];
  if (sign !== undefined) {
    header(out, 0, 0, sign, 0);
    return;
  }
  const [, minus = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const shift = Number(exponent);
  const digits = whole + fraction;
  // Position of the decimal point in the digits; it may be before the first or after the last, which adds
  // zeros.
  const point = whole.length + shift;
  const scale = Math.max(0, fraction.length - shift);
  const lead = ((-point % 4) + 4) % 4;
  const padded = "0".repeat(lead) + digits + "0".repeat(Math.max(0, point - digits.length));
  const groups: number[] = [];
  for (let at = 0; at < padded.length; at += 4) groups.push(Number(padded.slice(at, at + 4).padEnd(4, "0")));
  let weight = (point + lead) / 4 - 1;
  while (groups[0] === 0) {
    groups.shift();
    weight -= 1;
  }
  while (groups.at(-1) === 0) groups.pop();
  header(
    out,
    groups.length,
    groups.length === 0 ? 0 : weight,
    minus === "-" && groups.length > 0 ? 0x4000 : 0,
    scale,
  );
  for (const group of groups) out.int16(group);
}

function header(out: CopyBuffer, groups: number, weight: number, sign: number, scale: number): void {
  out.ensure(12 + groups * 2);
  out.int32(8 + groups * 2);
  out.int16(groups);
  out.int16(weight);
  out.int16((sign << 16) >> 16);
  out.int16(scale);
}

/** Returns the shortest decimal that converts back to this float32: 0.1, not 0.10000000149011612. */
export function shortFloat32(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
}

/** An Arrow decimal: little-endian words of two's complement. */
export function decimalText(words: Uint32Array, scale: number): string {
  let value = 0n;
  for (let at = words.length - 1; at >= 0; at--) value = (value << 32n) | BigInt(words[at] ?? 0);
  const bits = BigInt(words.length * 32);
  if (value >> (bits - 1n)) value -= 1n << bits;
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const text =
    scale <= 0 ? digits + "0".repeat(-scale) : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return value < 0n ? `-${text}` : text;
}
