/**
 * Columns as data: names and types that can be stored in a plan, compared, and shown to people. Row data itself is
 * Arrow; this is the JSON shape of an Arrow schema.
 */

/** JSON shape of an Arrow type, reduced to what columns of tables and tensors need. */
export type ColumnType =
  | { readonly kind: "bool" }
  | { readonly kind: "int"; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: 16 | 32 | 64 }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number; readonly bits: 128 | 256 }
  /** `logical`: what a file says of values that lie like others of the kind. It is kept in the output. */
  | { readonly kind: "utf8"; readonly logical?: "json" | "enum" }
  | { readonly kind: "binary"; readonly logical?: "bson" }
  | { readonly kind: "fixed-binary"; readonly bytes: number; readonly logical?: "uuid" }
  | { readonly kind: "date"; readonly unit: "day" | "ms" }
  | { readonly kind: "time"; readonly unit: TimeUnit }
  | { readonly kind: "timestamp"; readonly unit: TimeUnit; readonly timezone: string | null }
  | { readonly kind: "list"; readonly item: ColumnType }
  | { readonly kind: "fixed-list"; readonly item: ColumnType; readonly size: number }
  | { readonly kind: "struct"; readonly fields: readonly Column[] }
  | { readonly kind: "map"; readonly key: ColumnType; readonly value: ColumnType }
  | { readonly kind: "dictionary"; readonly value: ColumnType }
  | { readonly kind: "null" }
  /** A type that no part of Nightshift reads or writes; `name` is for the message. */
  | OtherType;

export interface OtherType {
  readonly kind: "other";
  readonly name: string;
  /** The error of a job that reads the column, where more is known than its type. */
  readonly problem?: ColumnProblem;
}

/** Why a column cannot be read. A job that does not read the column is not affected. */
export interface ColumnProblem {
  /** Of a DataError. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly details: { readonly [key: string]: string };
}

export type TimeUnit = "s" | "ms" | "us" | "ns";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** pandas keeps the labels of its rows there: never a feature by itself. */
  readonly isIndex?: true;
  /** A text of the input's paths whose type nobody declared: a feature may ask for a number or a date instead. */
  readonly fromPath?: true;
  /** Parquet field metadata to write, e.g. the shape of a flattened tensor. */
  readonly metadata?: { readonly [key: string]: string };
}

export type Schema = readonly Column[];

/** What a value in a path (`dt=2026-01-15`) may be read as, with the column's type. */
export const pathTypes = {
  string: { kind: "utf8" },
  int64: { kind: "int", bits: 64, signed: true },
  float64: { kind: "float", bits: 64 },
  date: { kind: "date", unit: "day" },
  bool: { kind: "bool" },
} as const satisfies { readonly [name: string]: ColumnType };

export type PathType = keyof typeof pathTypes;

/** By column. */
export type PathTypes = { readonly [column: string]: PathType };

/** Keys of a list column's metadata: the shape it was flattened from, and the classes along it, both as JSON. */
export const listMetadata = { shape: "nightshift.shape", labels: "nightshift.labels" } as const;

/** The type as people write it: `int64`, `float32`, `timestamp[ms, UTC]`, `list<float32>`. */
export function typeName(type: ColumnType): string {
  switch (type.kind) {
    case "int":
      return `${type.signed ? "" : "u"}int${type.bits}`;
    case "float":
      return `float${type.bits}`;
    case "decimal":
      return `decimal(${type.precision}, ${type.scale})`;
    case "utf8":
      return type.logical ?? "string";
    case "binary":
      return type.logical ?? "binary";
    case "fixed-binary":
      return type.logical ?? `binary[${type.bytes}]`;
    case "date":
      return "date";
    case "time":
      return `time[${type.unit}]`;
    case "timestamp":
      return type.timezone === null ? `timestamp[${type.unit}]` : `timestamp[${type.unit}, ${type.timezone}]`;
    case "list":
      return `list<${typeName(type.item)}>`;
    case "fixed-list":
      return `list<${typeName(type.item)}>[${type.size}]`;
    case "struct":
      return `struct<${type.fields.map((field) => `${field.name}: ${typeName(field.type)}`).join(", ")}>`;
    case "map":
      return `map<${typeName(type.key)}, ${typeName(type.value)}>`;
    case "dictionary":
      return `dictionary<${typeName(type.value)}>`;
    case "other":
      return type.name;
    default:
      return type.kind;
  }
}

export type LogicalName = "json" | "enum" | "bson" | "uuid";

/** The type with its logical name, where its values can have that one. */
export function withLogical(type: ColumnType, logical: string | null | undefined): ColumnType {
  if (type.kind === "utf8" && (logical === "json" || logical === "enum")) return { ...type, logical };
  if (type.kind === "binary" && logical === "bson") return { ...type, logical };
  if (type.kind === "fixed-binary" && type.bytes === 16 && logical === "uuid") return { ...type, logical };
  return type;
}

/** `null` for a type that is only what it lies like. */
export function logicalName(type: ColumnType): LogicalName | null {
  return "logical" in type && type.logical !== undefined ? type.logical : null;
}

/** Finds what cannot be read of a column's values: the type itself, or what lies below it; `null` where all can be. */
export function unreadablePart(type: ColumnType): OtherType | null {
  switch (type.kind) {
    case "other":
      return type;
    case "list":
    case "fixed-list":
      return unreadablePart(type.item);
    case "struct":
      return type.fields.map((field) => unreadablePart(field.type)).find((part) => part !== null) ?? null;
    case "map":
      return unreadablePart(type.key) ?? unreadablePart(type.value);
    case "dictionary":
      return unreadablePart(type.value);
    default:
      return null;
  }
}

/** Integers and floats, also behind a dictionary: what can feed a numeric tensor. */
export function isNumeric(type: ColumnType): boolean {
  if (type.kind === "dictionary") return isNumeric(type.value);
  return type.kind === "int" || type.kind === "float" || type.kind === "bool" || type.kind === "decimal";
}

/** Rows of the whole input in which a column is null. */
export interface NullCount {
  readonly nulls: number;
  /** Rows of which no footer says whether they are null: then `nulls` is the least. */
  readonly unknown: number;
}
