/** Extracts fields of structs as columns. */
import { BufferType, type Data, DataType } from "apache-arrow";
import { BugError } from "../../errors.js";
import { isNull } from "./validity.js";

/** Returns the field at a path of names. A null struct on the path makes the field null. */
export function leafOf(data: Data, fields: readonly string[]): Data {
  return fields.reduce(fieldOf, data);
}

function fieldOf(data: Data, name: string): Data {
  const place = DataType.isStruct(data.type)
    ? data.type.children.findIndex((child) => child.name === name)
    : -1;
  const field = data.children[place];
  if (field === undefined) throw new BugError("bug.leaf", `${String(data.type)} has no field "${name}"`);
  return data.nullCount === 0 ? field : withNullsOf(data, field);
}

function withNullsOf(parent: Data, field: Data): Data {
  const { offset, length } = field;
  const bitmap = new Uint8Array((offset + length + 7) >> 3);
  let nulls = 0;
  for (let row = 0; row < length; row++) {
    const bit = offset + row;
    if (isNull(parent, row) || isNull(field, row)) nulls++;
    else bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  const buffers = {
    [BufferType.OFFSET]: field.valueOffsets,
    [BufferType.DATA]: field.values,
    [BufferType.VALIDITY]: bitmap,
  };
  return field.clone(field.type, offset, length, nulls, buffers as never, field.children);
}
