/**
 * Maps types of a database to column types that hold their values exactly, and to the format in which the
 * values are sent.
 */
import type { ColumnType } from "../../data/column.js";
import type { Session } from "../../postgres/session.js";

/** The format of a column's values in PostgreSQL's binary protocol. */
export type Wire =
  | { readonly kind: FixedWire | "bool" | "bytes" | "json-b" | "uuid" | "char" }
  | { readonly kind: "numeric"; readonly precision: number; readonly scale: number }
  | { readonly kind: "list"; readonly item: Wire }
  /**
   * A type of pgvector, with four or two bytes for each number; `size` is `null` if the column does not fix
   * it.
   */
  | { readonly kind: VectorWire; readonly size: number | null }
  /** Values that no column type can represent exactly. */
  | { readonly kind: "unreadable"; readonly wayOut: string };

/** Fixed-width values. */
export type FixedWire =
  | "int2"
  | "int4"
  | "int8"
  | "oid"
  | "float4"
  | "float8"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz";

export type VectorWire = "vector" | "halfvec";

export interface WireType {
  readonly type: ColumnType;
  readonly wire: Wire;
}

/** The relevant properties of a type in the catalogue. */
export interface CatalogueType {
  readonly oid: number;
  readonly name: string;
  /** `pg_type.typtype`: b(ase), e(num), d(omain), c(omposite), r(ange), m(ultirange). */
  readonly kind: string;
  /** For a domain. */
  readonly baseOid: number;
  readonly baseModifier: number;
  /** For an array; 0 for others. */
  readonly elementOid: number;
}

export type CatalogueTypes = ReadonlyMap<number, CatalogueType>;

const typesSql = `
  select t.oid::int8::float8 as oid, t.typname::text as name, t.typtype as kind,
         t.typbasetype::int8::float8 as "baseOid", t.typtypmod as "baseModifier",
         case when t.typcategory = 'A' then t.typelem::int8::float8 else 0 end as "elementOid"
  from pg_type t where t.oid = any($1::oid[])`;

/** Returns the types with these OIDs, and the types that they are composed of. */
export async function readTypes(session: Session, oids: readonly number[]): Promise<CatalogueTypes> {
  const types = new Map<number, CatalogueType>();
  let wanted = [...new Set(oids)];
  while (wanted.length > 0) {
    const { rows } = await session.query<CatalogueType>(typesSql, [wanted]);
    for (const type of rows) types.set(type.oid, type);
    const parts = rows.flatMap(({ baseOid, elementOid }) => [baseOid, elementOid]);
    wanted = [...new Set(parts)].filter((oid) => oid !== 0 && !types.has(oid));
  }
  return types;
}

const utf8: WireType = { type: { kind: "utf8" }, wire: { kind: "bytes" } };

function integer(bits: 16 | 32 | 64, kind: FixedWire, signed = true): WireType {
  return { type: { kind: "int", bits, signed }, wire: { kind } };
}

/** Built-in types by their numbers, which never change. */
const builtIn: { readonly [oid: number]: WireType } = {
  16: { type: { kind: "bool" }, wire: { kind: "bool" } },
  17: { type: { kind: "binary" }, wire: { kind: "bytes" } },
  18: { type: { kind: "utf8" }, wire: { kind: "char" } },
  19: utf8,
  20: integer(64, "int8"),
  21: integer(16, "int2"),
  23: integer(32, "int4"),
  25: utf8,
  26: integer(32, "oid", false),
  114: utf8,
  700: { type: { kind: "float", bits: 32 }, wire: { kind: "float4" } },
  701: { type: { kind: "float", bits: 64 }, wire: { kind: "float8" } },
  1042: utf8,
  1043: utf8,
  1082: { type: { kind: "date", unit: "day" }, wire: { kind: "date" } },
  1083: { type: { kind: "time", unit: "us" }, wire: { kind: "time" } },
  1114: { type: { kind: "timestamp", unit: "us", timezone: null }, wire: { kind: "timestamp" } },
  1184: { type: { kind: "timestamp", unit: "us", timezone: "UTC" }, wire: { kind: "timestamptz" } },
  2950: { type: { kind: "utf8" }, wire: { kind: "uuid" } },
  3802: { type: { kind: "utf8" }, wire: { kind: "json-b" } },
};

const numericOid = 1700;

/** @param modifier as the server encodes it: -1 if there is none */
export function wireType(oid: number, modifier: number, types: CatalogueTypes): WireType {
  const known = builtIn[oid];
  if (known !== undefined) return known;
  if (oid === numericOid) return numeric(modifier);
  const type = types.get(oid);
  if (type === undefined) return unreadable(`type ${oid}`);
  if (type.kind === "d")
    return wireType(type.baseOid, type.baseModifier === -1 ? modifier : type.baseModifier, types);
  if (type.kind === "e" || type.name === "citext") return utf8;
  if (type.elementOid !== 0) return listOf(wireType(type.elementOid, modifier, types), type.name);
  // By name, since extensions have other OIDs in every database and may be in any schema.
  if ((type.name === "vector" || type.name === "halfvec") && type.kind === "b")
    return vector(type.name, modifier);
  return unreadable(type.name, waysOut[type.name] ?? castToText);
}

const castToText = "select it as text with a query: column::text";
const waysOut: { readonly [type: string]: string } = {
  interval: "select its length in seconds with a query: extract(epoch from column)::float8",
  timetz: "select it without its zone with a query: column::time",
  money: "select it as a number with a query: column::numeric::numeric(20, 2)",
  sparsevec: "select all of its numbers with a query: column::vector",
};

function listOf(item: WireType, name: string): WireType {
  if (item.wire.kind === "unreadable") return unreadable(name, item.wire.wayOut);
  if (item.wire.kind === "list") return unreadable(name);
  return { type: { kind: "list", item: item.type }, wire: { kind: "list", item: item.wire } };
}

/**
 * Halves become float32, as in the outputs of models: float32 has a column type everywhere, and few readers
 * support halves.
 */
function vector(kind: VectorWire, modifier: number): WireType {
  const item = { kind: "float", bits: 32 } as const;
  return modifier > 0
    ? { type: { kind: "fixed-list", item, size: modifier }, wire: { kind, size: modifier } }
    : { type: { kind: "list", item }, wire: { kind, size: null } };
}

const maxDecimalDigits = 38;

/**
 * Decodes `numeric(p, s)`: the modifier contains p and s; s is signed and has 11 bits since PostgreSQL 15.
 */
function numeric(modifier: number): WireType {
  const wayOut =
    "declare its precision, numeric(38, 10) say, or select it so with a query, or as column::float8 where its last digits may go";
  if (modifier < 4) return unreadable("numeric without precision", wayOut);
  const packed = modifier - 4;
  const precision = (packed >> 16) & 0xffff;
  const scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
  // Number of digits, including zeros between the decimal point and the first or last stored digit.
  const digits = scale < 0 ? precision - scale : Math.max(precision, scale);
  if (digits > maxDecimalDigits) return unreadable(`numeric(${precision}, ${scale})`, wayOut);
  const places = Math.max(scale, 0);
  return {
    type: { kind: "decimal", precision: digits, scale: places, bits: 128 },
    wire: { kind: "numeric", precision: digits, scale: places },
  };
}

function unreadable(name: string, wayOut = castToText): WireType {
  return { type: { kind: "other", name }, wire: { kind: "unreadable", wayOut } };
}
