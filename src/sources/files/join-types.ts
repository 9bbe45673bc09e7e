/**
 * Finds the type that can hold every value of a column that files store with several types. Types are joined
 * as a set, never one after the other: so the result depends neither on the order nor on the number of files.
 */
import type { Column, ColumnType, TimeUnit } from "../../data/column.js";

/** A type of a column, and the first file that uses it. */
export interface SeenType {
  readonly type: ColumnType;
  readonly path: string;
}

export interface JoinRules {
  /**
   * Returns the type of a field that a struct of `lacking` does not have, although the struct of `seen` has
   * it.
   */
  missingField(column: string, seen: SeenType, lacking: string): ColumnType;
  /** Returns the type of a column whose types have no common supertype. */
  conflict(column: string, seen: readonly SeenType[]): ColumnType;
}

/** @param column name for messages; for a field of a struct, its path */
export function joinTypes(column: string, seen: readonly SeenType[], rules: JoinRules): ColumnType {
  const [first, ...others] = distinct(seen.filter(({ type }) => type.kind !== "null"));
  if (first === undefined) return { kind: "null" };
  if (others.length === 0) return first.type;
  const plain = distinct([first, ...others].map(({ type, path }) => ({ type: valuesOf(type), path })));
  const types = plain.map(({ type }) => type);
  const [only, ...more] = types;
  if (only !== undefined && more.length === 0) return only;
  return (
    types.find(({ kind }) => kind === "other") ??
    joinNumbers(types) ??
    joinTimes(types) ??
    joinBytes(types) ??
    joinNested(column, plain, rules) ??
    rules.conflict(column, plain)
  );
}

/** Returns each type once, with the first file that uses it. */
function distinct(seen: readonly SeenType[]): readonly SeenType[] {
  const byType = new Map<string, SeenType>();
  for (const one of seen) {
    const key = JSON.stringify(one.type);
    if (!byType.has(key)) byType.set(key, one);
  }
  return [...byType.values()];
}

function valuesOf(type: ColumnType): ColumnType {
  return type.kind === "dictionary" ? valuesOf(type.value) : type;
}

type Kind<K extends ColumnType["kind"]> = Extract<ColumnType, { readonly kind: K }>;

function allOf<K extends ColumnType["kind"]>(
  types: readonly ColumnType[],
  ...kinds: readonly K[]
): readonly Kind<K>[] | null {
  return types.every(({ kind }) => (kinds as readonly string[]).includes(kind))
    ? (types as readonly Kind<K>[])
    : null;
}

function joinNumbers(types: readonly ColumnType[]): ColumnType | null {
  const integers = allOf(types, "int");
  if (integers !== null) return joinIntegers(integers);
  const floats = allOf(types, "int", "float");
  if (floats !== null) return joinFloats(floats);
  const decimals = allOf(types, "int", "decimal");
  return decimals === null ? null : joinDecimals(decimals);
}

/** Returns the smallest integer type that holds all of them. No type holds both int64 and uint64. */
function joinIntegers(types: readonly Kind<"int">[]): ColumnType | null {
  const most = (signed: boolean) =>
    Math.max(0, ...types.filter((type) => type.signed === signed).map(({ bits }) => bits));
  const [signed, unsigned] = [most(true), most(false)];
  const bits = signed === 0 ? unsigned : Math.max(signed, unsigned * 2);
  return bits > 64 ? null : { kind: "int", bits: bits as 8 | 16 | 32 | 64, signed: signed > 0 };
}

/**
 * Bits of the smallest float that holds every integer of this width exactly; no float holds all 64-bit
 * integers.
 */
const floatBitsFor = { 8: 16, 16: 32, 32: 64, 64: null } as const;

function joinFloats(types: readonly (Kind<"int"> | Kind<"float">)[]): ColumnType | null {
  let bits: 16 | 32 | 64 = 16;
  for (const type of types) {
    const needed = type.kind === "float" ? type.bits : floatBitsFor[type.bits];
    if (needed === null) return null;
    if (needed > bits) bits = needed;
  }
  return { kind: "float", bits };
}

const maxDecimalDigits = { 128: 38, 256: 76 } as const;

function joinDecimals(types: readonly (Kind<"int"> | Kind<"decimal">)[]): ColumnType | null {
  const digits = types.map((type) =>
    type.kind === "decimal"
      ? { whole: type.precision - type.scale, scale: type.scale, bits: type.bits }
      : { whole: integerDigits(type), scale: 0, bits: 128 as const },
  );
  const scale = Math.max(...digits.map((one) => one.scale));
  const precision = Math.max(...digits.map((one) => one.whole)) + scale;
  if (precision > maxDecimalDigits[256]) return null;
  const isWide = precision > maxDecimalDigits[128] || digits.some(({ bits }) => bits === 256);
  return { kind: "decimal", precision, scale, bits: isWide ? 256 : 128 };
}

function integerDigits({ bits, signed }: Kind<"int">): number {
  return { 8: 3, 16: 5, 32: 10, 64: signed ? 19 : 20 }[bits];
}

const unitOrder: readonly TimeUnit[] = ["s", "ms", "us", "ns"];

function finest(units: readonly TimeUnit[]): TimeUnit {
  return unitOrder[Math.max(...units.map((unit) => unitOrder.indexOf(unit)))] ?? "ns";
}

const utcNames: ReadonlySet<string> = new Set(["UTC", "utc", "Etc/UTC", "GMT", "Z", "+00:00", "+0000"]);

/**
 * A date becomes its midnight as a timestamp without a zone. Timestamps with and without a zone are never
 * mixed.
 */
function joinTimes(types: readonly ColumnType[]): ColumnType | null {
  if (allOf(types, "date") !== null) return { kind: "date", unit: "day" };
  const times = allOf(types, "time");
  if (times !== null) return { kind: "time", unit: finest(times.map(({ unit }) => unit)) };
  const instants = allOf(types, "timestamp", "date");
  if (instants === null) return null;
  const zones = new Set(instants.map((type) => (type.kind === "date" ? null : zoneOf(type))));
  const [timezone = null, ...otherZones] = zones;
  if (otherZones.length > 0) return null;
  const units = instants.flatMap((type) => (type.kind === "date" ? [] : [type.unit]));
  return { kind: "timestamp", unit: finest(units), timezone };
}

function zoneOf({ timezone }: Kind<"timestamp">): string | null {
  return timezone !== null && utcNames.has(timezone) ? "UTC" : timezone;
}

/** Text and bytes are never mixed. */
function joinBytes(types: readonly ColumnType[]): ColumnType | null {
  if (allOf(types, "utf8") !== null) return { kind: "utf8" };
  const bytes = allOf(types, "binary", "fixed-binary");
  if (bytes === null) return null;
  const widths = new Set(bytes.map((type) => (type.kind === "fixed-binary" ? type.bytes : null)));
  const [width = null, ...otherWidths] = widths;
  return width === null || otherWidths.length > 0
    ? { kind: "binary" }
    : { kind: "fixed-binary", bytes: width };
}

function joinNested(column: string, seen: readonly SeenType[], rules: JoinRules): ColumnType | null {
  const types = seen.map(({ type }) => type);
  const lists = allOf(types, "list", "fixed-list");
  if (lists !== null) {
    const item = joinPart(`${column}[]`, lists, seen, (type) => type.item, rules);
    const sizes = new Set(lists.map((type) => (type.kind === "fixed-list" ? type.size : null)));
    const [size = null, ...otherSizes] = sizes;
    return size === null || otherSizes.length > 0
      ? { kind: "list", item }
      : { kind: "fixed-list", item, size };
  }
  const maps = allOf(types, "map");
  if (maps !== null)
    return {
      kind: "map",
      key: joinPart(`${column} (key)`, maps, seen, (type) => type.key, rules),
      value: joinPart(`${column} (value)`, maps, seen, (type) => type.value, rules),
    };
  const structs = allOf(types, "struct");
  return structs === null ? null : { kind: "struct", fields: joinFields(column, structs, seen, rules) };
}

function joinPart<Type extends ColumnType>(
  column: string,
  types: readonly Type[],
  seen: readonly SeenType[],
  partOf: (type: Type) => ColumnType,
  rules: JoinRules,
): ColumnType {
  const parts = types.map((type, index) => ({ type: partOf(type), path: seen[index]?.path ?? "" }));
  return joinTypes(column, parts, rules);
}

/** Returns the union of all fields, in the order in which they are found. */
function joinFields(
  column: string,
  structs: readonly Kind<"struct">[],
  seen: readonly SeenType[],
  rules: JoinRules,
): readonly Column[] {
  const names = new Set(structs.flatMap(({ fields }) => fields.map(({ name }) => name)));
  return [...names].map((name) => {
    const found = structs.map(({ fields }) => fields.find((field) => field.name === name));
    const path = `${column}.${name}`;
    const types = found.flatMap((field, index) =>
      field === undefined ? [] : [{ type: field.type, path: seen[index]?.path ?? "" }],
    );
    const lacking = found.indexOf(undefined);
    const [first] = types;
    const nullable = lacking >= 0 || found.some((field) => field?.nullable === true);
    const joined = joinTypes(path, types, rules);
    if (lacking < 0 || first === undefined) return { name, type: joined, nullable };
    const missing = rules.missingField(path, { ...first, type: joined }, seen[lacking]?.path ?? "");
    return { name, type: missing, nullable };
  });
}
