/** Converts a hook's values to an Arrow column in own memory. */
import {
  BufferType,
  Data,
  type DataType,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { takeRows } from "../../data/arrow/take-rows.js";
import { arrowType, columnType } from "../../data/arrow-types.js";
import { type ColumnType, typeName } from "../../data/column.js";
import type { HookValues, HookValueType } from "../../hooks/hook.js";
import { plainType } from "../../mapping/resolve-columns.js";
import { misused } from "./misused.js";

export interface WantedColumn {
  readonly rows: number;
  /** The type that the hook requests. */
  readonly wanted: HookValueType | null;
  /** The type in the plan, if it exists already. */
  readonly planned: ColumnType | null;
}

/** @throws SpecError `hook.misused`; its message names no values */
export function columnData(name: string, values: HookValues, { rows, wanted, planned }: WantedColumn): Data {
  const length = (values as { readonly length?: unknown } | null | undefined)?.length;
  if (length !== rows)
    throw misused(
      `column "${name}" was given ${typeof length === "number" ? length : "no"} values for ${rows} rows`,
      "give one value for each row",
    );
  if (isVector(values)) return ofVector(name, values);
  if (ArrayBuffer.isView(values)) return ofTypedArray(name, values, rows, wanted);
  const type = wanted === null ? (planned ?? inferred(name, values)) : typesByName[wanted];
  return ofArray(name, values, type);
}

const typesByName: { readonly [name in HookValueType]: ColumnType } = {
  float32: { kind: "float", bits: 32 },
  float64: { kind: "float", bits: 64 },
  int32: { kind: "int", bits: 32, signed: true },
  int64: { kind: "int", bits: 64, signed: true },
  bool: { kind: "bool" },
  string: { kind: "utf8" },
};

/** A hook bundles its own copy of Arrow, so its vectors are recognised by their properties. */
function isVector(values: HookValues): values is Vector {
  return !Array.isArray(values) && !ArrayBuffer.isView(values) && "data" in values && "type" in values;
}

function ofVector(name: string, { data, length }: Vector): Data {
  const [only, ...more] = data;
  if (only === undefined || more.length > 0)
    throw misused(`column "${name}" was given a vector of ${data.length} batches`, "give one of one batch");
  const type = plainType(columnType(only.type));
  if (type.kind === "other")
    throw misused(`column "${name}" was given values of type ${type.name}`, "convert them to another type");
  return takeRows(
    only,
    Int32Array.from({ length }, (_, row) => row),
    arrowType(type),
  );
}

const typedArrays: readonly (readonly [array: unknown, type: () => DataType])[] = [
  [Float32Array, () => new Float32()],
  [Float64Array, () => new Float64()],
  [Int8Array, () => new Int8()],
  [Int16Array, () => new Int16()],
  [Int32Array, () => new Int32()],
  [BigInt64Array, () => new Int64()],
  [Uint8Array, () => new Uint8()],
  [Uint16Array, () => new Uint16()],
  [Uint32Array, () => new Uint32()],
  [BigUint64Array, () => new Uint64()],
];

function ofTypedArray(
  name: string,
  values: ArrayBufferView,
  rows: number,
  wanted: HookValueType | null,
): Data {
  const known = typedArrays.find(([array]) => values.constructor === array);
  if (known === undefined)
    throw misused(`column "${name}" was given a ${values.constructor.name}`, "use Float32Array or the like");
  const type = known[1]();
  if (wanted !== null && typeName(columnType(type)) !== typeName(typesByName[wanted]))
    throw misused(
      `column "${name}" is asked to be ${wanted}, and its values are a ${values.constructor.name}`,
      "leave the type out: a typed array has its own",
    );
  const copy = (values as Float64Array).slice();
  return new Data(type, 0, rows, 0, { [BufferType.DATA]: copy });
}

type Cell = null | undefined | number | bigint | string | boolean;

function inferred(name: string, values: readonly Cell[]): ColumnType {
  const first = values.find((value) => value !== null && value !== undefined);
  switch (typeof first) {
    case "number":
      return typesByName.float64;
    case "bigint":
      return typesByName.int64;
    case "boolean":
      return typesByName.bool;
    case "string":
      return typesByName.string;
    case "undefined":
      throw misused(
        `the type of column "${name}" can't be told: it has no values, or only nulls`,
        `say it: \`chunk.add("${name}", values, "float64")\``,
      );
    default:
      throw misused(
        `column "${name}" was given values of type ${typeof first}`,
        "give numbers, bigints, strings, booleans or nulls",
      );
  }
}

function ofArray(name: string, values: readonly Cell[], type: ColumnType): Data {
  const cells = values.map((value, row) => {
    if (value === null || value === undefined) return null;
    const cell = converted(value, type);
    if (cell !== null) return cell;
    throw misused(
      `column "${name}" is ${typeName(type)}, and its value in row ${row} of the chunk is a ${typeof value} that is none`,
      "give every row a value of one type, or null",
    );
  });
  const [data] = vectorFromArray(cells, arrowType(type)).data;
  return data ?? new Data(arrowType(type), 0, 0, 0);
}

/** Returns the value as the type's builder accepts it, `null` if the type cannot represent it. */
function converted(value: NonNullable<Cell>, type: ColumnType): NonNullable<Cell> | null {
  switch (type.kind) {
    case "float":
      return typeof value === "number" ? value : null;
    case "utf8":
      return typeof value === "string" ? value : null;
    case "bool":
      return typeof value === "boolean" ? value : null;
    case "int":
      return converted64(value, type.bits, type.signed);
    default:
      return null;
  }
}

function converted64(value: NonNullable<Cell>, bits: number, signed: boolean): number | bigint | null {
  const isWhole = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  if (!isWhole) return null;
  const whole = BigInt(value);
  const kept = signed ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole);
  if (kept !== whole) return null;
  return bits === 64 ? whole : Number(whole);
}
