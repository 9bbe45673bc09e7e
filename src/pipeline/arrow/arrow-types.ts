/** Columns as Arrow: the output's schema, and the check that decoded data is what the plan says it is. */
import {
  Schema as ArrowSchema,
  Binary,
  Bool,
  type Data,
  DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  Map_,
  Null,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimeSecond,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from "apache-arrow";
import { type Column, type ColumnType, typeName } from "../../column.js";
import { BugError, DataError } from "../../errors.js";

export function arrowSchema(columns: readonly Column[]): ArrowSchema {
  return new ArrowSchema(columns.map(arrowField));
}

function arrowField({ name, type, nullable, metadata }: Column): Field {
  return new Field(name, arrowType(type), nullable, new Map(Object.entries(metadata ?? {})));
}

const timeUnits = {
  s: TimeUnit.SECOND,
  ms: TimeUnit.MILLISECOND,
  us: TimeUnit.MICROSECOND,
  ns: TimeUnit.NANOSECOND,
};

/** Without dictionaries and 64-bit offsets: `plainRows` decodes them. */
export function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case "null":
      return new Null();
    case "bool":
      return new Bool();
    case "int":
      return integerType(type.bits, type.signed);
    case "float":
      return { 16: new Float16(), 32: new Float32(), 64: new Float64() }[type.bits];
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
      return {
        s: new TimeSecond(),
        ms: new TimeMillisecond(),
        us: new TimeMicrosecond(),
        ns: new TimeNanosecond(),
      }[type.unit];
    case "timestamp":
      return new Timestamp(timeUnits[type.unit], type.timezone);
    case "list":
      return new List(new Field("item", arrowType(type.item), true));
    case "fixed-list":
      return new FixedSizeList(type.size, new Field("item", arrowType(type.item), true));
    case "struct":
      return new Struct(type.fields.map(arrowField));
    case "map":
      return new Map_(
        new Field(
          "entries",
          new Struct<{ key: DataType; value: DataType }>([
            new Field("key", arrowType(type.key), false),
            new Field("value", arrowType(type.value), true),
          ]),
          false,
        ),
      );
    case "dictionary":
      return arrowType(type.value);
    case "other":
      throw new BugError("bug.unsupported-type", `${type.name} has no place in an output`);
  }
}

function integerType(bits: 8 | 16 | 32 | 64, signed: boolean): DataType {
  return signed
    ? { 8: new Int8(), 16: new Int16(), 32: new Int32(), 64: new Int64() }[bits]
    : { 8: new Uint8(), 16: new Uint16(), 32: new Uint32(), 64: new Uint64() }[bits];
}

/**
 * Refuses data whose buffers would be read as something else.
 * @throws DataError `source.schema-drift`
 */
export function requireType(data: Data, planned: ColumnType, column: string): void {
  if (sameLayout(data.type, arrowType(planned))) return;
  throw new DataError(
    "source.schema-drift",
    `column "${column}" decodes as ${String(data.type)}, and the plan says ${typeName(planned)}`,
    { hint: "plan again; if it persists, store all files with one schema", details: { column } },
  );
}

/** Whether values of both types lie alike behind their dictionaries and offsets; names of nested fields don't matter. */
function sameLayout(actual: DataType, planned: DataType): boolean {
  if (DataType.isDictionary(actual)) return sameLayout(actual.dictionary, planned);
  if (isText(actual) || isBytes(actual)) return isText(actual) ? isText(planned) : isBytes(planned);
  if (isList(actual)) return isList(planned) && sameChildren(actual, planned);
  // Parquet itself has no fixed-size lists, so one reader may see them where another sees lists.
  if (DataType.isFixedSizeList(actual) && isList(planned)) return sameChildren(actual, planned);
  if (actual.typeId !== planned.typeId) return false;
  if (DataType.isInt(actual) && DataType.isInt(planned))
    return actual.bitWidth === planned.bitWidth && actual.isSigned === planned.isSigned;
  if (DataType.isFloat(actual) && DataType.isFloat(planned)) return actual.precision === planned.precision;
  if (DataType.isDecimal(actual) && DataType.isDecimal(planned))
    return actual.scale === planned.scale && actual.bitWidth === planned.bitWidth;
  if (DataType.isTimestamp(actual) && DataType.isTimestamp(planned)) return actual.unit === planned.unit;
  if (DataType.isTime(actual) && DataType.isTime(planned)) return actual.unit === planned.unit;
  if (DataType.isDate(actual) && DataType.isDate(planned)) return actual.unit === planned.unit;
  if (DataType.isFixedSizeBinary(actual) && DataType.isFixedSizeBinary(planned))
    return actual.byteWidth === planned.byteWidth;
  if (
    DataType.isFixedSizeList(actual) &&
    DataType.isFixedSizeList(planned) &&
    actual.listSize !== planned.listSize
  )
    return false;
  return sameChildren(actual, planned);
}

function sameChildren(actual: DataType, planned: DataType): boolean {
  const ours: readonly Field[] = actual.children ?? [];
  const theirs: readonly Field[] = planned.children ?? [];
  return (
    ours.length === theirs.length &&
    ours.every((field, index) => {
      const other = theirs[index];
      return other !== undefined && sameLayout(field.type, other.type);
    })
  );
}

function isText(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type);
}

function isBytes(type: DataType): boolean {
  return DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type);
}

function isList(type: DataType): boolean {
  return DataType.isList(type) || DataType.isLargeList(type);
}
