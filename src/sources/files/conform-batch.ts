/**
 * Converts the columns of one file to the columns that all files agreed on: wider types, and nulls for
 * missing columns.
 */
import {
  BufferType,
  Data,
  DataType,
  Dictionary,
  Field,
  Map_,
  RecordBatch,
  Schema,
  Struct,
  Vector,
} from "apache-arrow";
import { arrowType, columnType } from "../../data/arrow-types.js";
import type { Column, ColumnType } from "../../data/column.js";
import { type Place, widenDecimals, widenNumbers, widenTimes } from "./widen-values.js";

/**
 * @param columns the agreed columns, in the desired order
 * @param place position of the batch's first row, for errors
 */
export function conformBatch(
  batch: RecordBatch,
  columns: readonly Column[],
  place: Omit<Place, "column">,
): RecordBatch {
  const found = new Map(batch.schema.fields.map(({ name }, index) => [name, batch.data.children[index]]));
  const children = columns.map(({ name, type }) => {
    const data = found.get(name);
    return data === undefined ? nulls(type, batch.numRows) : conform(data, type, { ...place, column: name });
  });
  const same = children.every((child, index) => child === batch.data.children[index]);
  if (same && children.length === batch.data.children.length) return batch;
  const fields = columns.map(({ name, nullable }, index) => {
    const known = batch.schema.fields.find((field) => field.name === name);
    const { type } = children[index] ?? new Data(arrowType({ kind: "null" }), 0, 0);
    return new Field(name, type, known?.nullable ?? nullable, known?.metadata);
  });
  return new RecordBatch(
    new Schema(fields),
    new Data(new Struct(fields), 0, batch.numRows, 0, undefined, children),
  );
}

/** Returns the data itself if it has the desired type, or one with the same layout. */
function conform(data: Data, to: ColumnType, place: Place): Data {
  const { type } = data;
  if (DataType.isDictionary(type)) return conformDictionary(data, to, place);
  if (to.kind === "dictionary") return conform(data, to.value, place);
  if (DataType.isNull(type)) return to.kind === "null" ? data : nulls(to, data.length);
  switch (to.kind) {
    case "int":
    case "float":
      return widenNumbers(data, to);
    case "decimal":
      return widenDecimals(data, to);
    case "timestamp":
    case "time":
      return widenTimes(data, to, place);
    case "binary":
      return DataType.isFixedSizeBinary(type) ? withOffsets(data, type.byteWidth) : data;
    case "list":
    case "fixed-list":
      return conformList(data, to, place);
    case "struct":
      return DataType.isStruct(type) ? conformStruct(data, to.fields, place) : data;
    case "map":
      return conformMap(data, to, place);
    default:
      return data;
  }
}

function conformDictionary(data: Data, to: ColumnType, place: Place): Data {
  const value = to.kind === "dictionary" ? to.value : to;
  const parts = data.dictionary?.data ?? [];
  const conformed = parts.map((part) => conform(part, value, place));
  const [first] = conformed;
  if (first === undefined || conformed.every((part, index) => part === parts[index])) return data;
  const type = new Dictionary(first.type, (data.type as Dictionary).indices);
  return new Data(
    type,
    data.offset,
    data.length,
    data.nullCount,
    { [BufferType.DATA]: data.values, [BufferType.VALIDITY]: data.nullBitmap },
    [],
    new Vector(conformed),
  );
}

function conformList(data: Data, to: ColumnType & { readonly item: ColumnType }, place: Place): Data {
  const [items] = data.children;
  if (items === undefined) return data;
  const child = conform(items, to.item, place);
  if (DataType.isFixedSizeList(data.type) && to.kind === "list") {
    const { listSize } = data.type;
    const offsets = Int32Array.from({ length: data.length + 1 }, (_, row) => row * listSize);
    return new Data(
      listOf({ kind: "list", item: to.item }, child),
      data.offset,
      data.length,
      data.nullCount,
      {
        [BufferType.OFFSET]: offsets,
        [BufferType.VALIDITY]: data.nullBitmap,
      },
      [child],
    );
  }
  if (child === items) return data;
  return data.clone(listOf(to, child), data.offset, data.length, data.nullCount, undefined, [child]);
}

/** Creates a list type with the child's own type, which may be a dictionary. */
function listOf(to: ColumnType, child: Data): DataType {
  const type = arrowType(to);
  const [element] = type.children as readonly Field[];
  if (element === undefined) return type;
  const Type = type.constructor as new (...parts: unknown[]) => DataType;
  const field = new Field(element.name, child.type, true);
  return DataType.isFixedSizeList(type) ? new Type(type.listSize, field) : new Type(field);
}

function conformStruct(data: Data, fields: readonly Column[], place: Place): Data {
  const names: readonly Field[] = data.type.children;
  const children = fields.map(({ name, type }) => {
    const child = data.children[names.findIndex((field) => field.name === name)];
    const column = `${place.column}.${name}`;
    // A column that cannot be read is replaced by nulls, so that batches of all files have one type and can
    // be joined.
    return child === undefined || type.kind === "other"
      ? nulls(type, data.length)
      : conform(child, type, { ...place, column });
  });
  const same = children.every((child, index) => child === data.children[index]);
  if (same && children.length === data.children.length) return data;
  const type = new Struct(fields.map(({ name }, index) => new Field(name, typeOf(children[index]), true)));
  return data.clone(type, data.offset, data.length, data.nullCount, undefined, children);
}

function conformMap(data: Data, to: ColumnType & { readonly kind: "map" }, place: Place): Data {
  const [entries] = data.children;
  const [keys, values] = entries?.children ?? [];
  if (!DataType.isMap(data.type) || entries === undefined || keys === undefined || values === undefined)
    return data;
  const children = [conform(keys, to.key, place), conform(values, to.value, place)];
  if (children[0] === keys && children[1] === values) return data;
  const struct = new Struct([
    new Field("key", typeOf(children[0]), false),
    new Field("value", typeOf(children[1]), true),
  ]);
  const inner = entries.clone(struct, entries.offset, entries.length, entries.nullCount, undefined, children);
  const type = new Map_(new Field("entries", struct, false) as never);
  return data.clone(type, data.offset, data.length, data.nullCount, undefined, [inner]);
}

function typeOf(data: Data | undefined): DataType {
  return data?.type ?? arrowType({ kind: "null" });
}

/** Adds the offsets of variable-width bytes to fixed-width bytes. */
function withOffsets(data: Data, width: number): Data {
  const offsets = Int32Array.from({ length: data.length + 1 }, (_, row) => row * width);
  return new Data(arrowType({ kind: "binary" }), data.offset, data.length, data.nullCount, {
    [BufferType.OFFSET]: offsets,
    [BufferType.DATA]: data.values,
    [BufferType.VALIDITY]: data.nullBitmap,
  });
}

/** A column of nothing but nulls. */
function nulls(to: ColumnType, rows: number): Data {
  if (to.kind === "dictionary") return nulls(to.value, rows);
  if (to.kind === "other" || to.kind === "null") return new Data(arrowType({ kind: "null" }), 0, rows, rows);
  const validity = { [BufferType.VALIDITY]: new Uint8Array((rows + 7) >> 3) };
  const offsets = { [BufferType.OFFSET]: new Int32Array(rows + 1) };
  const make = (type: DataType, buffers: object, children: Data[] = []) =>
    new Data(type, 0, rows, rows, { ...validity, ...buffers }, children);
  switch (to.kind) {
    case "utf8":
    case "binary":
      return make(arrowType(to), { ...offsets, [BufferType.DATA]: new Uint8Array(0) });
    case "list":
    case "fixed-list": {
      const child = nulls(to.item, to.kind === "list" ? 0 : rows * to.size);
      return make(listOf(to, child), to.kind === "list" ? offsets : {}, [child]);
    }
    case "struct": {
      const children = to.fields.map((field) => nulls(field.type, rows));
      const fields = to.fields.map(({ name }, index) => new Field(name, typeOf(children[index]), true));
      return make(new Struct(fields), {}, children);
    }
    case "map": {
      const type = arrowType(to);
      const entry = columnType((type as Map_).children[0]?.type ?? type);
      return make(type, offsets, [nulls(entry, 0)]);
    }
    case "bool":
      return make(arrowType(to), { [BufferType.DATA]: new Uint8Array((rows + 7) >> 3) });
    default: {
      const type = arrowType(to);
      const { stride } = new Data(type, 0, 0);
      return make(type, { [BufferType.DATA]: new type.ArrayType(rows * stride) });
    }
  }
}
