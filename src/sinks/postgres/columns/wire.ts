/** How values of PostgreSQL's types look in binary COPY, and which predictions go into which of them. */
import type { ColumnType } from "../../../column.js";
import type { TableColumn } from "../../../postgres/catalogue.js";

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
  | { readonly kind: "vector" };

/** By `pg_type.oid`, of the types that every server has. */
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

/** `null` for a type that nothing is written to. */
export function wireOf({ typeOid, typeKind, typeName, elementOid }: TableColumn): Wire | null {
  const scalar = byOid.get(typeOid);
  if (scalar !== undefined) return { kind: scalar };
  if (typeKind === "e" || typeName === "citext") return { kind: "text" };
  const element = byOid.get(elementOid);
  if (typeKind === "d") return element === undefined ? null : { kind: element };
  if (typeName === "vector") return { kind: "vector" };
  return typeName.startsWith("_") && element !== undefined ? { kind: "array", element, elementOid } : null;
}

export function arrayOf(element: ScalarWire): Wire {
  return { kind: "array", element, elementOid: oids[element] };
}

/** Whether every value of predictions goes in, or the encoder says for each that does not. Nothing is rounded in silence. */
export function takes(wire: Wire, type: ColumnType): boolean {
  if (type.kind === "dictionary") return takes(wire, type.value);
  if (type.kind === "null") return true;
  switch (wire.kind) {
    case "array":
      return isList(type) && takes({ kind: wire.element }, type.item);
    case "vector":
      return isList(type) && (type.item.kind === "float" || type.item.kind === "int");
    case "json":
    case "jsonb":
      return type.kind !== "other";
    default:
      return scalarTypes[wire.kind].includes(type.kind) && !(wire.kind === "float4" && isWide(type));
  }
}

export function isList(type: ColumnType): type is Extract<ColumnType, { readonly item: ColumnType }> {
  return type.kind === "list" || type.kind === "fixed-list";
}

function isWide(type: ColumnType): boolean {
  return (type.kind === "float" && type.bits === 64) || (type.kind === "int" && type.bits > 16);
}

const scalarTypes: {
  readonly [wire in Exclude<ScalarWire, "json" | "jsonb">]: readonly ColumnType["kind"][];
} = {
  bool: ["bool"],
  int2: ["int"],
  int4: ["int"],
  int8: ["int"],
  float4: ["float", "int"],
  float8: ["float", "int"],
  numeric: ["int", "float", "decimal"],
  text: ["utf8"],
  uuid: ["utf8"],
  bytea: ["binary", "fixed-binary"],
  date: ["date"],
  time: ["time"],
  timestamp: ["timestamp"],
  timestamptz: ["timestamp"],
};

/** What a column of a new table is, and its values on the wire. `null`: there is nothing for it. */
export function newScalar(type: ColumnType): { readonly sql: string; readonly wire: ScalarWire } | null {
  switch (type.kind) {
    case "dictionary":
      return newScalar(type.value);
    case "bool":
      return { sql: "boolean", wire: "bool" };
    case "int":
      return newInteger(type.signed ? type.bits : type.bits * 2);
    case "float":
      return type.bits === 64 ? { sql: "double precision", wire: "float8" } : { sql: "real", wire: "float4" };
    case "decimal":
      return { sql: `numeric(${type.precision},${type.scale})`, wire: "numeric" };
    case "utf8":
    case "null":
      return { sql: "text", wire: "text" };
    case "binary":
    case "fixed-binary":
      return { sql: "bytea", wire: "bytea" };
    case "date":
      return { sql: "date", wire: "date" };
    case "time":
      return { sql: "time", wire: "time" };
    case "timestamp":
      return type.timezone === null
        ? { sql: "timestamp", wire: "timestamp" }
        : { sql: "timestamptz", wire: "timestamptz" };
    default:
      return null;
  }
}

/** @param bits of a signed integer that holds every value */
function newInteger(bits: number): { readonly sql: string; readonly wire: ScalarWire } {
  if (bits <= 16) return { sql: "smallint", wire: "int2" };
  if (bits <= 32) return { sql: "integer", wire: "int4" };
  return bits <= 64 ? { sql: "bigint", wire: "int8" } : { sql: "numeric(20,0)", wire: "numeric" };
}
