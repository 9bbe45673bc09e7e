/** Writers of pgvector's vectors, which contain only finite numbers. Nothing is rounded silently. */
import { type Data, DataType } from "apache-arrow";
import { doubleToHalf, halfToDouble } from "../../../data/float16.js";
import { maxVectorSize, type VectorWire } from "../columns/wire.js";
import type { CopyBuffer } from "./copy-buffer.js";
import { type Cell, listBounds, misfit, numberOf, writeNull } from "./values.js";

/** Format: the number of elements, two zero bytes, the elements. */
export function vectorCell(data: Data, wire: VectorWire, column: string): Cell {
  const [child] = data.children;
  if (child === undefined) return writeNull;
  const { kind, size, rounds } = wire;
  const bounds = listBounds(data);
  const read = numberOf(child);
  const write = kind === "vector" ? writeFloats : writeHalves;
  const width = kind === "vector" ? 4 : 2;
  const check = checkOf(child, wire, column);
  // Cases that the sum of errors over all numbers does not detect.
  const isChecked = child.nullCount > 0 || (isWideInteger(child) && !rounds);
  return (row, out) => {
    const [from, to] = bounds(row);
    const count = to - from;
    if (count !== size && (size !== null || count === 0 || count > maxVectorSize))
      throw wrongSize(column, wire, count);
    out.ensure(8 + count * width);
    out.int32(4 + count * width);
    out.int16(count);
    out.int16(0);
    const lost = write(read, from, to, out);
    if (isChecked || !Number.isFinite(lost) || (lost > 0 && !rounds)) check(from, to);
  };
}

/** @returns the sum of all rounding errors; not finite if a number cannot be stored */
type Write = (read: (at: number) => number, from: number, to: number, out: CopyBuffer) => number;

const writeFloats: Write = (read, from, to, out) => {
  let lost = 0;
  for (let at = from; at < to; at++) {
    const value = read(at);
    out.float32(value);
    lost += Math.abs(value - Math.fround(value));
  }
  return lost;
};

const writeHalves: Write = (read, from, to, out) => {
  let lost = 0;
  for (let at = from; at < to; at++) {
    const value = read(at);
    const bits = doubleToHalf(value);
    out.int16(bits);
    lost += Math.abs(value - halfToDouble(bits));
  }
  return lost;
};

/** Checks the numbers one by one and reports the first bad one. */
function checkOf(child: Data, { kind, rounds }: VectorWire, column: string) {
  const read = numberOf(child);
  const held = kind === "vector" ? Math.fround : (value: number) => halfToDouble(doubleToHalf(value));
  const isWide = isWideInteger(child);
  return (from: number, to: number): void => {
    for (let at = from; at < to; at++) {
      if (!child.getValid(at)) throw noPlace(column, kind, "a null");
      const value = read(at);
      if (!Number.isFinite(value)) throw noPlace(column, kind, "a number that is not finite");
      if (!Number.isFinite(held(value))) throw tooLarge(column, kind);
      const isExact = held(value) === value && (!isWide || Number.isSafeInteger(value));
      if (!rounds && !isExact) throw tooFine(column, kind);
    }
  };
}

function isWideInteger({ type }: Data): boolean {
  return DataType.isInt(type) && type.bitWidth === 64;
}

function wrongSize(column: string, { kind, size }: VectorWire, count: number): Error {
  const holds = size === null ? `1 to ${maxVectorSize} numbers` : `${size}`;
  return misfit(column, `a list has ${count} numbers, and the column's ${kind} has ${holds}`);
}

function tooLarge(column: string, kind: VectorWire["kind"]): Error {
  const wayOut =
    kind === "halfvec" ? "Use a column of type vector" : "Use a column of type double precision[]";
  return misfit(column, `a number is too large for a ${kind}`, `${wayOut}, or scale the output down.`);
}

function noPlace(column: string, kind: VectorWire["kind"], what: string): Error {
  const hint = `Find out why the model returns it; an array can store it: \`layout: { ${column}: array }\` for a new table.`;
  return misfit(column, `a ${kind} cannot store ${what}`, hint);
}

function tooFine(column: string, kind: VectorWire["kind"]): Error {
  const hint = `Say that it may be rounded: \`layout: { ${column}: ${kind} }\`; or use a column that holds all digits.`;
  return misfit(column, `a number has more digits than a ${kind}`, hint);
}
