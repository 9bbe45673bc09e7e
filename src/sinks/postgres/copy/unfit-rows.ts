/**
 * Finds rows with values that PostgreSQL cannot store before they are copied, so that the job's row policy
 * applies to them: texts with U+0000, and instants with more precision than microseconds.
 */
import { type Data, DataType, type RecordBatch, TimeUnit } from "apache-arrow";
import type { UnfitRow } from "../../sink.js";
import type { Wire } from "../columns/wire.js";
import type { WrittenColumns } from "../columns/written-columns.js";

/** Positions of the values that cannot be stored. */
type Unfit = ReadonlySet<number>;

const none: Unfit = new Set();

/** @param rounds whether instants are rounded to microseconds */
export function unfitRows(
  batch: RecordBatch,
  { columns }: WrittenColumns,
  rounds: boolean,
): readonly UnfitRow[] {
  const found = new Map<number, UnfitRow>();
  for (const { from, name, wire } of columns) {
    const data = batch.data.children[from];
    if (data === undefined) continue;
    const add = (rows: Unfit, what: string) => {
      for (const row of rows)
        if (!found.has(row)) found.set(row, { row, column: name, message: `column "${name}" holds ${what}` });
    };
    if (wire.kind !== "bytea")
      add(within(data, textsWithNul), "a text with the character U+0000, which PostgreSQL does not store");
    if (!rounds && isTime(wire))
      add(
        within(data, finerThanMicroseconds),
        "an instant finer than a microsecond, which PostgreSQL does not keep; `write.timestamps: round` rounds it",
      );
  }
  return [...found.values()].sort((a, b) => a.row - b.row);
}

function isTime(wire: Wire): boolean {
  const kind = wire.kind === "array" ? wire.element : wire.kind;
  return kind === "time" || kind === "timestamp" || kind === "timestamptz";
}

/** Returns the rows of a column that contain such a value at any depth. */
function within(data: Data, leaf: (data: Data) => Unfit): Unfit {
  const { type } = data;
  if (DataType.isDictionary(type)) return ofDictionary(data, leaf);
  if (DataType.isStruct(type)) {
    const fields = data.children.map((child) => within(child, leaf)).filter(({ size }) => size > 0);
    return valid(data, new Set(fields.flatMap((rows) => [...rows])));
  }
  const [child] = data.children;
  if (child === undefined) return leaf(data);
  const elements = within(child, leaf);
  if (elements.size === 0) return none;
  const { valueOffsets } = data;
  const start = (row: number): number =>
    DataType.isFixedSizeList(type) ? row * type.listSize : Number(valueOffsets[row]);
  const rows = new Set<number>();
  for (let row = 0; row < data.length; row++)
    for (let at = start(row); at < start(row + 1); at++) if (elements.has(at)) rows.add(row);
  return valid(data, rows);
}

function ofDictionary(data: Data, leaf: (data: Data) => Unfit): Unfit {
  const entries = new Set<number>();
  let before = 0;
  for (const values of data.dictionary?.data ?? []) {
    for (const entry of within(values, leaf)) entries.add(before + entry);
    before += values.length;
  }
  if (entries.size === 0) return none;
  const rows = new Set<number>();
  for (let row = 0; row < data.length; row++) if (entries.has(Number(data.values[row]))) rows.add(row);
  return valid(data, rows);
}

function valid(data: Data, rows: Unfit): Unfit {
  return data.nullCount === 0 ? rows : new Set([...rows].filter((row) => data.getValid(row)));
}

/** Searches all bytes at once, which is fast, and searches single rows only if it finds one. */
function textsWithNul(data: Data): Unfit {
  if (!DataType.isUtf8(data.type) || data.length === 0) return none;
  const bytes = data.values as Uint8Array;
  const offsets = data.valueOffsets as Int32Array;
  const [from, to] = [offsets[0] ?? 0, offsets[data.length] ?? 0];
  const rows = new Set<number>();
  let row = 0;
  for (let at = bytes.indexOf(0, from); at >= 0 && at < to; at = bytes.indexOf(0, offsets[row + 1])) {
    while ((offsets[row + 1] ?? to) <= at) row++;
    rows.add(row);
  }
  return valid(data, rows);
}

function finerThanMicroseconds(data: Data): Unfit {
  const { type } = data;
  const isInstant = DataType.isTimestamp(type) || DataType.isTime(type);
  if (!isInstant || type.unit !== TimeUnit.NANOSECOND) return none;
  const values = data.values as BigInt64Array;
  const rows = new Set<number>();
  for (let row = 0; row < data.length; row++) if ((values[row] ?? 0n) % 1000n !== 0n) rows.add(row);
  return valid(data, rows);
}
