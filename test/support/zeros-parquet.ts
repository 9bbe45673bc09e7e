/** A Parquet file of a few hundred bytes that decodes to any number of equal values: one run of a dictionary's only entry. */
import { footerBytes, magic } from "../../src/formats/parquet/footer-edit.js";
import { type ThriftField, type ThriftValue, wire } from "../../src/formats/parquet/thrift.js";
import { encodeThrift } from "../../src/formats/parquet/thrift-encode.js";

const integer = (id: number, value: number): ThriftField => ({ id, type: wire.i32, value });
const long = (id: number, value: number): ThriftField => ({ id, type: wire.i64, value });
const text = (id: number, value: string): ThriftField => ({
  id,
  type: wire.binary,
  value: Buffer.from(value),
});
const struct = (id: number, ...fields: ThriftField[]): ThriftField => ({
  id,
  type: wire.struct,
  value: { fields },
});
const list = (id: number, elementType: number, items: readonly ThriftValue[]): ThriftField => ({
  id,
  type: wire.list,
  value: { elementType, items },
});

/** Parquet's `Type`; both take eight bytes. */
const physical = { int64: 2, float64: 5 } as const;
const plain = 0;
const rle = 3;
const rleDictionary = 8;

interface ZerosOptions {
  readonly type?: keyof typeof physical;
  /** Values of each column chunk as the footer tells them, where it lies. */
  readonly told?: number;
}

/** Required columns without statistics; every value of every row group is 0. */
export function zerosParquet(
  names: readonly string[],
  rowsOfGroups: readonly number[],
  { type = "float64", told }: ZerosOptions = {},
): Uint8Array {
  const parts: Uint8Array[] = [magic];
  let length = magic.byteLength;
  const append = (bytes: Uint8Array): void => {
    parts.push(bytes);
    length += bytes.byteLength;
  };
  const groups = rowsOfGroups.map((rows) => {
    const columns = names.map((name) => {
      const start = length;
      const dictionary = new Uint8Array(8);
      append(pageHeader(2, dictionary, struct(7, integer(1, 1), integer(2, plain))));
      append(dictionary);
      const dataStart = length;
      const run = new Uint8Array([1, ...varint(rows * 2), 0]);
      append(
        pageHeader(
          0,
          run,
          struct(5, integer(1, rows), integer(2, rleDictionary), integer(3, rle), integer(4, rle)),
        ),
      );
      append(run);
      const metadata = struct(
        3,
        integer(1, physical[type]),
        list(2, wire.i32, [plain, rle, rleDictionary]),
        list(3, wire.binary, [Buffer.from(name)]),
        integer(4, 0),
        ...[long(5, told ?? rows), long(6, length - start), long(7, length - start)],
        ...[long(9, dataStart), long(11, start)],
      );
      return { fields: [long(2, start), metadata] };
    });
    return { fields: [list(1, wire.struct, columns), long(2, length), long(3, rows)] };
  });
  const schema = [
    { fields: [text(4, "schema"), integer(5, names.length)] },
    ...names.map((name) => ({ fields: [integer(1, physical[type]), integer(3, 0), text(4, name)] })),
  ];
  const rows = rowsOfGroups.reduce((sum, count) => sum + count, 0);
  append(
    footerBytes({
      fields: [integer(1, 2), list(2, wire.struct, schema), long(3, rows), list(4, wire.struct, groups)],
    }),
  );
  return new Uint8Array(Buffer.concat(parts));
}

function pageHeader(type: number, page: Uint8Array, header: ThriftField): Uint8Array {
  const { byteLength } = page;
  return encodeThrift({ fields: [integer(1, type), integer(2, byteLength), integer(3, byteLength), header] });
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 128))
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
  return bytes;
}
