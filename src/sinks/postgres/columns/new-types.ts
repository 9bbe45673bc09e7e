/** Chooses the column types of a table that is created for predictions. */
import { type Column, type ColumnType, listMetadata } from "../../../data/column.js";
import type { ListLayout } from "../postgres-write.js";
import type { VectorTypes } from "./vector-types.js";
import { arrayOf, isList, isVectorLayout, maxVectorSize, type ScalarWire, takes, type Wire } from "./wire.js";

export interface NewType {
  readonly sql: string;
  readonly wire: Wire;
}

/** A column for which a type is chosen. */
export interface NewColumn {
  readonly type: ColumnType;
  readonly layout: ListLayout | null;
  readonly isEmbedding: boolean;
}

/** Returns `null` if there is no suitable type. */
export function newType({ type, layout, isEmbedding }: NewColumn, vectors: VectorTypes): NewType | null {
  const scalar = newScalar(type);
  if (scalar !== null) return { sql: scalar.sql, wire: { kind: scalar.wire } };
  if (isList(type)) {
    if (isVectorLayout(layout)) return newVector(layout, type, vectors);
    if (layout === null && vectors.vector !== null && isEmbedding) return newVector("vector", type, vectors);
    const element = layout === "jsonb" ? null : newScalar(type.item);
    if (element !== null) return { sql: `${element.sql}[]`, wire: arrayOf(element.wire) };
  }
  return takes({ kind: "jsonb" }, type) ? { sql: "jsonb", wire: { kind: "jsonb" } } : null;
}

/** Whether a list fits into a vector without loss, and is neither class probabilities nor an image. */
export function isEmbedding({ type, metadata = {} }: Column): boolean {
  if (type.kind !== "fixed-list" || type.size === 0 || type.size > maxVectorSize) return false;
  const isPlain = metadata[listMetadata.labels] === undefined && metadata[listMetadata.shape] === undefined;
  return isPlain && type.item.kind === "float" && type.item.bits <= 32;
}

function newVector(kind: keyof VectorTypes, type: ColumnType, vectors: VectorTypes): NewType {
  const size = type.kind === "fixed-list" ? type.size : null;
  const sql = `${vectors[kind] ?? kind}${size === null ? "" : `(${size})`}`;
  return { sql, wire: { kind, size, rounds: true } };
}

function newScalar(type: ColumnType): { readonly sql: string; readonly wire: ScalarWire } | null {
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
      return { sql: "bytea", wire: "bytea" };
    case "fixed-binary":
      if (type.logical === "uuid") return { sql: "uuid", wire: "uuid" };
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

/** @param bits of a signed integer that can hold every value */
function newInteger(bits: number): { readonly sql: string; readonly wire: ScalarWire } {
  if (bits <= 16) return { sql: "smallint", wire: "int2" };
  if (bits <= 32) return { sql: "integer", wire: "int4" };
  return bits <= 64 ? { sql: "bigint", wire: "int8" } : { sql: "numeric(20,0)", wire: "numeric" };
}
