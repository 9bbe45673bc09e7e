/** Formats Arrow values as JSON in the same way as PostgreSQL's `to_jsonb`. */
import {
  type Data,
  DataType,
  type Date_,
  type Decimal,
  Precision,
  type Time,
  type Timestamp,
  Vector,
} from "apache-arrow";
import { decimalText, shortFloat32 } from "./numeric.js";
import { dayText, instantText, timeText } from "./times.js";

export type JsonText = (row: number) => string;

export function jsonOf(data: Data): JsonText {
  const value = valueJson(data);
  return (row) => (data.getValid(row) ? value(row) : "null");
}

function valueJson(data: Data): JsonText {
  const { type } = data;
  const values = data.values as ArrayLike<number | bigint>;
  if (DataType.isNull(type)) return () => "null";
  if (DataType.isDictionary(type)) return dictionaryJson(data);
  if (DataType.isInt(type)) return (row) => String(values[row]);
  if (DataType.isFloat(type)) return floatJson(data);
  if (DataType.isDecimal(type)) {
    const words = data.values as Uint32Array;
    const { scale } = type as Decimal;
    return (row) => decimalText(words.subarray(row * data.stride, (row + 1) * data.stride), scale);
  }
  if (DataType.isDate(type)) return (row) => `"${dayText(values[row] ?? 0, (type as Date_).unit)}"`;
  if (DataType.isTimestamp(type))
    return (row) => `"${instantText(BigInt(values[row] ?? 0), type as Timestamp)}"`;
  if (DataType.isTime(type)) return (row) => `"${timeText(BigInt(values[row] ?? 0), (type as Time).unit)}"`;
  if (DataType.isMap(type)) return mapJson(data);
  if (DataType.isStruct(type)) return structJson(data);
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) return listJson(data);
  return textJson(data);
}

function dictionaryJson(data: Data): JsonText {
  const { dictionary } = data;
  const indices = data.values as ArrayLike<number | bigint>;
  const texts =
    dictionary?.data.length === 1 && dictionary.data[0] !== undefined ? jsonOf(dictionary.data[0]) : null;
  if (texts !== null) return (row) => texts(Number(indices[row]));
  return (row) => JSON.stringify(dictionary?.get(Number(indices[row])) ?? null);
}

function floatJson(data: Data): JsonText {
  const read = new Vector([data]);
  const isDouble = DataType.isFloat(data.type) && data.type.precision === Precision.DOUBLE;
  return (row) => {
    const value = Number(read.get(row));
    if (!Number.isFinite(value)) return `"${value}"`;
    return String(isDouble ? value : shortFloat32(value));
  };
}

function listJson(data: Data): JsonText {
  const [child] = data.children;
  if (child === undefined) return () => "[]";
  const item = jsonOf(child);
  const size = DataType.isFixedSizeList(data.type) ? data.type.listSize : null;
  const { valueOffsets } = data;
  return (row) => {
    const from = size === null ? Number(valueOffsets[row]) : row * size;
    const to = size === null ? Number(valueOffsets[row + 1]) : from + size;
    let text = "[";
    for (let at = from; at < to; at++) text += at === from ? item(at) : `,${item(at)}`;
    return `${text}]`;
  };
}

function structJson(data: Data): JsonText {
  const fields = data.children.map((child, at) => ({
    name: `${at === 0 ? "" : ","}${JSON.stringify(String(data.type.children[at]?.name))}:`,
    value: jsonOf(child),
  }));
  return (row) => {
    let text = "{";
    for (const { name, value } of fields) text += name + value(row);
    return `${text}}`;
  };
}

function mapJson(data: Data): JsonText {
  const entries = data.children[0];
  const [keys, items] = entries?.children ?? [];
  if (keys === undefined || items === undefined) return () => "{}";
  const names = new Vector([keys]);
  const item = jsonOf(items);
  const { valueOffsets } = data;
  return (row) => {
    const texts: string[] = [];
    for (let at = Number(valueOffsets[row]); at < Number(valueOffsets[row + 1]); at++)
      texts.push(`${JSON.stringify(String(names.get(at)))}:${item(at)}`);
    return `{${texts.join(",")}}`;
  };
}

/** Booleans, texts and bytes. */
function textJson(data: Data): JsonText {
  const values = new Vector([data]);
  return (row) => {
    const value: unknown = values.get(row);
    if (value instanceof Uint8Array) return `"\\\\x${Buffer.from(value).toString("hex")}"`;
    return JSON.stringify(typeof value === "bigint" ? String(value) : (value ?? null));
  };
}
