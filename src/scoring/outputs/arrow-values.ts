/** Typed arrays and texts as Arrow columns. */
import { BufferType, Data, DataType } from "apache-arrow";
import { encodeTexts } from "../../data/arrow/texts.js";
import { BugError } from "../../errors.js";
import type { TensorBuffer } from "../tensors/tensor-buffers.js";
import type { Nulled } from "./output-column.js";

const noNulls: Nulled = { bitmap: null, count: 0 };

/** `rows` rows of one value each, or of a fixed-size list of values. */
export function rowsColumn(type: DataType, values: TensorBuffer, rows: number, nulled: Nulled): Data {
  if (!DataType.isFixedSizeList(type)) return valuesColumn(type, values, nulled);
  const item = type.children[0];
  if (item === undefined) throw new BugError("bug.columns", "a list has no item type");
  const elements = valuesColumn(item.type, values, noNulls);
  return new Data(type, 0, rows, nulled.count, validity(nulled), [elements]);
}

export function valuesColumn(type: DataType, values: TensorBuffer, nulled: Nulled = noNulls): Data {
  if (Array.isArray(values)) {
    const { offsets, bytes } = encodeTexts(values);
    return new Data(type, 0, values.length, nulled.count, {
      [BufferType.OFFSET]: offsets,
      [BufferType.DATA]: bytes,
      ...validity(nulled),
    });
  }
  const packed = DataType.isBool(type) ? packBits(values as Uint8Array) : values;
  return new Data(type, 0, values.length, nulled.count, {
    [BufferType.DATA]: packed,
    ...validity(nulled),
  });
}

export function validity({ bitmap }: Nulled): { readonly [BufferType.VALIDITY]: Uint8Array } {
  return { [BufferType.VALIDITY]: bitmap ?? new Uint8Array(0) };
}

function packBits(values: Uint8Array): Uint8Array {
  const bits = new Uint8Array((values.length + 7) >> 3);
  for (let index = 0; index < values.length; index++)
    if (values[index] !== 0) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  return bits;
}
