/** Converts Arrow columns for authors of hooks: doubles and texts, copied out of the chunk's memory. */
import { type Data, DataType, DateUnit, type Decimal, Type, Vector } from "apache-arrow";
import { unscaledAt } from "../../data/arrow/decimals.js";
import { isNull, nullFinder } from "../../data/arrow/validity.js";
import { columnType } from "../../data/arrow-types.js";
import { typeName } from "../../data/column.js";
import { halfToDouble } from "../../data/float16.js";
import { misused } from "./misused.js";

/** @throws SpecError `hook.misused` for a column that contains neither numbers nor instants */
export function numbersIn(data: Data, column: string): Float64Array {
  const numbers = DataType.isDictionary(data.type)
    ? fromDictionary(data, (values) => numbersIn(values, column))
    : plainNumbers(data, column);
  nullFinder(data)?.(0, data.length, (row) => {
    numbers[row] = Number.NaN;
  });
  return numbers;
}

/** @throws SpecError `hook.misused` for a column that does not contain text */
export function textsIn(data: Data, column: string): readonly (string | null)[] {
  const { type } = data;
  if (DataType.isDictionary(type)) {
    const entries = (data.dictionary?.data ?? []).flatMap((values) => textsIn(values, column));
    return rowsOf(data, (row) => entries[Number(data.values[row])] ?? null);
  }
  if (columnType(type).kind !== "utf8" && type.typeId !== Type.Null) throw unreadable(data, column, "texts");
  const vector = new Vector([data]);
  return rowsOf(data, (row) => vector.get(row));
}

function rowsOf<T>(data: Data, valueAt: (row: number) => T): (T | null)[] {
  return Array.from({ length: data.length }, (_, row) => (isNull(data, row) ? null : valueAt(row)));
}

function fromDictionary(data: Data, decode: (values: Data) => Float64Array): Float64Array {
  const entries = (data.dictionary?.data ?? []).flatMap((values) => [...decode(values)]);
  return Float64Array.from(
    { length: data.length },
    (_, row) => entries[Number(data.values[row])] ?? Number.NaN,
  );
}

function plainNumbers(data: Data, column: string): Float64Array {
  const { type, values, length } = data;
  const from = (valueAt: (row: number) => number): Float64Array =>
    Float64Array.from({ length }, (_, row) => valueAt(row));
  if (DataType.isDecimal(type)) return from((row) => decimalAt(values, row, data.stride, type));
  if (DataType.isTimestamp(type)) {
    const perMillisecond = 1000 ** (type.unit - 1);
    return from((row) => Number(values[row]) / perMillisecond);
  }
  if (DataType.isDate(type)) {
    const milliseconds = type.unit === DateUnit.DAY ? 86_400_000 : 1;
    return from((row) => Number(values[row]) * milliseconds);
  }
  switch (type.typeId) {
    case Type.Null:
      return new Float64Array(length).fill(Number.NaN);
    case Type.Bool:
      return from((row) => ((values[(data.offset + row) >> 3] ?? 0) >> ((data.offset + row) & 7)) & 1);
    case Type.Int:
      return values instanceof BigInt64Array || values instanceof BigUint64Array
        ? from((row) => Number(values[row]))
        : Float64Array.from(values.subarray(0, length));
    case Type.Float:
      return values instanceof Uint16Array
        ? from((row) => halfToDouble(values[row] ?? 0))
        : Float64Array.from(values.subarray(0, length));
    default:
      throw unreadable(data, column, "numbers");
  }
}

function decimalAt(values: Uint32Array, row: number, words: number, { scale }: Decimal): number {
  const unscaled = Number(unscaledAt(values, row, words));
  return scale < 0 ? unscaled * 10 ** -scale : unscaled / 10 ** scale;
}

function unreadable({ type }: Data, column: string, as: "numbers" | "texts") {
  const kind = columnType(type);
  const other = as === "numbers" && kind.kind === "utf8" ? "texts" : "vector";
  return misused(
    `column "${column}" is ${typeName(kind)}, which \`${as}\` can't give`,
    `read it with \`chunk.${other}("${column}")\``,
  );
}
