import { type Data, DataType } from "apache-arrow";

/** Returns where each list begins among the elements; the position after the last list is its end. */
export function listStarts(data: Data): (row: number) => number {
  if (DataType.isFixedSizeList(data.type)) {
    const size = data.type.listSize;
    return (row) => row * size;
  }
  const offsets = data.valueOffsets as Int32Array | BigInt64Array;
  return offsets instanceof Int32Array ? (row) => offsets[row] ?? 0 : (row) => Number(offsets[row]);
}
