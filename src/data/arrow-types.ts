/** Converts between Arrow types and their JSON shape ({@link ColumnType}). */
import {
  TimeUnit as ArrowTimeUnit,
  Binary,
  Bool,
  DataType,
  DateDay,
  DateMillisecond,
  DateUnit,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  type Float,
  Float16,
  Float32,
  Float64,
  Int,
  Int32,
  List,
  Map_,
  Null,
  Precision,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimeSecond,
  Timestamp,
  Type,
  Utf8,
} from "apache-arrow";
import { DataError } from "../errors.js";
import { type Column, type ColumnType, logicalName, type TimeUnit, typeName, withLogical } from "./column.js";

const arrowUnits = {
  s: ArrowTimeUnit.SECOND,
  ms: ArrowTimeUnit.MILLISECOND,
  us: ArrowTimeUnit.MICROSECOND,
  ns: ArrowTimeUnit.NANOSECOND,
} as const;
const units: readonly TimeUnit[] = ["s", "ms", "us", "ns"];
const floats = { 16: Float16, 32: Float32, 64: Float64 } as const;
const floatBits = { [Precision.HALF]: 16, [Precision.SINGLE]: 32, [Precision.DOUBLE]: 64 } as const;
const times = { s: TimeSecond, ms: TimeMillisecond, us: TimeMicrosecond, ns: TimeNanosecond } as const;

/**
 * Returns the Arrow type of a column's values. Large-offset and view types are normalised: readers return
 * them as `Utf8`, `Binary` and `List`. Dictionaries have `int32` indices.
 * @throws DataError `format.unsupported-type`
 */
export function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case "bool":
      return new Bool();
    case "int":
      return new Int(type.signed, type.bits);
    case "float":
      return new floats[type.bits]();
    case "decimal":
      return new Decimal(type.scale, type.precision, type.bits);
    case "utf8":
      return new Utf8();
    case "binary":
      return new Binary();
    case "fixed-binary":
      return new FixedSizeBinary(type.bytes);
    case "date":
      return type.unit === "day" ? new DateDay() : new DateMillisecond();
    case "time":
      return new times[type.unit]();
    case "timestamp":
      return new Timestamp(arrowUnits[type.unit], type.timezone);
    case "list":
      return new List(fieldOf("element", type.item, true));
    case "fixed-list":
      return new FixedSizeList(type.size, fieldOf("element", type.item, true));
    case "struct":
      return new Struct(type.fields.map(arrowField));
    case "map":
      return mapOf(fieldOf("key", type.key, false), fieldOf("value", type.value, true));
    case "dictionary":
      return new Dictionary(arrowType(type.value), new Int32());
    case "null":
      return new Null();
    case "other":
      throw new DataError("format.unsupported-type", `values of type ${type.name} cannot be passed on`, {
        hint: "Leave the column out, or write it as another type.",
      });
  }
}

function mapOf(key: Field, value: Field): DataType {
  const entries = new Struct<{ key: DataType; value: DataType }>([key, value]);
  return new Map_(new Field("entries", entries, false));
}

function arrowField(column: Column): Field {
  return fieldOf(column.name, column.type, column.nullable, column.metadata);
}

/** Metadata key of a field's logical type, which Arrow's own types cannot hold. */
const logicalKey = "nightshift.logical";

function fieldOf(
  name: string,
  type: ColumnType,
  nullable: boolean,
  metadata: Column["metadata"] = {},
): Field {
  const logical = logicalName(type);
  const named = logical === null ? [] : [[logicalKey, logical] as const];
  return new Field(name, arrowType(type), nullable, new Map([...Object.entries(metadata), ...named]));
}

/** @throws DataError `format.unsupported-type` naming the column */
export function arrowSchema(columns: readonly Column[]): Schema {
  return new Schema(
    columns.map((column) => {
      try {
        return arrowField(column);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        throw new DataError(error.code, `column "${column.name}": ${error.message}`, {
          details: { column: column.name, type: typeName(column.type) },
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        });
      }
    }),
  );
}

/**
 * Returns the JSON shape of an Arrow type. A type that Nightshift neither reads nor writes becomes `other`.
 */
export function columnType(type: DataType): ColumnType {
  if (DataType.isDictionary(type)) return { kind: "dictionary", value: columnType(type.dictionary) };
  if (DataType.isBool(type)) return { kind: "bool" };
  if (DataType.isInt(type))
    return { kind: "int", bits: (type as Int).bitWidth, signed: (type as Int).isSigned };
  if (DataType.isFloat(type)) return { kind: "float", bits: floatBits[(type as Float).precision] };
  if (DataType.isDecimal(type)) return decimalType(type);
  if (isText(type)) return { kind: "utf8" };
  if (isBytes(type)) return { kind: "binary" };
  if (DataType.isFixedSizeBinary(type)) return { kind: "fixed-binary", bytes: type.byteWidth };
  if (DataType.isDate(type)) return { kind: "date", unit: type.unit === DateUnit.DAY ? "day" : "ms" };
  if (DataType.isTime(type)) return { kind: "time", unit: units[type.unit] ?? "ns" };
  if (DataType.isTimestamp(type))
    return { kind: "timestamp", unit: units[type.unit] ?? "ns", timezone: type.timezone ?? null };
  if (DataType.isFixedSizeList(type))
    return { kind: "fixed-list", item: childType(type, 0), size: type.listSize };
  if (DataType.isMap(type)) {
    const entries = type.children[0]?.type ?? type;
    return { kind: "map", key: childType(entries, 0), value: childType(entries, 1) };
  }
  if (DataType.isStruct(type)) return { kind: "struct", fields: type.children.map(columnOf) };
  if (type.typeId === Type.List || type.typeId === Type.LargeList)
    return { kind: "list", item: childType(type, 0) };
  if (DataType.isNull(type)) return { kind: "null" };
  return { kind: "other", name: String(type) };
}

function childType(type: DataType, index: number): ColumnType {
  const child: Field | undefined = type.children[index];
  return child === undefined ? { kind: "null" } : columnOf(child).type;
}

export function columnOf(field: Field): Column {
  const type = withLogical(columnType(field.type), field.metadata.get(logicalKey));
  const column = { name: field.name, type, nullable: field.nullable };
  const metadata = [...field.metadata].filter(([key]) => key !== logicalKey);
  return metadata.length === 0 ? column : { ...column, metadata: Object.fromEntries(metadata) };
}

function decimalType(type: Decimal): ColumnType {
  return {
    kind: "decimal",
    precision: type.precision,
    scale: type.scale,
    bits: type.bitWidth === 256 ? 256 : 128,
  };
}

function isText(type: DataType): boolean {
  return type.typeId === Type.Utf8 || type.typeId === Type.LargeUtf8 || type.typeId === Type.Utf8View;
}

function isBytes(type: DataType): boolean {
  return type.typeId === Type.Binary || type.typeId === Type.LargeBinary || type.typeId === Type.BinaryView;
}
