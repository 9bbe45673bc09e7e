/** Functions that writers of all types share. */
import { type Data, DataType, Precision, Vector } from "apache-arrow";
import { DataError } from "../../../errors.js";
import type { CopyBuffer } from "./copy-buffer.js";

/** Writes one value, or null, with its length in front. Row numbers are those of the batch. */
export type Cell = (row: number, out: CopyBuffer) => void;

export const writeNull: Cell = (_row, out) => {
  out.ensure(4);
  out.int32(-1);
};

/** Returns the range of elements in the child of each row's list. */
export function listBounds(data: Data): (row: number) => readonly [number, number] {
  if (DataType.isFixedSizeList(data.type)) {
    const { listSize } = data.type;
    return (row) => [row * listSize, (row + 1) * listSize];
  }
  const { valueOffsets } = data;
  return (row) => [Number(valueOffsets[row]), Number(valueOffsets[row + 1])];
}

/** Returns a reader of integers and floats of any width. */
export function numberOf(data: Data): (row: number) => number {
  if (DataType.isFloat(data.type) && data.type.precision === Precision.HALF) {
    const values = new Vector([data]);
    return (row) => Number(values.get(row));
  }
  const values = data.values as ArrayLike<number | bigint>;
  return (row) => Number(values[row]);
}

const wider = "Make the table's column wider, or change the output.";

/** Error for a value that does not fit. It names the column, and never the value. */
export function misfit(column: string, what: string, hint = wider): DataError {
  return new DataError("data.database-value", `column ${column}: ${what}.`, {
    hint,
    details: { column },
  });
}
