/** Maps, conversions, padding, masks and fields of structs on their way into tensors. */
import {
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Struct,
  Utf8,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { columnType } from "../../../src/data/arrow-types.js";
import { doubleToHalf } from "../../../src/data/float16.js";
import type { TensorType } from "../../../src/data/tensor.js";
import type { MappingFiles } from "../../../src/mapping/files/mapping-files.js";
import { parseCategories } from "../../../src/mapping/files/parse-categories.js";
import type { BoundColumn, InputBinding, Padding } from "../../../src/mapping/mapping.js";
import { createBinder } from "../../../src/scoring/bind-inputs.js";
import { batchOf, column } from "../../support/arrow-batches.js";

const map = "/maps/codes.json";
const listOf = (item: DataType) => new List(new Field("item", item, true));

function filesWith(json: string): MappingFiles {
  return { categories: new Map([[map, parseCategories(json, "json")]]), ids: new Map() };
}

function bound(data: Data, rules: Partial<BoundColumn> = {}): BoundColumn {
  return {
    column: "a",
    path: ["a"],
    type: columnType(data.type),
    nulls: "error",
    part: null,
    timezone: "UTC",
    lossy: false,
    dtype: null,
    map: null,
    ...rules,
  };
}

/** Binds a batch of one column; tensors as arrays, and reasons by row. */
function bind(data: Data, inputs: readonly InputBinding[], files?: MappingFiles) {
  const { tensors, failures } = createBinder(inputs, data.length, files).open(batchOf({ a: data }))(
    0,
    data.length,
  );
  return {
    ...Object.fromEntries(Object.entries(tensors).map(([name, { data: values }]) => [name, [...values]])),
    reasons: Object.fromEntries([...failures].map(([row, { reason }]) => [row, reason])),
    messages: [...failures.values()].map(({ message }) => message),
  };
}

function one(type: TensorType, of: BoundColumn): InputBinding {
  return { input: "x", type, rowShape: [1], kind: "columns", columns: [of] };
}

describe("categories", () => {
  const codes = '{"LIS": 3, "OPO": 5, "7": 9, "true": 4}';
  const byMap = { map: { file: map, unknown: null } };
  const values: [string, DataType, readonly unknown[]][] = [
    ["text", new Utf8(), ["OPO", "LIS", "FAO", null]],
    ["a dictionary's entries", new Dictionary(new Utf8(), new Int32()), ["OPO", "LIS", "FAO", null]],
  ];

  it.each(values)("%s become numbers; what the map does not have fails its row", (_name, type, texts) => {
    const data = column(type, texts);
    expect(bind(data, [one("int64", bound(data, byMap))], filesWith(codes))).toMatchObject({
      x: [5n, 3n, 0n, 0n],
      reasons: { 2: "unknown_category", 3: "null_value" },
      messages: [`column "a" holds a value that ${map} does not have`, 'column "a" is null'],
    });
  });

  it.each(values)(
    "%s that the map does not have may get a number, and nulls another",
    (_name, type, texts) => {
      const data = column(type, texts);
      const rules = { map: { file: map, unknown: -1 }, nulls: { value: 8 } };
      const { x, reasons } = bind(data, [one("float32", bound(data, rules))], filesWith(codes)) as {
        x?: unknown;
        reasons: object;
      };
      expect({ x, reasons }).toEqual({ x: [5, 3, -1, 8], reasons: {} });
    },
  );

  it("integers are looked up as the file writes them, and booleans too", () => {
    const integers = column(new Int64(), [7n, 8n, 2n ** 60n]);
    expect(bind(integers, [one("float32", bound(integers, byMap))], filesWith(codes))).toMatchObject({
      x: [9, 0, 0],
      reasons: { 1: "unknown_category", 2: "unknown_category" },
    });
    const flags = column(new Bool(), [true, false]);
    expect(bind(flags, [one("int32", bound(flags, byMap))], filesWith(codes))).toMatchObject({
      x: [4, 0],
      reasons: { 1: "unknown_category" },
    });
  });

  it("elements of lists are looked up one by one", () => {
    const data = column(listOf(new Utf8()), [["LIS", "OPO"], ["OPO", "FAO"], ["LIS"]]);
    const input: InputBinding = {
      input: "x",
      type: "int64",
      rowShape: [2],
      kind: "list",
      column: bound(data, byMap),
      padding: { keep: null, value: 0 },
    };
    expect(bind(data, [input], filesWith(codes))).toMatchObject({
      x: [3n, 5n, 5n, 0n, 3n, 0n],
      reasons: { 1: "unknown_category" },
    });
  });
});

describe("`dtype`", () => {
  it("rounds to the type that the model was trained with", () => {
    const data = column(new Float64(), [0.1, 1e-9, null]);
    const rules = { nulls: "nan", dtype: "float32" } as const;
    expect(bind(data, [one("float64", bound(data, rules))])).toMatchObject({
      x: [Math.fround(0.1), Math.fround(1e-9), Number.NaN],
      reasons: {},
    });
    expect(bind(data, [one("float32", bound(data, { ...rules, dtype: "float16" }))])).toMatchObject({
      x: [Math.fround(0.0999755859375), 0, Number.NaN],
    });
  });

  it("cuts fractions off, and fails what does not fit, under its own name", () => {
    const data = column(new Float64(), [2.9, -2.9, 300, Number.NaN, null]);
    const rules = { nulls: "nan", dtype: "int8", lossy: true } as const;
    expect(bind(data, [one("float32", bound(data, rules))])).toMatchObject({
      x: [2, -2, 0, Number.NaN, Number.NaN],
      reasons: { 2: "cast_overflow" },
      messages: ['column "a" holds a number that int8, its `dtype`, can\'t hold'],
    });
  });

  it("keeps int64 exact, within the bounds of an integer type", () => {
    const data = column(new Int64(), [2n ** 53n + 1n, -1n]);
    expect(bind(data, [one("int64", bound(data, { dtype: "uint64" }))])).toMatchObject({
      x: [2n ** 53n + 1n, 0n],
      reasons: { 1: "cast_overflow" },
    });
  });

  it("string writes integers as text", () => {
    const data = column(new Int64(), [7n, -(2n ** 60n)]);
    expect(bind(data, [one("string", bound(data))])).toMatchObject({ x: ["7", "-1152921504606846976"] });
  });
});

describe("booleans and halves", () => {
  it("a bool input takes booleans, and integers that are 0 or 1", () => {
    const flags = column(new Bool(), [true, false, null]);
    expect(bind(flags, [one("bool", bound(flags, { nulls: { value: true } }))])).toMatchObject({
      x: [1, 0, 1],
      reasons: {},
    });
    const integers = column(new Int32(), [1, 2]);
    expect(bind(integers, [one("bool", bound(integers))])).toMatchObject({
      x: [1, 0],
      reasons: { 1: "cast_overflow" },
    });
  });

  it("a float16 input takes the nearest half, infinity if it is out of range", () => {
    const data = column(new Float32(), [1, 1 / 3, 1e6]);
    expect(bind(data, [one("float16", bound(data))])).toMatchObject({
      x: [0x3c00, doubleToHalf(1 / 3), 0x7c00],
    });
  });
});

describe("ragged lists", () => {
  const data = column(listOf(new Int64()), [[1n, 2n], [], [3n, 4n, 5n, 6n], null, [7n, 8n, 9n]]);
  const padded = (padding: Padding, rules: Partial<BoundColumn> = {}): readonly InputBinding[] => [
    { input: "x", type: "int64", rowShape: [3], kind: "list", column: bound(data, rules), padding },
    { input: "mask", type: "float32", rowShape: [3], kind: "mask", column: bound(data) },
  ];

  it("are filled up behind, and the mask says where", () => {
    const result = bind(data, padded({ keep: "first", value: 1 }, { nulls: { value: -1 } }));
    expect(result).toMatchObject({
      x: [1n, 2n, 1n, 1n, 1n, 1n, 3n, 4n, 5n, -1n, -1n, -1n, 7n, 8n, 9n],
      mask: [1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1],
      reasons: {},
    });
  });

  it("keep their last values where that is wanted", () => {
    expect(bind(data, padded({ keep: "last", value: 0 }))).toMatchObject({
      x: [1n, 2n, 0n, 0n, 0n, 0n, 4n, 5n, 6n, 0n, 0n, 0n, 7n, 8n, 9n],
      reasons: { 3: "null_value" },
    });
  });

  it("that are too long fail their row if the job does not say what to keep", () => {
    const { reasons, messages } = bind(data, padded({ keep: null, value: 0 }));
    expect(reasons).toEqual({ 2: "list_length", 3: "null_value" });
    expect(messages[0]).toBe(
      'the list in column "a" has 4 values, and input "x" takes 3; a larger `pad_to` takes it whole, `keep` would shorten it',
    );
  });

  it("are bound from the middle of a chunk, over what the batch before left", () => {
    const open = createBinder(padded({ keep: "first", value: 0 }), 2).open(batchOf({ a: data }));
    open(3, 5);
    const { tensors } = open(1, 3);
    expect([...(tensors.x?.data ?? [])]).toEqual([0n, 0n, 0n, 3n, 4n, 5n]);
    expect([...(tensors.mask?.data ?? [])]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it("of text are filled up with the empty text, masks of booleans with bits", () => {
    const texts = column(listOf(new Utf8()), [["a"], ["b", "c", "d"]]);
    const inputs: readonly InputBinding[] = [
      {
        input: "x",
        type: "string",
        rowShape: [2],
        kind: "list",
        column: bound(texts),
        padding: { keep: "last", value: "" },
      },
      { input: "mask", type: "bool", rowShape: [2], kind: "mask", column: bound(texts) },
    ];
    expect(bind(texts, inputs)).toMatchObject({ x: ["a", "", "c", "d"], mask: [1, 0, 1, 1] });
  });
});

describe("constants", () => {
  const ignored = column(new Int32(), [1, 2]);

  it.each([
    ["int64", 0, [0n, 0n, 0n, 0n]],
    ["float32", 0.5, [0.5, 0.5, 0.5, 0.5]],
    ["float16", 0.5, Array(4).fill(doubleToHalf(0.5))],
    ["bool", true, [1, 1, 1, 1]],
    ["string", "en", ["en", "en", "en", "en"]],
  ] as const)("fill every place of every row: %s %s", (type, value, cells) => {
    const binding: InputBinding = { input: "x", type, rowShape: [2], kind: "constant", value };
    expect(bind(ignored, [binding])).toMatchObject({ x: [...cells], reasons: {} });
  });
});

describe("fields of structs", () => {
  const type = new Struct([
    new Field("age", new Int32(), true),
    new Field(
      "home",
      new Struct([new Field("city", new Utf8(), true), new Field("flat", new Bool(), true)]),
      true,
    ),
  ]);
  const data = column(type, [
    { age: 30, home: { city: "Porto", flat: true } },
    { age: null, home: { city: "Faro", flat: false } },
    null,
    { age: 40, home: null },
    { age: 50, home: { city: null, flat: true } },
  ]);
  const field = (path: readonly string[], of: DataType): BoundColumn =>
    bound(data, { column: ["a", ...path].join("."), path: ["a", ...path], type: columnType(of) });
  const inputs: readonly InputBinding[] = [
    one("int64", field(["age"], new Int32())),
    { ...one("string", field(["home", "city"], new Utf8())), input: "city" },
    { ...one("bool", field(["home", "flat"], new Bool())), input: "flat" },
  ];

  it("are read by their paths, and null where anything above them is", () => {
    expect(bind(data, inputs)).toMatchObject({
      x: [30n, 0n, 0n, 40n, 50n],
      city: ["Porto", "Faro", "", "", ""],
      flat: [1, 0, 0, 0, 1],
      reasons: { 1: "null_value", 2: "null_value", 3: "null_value", 4: "null_value" },
      messages: [
        'column "a.age" is null',
        'column "a.age" is null',
        'column "a.home.city" is null',
        'column "a.home.city" is null',
      ],
    });
  });

  it("are null under a null, also where a writer left something there", () => {
    const ages = column(new Int32(), [30, 31, 32]);
    const people = new Struct([new Field("age", new Int32(), true)]);
    const rows = makeData({
      type: people,
      length: 3,
      nullCount: 1,
      nullBitmap: Uint8Array.of(0b101),
      children: [ages],
    });
    const age = bound(rows, { path: ["a", "age"], type: columnType(new Int32()), nulls: { value: -1 } });
    expect(bind(rows, [one("int64", age)])).toMatchObject({ x: [30n, -1n, 32n] });
  });

  it("are read from a slice of a chunk", () => {
    const bindSlice = createBinder(inputs, 3).open(batchOf({ a: data }).slice(1, 5));
    const { tensors } = bindSlice(1, 4);
    expect([...(tensors.x?.data ?? [])]).toEqual([0n, 40n, 50n]);
    expect([...(tensors.flat?.data ?? [])]).toEqual([0, 0, 1]);
  });
});
