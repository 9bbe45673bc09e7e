/**
 * Thrift's compact protocol as a tree that keeps every field, known or not, so that what is decoded can be written back
 * as it was. https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

export const wire = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
} as const;

export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftList | ThriftStruct;

export interface ThriftField {
  readonly id: number;
  /** One of {@link wire}. */
  readonly type: number;
  readonly value: ThriftValue;
}

export interface ThriftStruct {
  readonly fields: readonly ThriftField[];
}

export interface ThriftList {
  readonly elementType: number;
  readonly items: readonly ThriftValue[];
}

/** The bytes are no Thrift, or not what was expected of them. Callers name the file. */
export class ThriftError extends Error {}

// Fields by id. A field of another type than its name promises is an error, never a guess.

function valueAt(struct: ThriftStruct, id: number): ThriftValue | undefined {
  return struct.fields.find((field) => field.id === id)?.value;
}

function wrong(id: number, wanted: string): ThriftError {
  return new ThriftError(`field ${id} is not ${wanted}`);
}

export function integerField(struct: ThriftStruct, id: number): number | undefined {
  const value = valueAt(struct, id);
  if (value !== undefined && typeof value !== "number") throw wrong(id, "an integer");
  return value;
}

export function bytesField(struct: ThriftStruct, id: number): Uint8Array | undefined {
  const value = valueAt(struct, id);
  if (value !== undefined && !(value instanceof Uint8Array)) throw wrong(id, "a string");
  return value;
}

export function textField(struct: ThriftStruct, id: number): string | undefined {
  const bytes = bytesField(struct, id);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

export function structField(struct: ThriftStruct, id: number): ThriftStruct | undefined {
  const value = valueAt(struct, id);
  if (value === undefined || isStruct(value)) return value;
  throw wrong(id, "a structure");
}

export function structsField(struct: ThriftStruct, id: number): readonly ThriftStruct[] {
  return itemsField(struct, id).map((item) => {
    if (!isStruct(item)) throw wrong(id, "a list of structures");
    return item;
  });
}

export function itemsField(struct: ThriftStruct, id: number): readonly ThriftValue[] {
  const value = valueAt(struct, id);
  if (value === undefined) return [];
  if (typeof value !== "object" || !("items" in value)) throw wrong(id, "a list");
  return value.items;
}

function isStruct(value: ThriftValue): value is ThriftStruct {
  return typeof value === "object" && "fields" in value;
}

/** A number of something. @throws ThriftError where it is missing or negative */
export function countField(struct: ThriftStruct, id: number, what: string): number {
  const value = integerField(struct, id);
  if (value === undefined || value < 0) throw new ThriftError(`the number of ${what} is missing or negative`);
  return value;
}
