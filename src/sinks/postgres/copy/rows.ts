/** Encodes batches for a binary COPY into a staging table, in pieces of bounded size. */
import type { Data, RecordBatch } from "apache-arrow";
import type { WrittenColumn, WrittenColumns } from "../columns/written-columns.js";
import { arrayOfChild, cellOf } from "./cells.js";
import { CopyBuffer } from "./copy-buffer.js";
import { type Cell, listBounds, misfit } from "./values.js";

/** The header and the trailer of COPY data. */
export const copyHeader = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)]);
export const copyTrailer = Buffer.from([0xff, 0xff]);

/** COPY is fastest with pieces of 64 KiB to 1 MiB. */
export const copyPieceBytes = 256 * 1024;

/**
 * Element numbers of a row: predictions are counted by their row with the first element, or with `none` if
 * the list is empty.
 */
export const element = { none: -1, first: 0 } as const;

/**
 * Yields rows with the attempt's number, the element's number if a list is exploded, and the columns.
 *
 * @param attempt number under which the rows are stored
 */
export function* copyRows(
  batch: RecordBatch,
  { columns, exploded }: WrittenColumns,
  attempt: number,
): Iterable<Buffer> {
  const out = new CopyBuffer();
  const cells = columns.map((column) => columnCell(batch, column));
  const lists = exploded === null ? null : listAt(batch, exploded);
  const fields = cells.length + (lists === null ? 1 : 2);
  const begin = (): void => {
    out.ensure(18);
    out.int16(fields);
    out.int32(4);
    out.int32(attempt);
  };
  for (let row = 0; row < batch.numRows; row++) {
    if (lists === null) {
      begin();
      for (const { cell } of cells) cell(row, out);
    } else {
      const [from, to] = lists(row);
      for (let at = from; at < Math.max(to, from + 1); at++) {
        const isNone = at === to;
        begin();
        out.int32(4);
        out.int32(isNone ? element.none : element.first + at - from);
        for (const { cell, isElement } of cells)
          if (isElement && isNone) {
            out.ensure(4);
            out.int32(-1);
          } else cell(isElement ? at : row, out);
      }
    }
    if (out.length >= copyPieceBytes) yield out.take();
  }
  if (out.length > 0) yield out.take();
}

interface ColumnCell {
  readonly cell: Cell;
  readonly isElement: boolean;
}

function columnCell(batch: RecordBatch, column: WrittenColumn): ColumnCell {
  const { from, field, isElement, wire, name } = column;
  const data = childAt(batch, from);
  if (isElement) {
    const [items] = data.children;
    const child = field === null ? items : items?.children[field];
    if (child === undefined) throw misfit(name, "its elements are not as planned");
    return { cell: cellOf(child, wire, name), isElement };
  }
  if (field === null) return { cell: cellOf(data, wire, name), isElement };
  const child = data.children[0]?.children[field];
  if (child === undefined || wire.kind !== "array") throw misfit(name, "its elements are not as planned");
  const cell = arrayOfChild(listBounds(data), child, wire.element, wire.elementOid, name);
  if (data.nullCount === 0) return { cell, isElement };
  return {
    isElement,
    cell: (row, out) => {
      if (data.getValid(row)) cell(row, out);
      else {
        out.ensure(4);
        out.int32(-1);
      }
    },
  };
}

/** Returns the bounds of each row's list; an empty range if the list is null. */
function listAt(batch: RecordBatch, column: number): (row: number) => readonly [number, number] {
  const data = childAt(batch, column);
  const bounds = listBounds(data);
  return (row) => (data.getValid(row) ? bounds(row) : [0, 0]);
}

function childAt(batch: RecordBatch, at: number): Data {
  const data = batch.data.children[at];
  if (data === undefined) throw new Error(`a batch has no column ${at}`);
  return data;
}
