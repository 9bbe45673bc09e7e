/** Writers of pgvector's vectors, which hold finite numbers only. Nothing is rounded in silence. */
import { type Data, DataType } from "apache-arrow";
import { doubleToHalf, halfToDouble } from "../../../float16.js";
import { maxVectorSize, type VectorWire } from "../columns/wire.js";
import type { CopyBuffer } from "./copy-buffer.js";
import { type Cell, listBounds, misfit, numberOf, writeNull } from "./values.js";

/** Sent: how many numbers, two bytes of nothing, the numbers. */
export function vectorCell(data: Data, wire: VectorWire, column: string): Cell {
  const [child] = data.children;
  if (child === undefined) return writeNull;
  const { kind, size, rounds } = wire;
  const bounds = listBounds(data);
  const read = numberOf(child);
  const put = puts[kind];
  const width = widths[kind];
  const mostExact = DataType.isInt(child.type) ? Number.MAX_SAFE_INTEGER : Number.POSITIVE_INFINITY;
  return (row, out) => {
    const [from, to] = bounds(row);
    const count = to - from;
    if (count !== size && (size !== null || count === 0 || count > maxVectorSize))
      throw wrongSize(column, wire, count);
    out.ensure(8 + count * width);
    out.int32(4 + count * width);
    out.int16(count);
    out.int16(0);
    for (let at = from; at < to; at++) {
      if (!child.getValid(at)) throw notFinite(column, kind, "a null");
      const value = read(at);
      const held = put(value, out);
      if (!Number.isFinite(held)) throw unheld(column, kind, value);
      if (!rounds && (held !== value || Math.abs(value) > mostExact)) throw tooFine(column, kind);
    }
  };
}

const widths = { vector: 4, halfvec: 2 } as const;

/** Each hands back what the server will have. */
const puts: { readonly [kind in VectorWire["kind"]]: (value: number, out: CopyBuffer) => number } = {
  vector(value, out) {
    out.float32(value);
    return Math.fround(value);
  },
  halfvec(value, out) {
    const bits = doubleToHalf(value);
    out.int16(bits);
    return halfToDouble(bits);
  },
};

function wrongSize(column: string, { kind, size }: VectorWire, count: number): Error {
  const holds = size === null ? `1 to ${maxVectorSize} numbers` : `${size}`;
  return misfit(column, `a list has ${count} numbers, and a ${kind} there has ${holds}`);
}

function unheld(column: string, kind: VectorWire["kind"], value: number): Error {
  if (!Number.isFinite(value)) return notFinite(column, kind, "a number that is not finite");
  const wayOut =
    kind === "halfvec" ? "Use a column of type vector" : "Use a column of type double precision[]";
  return misfit(column, `a number is too large for a ${kind}`, `${wayOut}, or scale the output down.`);
}

function notFinite(column: string, kind: VectorWire["kind"], what: string): Error {
  const hint = `Find out why the model gives it; an array takes it: \`layout: { ${column}: array }\` for a new table.`;
  return misfit(column, `a ${kind} has no place for ${what}`, hint);
}

function tooFine(column: string, kind: VectorWire["kind"]): Error {
  const hint = `Say that it may be rounded: \`layout: { ${column}: ${kind} }\`; or use a column that holds all digits.`;
  return misfit(column, `a number has more digits than a ${kind}`, hint);
}
