/** Converts values of any column to plain values that can be compared across column types. */
import { type Data, DataType, Type, Vector } from "apache-arrow";
import { unscaledAt } from "../../data/arrow/decimals.js";
import { isNull } from "../../data/arrow/validity.js";
import type { ColumnType } from "../../data/column.js";
import { halfToDouble } from "../../data/float16.js";

/**
 * Numbers of all types, booleans as 0 and 1, texts; integers beyond 2^53 as bigint. A list is its values, a struct its
 * fields in the order of their names.
 */
export type Cell = number | bigint | string | null | readonly Cell[];

/** Reads the values of a column row by row. The values are copies. */
export function cellsOf(data: Data): (row: number) => Cell {
  const read = presentCells(data);
  return (row) => (isNull(data, row) ? null : read(row));
}

function presentCells(data: Data): (row: number) => Cell {
  const { type, values } = data;
  if (DataType.isDictionary(type)) {
    const entries = (data.dictionary?.data ?? []).flatMap((part) => {
      const cells = cellsOf(part);
      return Array.from({ length: part.length }, (_, entry) => cells(entry));
    });
    return (row) => entries[Number(values[row])] ?? null;
  }
  if (DataType.isDecimal(type))
    return (row) => Number(unscaledAt(values, row, data.stride)) / 10 ** type.scale;
  switch (type.typeId) {
    case Type.Null:
      return () => null;
    case Type.Bool:
      return (row) => ((values[(data.offset + row) >> 3] ?? 0) >> ((data.offset + row) & 7)) & 1;
    case Type.Int:
      return (row) => exactInteger(values[row]);
    case Type.Float:
      return values instanceof Uint16Array ? (row) => halfToDouble(values[row] ?? 0) : (row) => values[row];
    case Type.List:
      return listCells(data, (row) => [data.valueOffsets[row] ?? 0, data.valueOffsets[row + 1] ?? 0]);
    case Type.FixedSizeList: {
      const size = data.stride;
      // A slice moves the children as well.
      return listCells(data, (row) => [row * size, (row + 1) * size]);
    }
    case Type.Struct:
      return structCells(data);
    default: {
      const vector = new Vector([data]);
      return (row) => String(vector.get(row));
    }
  }
}

function exactInteger(value: number | bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function listCells(data: Data, bounds: (row: number) => readonly [number, number]): (row: number) => Cell {
  const [items] = data.children;
  if (items === undefined) return () => [];
  const read = cellsOf(items);
  return (row) => {
    const [start, end] = bounds(row);
    return Array.from({ length: end - start }, (_, place) => read(start + place));
  };
}

function structCells(data: Data): (row: number) => Cell {
  const names: readonly string[] = data.type.children.map(({ name }: { name: string }) => name);
  const readers = names
    .map((name, place) => ({ name, field: data.children[place] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ field }) => (field === undefined ? [] : [cellsOf(field)]));
  return (row) => readers.map((read) => read(row));
}

/** Whether values of the two types can be equal: numbers with numbers, texts with texts, lists and structs likewise. */
export function canCompare(a: ColumnType, b: ColumnType): boolean {
  const [left, right] = [familyOf(a), familyOf(b)];
  if (left === "null" || right === "null") return true;
  return left !== null && left === right;
}

function familyOf(type: ColumnType): string | null {
  switch (type.kind) {
    case "null":
      return "null";
    case "bool":
    case "int":
    case "float":
    case "decimal":
      return "number";
    case "utf8":
      return "text";
    case "dictionary":
      return familyOf(type.value);
    case "list":
    case "fixed-list":
      return `list of ${familyOf(type.item)}`;
    case "struct":
      return type.fields
        .map(({ name, type: field }) => `${JSON.stringify(name)}: ${familyOf(field)}`)
        .sort()
        .join(", ");
    default:
      return null;
  }
}
