/** Converts Arrow values to JSON for display. */
import { type Data, DataType, type RecordBatch, Vector } from "apache-arrow";
import type { JsonValue } from "../../errors.js";
import { columnOf } from "./columns.js";
import { unscaledAt } from "./decimals.js";
import { isNull } from "./validity.js";

/** Returns the first rows of a batch. Each row is a list of values in the order of the batch's columns. */
export function jsonRows(batch: RecordBatch, limit: number): readonly (readonly JsonValue[])[] {
  const columns = batch.schema.fields.map(({ name }) => columnOf(batch, name));
  return Array.from({ length: Math.min(limit, batch.numRows) }, (_, row) =>
    columns.map((data) => jsonValue(data, row)),
  );
}

/**
 * Converts one value. Integers beyond 2^53, decimals and non-finite numbers become strings, since JSON
 * numbers cannot hold them. Dates and timestamps become ISO 8601 strings, bytes hexadecimal strings.
 */
function jsonValue(data: Data, row: number): JsonValue {
  const { type, values } = data;
  if (isNull(data, row)) return null;
  if (DataType.isTimestamp(type)) return instant(values[row], type.unit, type.timezone ?? null);
  if (DataType.isDate(type))
    return isoDate(type.unit === 0 ? Number(values[row]) * 86_400_000 : Number(values[row]));
  if (DataType.isDecimal(type)) return decimal(values, row, data.stride, type.scale);
  return plainValue(new Vector([data]).get(row));
}

function plainValue(value: unknown): JsonValue {
  if (value === null || value === undefined) return null;
  switch (typeof value) {
    case "bigint":
      return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
        ? Number(value)
        : String(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "string":
    case "boolean":
      return value;
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array)
    return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (value instanceof Vector) return listValue(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, plainValue);
  if (Array.isArray(value)) return value.map(plainValue);
  const entries = value as Iterable<[string, unknown]> & { toJSON?(): object };
  return Object.fromEntries(
    Object.entries(entries.toJSON?.() ?? {}).map(([name, inner]) => [name, plainValue(inner)]),
  );
}

function listValue(vector: Vector): JsonValue {
  return vector.data.flatMap((data) =>
    Array.from({ length: data.length }, (_, index) => jsonValue(data, index)),
  );
}

/**
 * Formats an instant in ISO 8601 with as many digits as its unit has. Adds `Z` only if the column has a time
 * zone.
 */
function instant(value: bigint, unit: number, timezone: string | null): string {
  const perSecond = 1000n ** BigInt(unit);
  const seconds = value >= 0n ? value / perSecond : -((-value + perSecond - 1n) / perSecond);
  const fraction = value - seconds * perSecond;
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return String(value);
  const digits = fraction === 0n ? "" : `.${String(fraction).padStart(unit * 3, "0")}`;
  return `${date.toISOString().slice(0, -5)}${digits}${timezone === null ? "" : "Z"}`;
}

function isoDate(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString().slice(0, -14);
}

function decimal(values: Uint32Array, row: number, words: number, scale: number): string {
  const unscaled = unscaledAt(values, row, words);
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
