/**
 * Writers of values: one column of a batch in one PostgreSQL type. Created once a batch, called once a row.
 */
import {
  type Data,
  DataType,
  type Date_,
  type Decimal,
  Precision,
  type Timestamp,
  Vector,
} from "apache-arrow";
import type { ScalarWire, Wire } from "../columns/wire.js";
import type { CopyBuffer } from "./copy-buffer.js";
import { jsonOf } from "./json-text.js";
import { decimalText, shortFloat32, writeNumeric } from "./numeric.js";
import { daysSince2000, microsOfDay, microsSince2000 } from "./times.js";
import { type Cell, listBounds, misfit, numberOf, writeNull } from "./values.js";
import { vectorCell } from "./vectors.js";

/** Enough bytes for a value of any fixed-width type. */
const fixedBytes = 20;

/** @param column name for errors */
export function cellOf(data: Data, wire: Wire, column: string): Cell {
  const value = valueCell(data, wire, column);
  if (DataType.isNull(data.type)) return writeNull;
  if (data.nullCount === 0) return value;
  return (row, out) => (data.getValid(row) ? value(row, out) : writeNull(row, out));
}

function valueCell(data: Data, wire: Wire, column: string): Cell {
  if (DataType.isDictionary(data.type)) return dictionaryCell(data, wire, column);
  switch (wire.kind) {
    case "array":
      return arrayCell(data, wire.element, wire.elementOid, column);
    case "vector":
    case "halfvec":
      return vectorCell(data, wire, column);
    case "json":
    case "jsonb":
      return jsonCell(data, wire.kind);
    default:
      return scalarCell(data, wire.kind, column);
  }
}

function dictionaryCell(data: Data, wire: Wire, column: string): Cell {
  const chunks = data.dictionary?.data ?? [];
  const cells = chunks.map((chunk) => cellOf(chunk, wire, column));
  const [only] = cells;
  const indices = data.values as ArrayLike<number | bigint>;
  if (only !== undefined && cells.length === 1) return (row, out) => only(Number(indices[row]), out);
  return (row, out) => {
    let index = Number(indices[row]);
    let chunk = 0;
    while (index >= (chunks[chunk]?.length ?? Infinity)) index -= chunks[chunk++]?.length ?? 0;
    (cells[chunk] ?? writeNull)(index, out);
  };
}

function arrayCell(data: Data, element: ScalarWire, elementOid: number, column: string): Cell {
  const [child] = data.children;
  if (child === undefined) return writeNull;
  return arrayOfChild(listBounds(data), child, element, elementOid, column);
}

/** Writes an array from one field of a list's structs, or from the list itself. */
export function arrayOfChild(
  bounds: (row: number) => readonly [number, number],
  child: Data,
  element: ScalarWire,
  elementOid: number,
  column: string,
): Cell {
  const cell = cellOf(child, { kind: element }, column);
  const hasNulls = child.nullCount > 0 ? 1 : 0;
  return (row, out) => {
    const [from, to] = bounds(row);
    out.ensure(24);
    const start = out.length;
    out.length += 4;
    out.int32(to > from ? 1 : 0);
    out.int32(hasNulls);
    out.int32(elementOid);
    if (to > from) {
      out.int32(to - from);
      out.int32(1);
    }
    for (let at = from; at < to; at++) cell(at, out);
    out.lengthAt(start);
  };
}

function jsonCell(data: Data, kind: "json" | "jsonb"): Cell {
  if (DataType.isUtf8(data.type)) {
    const text = new Vector([data]);
    return (row, out) => out.text(String(text.get(row)), kind === "jsonb" ? 1 : undefined);
  }
  const json = jsonOf(data);
  return (row, out) => out.text(json(row), kind === "jsonb" ? 1 : undefined);
}

function scalarCell(data: Data, wire: Exclude<ScalarWire, "json" | "jsonb">, column: string): Cell {
  switch (wire) {
    case "int2":
    case "int4":
    case "int8":
      return integerCell(data, wire, column);
    case "float4":
      return floatCell(data, 4, column);
    case "float8":
      return floatCell(data, 8, column);
    case "numeric":
      return numericCell(data);
    case "text":
      return textCell(data);
    case "uuid":
      return uuidCell(data, column);
    case "bytea":
      return bytesCell(data);
    default:
      return wire === "bool" ? boolCell(data) : timeCell(data, wire);
  }
}

function boolCell(data: Data): Cell {
  const values = new Vector([data]);
  return (row, out) => {
    out.ensure(fixedBytes);
    out.int32(1);
    out.int8(values.get(row) ? 1 : 0);
  };
}

const limits = { int2: [2, 0x7fff], int4: [4, 0x7fff_ffff], int8: [8, Number.MAX_SAFE_INTEGER] } as const;

function integerCell(data: Data, wire: "int2" | "int4" | "int8", column: string): Cell {
  const values = data.values as ArrayLike<number | bigint>;
  const [width, most] = limits[wire];
  if (width === 8)
    return (row, out) => {
      const value = BigInt(values[row] ?? 0);
      if (BigInt.asIntN(64, value) !== value) throw misfit(column, "an integer is too large for bigint");
      out.ensure(fixedBytes);
      out.int32(8);
      out.int64(value);
    };
  return (row, out) => {
    const value = Number(values[row]);
    if (value > most || value < -most - 1)
      throw misfit(column, `an integer is too large for ${width === 2 ? "smallint" : "integer"}`);
    out.ensure(fixedBytes);
    out.int32(width);
    if (width === 2) out.int16(value);
    else out.int32(value);
  };
}

function floatCell(data: Data, width: 4 | 8, column: string): Cell {
  const read = numberOf(data);
  const isWideInteger = DataType.isInt(data.type) && data.type.bitWidth === 64;
  return (row, out) => {
    const value = read(row);
    if (isWideInteger && !Number.isSafeInteger(value))
      throw misfit(column, "an integer has more digits than double precision");
    out.ensure(fixedBytes);
    out.int32(width);
    if (width === 4) out.float32(value);
    else out.float64(value);
  };
}

function numericCell(data: Data): Cell {
  if (DataType.isDecimal(data.type)) {
    const { scale } = data.type as Decimal;
    const words = data.values as Uint32Array;
    const { stride } = data;
    return (row, out) =>
      writeNumeric(decimalText(words.subarray(row * stride, (row + 1) * stride), scale), out);
  }
  if (DataType.isInt(data.type)) {
    const values = data.values as ArrayLike<number | bigint>;
    return (row, out) => writeNumeric(String(values[row]), out);
  }
  const read = numberOf(data);
  const isDouble = DataType.isFloat(data.type) && data.type.precision === Precision.DOUBLE;
  return (row, out) => writeNumeric(String(isDouble ? read(row) : shortFloat32(read(row))), out);
}

function textCell(data: Data): Cell {
  return DataType.isUtf8(data.type) ? bytesCell(data) : textOf(new Vector([data]));
}

function textOf(values: Vector): Cell {
  return (row, out) => out.text(String(values.get(row)));
}

function bytesCell(data: Data): Cell {
  const offsets = data.valueOffsets as Int32Array | undefined;
  if (offsets instanceof Int32Array) {
    const bytes = data.values as Uint8Array;
    return (row, out) => sized(bytes.subarray(offsets[row], offsets[row + 1]), out);
  }
  const values = new Vector([data]);
  return (row, out) => sized(values.get(row) as Uint8Array, out);
}

function sized(bytes: Uint8Array, out: CopyBuffer): void {
  out.ensure(4 + bytes.length);
  out.int32(bytes.length);
  out.raw(bytes);
}

function uuidCell(data: Data, column: string): Cell {
  if (DataType.isFixedSizeBinary(data.type)) return bytesCell(data);
  const values = new Vector([data]);
  return (row, out) => {
    const digits = String(values.get(row)).replace(/[{}-]/g, "");
    if (!/^[0-9a-f]{32}$/i.test(digits)) throw misfit(column, "a text is no UUID");
    sized(Buffer.from(digits, "hex"), out);
  };
}

function timeCell(data: Data, wire: "date" | "time" | "timestamp" | "timestamptz"): Cell {
  const values = data.values as ArrayLike<number | bigint>;
  if (wire === "date") {
    const { unit } = data.type as Date_;
    return (row, out) => {
      out.ensure(fixedBytes);
      out.int32(4);
      out.int32(daysSince2000(values[row] ?? 0, unit));
    };
  }
  const { type } = data;
  const micros = DataType.isTime(type)
    ? (ticks: bigint) => microsOfDay(ticks, type)
    : (ticks: bigint) => microsSince2000(ticks, type as Timestamp);
  return (row, out) => {
    const value = micros(BigInt(values[row] ?? 0));
    out.ensure(fixedBytes);
    out.int32(8);
    out.int64(value);
  };
}
