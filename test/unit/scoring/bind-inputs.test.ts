import {
  Bool,
  BufferType,
  Data,
  type DataType,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeUtf8,
  List,
  makeData,
  Null,
  TimestampMicrosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  Utf8View,
  Vector,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import type { ColumnType } from "../../../src/data/column.js";
import type { TensorType } from "../../../src/data/tensor.js";
import { DataError } from "../../../src/errors.js";
import type { BoundColumn, InputBinding } from "../../../src/mapping/mapping.js";
import { createBinder } from "../../../src/scoring/bind-inputs.js";
import { batchOf, column } from "../../support/arrow-batches.js";
import { float32, float64, int32, int64, range, seeded, utf8 } from "../../support/jobs.js";

const int = (bits: 8 | 16 | 32 | 64, signed = true): ColumnType => ({ kind: "int", bits, signed });
const decimal = (precision: number, scale: number): ColumnType => ({
  kind: "decimal",
  precision,
  scale,
  bits: 128,
});

function bound(name: string, type: ColumnType, rules: Partial<BoundColumn> = {}): BoundColumn {
  const none = { nulls: "error", part: null, timezone: "UTC", lossy: false, dtype: null, map: null } as const;
  return { column: name, path: [name], type, ...none, ...rules };
}

function stack(type: TensorType, columns: readonly BoundColumn[]): InputBinding {
  return { input: "x", type, rowShape: [columns.length], kind: "columns", columns };
}

/** Binds one column of a whole batch, and returns its values and failures by row. */
function bindOne(data: Data, planned: ColumnType, type: TensorType, rules: Partial<BoundColumn> = {}) {
  const binder = createBinder([stack(type, [bound("a", planned, rules)])], data.length);
  const { tensors, failures } = binder.open(batchOf({ a: data }))(0, data.length);
  const x = tensors.x;
  return {
    values: [...(x?.data ?? [])] as unknown[],
    dims: x?.dims,
    reasons: Object.fromEntries([...failures].map(([row, { reason }]) => [row, reason])),
  };
}

describe("every type of column goes into every type of tensor that it may feed", () => {
  const small = [0, 1, 100];
  const integers: [DataType, ColumnType][] = [
    [new Int8(), int(8)],
    [new Int16(), int(16)],
    [new Int32(), int(32)],
    [new Uint8(), int(8, false)],
    [new Uint16(), int(16, false)],
    [new Uint32(), int(32, false)],
  ];
  const wide: [DataType, ColumnType][] = [
    [new Int64(), int(64)],
    [new Uint64(), int(64, false)],
  ];
  const numbers: TensorType[] = ["float32", "float64", "int8", "int16", "int32", "uint8", "uint16", "uint32"];
  const wideTensors: TensorType[] = ["int64", "uint64"];

  for (const [arrow, planned] of [...integers, ...wide]) {
    const isWide = planned.kind === "int" && planned.bits === 64;
    const data = column(arrow, isWide ? small.map(BigInt) : small);
    for (const type of numbers)
      it(`${String(arrow)} -> ${type}`, () => {
        expect(bindOne(data, planned, type)).toEqual({ values: small, dims: [3, 1], reasons: {} });
      });
    for (const type of wideTensors)
      it(`${String(arrow)} -> ${type}`, () => {
        expect(bindOne(data, planned, type).values).toEqual(small.map(BigInt));
      });
  }

  it("floats, halves among them", () => {
    const values = [0.5, -2, 1.5];
    for (const [arrow, bits] of [
      [new Float16(), 16],
      [new Float32(), 32],
      [new Float64(), 64],
    ] as const)
      for (const type of ["float32", "float64"] as const)
        expect(bindOne(column(arrow, values), { kind: "float", bits }, type).values).toEqual(values);
    // 0x3800, 0xc000 and 0x3e00 are 0.5, -2 and 1.5 as halves.
    expect(bindOne(column(new Float32(), values), float32, "float16").values).toEqual([
      0x3800, 0xc000, 0x3e00,
    ]);
  });

  it("booleans, from bits, into numbers and bool", () => {
    const data = column(new Bool(), [true, false, true, true, false, true, false, false, true, true]);
    const bits = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1];
    expect(bindOne(data, { kind: "bool" }, "float32").values).toEqual(bits);
    expect(bindOne(data, { kind: "bool" }, "bool").values).toEqual(bits);
    expect(bindOne(data, { kind: "bool" }, "int64").values).toEqual(bits.map(BigInt));
  });

  it("decimals, small and large, negative, of either scale", () => {
    const words = (value: bigint) => {
      const whole = BigInt.asUintN(128, value);
      return range(4).map((word) => Number((whole >> BigInt(word * 32)) & 0xffffffffn));
    };
    const data = (values: readonly bigint[], scale: number) =>
      makeData({
        type: new Decimal(scale, 38),
        length: values.length,
        data: Uint32Array.from(values.flatMap(words)),
      });
    expect(bindOne(data([12345n, -5n, 0n], 2), decimal(38, 2), "float64").values).toEqual([123.45, -0.05, 0]);
    expect(bindOne(data([10n ** 30n, -(10n ** 30n)], 0), decimal(38, 0), "float64").values).toEqual([
      1e30, -1e30,
    ]);
    expect(bindOne(data([7n], -2), decimal(38, -2), "float64").values).toEqual([700]);
    expect(bindOne(data([2n ** 53n + 1n, -3n], 0), decimal(38, 0), "int64").values).toEqual([
      2n ** 53n + 1n,
      -3n,
    ]);
    expect(bindOne(data([2n ** 64n, 1n], 0), decimal(38, 0), "int64").reasons).toEqual({
      0: "cast_overflow",
    });
  });

  it("dictionaries of numbers, nulls in keys and in values", () => {
    const data = new Data(
      new Dictionary(new Int64(), new Int32()),
      0,
      4,
      1,
      { [BufferType.DATA]: Int32Array.of(2, 0, 1, 0), [BufferType.VALIDITY]: Uint8Array.of(0b1101) },
      [],
      new Vector([column(new Int64(), [10n, null, 30n])]),
    );
    const planned: ColumnType = { kind: "dictionary", value: int64 };
    expect(bindOne(data, planned, "float32", { nulls: "nan" }).values).toEqual([
      30,
      Number.NaN,
      Number.NaN,
      10,
    ]);
    expect(bindOne(data, planned, "int64")).toMatchObject({
      values: [30n, 0n, 0n, 10n],
      reasons: { 1: "null_value", 2: "null_value" },
    });
  });

  it("a column of nothing but nulls", () => {
    const data = makeData({ type: new Null(), length: 2 });
    expect(bindOne(data, { kind: "null" }, "float32", { nulls: "nan" }).values).toEqual([
      Number.NaN,
      Number.NaN,
    ]);
    expect(bindOne(data, { kind: "null" }, "string").reasons).toEqual({ 0: "null_value", 1: "null_value" });
    // A slice has forgotten how many there are.
    expect(bindOne(data.slice(1, 1), { kind: "null" }, "float32", { nulls: "nan" }).values).toEqual([
      Number.NaN,
    ]);
    expect(bindOne(data.slice(1, 1), { kind: "null" }, "int64").reasons).toEqual({ 0: "null_value" });
  });

  it("a part of a timestamp, into integers too", () => {
    const data = column(new TimestampMicrosecond("UTC"), [0, 3_600_000, null]);
    const planned: ColumnType = { kind: "timestamp", unit: "us", timezone: "UTC" };
    expect(bindOne(data, planned, "float32", { part: "hour", nulls: "nan" }).values).toEqual([
      0,
      1,
      Number.NaN,
    ]);
    expect(bindOne(data, planned, "int64", { part: "hour", nulls: { value: -1 } }).values).toEqual([
      0n,
      1n,
      -1n,
    ]);
  });
});

describe("integers", () => {
  it("beyond 2^53 stay exact in int64 and uint64", () => {
    const values = [2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];
    expect(bindOne(column(new Int64(), values), int64, "int64")).toMatchObject({ values, reasons: {} });
    const unsigned = [2n ** 64n - 1n, 2n ** 63n];
    expect(bindOne(column(new Uint64(), unsigned), int(64, false), "uint64").values).toEqual(unsigned);
  });

  it("that a narrower tensor can't hold fail their row and leave a zero", () => {
    expect(bindOne(column(new Int64(), [1n, 2n ** 40n, -(2n ** 31n)]), int64, "int32")).toMatchObject({
      values: [1, 0, -(2 ** 31)],
      reasons: { 1: "cast_overflow" },
    });
    expect(bindOne(column(new Int32(), [-1, 255, 256]), int32, "uint8").reasons).toEqual({
      0: "cast_overflow",
      2: "cast_overflow",
    });
    expect(bindOne(column(new Uint64(), [2n ** 63n]), int(64, false), "int64").reasons).toEqual({
      0: "cast_overflow",
    });
    expect(bindOne(column(new Int64(), [-1n]), int64, "uint64").reasons).toEqual({ 0: "cast_overflow" });
    expect(bindOne(column(new Int8(), [2, 1]), int(8), "bool").reasons).toEqual({ 0: "cast_overflow" });
  });

  it("under nulls are not looked at: what a null slot holds is garbage", () => {
    const data = makeData({
      type: new Int64(),
      length: 2,
      nullCount: 1,
      nullBitmap: Uint8Array.of(0b10),
      data: BigInt64Array.of(2n ** 60n, 5n),
    });
    expect(bindOne(data, int64, "int32", { nulls: { value: 7 } })).toMatchObject({
      values: [7, 5],
      reasons: {},
    });
  });

  it("from floats where they are whole: others fail, NaN is a null, and so does what several integers share", () => {
    const values = [1, -2, 2.7, Number.NaN, 2 ** 53 - 1, 2 ** 53, 1e30, Number.NEGATIVE_INFINITY];
    const data = column(new Float64(), values);
    const reasons = { 2: "cast_inexact", 5: "cast_inexact", 6: "cast_overflow", 7: "cast_overflow" };
    expect(bindOne(data, float64, "int64")).toMatchObject({
      values: [1n, -2n, 0n, 0n, 2n ** 53n - 1n, 0n, 0n, 0n],
      reasons: { ...reasons, 3: "null_value" },
    });
    expect(bindOne(data, float64, "int64", { nulls: { value: -1 } })).toMatchObject({
      values: [1n, -2n, 0n, -1n, 2n ** 53n - 1n, 0n, 0n, 0n],
      reasons,
    });
    expect(bindOne(column(new Float32(), [3, 0.5, 2 ** 24]), float32, "int32")).toMatchObject({
      values: [3, 0, 0],
      reasons: { 1: "cast_inexact", 2: "cast_inexact" },
    });
    expect(bindOne(column(new Float64(), [1, 0, 0.5]), float64, "bool")).toMatchObject({
      values: [1, 0, 0],
      reasons: { 2: "cast_inexact" },
    });
  });

  it("from decimals where they are whole, through no double", () => {
    const big = 2n ** 53n + 1n;
    const decimals = (scale: number, unscaled: readonly bigint[]) =>
      makeData({
        type: new Decimal(scale, 38),
        length: unscaled.length,
        data: Uint32Array.from(
          unscaled.flatMap((whole) =>
            [0n, 32n, 64n, 96n].map((shift) => Number((BigInt.asUintN(128, whole) >> shift) & 0xffff_ffffn)),
          ),
        ),
      });
    const scaled = decimals(2, [big * 100n, 150n, -300n, 10n ** 30n]);
    const reasons = { 1: "cast_inexact", 3: "cast_overflow" };
    const type = { kind: "decimal", precision: 38, scale: 2, bits: 128 } as const;
    expect(bindOne(scaled, type, "int64")).toMatchObject({ values: [big, 0n, -3n, 0n], reasons });
    expect(bindOne(scaled, type, "int16")).toMatchObject({
      values: [0, 0, -3, 0],
      reasons: { ...reasons, 0: "cast_overflow" },
    });
    expect(bindOne(scaled, type, "int64", { lossy: true }).values.slice(0, 3)).toEqual([big, 1n, -3n]);
    const tiny = decimals(20, [5n * 10n ** 20n + 1n]);
    expect(bindOne(tiny, { ...type, scale: 20 }, "int32").reasons).toEqual({ 0: "cast_inexact" });
  });

  it("from floats under `cast: lossy`: fractions are cut, NaN is a null and what is too large fails", () => {
    const data = column(new Float64(), [1.9, -1.9, Number.NaN, 1e30]);
    const expected = { 2: "null_value", 3: "cast_overflow" };
    expect(bindOne(data, float64, "int32", { lossy: true })).toMatchObject({
      values: [1, -1, 0, 0],
      reasons: expected,
    });
    expect(bindOne(data, float64, "int64", { lossy: true })).toMatchObject({
      values: [1n, -1n, 0n, 0n],
      reasons: expected,
    });
    expect(bindOne(column(new Float64(), [2 ** 63]), float64, "int64", { lossy: true }).reasons).toEqual({
      0: "cast_overflow",
    });
  });
});

describe("nulls", () => {
  const data = column(new Float64(), [1, null, 3]);

  it("become NaN, a value, or a fault", () => {
    expect(bindOne(data, float64, "float32", { nulls: "nan" }).values).toEqual([1, Number.NaN, 3]);
    expect(bindOne(data, float64, "float32", { nulls: { value: -1 } }).values).toEqual([1, -1, 3]);
    expect(bindOne(data, float64, "float32", { nulls: "error" }).reasons).toEqual({ 1: "null_value" });
    expect(bindOne(data, float64, "float32", { nulls: "reject" }).reasons).toEqual({ 1: "null_rejected" });
    expect(bindOne(data, float64, "float16", { nulls: "nan" }).values).toEqual([0x3c00, 0x7e00, 0x4200]);
  });

  it("are reported with the column's name and without a value", () => {
    const binder = createBinder([stack("float32", [bound("a", float64)])], 3);
    const { failures } = binder.open(batchOf({ a: data }))(0, 3);
    expect([...failures]).toEqual([
      [1, { reason: "null_value", message: 'column "a" is null', fix: expect.any(Function) }],
    ]);
  });

  it("are found at every boundary of the bitmap, in slices of slices, in any block", () => {
    const random = seeded(7);
    const values = range(5000).map((row) => (random() < 0.2 || row % 64 === 63 ? null : row));
    const whole = batchOf({
      a: column(new Float32(), values),
      b: column(
        new Int64(),
        values.map((v) => (v === null ? null : BigInt(v))),
      ),
    });
    for (const [begin, end] of [
      [0, 5000],
      [1, 4999],
      [7, 4097],
      [8, 72],
      [63, 65],
      [4990, 5000],
    ] as const) {
      const batch = whole.slice(begin, end).slice(0, end - begin);
      const inputs: InputBinding[] = [
        stack("float32", [bound("a", float32, { nulls: "nan" })]),
        { ...stack("int64", [bound("b", int64, { nulls: { value: -1 } })]), input: "y" },
      ];
      const bind = createBinder(inputs, 1000).open(batch);
      for (let start = 0; start < batch.numRows; start += 1000) {
        const stop = Math.min(start + 1000, batch.numRows);
        const { tensors } = bind(start, stop);
        const expected = values.slice(begin + start, begin + stop);
        expect([...(tensors.x?.data ?? [])]).toEqual(expected.map((value) => value ?? Number.NaN));
        expect([...(tensors.y?.data ?? [])]).toEqual(expected.map((value) => BigInt(value ?? -1)));
      }
    }
  });
});

it("names the rows that fail in batches of any size", () => {
  const values = range(5000).map((row) => (row % 1234 === 1233 ? null : 2 ** 20));
  const data = column(new Float64(), values);
  const rows = ["1233", "2467", "3701", "4935"];
  expect(Object.keys(bindOne(data, float64, "float32").reasons)).toEqual(rows);
  const wide = column(
    new Float64(),
    values.map((value) => (value === null ? 2 ** 40 : value)),
  );
  expect(Object.keys(bindOne(wide, float64, "int32", { lossy: true }).reasons)).toEqual(rows);
});

it("stacks columns of different types in the spec's order, row by row", () => {
  const batch = batchOf({
    a: column(new Float64(), [1, 2]),
    b: column(new Int64(), [10n, 20n]),
    c: column(new Bool(), [true, false]),
  });
  const columns = [bound("c", { kind: "bool" }), bound("a", float64), bound("b", int64)];
  const { tensors } = createBinder([stack("float32", columns)], 8).open(batch)(0, 2);
  expect(tensors.x).toEqual({ type: "float32", dims: [2, 3], data: Float32Array.of(1, 1, 10, 0, 2, 20) });
});

it("reuses its buffers, and hands out as many rows as were asked for", () => {
  const bind = createBinder([stack("float32", [bound("a", float32)])], 4).open(
    batchOf({ a: column(new Float32(), [1, 2, 3, 4, 5]) }),
  );
  const first = bind(0, 4).tensors.x?.data as Float32Array;
  const second = bind(4, 5).tensors.x?.data as Float32Array;
  expect(second).toEqual(Float32Array.of(5));
  expect(second.buffer).toBe(first.buffer);
});

describe("text", () => {
  const values = ["São Paulo", "", "東京", null, "ascii", "🛫🛬", "ascii", "x".repeat(500)];

  it.each([new Utf8(), new LargeUtf8(), new Utf8View(), new Dictionary(new Utf8(), new Int32())])(
    "%s",
    (type) => {
      const planned: ColumnType = type instanceof Dictionary ? { kind: "dictionary", value: utf8 } : utf8;
      expect(bindOne(column(type, values), planned, "string", { nulls: { value: "?" } }).values).toEqual(
        values.map((value) => value ?? "?"),
      );
      expect(bindOne(column(type, values), planned, "string").reasons).toEqual({ 3: "null_value" });
    },
  );

  it("many texts that share a slot of the cache stay apart", () => {
    const random = seeded(3);
    const texts = range(20_000).map(() => `é${Math.floor(random() * 30_000)}`);
    const sliced = batchOf({ a: column(new Utf8(), texts) }).slice(11, 20_000);
    const { tensors } = createBinder([stack("string", [bound("a", utf8)])], 20_000).open(sliced)(0, 19_989);
    expect(tensors.x?.data).toEqual(texts.slice(11));
  });
});

describe("lists", () => {
  const list = (item: ColumnType): ColumnType => ({ kind: "list", item });
  const fixed = (item: ColumnType, size: number): ColumnType => ({ kind: "fixed-list", item, size });
  const fixedType = (size: number, item: DataType) => new FixedSizeList(size, new Field("item", item, true));
  const listType = (item: DataType) => new List(new Field("item", item, true));
  const binding = (
    type: TensorType,
    planned: ColumnType,
    rowShape: readonly number[],
    rules: Partial<BoundColumn> = {},
  ): InputBinding => ({
    input: "x",
    type,
    rowShape,
    kind: "list",
    column: bound("v", planned, rules),
    padding: null,
  });
  const bindList = (data: Data, input: InputBinding, start = 0, end = data.length) =>
    createBinder([input], data.length).open(batchOf({ v: data }))(start, end);

  it("fixed-size ones without nulls are not copied", () => {
    const data = column(fixedType(3, new Float32()), [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    const { tensors } = bindList(data, binding("float32", fixed(float32, 3), [3]), 1, 3);
    expect(tensors.x).toEqual({ type: "float32", dims: [2, 3], data: Float32Array.of(4, 5, 6, 7, 8, 9) });
    const view = tensors.x?.data;
    expect(view instanceof Float32Array && view.buffer === data.children[0]?.values.buffer).toBe(true);
  });

  it("in slices, into a higher rank, with another element type", () => {
    const values = range(6).map((row) => range(4).map((cell) => row * 4 + cell));
    const batch = batchOf({ v: column(fixedType(4, new Float64()), values) }).slice(2, 6);
    const { tensors } = createBinder([binding("float32", fixed(float64, 4), [2, 2])], 8).open(batch)(1, 3);
    expect(tensors.x).toEqual({
      type: "float32",
      dims: [2, 2, 2],
      data: Float32Array.from(range(8).map((i) => 12 + i)),
    });
  });

  it("of variable length that happen to be regular, exact in int64", () => {
    const big = 2n ** 60n + 1n;
    const data = column(listType(new Int64()), [
      [1n, 2n],
      [3n, big],
      [5n, 6n],
    ]);
    const { tensors, failures } = bindList(data, binding("int64", list(int64), [2]), 1, 3);
    expect(tensors.x?.data).toEqual(BigInt64Array.of(3n, big, 5n, 6n));
    expect(failures.size).toBe(0);
  });

  it("of lists fill the dimensions of a row, row-major; other lengths at any level fail their row only", () => {
    const inner = listType(new Float32());
    const regular = fixedType(2, fixedType(2, new Float32()));
    const good = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ];
    const planned = list(list(float32));
    for (const type of [listType(inner), regular]) {
      const held = type === regular ? fixed(fixed(float32, 2), 2) : planned;
      const { tensors, failures } = bindList(column(type, good), binding("float32", held, [2, 2]));
      expect([...(tensors.x?.data ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(tensors.x?.dims).toEqual([2, 2, 2]);
      expect(failures.size).toBe(0);
    }
    const odd = [[[1, 2, 3, 4]], [[1, 2], [3]], ...good, [[1, 2], null], null];
    const { tensors, failures } = bindList(column(listType(inner), odd), {
      ...binding("float32", planned, [1, 2, 2], { nulls: { value: -1 } }),
    });
    expect([...failures].map(([row, { reason }]) => [row, reason])).toEqual([
      [0, "list_length"],
      [1, "list_length"],
    ]);
    expect([...(tensors.x?.data ?? [])].slice(8)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 1, 2, -1, -1, -1, -1, -1, -1,
    ]);
  });

  it("of the wrong length fail their row only, and say both lengths", () => {
    const data = column(listType(new Float32()), [[1, 2], [3], [4, 5], [], [6, 7, 8]]);
    const { tensors, failures } = bindList(data, binding("float32", list(float32), [2]));
    expect([...failures].map(([row, { reason }]) => [row, reason])).toEqual([
      [1, "list_length"],
      [3, "list_length"],
      [4, "list_length"],
    ]);
    expect(failures.get(1)?.message).toBe(
      'the list in column "v" has 1 values, and input "x" takes 2; `pad_to: 2` would make it fit',
    );
    expect([...(tensors.x?.data ?? [])]).toEqual([1, 2, 0, 0, 4, 5, 0, 0, 0, 0]);
  });

  it("that are null, or hold nulls, follow the null policy", () => {
    const data = column(listType(new Float32()), [[1, null], null, [4, 5]]);
    const nan = bindList(data, binding("float32", list(float32), [2], { nulls: "nan" }));
    expect([...(nan.tensors.x?.data ?? [])]).toEqual([1, Number.NaN, Number.NaN, Number.NaN, 4, 5]);
    const error = bindList(data, binding("float32", list(float32), [2]));
    expect([...error.failures.keys()]).toEqual([0, 1]);
    const halves = bindList(data, binding("float16", list(float32), [2], { nulls: { value: 1 } }));
    expect([...(halves.tensors.x?.data ?? [])]).toEqual([0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x4400, 0x4500]);
  });

  it("of text", () => {
    const data = column(listType(new Utf8()), [
      ["a", "b"],
      ["ç", null],
    ]);
    const { tensors } = bindList(data, binding("string", list(utf8), [2], { nulls: { value: "" } }));
    expect(tensors.x).toEqual({ type: "string", dims: [2, 2], data: ["a", "b", "ç", ""] });
  });

  it("a fixed-size list may come where the footer spoke of lists", () => {
    const data = column(fixedType(2, new Float32()), [[1, 2]]);
    expect(bindList(data, binding("float32", list(float32), [2])).tensors.x?.data).toEqual(
      Float32Array.of(1, 2),
    );
  });
});

it("refuses a column that decodes as something else than was planned", () => {
  const binder = createBinder([stack("float32", [bound("a", float64)])], 4);
  expect(() => binder.open(batchOf({ a: column(new Int64(), [1n]) }))).toThrow(DataError);
  expect(() => binder.open(batchOf({ a: column(new Int64(), [1n]) }))).toThrow(
    'column "a" decodes as int64, and the plan says float64',
  );
});

it("keeps the first fault of a row, in the order of the columns", () => {
  const batch = batchOf({ a: column(new Int64(), [1n, 2n ** 40n]), b: column(new Int64(), [null, null]) });
  const { failures } = createBinder([stack("int32", [bound("a", int64), bound("b", int64)])], 2).open(batch)(
    0,
    2,
  );
  expect([...failures].map(([row, { reason }]) => [row, reason])).toEqual([
    [1, "cast_overflow"],
    [0, "null_value"],
  ]);
});
