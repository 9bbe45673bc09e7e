/** Converts values of a column to a wider type of the same kind. No value changes. */
import { BufferType, Data, DataType, Precision } from "apache-arrow";
import { arrowType, columnType } from "../../data/arrow-types.js";
import { type ColumnType, type TimeUnit, typeName } from "../../data/column.js";
import { doubleToHalf, halfToDouble } from "../../data/float16.js";
import { DataError } from "../../errors.js";

/** Position of a batch and the converted column, for errors. */
export interface Place {
  readonly path: string;
  /** Zero-based number of the batch's first row in its file. */
  readonly firstRow: number;
  readonly column: string;
}

type Kind<K extends ColumnType["kind"]> = Extract<ColumnType, { readonly kind: K }>;

export function widenNumbers(data: Data, to: Kind<"int"> | Kind<"float">): Data {
  const from = columnType(data.type);
  const isNumber = from.kind === "int" || from.kind === "float";
  if (!isNumber || (from.kind === to.kind && from.bits === to.bits)) return data;
  const type = arrowType(to);
  const values = new type.ArrayType(data.length);
  const source = data.values as ArrayLike<number | bigint>;
  const isHalf = DataType.isFloat(data.type) && data.type.precision === Precision.HALF;
  const isWide = to.kind === "int" && to.bits === 64;
  const isNarrow = to.kind === "float" && to.bits === 16;
  for (let row = 0; row < data.length; row++) {
    const value = isHalf ? halfToDouble(Number(source[row] ?? 0)) : (source[row] ?? 0);
    values[row] = isWide ? BigInt(value) : isNarrow ? doubleToHalf(Number(value)) : Number(value);
  }
  return replaced(data, type, values);
}

/** Converts integers and decimals to a decimal with more digits before or after the decimal point. */
export function widenDecimals(data: Data, to: Kind<"decimal">): Data {
  const from = columnType(data.type);
  const isNumber = from.kind === "int" || from.kind === "decimal";
  if (!isNumber || (from.kind === "decimal" && from.scale === to.scale && from.bits === to.bits)) return data;
  const words = to.bits / 32;
  const values = new Uint32Array(data.length * words);
  const factor = 10n ** BigInt(to.scale - (from.kind === "decimal" ? from.scale : 0));
  for (let row = 0; row < data.length; row++)
    if (data.getValid(row)) writeWords(unscaled(data, row) * factor, values, row * words, words);
  return replaced(data, arrowType(to), values);
}

/** Returns an integer, or the unscaled value of a decimal. */
function unscaled({ type, values, stride }: Data, row: number): bigint {
  if (!DataType.isDecimal(type)) return BigInt(values[row] ?? 0);
  let value = 0n;
  for (let word = stride - 1; word >= 0; word--)
    value = (value << 32n) | BigInt((values as Uint32Array)[row * stride + word] ?? 0);
  return BigInt.asIntN(stride * 32, value);
}

function writeWords(value: bigint, out: Uint32Array, at: number, words: number): void {
  for (let word = 0; word < words; word++)
    out[at + word] = Number(BigInt.asUintN(32, value >> BigInt(32 * word)));
}

const perSecond = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n } as const;
const secondsOfDay = 86_400n;

/** @throws DataError `data.out-of-range` for an instant that the finer unit does not reach */
export function widenTimes(data: Data, to: Kind<"timestamp"> | Kind<"time">, place: Place): Data {
  const from = columnType(data.type);
  const isTime = from.kind === "timestamp" || from.kind === "time" || from.kind === "date";
  if (!isTime) return data;
  const type = arrowType(to);
  // Both names of one zone, `UTC` and `+00:00`.
  if (from.kind !== "date" && from.unit === to.unit)
    return String(type) === String(data.type) ? data : data.clone(type);
  const [factor, divisor] = ratio(from, to.unit);
  const values = new type.ArrayType(data.length);
  const source = data.values as ArrayLike<number | bigint>;
  const isWide = values instanceof BigInt64Array;
  for (let row = 0; row < data.length; row++) {
    if (!data.getValid(row)) continue;
    const value = (BigInt(source[row] ?? 0) * factor) / divisor;
    if (BigInt.asIntN(64, value) !== value) throw outOfRange(place, row, typeName(to));
    values[row] = isWide ? value : Number(value);
  }
  return replaced(data, type, values);
}

function ratio(
  from: Kind<"timestamp"> | Kind<"time"> | Kind<"date">,
  unit: TimeUnit,
): readonly [factor: bigint, divisor: bigint] {
  if (from.kind !== "date") return [perSecond[unit] / perSecond[from.unit], 1n];
  return from.unit === "day" ? [secondsOfDay * perSecond[unit], 1n] : [perSecond[unit], perSecond.ms];
}

function replaced(data: Data, type: DataType, values: unknown): Data {
  return new Data(type, data.offset, data.length, data.nullCount, {
    [BufferType.DATA]: values,
    [BufferType.VALIDITY]: data.nullBitmap,
  });
}

function outOfRange({ path, firstRow, column }: Place, row: number, type: string): DataError {
  return new DataError(
    "data.out-of-range",
    `${path}, row ${firstRow + row}: column "${column}" contains an instant outside of ${type}, its type in other files`,
    {
      hint: "Write the files with one unit, microseconds at the finest, or score them in separate runs.",
      details: { file: path, row: firstRow + row, column },
    },
  );
}
