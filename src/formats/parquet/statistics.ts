/** Minimum and maximum of a column chunk, as people read them. */
import type { ColumnType, TimeUnit } from "../../data/column.js";
import type { Leaf } from "./footer.js";
import { physicalTypes } from "./footer-fields.js";
import { bytesField, integerField, type ThriftStruct } from "./thrift.js";

const fields = { oldMax: 1, oldMin: 2, nulls: 3, max: 5, min: 6 } as const;

export interface Bounds {
  readonly nulls: number | null;
  readonly min: string | null;
  readonly max: string | null;
}

export const unknownBounds: Bounds = { nulls: null, min: null, max: null };

/** @param leaf of a column that has no children */
export function readBounds(statistics: ThriftStruct | undefined, type: ColumnType, leaf: Leaf): Bounds {
  if (statistics === undefined) return unknownBounds;
  const nulls = integerField(statistics, fields.nulls) ?? null;
  // Decimals kept as bytes are big-endian and of any length.
  if (type.kind === "decimal" && leaf.physicalType > physicalTypes.int64) return { ...unknownBounds, nulls };
  // The older pair was compared as signed bytes: right for signed numbers only.
  const old = isSignedNumber(type);
  return {
    nulls,
    min: asText(
      bytesField(statistics, fields.min) ?? (old ? bytesField(statistics, fields.oldMin) : undefined),
      type,
    ),
    max: asText(
      bytesField(statistics, fields.max) ?? (old ? bytesField(statistics, fields.oldMax) : undefined),
      type,
    ),
  };
}

/** Length of the longer bound of a string column, 0 where unknown. */
export function boundBytes(statistics: ThriftStruct | undefined): number {
  if (statistics === undefined) return 0;
  const min = bytesField(statistics, fields.min)?.byteLength ?? 0;
  return Math.max(min, bytesField(statistics, fields.max)?.byteLength ?? 0);
}

function isSignedNumber(type: ColumnType): boolean {
  return (
    (type.kind === "int" && type.signed) ||
    type.kind === "float" ||
    type.kind === "date" ||
    type.kind === "timestamp"
  );
}

/** `null` for what has no order, or bytes that do not fit the type. */
function asText(bytes: Uint8Array | undefined, type: ColumnType): string | null {
  if (bytes === undefined) return null;
  switch (type.kind) {
    case "dictionary":
      return asText(bytes, type.value);
    case "bool":
      return bytes[0] === undefined ? null : String(bytes[0] !== 0);
    case "int":
      return integer(bytes, type.signed)?.toString() ?? null;
    case "float":
      return float(bytes);
    case "utf8":
      return new TextDecoder().decode(bytes);
    case "decimal":
      return decimal(bytes, type.scale);
    case "date":
      return date(integer(bytes, true), type.unit);
    case "timestamp":
      return timestamp(integer(bytes, true), type.unit);
    default:
      return null;
  }
}

/** Parquet's INT32 and INT64, whatever the width of the logical type. */
function integer(bytes: Uint8Array, signed: boolean): bigint | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength === 4) return BigInt(signed ? view.getInt32(0, true) : view.getUint32(0, true));
  if (bytes.byteLength === 8) return signed ? view.getBigInt64(0, true) : view.getBigUint64(0, true);
  return null;
}

function float(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength === 4) return String(Number(view.getFloat32(0, true).toPrecision(8)));
  if (bytes.byteLength === 8) return String(view.getFloat64(0, true));
  return null;
}

function decimal(bytes: Uint8Array, scale: number): string | null {
  const unscaled = integer(bytes, true);
  if (unscaled === null) return null;
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const sign = unscaled < 0n ? "-" : "";
  return scale <= 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const dayMs = 86_400_000;
const perSecond = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n } as const;

function date(value: bigint | null, unit: "day" | "ms"): string | null {
  return value === null ? null : (iso(Number(value) * (unit === "day" ? dayMs : 1))?.slice(0, 10) ?? null);
}

function timestamp(value: bigint | null, unit: TimeUnit): string | null {
  return value === null ? null : iso(Number((value * 1000n) / perSecond[unit]));
}

function iso(epochMs: number): string | null {
  const instant = new Date(epochMs);
  return Number.isNaN(instant.getTime()) ? null : instant.toISOString();
}
