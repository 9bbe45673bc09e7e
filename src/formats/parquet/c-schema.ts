/**
 * Arrow's C data interface, types: ArrowSchema structs in WebAssembly memory to Arrow fields.
 * https://arrow.apache.org/docs/format/CDataInterface.html
 *
 * What the rest of Nightshift does not know is mapped to its plain sibling: 64-bit offsets and string views to `Utf8`,
 * `Binary` and `List`, dictionary indices to `Int32`, narrow decimals to 128 bits. An excerpt's hint then asks the decoder for values of those types.
 */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMicrosecond,
  DurationMillisecond,
  DurationNanosecond,
  DurationSecond,
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
  IntervalDayTime,
  IntervalMonthDayNano,
  IntervalYearMonth,
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

/** A field with what is needed to read its arrays. */
export interface CField {
  readonly field: Field;
  /** The interface's format string: how the values lie in memory. */
  readonly format: string;
  readonly children: readonly CField[];
  /** The values' field, where the array holds indices. */
  readonly dictionary: CField | null;
}

/** A type of the interface that Nightshift cannot read; callers name the file. */
export class UnsupportedType extends Error {
  constructor(
    readonly column: string,
    readonly format: string,
  ) {
    super(`column "${column}" has a type that is not supported (Arrow format "${format}")`);
  }
}

const nullableFlag = 2n;

const simpleTypes: { readonly [format: string]: () => DataType } = {
  n: () => new Null(),
  b: () => new Bool(),
  c: () => new Int8(),
  C: () => new Uint8(),
  s: () => new Int16(),
  S: () => new Uint16(),
  i: () => new Int32(),
  I: () => new Uint32(),
  l: () => new Int64(),
  L: () => new Uint64(),
  e: () => new Float16(),
  f: () => new Float32(),
  g: () => new Float64(),
  z: () => new Binary(),
  Z: () => new Binary(),
  vz: () => new Binary(),
  u: () => new Utf8(),
  U: () => new Utf8(),
  vu: () => new Utf8(),
  tdD: () => new DateDay(),
  tdm: () => new DateMillisecond(),
  tts: () => new TimeSecond(),
  ttm: () => new TimeMillisecond(),
  ttu: () => new TimeMicrosecond(),
  ttn: () => new TimeNanosecond(),
  tDs: () => new DurationSecond(),
  tDm: () => new DurationMillisecond(),
  tDu: () => new DurationMicrosecond(),
  tDn: () => new DurationNanosecond(),
  tiM: () => new IntervalYearMonth(),
  tiD: () => new IntervalDayTime(),
  tin: () => new IntervalMonthDayNano(),
};

const timestampUnits: { readonly [letter: string]: TimeUnit } = {
  s: TimeUnit.SECOND,
  m: TimeUnit.MILLISECOND,
  u: TimeUnit.MICROSECOND,
  n: TimeUnit.NANOSECOND,
};

/** @throws UnsupportedType */
export function readCSchema(memory: ArrayBuffer, address: number): CField {
  const view = new DataView(memory);
  const format = readText(memory, view.getUint32(address, true));
  const name = readText(memory, view.getUint32(address + 4, true));
  const metadata = readMetadata(view, view.getUint32(address + 8, true));
  const nullable = (view.getBigInt64(address + 16, true) & nullableFlag) !== 0n;
  const childCount = Number(view.getBigInt64(address + 24, true));
  const childList = view.getUint32(address + 32, true);
  const dictionaryAddress = view.getUint32(address + 36, true);

  const children: CField[] = [];
  for (let i = 0; i < childCount; i++)
    children.push(readCSchema(memory, view.getUint32(childList + 4 * i, true)));
  const dictionary = dictionaryAddress === 0 ? null : readCSchema(memory, dictionaryAddress);
  const type =
    dictionary === null
      ? typeOf(
          format,
          name,
          children.map((child) => child.field),
        )
      : new Dictionary(dictionary.field.type, new Int32());
  return { field: new Field(name, type, nullable, metadata), format, children, dictionary };
}

function typeOf(format: string, name: string, children: Field[]): DataType {
  const simple = simpleTypes[format]?.();
  if (simple !== undefined) return simple;
  const [head = "", tail = ""] = splitOnce(format, ":");
  const child = children[0];
  if (head === "d") return decimal(tail);
  if (head === "w") return new FixedSizeBinary(Number(tail));
  if (head === "+s") return new Struct(children);
  if (head === "+w" && child) return new FixedSizeList(Number(tail), child);
  if ((head === "+l" || head === "+L") && child) return new List(child);
  if (head === "+m" && child) return new Map_(child);
  const unit = head.length === 3 && head.startsWith("ts") ? timestampUnits[head.charAt(2)] : undefined;
  if (unit !== undefined) return new Timestamp(unit, tail === "" ? null : tail);
  throw new UnsupportedType(name, format);
}

function decimal(parameters: string): Decimal {
  const [precision = 0, scale = 0, bits = 128] = parameters.split(",").map(Number);
  return new Decimal(scale, precision, Math.max(bits, 128));
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Null-terminated. */
function readText(memory: ArrayBuffer, address: number): string {
  const bytes = new Uint8Array(memory, address);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function readMetadata(view: DataView, address: number): Map<string, string> {
  const metadata = new Map<string, string>();
  if (address === 0) return metadata;
  let at = address + 4;
  const text = (): string => {
    const length = view.getInt32(at, true);
    at += 4 + length;
    return new TextDecoder().decode(new Uint8Array(view.buffer, at - length, length));
  };
  for (let left = view.getInt32(address, true); left > 0; left--) metadata.set(text(), text());
  return metadata;
}
