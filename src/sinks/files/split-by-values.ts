/** Splits a batch by the values of its partition columns. Constant columns are the common case, and cheap. */
import {
  type RecordBatch as Batch,
  type Data,
  makeData,
  RecordBatch,
  Struct,
  Type,
  type Vector,
} from "apache-arrow";
import { SpecError } from "../../errors.js";
import { hiveNull } from "./partition-path.js";
import { takeRows } from "./take-rows.js";

interface PartOfBatch {
  /** Parallel to the partition columns. */
  readonly values: readonly string[];
  /** Without the partition columns, since they are in the path. */
  readonly batch: Batch;
}

/** Returns the parts in the order of their first rows. */
export function splitByValues(batch: Batch, columns: readonly string[]): readonly PartOfBatch[] {
  const rest = withoutColumns(batch, columns);
  if (batch.numRows === 0) return [];
  const keys = columns.map((column) => columnOf(batch, column));
  const varying = keys.filter((key) => !isConstant(key));
  const first = keys.map((key) => valueText(key, 0));
  if (varying.length === 0) return [{ values: first, batch: rest }];
  return [...groups(keys, batch.numRows).values()].map(({ values, rows }) => ({
    values,
    batch: takeRows(rest, Uint32Array.from(rows)),
  }));
}

interface Group {
  readonly values: readonly string[];
  readonly rows: number[];
}

function groups(keys: readonly Vector[], rows: number): ReadonlyMap<string, Group> {
  const found = new Map<string, Group>();
  for (let row = 0; row < rows; row++) {
    const values = keys.map((key) => valueText(key, row));
    const name = JSON.stringify(values);
    const group = found.get(name);
    if (group === undefined) found.set(name, { values, rows: [row] });
    else group.rows.push(row);
  }
  return found;
}

function withoutColumns(batch: Batch, columns: readonly string[]): Batch {
  if (columns.length === 0) return batch;
  const kept = batch.schema.fields.flatMap(({ name }, index) => (columns.includes(name) ? [] : [index]));
  const schema = batch.schema.selectAt(kept);
  const children = batch.data.children.filter((_, index) => kept.includes(index));
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length: batch.numRows, nullCount: 0, children }));
}

function columnOf(batch: Batch, name: string): Vector {
  const column = batch.getChild(name);
  if (column === null) throw new Error(`partition column ${name} is not in the batch`);
  return column;
}

/** Compares the bytes without decoding; `false` if that is not possible. */
function isConstant(vector: Vector): boolean {
  return vector.data.length === 1 && vector.data.every((data) => data.nullCount === 0 && hasEqualBytes(data));
}

function hasEqualBytes(data: Data): boolean {
  if (data.typeId === Type.Utf8) return hasEqualStrings(data.values, data.valueOffsets, data.length);
  if (data.typeId === Type.Bool || data.stride !== 1 || data.valueOffsets !== undefined) return false;
  const values: ArrayLike<unknown> | undefined = data.values;
  if (values === undefined) return false;
  for (let row = 1; row < data.length; row++) if (values[row] !== values[0]) return false;
  return true;
}

function hasEqualStrings(bytes: Uint8Array, offsets: Int32Array, rows: number): boolean {
  const start = offsets[0] ?? 0;
  const width = (offsets[1] ?? 0) - start;
  for (let row = 1; row < rows; row++) {
    const from = offsets[row] ?? 0;
    if ((offsets[row + 1] ?? 0) - from !== width) return false;
    for (let at = 0; at < width; at++) if (bytes[from + at] !== bytes[start + at]) return false;
  }
  return true;
}

/**
 * Formats a value for a path. Instants are in UTC, `2026-01-15 08:00:00`, with a fraction if there is one.
 */
export function valueText(vector: Vector, row: number): string {
  if (vector.get(row) === null) return hiveNull;
  const data = vector.data[0];
  if (data?.typeId === Type.Timestamp) return instantText(data.values[row], data.type.unit);
  const value: unknown = vector.get(row);
  if (data?.typeId === Type.Date) return new Date(Number(value)).toISOString().slice(0, 10);
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
    case "bigint":
      return String(value);
    default:
      throw new SpecError("spec.partition-type", `a column of type ${vector.type} cannot name a directory`, {
        hint: "Partition by strings, integers, booleans, dates or timestamps.",
      });
  }
}

const fractionDigits = [0, 3, 6, 9];

/** `unit`: Arrow's, 0 for seconds to 3 for nanoseconds. */
function instantText(ticks: bigint, unit: number): string {
  const digits = fractionDigits[unit] ?? 0;
  const perSecond = 10n ** BigInt(digits);
  const fraction = ((ticks % perSecond) + perSecond) % perSecond;
  const seconds = Number((ticks - fraction) / perSecond);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  return fraction === 0n ? text : `${text}.${String(fraction).padStart(digits, "0").replace(/0+$/, "")}`;
}
