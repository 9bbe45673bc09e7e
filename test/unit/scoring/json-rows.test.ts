import {
  Binary,
  Bool,
  DateDay,
  Decimal,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int64,
  List,
  makeData,
  Struct,
  TimestampMicrosecond,
  TimestampNanosecond,
  Utf8,
} from "apache-arrow";
import { expect, it } from "vitest";
import { jsonRows } from "../../../src/data/arrow/json-rows.js";
import { batchOf, column } from "../../support/arrow-batches.js";

it("shows every kind of value as JSON that loses nothing", () => {
  const batch = batchOf({
    small: column(new Int64(), [1n, null]),
    big: column(new Int64(), [2n ** 53n + 1n, -(2n ** 53n) - 1n]),
    real: column(new Float64(), [0.1, Number.NaN]),
    text: column(new Utf8(), ["é", null]),
    flag: column(new Bool(), [true, false]),
    bytes: column(new Binary(), [Uint8Array.of(1, 255), Uint8Array.of()]),
    day: column(new DateDay(), [new Date("2024-02-29"), null]),
    local: makeData({ type: new TimestampMicrosecond(), data: BigInt64Array.of(0n, -1n) }),
    instant: makeData({ type: new TimestampNanosecond("UTC"), data: BigInt64Array.of(1_000_000_000n, 1n) }),
    price: makeData({
      type: new Decimal(2, 10),
      length: 2,
      data: Uint32Array.of(12345, 0, 0, 0, ~0 - 4, ~0, ~0, ~0),
    }),
    list: column(new List(new Field("item", new Int64(), true)), [[1n, null], []]),
    vector: column(new FixedSizeList(2, new Field("item", new Float32(), true)), [[0.5, 1], null]),
    nested: column(new Struct([new Field("a", new Int64(), true)]), [{ a: 5n }, { a: null }]),
  });
  const [first, second] = jsonRows(batch, 10);
  expect(first).toEqual([
    1,
    "9007199254740993",
    0.1,
    "é",
    true,
    "01ff",
    "2024-02-29",
    "1970-01-01T00:00:00",
    "1970-01-01T00:00:01Z",
    "123.45",
    [1, null],
    [0.5, 1],
    { a: 5 },
  ]);
  expect(second).toEqual([
    null,
    "-9007199254740993",
    "NaN",
    null,
    false,
    "",
    null,
    "1969-12-31T23:59:59.999999",
    "1970-01-01T00:00:00.000000001Z",
    "-0.05",
    [],
    null,
    { a: null },
  ]);
  expect(JSON.parse(JSON.stringify(second))).toEqual(second);
  expect(jsonRows(batch, 1)).toHaveLength(1);
});
