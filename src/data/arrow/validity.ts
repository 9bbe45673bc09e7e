import { type Data, DataType } from "apache-arrow";

/**
 * Calls `onNull` for every null among `count` values from `start`, in order. The index is relative to
 * `start`.
 */
export type FindNulls = (start: number, count: number, onNull: (index: number) => void) => void;

/** Returns a function that finds the column's nulls, or `null` if the column has none. */
export function nullFinder(data: Data): FindNulls | null {
  const ofSlots = isAllNull(data) || data.nullCount > 0 ? slotNulls(data) : null;
  if (!DataType.isDictionary(data.type)) return ofSlots;
  const nullEntries = nullDictionaryEntries(data);
  if (nullEntries.size === 0) return ofSlots;
  const indices = data.values as Int32Array;
  return (start, count, onNull) => {
    for (let index = 0; index < count; index++)
      if (isNull(data, start + index) || nullEntries.has(Number(indices[start + index]))) onNull(index);
  };
}

/**
 * A bitmap is addressed in bits from the data's own offset; a slice has moved the values but not the bitmap.
 */
function slotNulls(data: Data): FindNulls {
  const bitmap: Uint8Array | undefined = data.nullBitmap;
  if (bitmap === undefined || bitmap.length === 0)
    return (_start, count, onNull) => {
      for (let index = 0; index < count; index++) onNull(index);
    };
  return (start, count, onNull) => {
    const first = data.offset + start;
    let index = 0;
    while (index < count) {
      const bit = first + index;
      const byte = bitmap[bit >> 3] ?? 0;
      if (byte === 0xff && (bit & 7) === 0) index += 8;
      else {
        if ((byte & (1 << (bit & 7))) === 0) onNull(index);
        index++;
      }
    }
  };
}

function nullDictionaryEntries(data: Data): ReadonlySet<number> {
  const entries = new Set<number>();
  let first = 0;
  for (const values of data.dictionary?.data ?? []) {
    slotNullsOf(values, (index) => entries.add(first + index));
    first += values.length;
  }
  return entries;
}

function slotNullsOf(data: Data, onNull: (index: number) => void): void {
  nullFinder(data)?.(0, data.length, onNull);
}

/** Columns of type null have no bitmap, and a slice of one has no null count either. */
function isAllNull({ type }: Data): boolean {
  return DataType.isNull(type);
}

/** Reports whether one slot is null. The entries of a dictionary are not examined. */
export function isNull(data: Data, index: number): boolean {
  if (isAllNull(data)) return true;
  if (data.nullCount <= 0) return false;
  const bitmap: Uint8Array | undefined = data.nullBitmap;
  if (bitmap === undefined || bitmap.length === 0) return true;
  const bit = data.offset + index;
  return ((bitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0;
}

/** Builds a validity bitmap of `length` rows in which `rows` are null; `null` if `rows` is empty. */
export function bitmapWithout(rows: Iterable<number>, length: number): Uint8Array | null {
  let bitmap: Uint8Array | null = null;
  for (const row of rows) {
    bitmap ??= new Uint8Array((length + 7) >> 3).fill(0xff);
    const byte = row >> 3;
    bitmap[byte] = (bitmap[byte] ?? 0) & ~(1 << (row & 7));
  }
  return bitmap;
}
