/** The binary COPY formats of PostgreSQL's types, and which predictions fit into each of them. */
import type { ColumnType } from "../../../data/column.js";
import type { TableColumn } from "../../../postgres/catalogue.js";
import type { ListLayout } from "../postgres-write.js";

export type ScalarWire =
  | "bool"
  | "int2"
  | "int4"
  | "int8"
  | "float4"
  | "float8"
  | "numeric"
  | "text"
  | "bytea"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "json"
  | "jsonb"
  | "uuid";

export type Wire =
  | { readonly kind: ScalarWire }
  | { readonly kind: "array"; readonly element: ScalarWire; readonly elementOid: number }
  | VectorWire;

/** A type of pgvector, with four or two bytes for each number. */
export interface VectorWire {
  readonly kind: "vector" | "halfvec";
  /** Number of elements; `null` if the column type does not fix it. */
  readonly size: number | null;
  /** Whether numbers may be rounded, which the job has to request. */
  readonly rounds: boolean;
}

export function isVector(wire: Wire): wire is VectorWire {
  return wire.kind === "vector" || wire.kind === "halfvec";
}

export function isVectorLayout(layout: ListLayout | null): layout is VectorWire["kind"] {
  return layout === "vector" || layout === "halfvec";
}

/** Maximum number of elements of a vector, for both types. */
export const maxVectorSize = 16_000;

/** By `pg_type.oid`, for the types that every server has. */
const byOid: ReadonlyMap<number, ScalarWire> = new Map<number, ScalarWire>([
  [16, "bool"],
  [17, "bytea"],
  [19, "text"],
  [20, "int8"],
  [21, "int2"],
  [23, "int4"],
  [25, "text"],
  [114, "json"],
  [700, "float4"],
  [701, "float8"],
  [1042, "text"],
  [1043, "text"],
  [1082, "date"],
  [1083, "time"],
  [1114, "timestamp"],
  [1184, "timestamptz"],
  [1700, "numeric"],
  [2950, "uuid"],
  [3802, "jsonb"],
]);

const oids: { readonly [wire in ScalarWire]: number } = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float4: 700,
  float8: 701,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
};

/** Returns `null` for a type that Nightshift does not write. */
export function wireOf({ typeOid, typeKind, typeName, elementOid, modifier }: TableColumn): Wire | null {
  const scalar = byOid.get(typeOid);
  if (scalar !== undefined) return { kind: scalar };
  if (typeKind === "e" || typeName === "citext") return { kind: "text" };
  const element = byOid.get(elementOid);
  if (typeKind === "d") return element === undefined ? null : { kind: element };
  if ((typeName === "vector" || typeName === "halfvec") && typeKind === "b")
    return { kind: typeName, size: modifier > 0 ? modifier : null, rounds: false };
  return typeName.startsWith("_") && element !== undefined ? { kind: "array", element, elementOid } : null;
}

export function arrayOf(element: ScalarWire): Wire {
  return { kind: "array", element, elementOid: oids[element] };
}

/**
 * Whether every predicted value fits, or the encoder reports each that does not. Nothing is rounded silently.
 */
export function takes(wire: Wire, type: ColumnType): boolean {
  if (type.kind === "dictionary") return takes(wire, type.value);
  if (type.kind === "null") return true;
  switch (wire.kind) {
    case "array":
      return isList(type) && takes({ kind: wire.element }, type.item);
    case "vector":
    case "halfvec":
      return isList(type) && isNumber(type.item) && fitsSize(wire, type);
    case "json":
    case "jsonb":
      return type.kind !== "other";
    case "uuid":
      return type.kind === "utf8" || (type.kind === "fixed-binary" && type.logical === "uuid");
    default:
      return scalarTypes[wire.kind].includes(type.kind) && !(wire.kind === "float4" && isWide(type));
  }
}

/** Lists of variable length are checked one by one. */
function fitsSize({ size }: VectorWire, type: ColumnType): boolean {
  if (type.kind !== "fixed-list") return true;
  return size === null ? type.size > 0 && type.size <= maxVectorSize : type.size === size;
}

function isNumber({ kind }: ColumnType): boolean {
  return kind === "float" || kind === "int";
}

/** Whether the numbers may have more digits than those of the vector type. */
export function isFiner({ item }: { readonly item: ColumnType }, { kind }: VectorWire): boolean {
  if (item.kind === "int") return item.bits > (kind === "vector" ? 16 : 8);
  return item.kind === "float" && item.bits > (kind === "vector" ? 32 : 16);
}

export function isList(type: ColumnType): type is Extract<ColumnType, { readonly item: ColumnType }> {
  return type.kind === "list" || type.kind === "fixed-list";
}

function isWide(type: ColumnType): boolean {
  return (type.kind === "float" && type.bits === 64) || (type.kind === "int" && type.bits > 16);
}

const scalarTypes: {
  readonly [wire in Exclude<ScalarWire, "json" | "jsonb" | "uuid">]: readonly ColumnType["kind"][];
} = {
  bool: ["bool"],
  int2: ["int"],
  int4: ["int"],
  int8: ["int"],
  float4: ["float", "int"],
  float8: ["float", "int"],
  numeric: ["int", "float", "decimal"],
  text: ["utf8"],
  bytea: ["binary", "fixed-binary"],
  date: ["date"],
  time: ["time"],
  timestamp: ["timestamp"],
  timestamptz: ["timestamp"],
};
