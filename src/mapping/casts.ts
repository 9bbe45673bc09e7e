/**
 * Which column types may feed which tensor types. Integers, booleans and decimals go into float tensors, and float64
 * into float32, without being asked: every default export takes its features that way, as its training did. What goes into
 * an integer is checked row by row: its range, and that it is whole unless `cast: lossy` cuts fractions off. Text is never
 * parsed.
 */
import { type ColumnType, typeName } from "../data/column.js";
import type { TensorType } from "../data/tensor.js";
import { integerRange } from "../scoring/tensors/integer-range.js";
import type { TimePart } from "./mapping.js";
import { tensorColumnType } from "./tensor-columns.js";

export interface CastProblem {
  readonly code: "mapping.cast";
  /** Continues a sentence that starts with the column's name. */
  readonly message: string;
  readonly hint: string;
}

export function isFloatTensor(type: TensorType): boolean {
  return type === "float16" || type === "float32" || type === "float64";
}

/** Whether a constant of a job is a value of that tensor. */
export function fits(value: string | number | boolean, type: TensorType): boolean {
  // The engine takes texts as C strings.
  if (type === "string") return typeof value === "string" && !value.includes("\0");
  if (type === "bool") return typeof value === "boolean" || value === 0 || value === 1;
  if (typeof value !== "number") return false;
  if (isFloatTensor(type)) return true;
  const range = integerRange(type);
  return Number.isSafeInteger(value) && value >= range.min && value <= range.max;
}

/** What `nulls` may be for an input of the type. */
export function allowedNulls(type: TensorType): string {
  if (isFloatTensor(type)) return "nan, error, reject or a number";
  if (type === "string") return "error, reject or a text";
  if (type === "bool") return "error, reject, true or false";
  return `error, reject or an integer that ${type} can hold`;
}

/** The type of a column's values, behind its dictionary. */
export function valueType(type: ColumnType): ColumnType {
  return type.kind === "dictionary" ? valueType(type.value) : type;
}

/** A column of lists, as deep as they are nested. */
export interface ListShape {
  readonly item: ColumnType;
  /** By level from the outside; `null` where lists of that level have any length. */
  readonly lengths: readonly (number | null)[];
}

/** `null` for what is no list. */
export function listShape(columnType: ColumnType): ListShape | null {
  const type = valueType(columnType);
  if (type.kind !== "list" && type.kind !== "fixed-list") return null;
  const length = type.kind === "list" ? null : type.size;
  const inner = listShape(type.item);
  return inner === null
    ? { item: type.item, lengths: [length] }
    : { item: inner.item, lengths: [length, ...inner.lengths] };
}

/** Why a map file can't turn a column into numbers for that tensor, or `null` when it can. */
export function mapProblem(columnType: ColumnType, tensorType: TensorType): CastProblem | null {
  const type = valueType(columnType);
  if (tensorType === "string" || tensorType === "bool")
    return cast(`gives numbers through its \`map\`, and the input takes ${tensorType}`, "leave `map` out");
  if (type.kind === "utf8" || type.kind === "int" || type.kind === "bool" || type.kind === "null")
    return null;
  return cast(
    `is a ${typeName(type)}, and \`map\` looks up text, integers or booleans`,
    "leave `map` out, or name another column",
  );
}

/** Why a column can't be converted to what `dtype` says, or that not fed to its tensor; `null` when it can. */
export function dtypeProblem(
  columnType: ColumnType,
  dtype: TensorType,
  tensorType: TensorType,
  options: CastOptions,
): CastProblem | null {
  // An integer has one decimal form; a float has several, and the training of the model used one of them.
  const bytesAsText = dtype === "string";
  const writesInteger = dtype === "string" && options.part === null && valueType(columnType).kind === "int";
  const there = writesInteger ? null : castProblem(columnType, dtype, { ...options, bytesAsText });
  if (there !== null) return { ...there, message: there.message.replace("the input takes", "`dtype` says") };
  const value = options.part === null ? valueType(columnType).kind : null;
  if (value === "null") return null;
  const onward = castProblem(tensorColumnType(dtype), tensorType, { part: null });
  return onward === null
    ? null
    : { ...onward, message: `becomes ${dtype} by \`dtype\`, which ${onward.message}` };
}

export interface CastOptions {
  readonly part: TimePart | null;
  /** Bytes are text in UTF-8: Impala, old Hive and others leave the annotation out that says so. */
  readonly bytesAsText?: boolean;
}

/** Why a column can't feed a tensor of that type, or `null` when it can. */
export function castProblem(
  columnType: ColumnType,
  tensorType: TensorType,
  options: CastOptions,
): CastProblem | null {
  const type = valueType(columnType);
  if (options.part !== null) return partProblem(type, options.part, tensorType);
  if (type.kind === "null") return null;
  if (tensorType === "string") {
    const isText = type.kind === "utf8" || (type.kind === "binary" && options.bytesAsText === true);
    return isText ? null : notText(type);
  }
  switch (type.kind) {
    case "bool":
    case "int":
    case "float":
    case "decimal":
      return null;
    case "utf8":
      return cast(
        `is text, and the input takes ${tensorType}`,
        "encode it with `map: { file: … }`, or use a model that takes strings",
      );
    case "timestamp":
    case "date":
    case "time":
      return cast(
        `is a ${typeName(type)}, and the input takes ${tensorType}`,
        `say which part of it: { column: …, part: ${type.kind === "date" ? "dow" : "hour"} }`,
      );
    case "list":
    case "fixed-list":
      return cast(
        `is a ${typeName(type)}, and one value a row is needed here`,
        "a list column feeds an input on its own: `list: <column>`",
      );
    default:
      return cast(
        `is a ${typeName(type)}, a type that no model input takes`,
        type.kind === "struct" && type.fields.length > 0
          ? `name one of its fields: ${type.fields
              .map(({ name }) => `<column>.${name}`)
              .slice(0, 3)
              .join(", ")}`
          : "cast it in the query, such as `column::float8`, or turn it into numbers, text or a list in the data",
      );
  }
}

const partsOfDay: readonly TimePart[] = ["hour", "minute", "second"];

function partProblem(type: ColumnType, part: TimePart, tensorType: TensorType): CastProblem | null {
  if (tensorType === "string" || tensorType === "bool")
    return cast(
      `gives a number for \`part: ${part}\`, and the input takes ${tensorType}`,
      "leave `part` out",
    );
  if (type.kind === "timestamp") return null;
  if (type.kind === "date")
    return partsOfDay.includes(part)
      ? cast(`is a date, which has no ${part}`, "use a timestamp column, or another part")
      : null;
  if (type.kind === "time")
    return partsOfDay.includes(part)
      ? null
      : cast(`is a time of day, which has no ${part}`, "use a timestamp column, or hour, minute or second");
  return cast(
    `is ${typeName(type)}, and \`part\` needs a timestamp, a date or a time`,
    "leave `part` out, or name another column",
  );
}

function notText(type: ColumnType): CastProblem {
  return cast(
    `is ${typeName(type)}, and the input takes text`,
    type.kind === "int"
      ? "write its digits as text with `dtype: string`"
      : type.kind === "binary"
        ? "if its bytes are text in UTF-8, say so with `dtype: string`"
        : "store the column as text, written the way the model was trained on it",
  );
}

function cast(message: string, hint: string): CastProblem {
  return { code: "mapping.cast", message, hint };
}
