/**
 * Columns as data: names and types that can be stored in a plan, compared and displayed. Row data itself is
 * Arrow; this is the JSON shape of an Arrow schema.
 */

/** JSON shape of an Arrow type, reduced to what columns of tables and tensors need. */
export type ColumnType =
  | { readonly kind: "bool" }
  | { readonly kind: "int"; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: 16 | 32 | 64 }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number; readonly bits: 128 | 256 }
  /**
   * `logical`: the file's logical type of values that are stored like others of the kind. The output keeps
   * it.
   */
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
  /** A type that Nightshift neither reads nor writes; `name` is used in messages. */
  | OtherType;

export interface OtherType {
  readonly kind: "other";
  readonly name: string;
  /** The error of a job that reads this column, if it is more specific than the column's type. */
  readonly problem?: ColumnProblem;
}

/** Why a column cannot be read. A job that does not read the column is not affected. */
export interface ColumnProblem {
  /** Code of a DataError. */
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
  /**
   * The column holds pandas row labels (its index). It is never used as a feature unless the job names it.
   */
  readonly isIndex?: true;
  /** Text from the input's paths without a declared type. A feature may read it as a number or a date. */
  readonly fromPath?: true;
  /** Parquet field metadata to write, e.g. the shape of a flattened tensor. */
  readonly metadata?: { readonly [key: string]: string };
}

export type Schema = readonly Column[];

/** The types that a value in a path (`dt=2026-01-15`) can be read as, with the column type of each. */
export const pathTypes = {
  string: { kind: "utf8" },
  int64: { kind: "int", bits: 64, signed: true },
  float64: { kind: "float", bits: 64 },
  date: { kind: "date", unit: "day" },
  bool: { kind: "bool" },
} as const satisfies { readonly [name: string]: ColumnType };

export type PathType = keyof typeof pathTypes;

/** Path types by column name. */
export type PathTypes = { readonly [column: string]: PathType };

/** Metadata keys of a list column: the shape it was flattened from and the classes along it, both as JSON. */
export const listMetadata = { shape: "nightshift.shape", labels: "nightshift.labels" } as const;

/** Formats a type for messages: `int64`, `float32`, `timestamp[ms, UTC]`, `list<float32>`. */
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

/** Returns the type with its logical name, if its values can have that logical type. */
export function withLogical(type: ColumnType, logical: string | null | undefined): ColumnType {
  if (type.kind === "utf8" && (logical === "json" || logical === "enum")) return { ...type, logical };
  if (type.kind === "binary" && logical === "bson") return { ...type, logical };
  if (type.kind === "fixed-binary" && type.bytes === 16 && logical === "uuid") return { ...type, logical };
  return type;
}

/** Returns the logical name of a type, or `null` if it has none. */
export function logicalName(type: ColumnType): LogicalName | null {
  return "logical" in type && type.logical !== undefined ? type.logical : null;
}

/**
 * Returns the part of a type that cannot be read (the type itself or a nested one); `null` if all of it can.
 */
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

/** Reports whether a type can feed a numeric tensor: integers and floats, also behind a dictionary. */
export function isNumeric(type: ColumnType): boolean {
  if (type.kind === "dictionary") return isNumeric(type.value);
  return type.kind === "int" || type.kind === "float" || type.kind === "bool" || type.kind === "decimal";
}

/** Null count of a column over the whole input. */
export interface NullCount {
  readonly nulls: number;
  /** Number of rows whose footers have no null count. If it is above 0, `nulls` is a lower bound. */
  readonly unknown: number;
}
