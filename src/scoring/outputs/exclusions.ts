/** Elements that a list column of the input excludes for a row. */
import type { Data, RecordBatch } from "apache-arrow";
import { boundData } from "../../data/arrow/columns.js";
import { isNull, nullFinder } from "../../data/arrow/validity.js";
import { BugError } from "../../errors.js";
import type { Ids } from "../../mapping/files/mapping-files.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import { integerReader } from "../binding/fill-exact-integers.js";
import { listStarts } from "../binding/list-starts.js";
import { readNumbers } from "../binding/read-numbers.js";
import { createTextDecoderCache, textReader } from "../binding/text-reader.js";

export interface Exclusions {
  open(batch: RecordBatch): void;
  /** Returns a test of elements for this row of the open chunk; valid until the next call. */
  ofRow(row: number): (element: number) => boolean;
}

export function createExclusions(column: BoundColumn, ids: Ids): Exclusions {
  const places = placesOf(ids);
  const lastExcluding = new Int32Array(ids.values.length).fill(-1);
  const isExcluded = (element: number): boolean => lastExcluding[element] === serial;
  let serial = -1;
  let mark: (row: number) => void = () => {};
  return {
    open(batch) {
      const lists = boundData(batch, column);
      const [elements] = lists.children;
      if (elements === undefined)
        throw new BugError("bug.exclude", `column "${column.column}" is ${String(lists.type)}, not a list`);
      const startOf = listStarts(lists);
      const placeAt = places(elements, column);
      mark = (row) => {
        // A serial number for each row, so that nothing has to be reset between rows.
        serial++;
        if (serial === 0x7fffffff) {
          lastExcluding.fill(-1);
          serial = 0;
        }
        if (isNull(lists, row)) return;
        for (let index = startOf(row); index < startOf(row + 1); index++) {
          const place = placeAt(index);
          if (place !== undefined) lastExcluding[place] = serial;
        }
      };
    },
    ofRow(row) {
      mark(row);
      return isExcluded;
    },
  };
}

/** Returns the position of the id in a slot of a list's elements; `undefined` for nulls and unknown ids. */
type PlaceAt = (index: number) => number | undefined;

function placesOf(ids: Ids): (elements: Data, column: BoundColumn) => PlaceAt {
  if (ids.kind === "utf8") {
    const places = new Map(ids.values.map((id, place) => [id, place]));
    const decoder = createTextDecoderCache();
    return (elements, { column }) => {
      const at = textReader(elements, column, decoder);
      return unlessNull(elements, (index) => places.get(at(index) ?? ""));
    };
  }
  const numbers = Array.from(ids.values, Number);
  if (!numbers.every(Number.isSafeInteger)) return placesOfWide(ids.values);
  // No integer beyond 2^53 is rounded to a smaller one, so doubles find the right position or none.
  const places = new Map(numbers.map((id, place) => [id, place]));
  return (elements, column) => {
    const read = readNumbers(elements, column);
    const one = new Float64Array(1);
    return unlessNull(elements, (index) => {
      read(index, 1, one);
      return places.get(one[0] ?? 0);
    });
  };
}

function placesOfWide(ids: BigInt64Array): (elements: Data, column: BoundColumn) => PlaceAt {
  const places = new Map(Array.from(ids, (id, place) => [id, place]));
  return (elements) => {
    const at = integerReader(elements);
    return unlessNull(elements, (index) => (at === null ? undefined : places.get(at(index) ?? "")));
  };
}

function unlessNull(elements: Data, placeAt: PlaceAt): PlaceAt {
  const nulls = nullFinder(elements);
  if (nulls === null) return placeAt;
  const rows = new Set<number>();
  nulls(0, elements.length, (index) => rows.add(index));
  return (index) => (rows.has(index) ? undefined : placeAt(index));
}
