import {
  Binary,
  Bool,
  type Data,
  type DataType,
  DateDay,
  DateMillisecond,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Int32,
  Int64,
  LargeUtf8,
  List,
  Struct,
  TimestampMillisecond,
  Utf8,
  Utf8View,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { takeRows } from "../../../src/data/arrow/take-rows.js";
import { arrowType } from "../../../src/data/arrow-types.js";
import type { Column, ColumnType } from "../../../src/data/column.js";
import type { TensorSpec, Tensors } from "../../../src/data/tensor.js";
import { ModelError } from "../../../src/errors.js";
import type { Mapping } from "../../../src/mapping/mapping.js";
import { plainType } from "../../../src/mapping/resolve-columns.js";
import { resolveMapping } from "../../../src/mapping/resolve-mapping.js";
import { createAttacher } from "../../../src/scoring/attach-outputs.js";
import { batchOf, column, plain, valuesThroughIpc } from "../../support/arrow-batches.js";
import {
  float32,
  int32,
  int64,
  type JobParts,
  jobWith,
  range,
  schemaOf,
  seeded,
  signatureOf,
  utf8,
} from "../../support/jobs.js";

const label: TensorSpec = { name: "label", type: "int64", shape: ["N"], role: "label" };
const probabilities: TensorSpec = {
  name: "p",
  type: "float32",
  shape: ["N", 2],
  role: "probabilities",
  labels: ["no", "yes"],
};

function mappingOf(
  columns: { readonly [name: string]: ColumnType },
  outputs: readonly TensorSpec[],
  job: JobParts = {},
): Mapping {
  return resolveMapping({
    job: jobWith({ key: ["id"], ...job }),
    signature: signatureOf([{ name: "f0", type: "float32", shape: ["N", 1] }], outputs),
    schema: schemaOf({ id: int64, f0: float32, ...columns }),
    guess: false,
  });
}

const input = (rows: number, more: { readonly [name: string]: Data } = {}) =>
  batchOf({
    id: column(
      new Int64(),
      range(rows).map((row) => BigInt(row)),
    ),
    f0: column(new Float32(), range(rows)),
    ...more,
  });

function attachAll(
  mapping: Mapping,
  rows: number,
  outputs: Tensors,
  nulled: number[] = [],
  left: number[] = [],
) {
  const attacher = createAttacher(mapping, ["id"], (text) => text.replace("{{ run.id }}", "run-1"));
  attacher.outputs.begin(input(rows));
  attacher.outputs.collect(0, rows, outputs);
  return valuesThroughIpc(attacher.attach(input(rows), nulled, left));
}

const classified: Tensors = {
  label: { type: "int64", dims: [3], data: BigInt64Array.of(0n, 1n, 2n ** 60n) },
  p: { type: "float32", dims: [3, 2], data: Float32Array.of(0.75, 0.25, 0.5, 0.5, 0, 1) },
};

describe("a chunk's output", () => {
  it("is the key, the predictions and the constants, readable by any Arrow reader", () => {
    const add = { run: "{{ run.id }}", n: 7, share: 0.5, live: true };
    const mapping = mappingOf({}, [label, probabilities], { write: { add } });
    expect(attachAll(mapping, 3, classified)).toEqual({
      id: [0n, 1n, 2n],
      prediction: [0n, 1n, 2n ** 60n],
      probability_no: [0.75, 0.5, 0],
      probability_yes: [0.25, 0.5, 1],
      run: ["run-1", "run-1", "run-1"],
      n: [7n, 7n, 7n],
      share: [0.5, 0.5, 0.5],
      live: [true, true, true],
    });
  });

  it("has nulls for rows that stay without predictions, and not the rows that leave", () => {
    const mapping = mappingOf({}, [label, probabilities], { write: { add: { n: 7 } } });
    expect(attachAll(mapping, 3, classified, [2], [0])).toEqual({
      id: [1n, 2n],
      prediction: [1n, null],
      probability_no: [0.5, null],
      probability_yes: [0.5, null],
      n: [7n, 7n],
    });
  });

  it("may have no row left", () => {
    const mapping = mappingOf({}, [label]);
    expect(attachAll(mapping, 3, classified, [], [0, 1, 2])).toEqual({ id: [], prediction: [] });
  });

  it("holds embeddings as fixed-size lists, with the shape that they were flattened from", () => {
    const mapping = mappingOf({}, [{ name: "v", type: "float32", shape: ["N", 2, 2] }]);
    const v = { type: "float32", dims: [3, 2, 2], data: Float32Array.from(range(12)) } as const;
    expect(attachAll(mapping, 3, { v }, [1]).v).toEqual([[0, 1, 2, 3], null, [8, 9, 10, 11]]);
    const [, field] = createAttacher(mapping, ["id"], String).schema.fields;
    expect(field?.metadata.get("nightshift.shape")).toBe("[2,2]");
  });

  it("holds every type of tensor", () => {
    const outputs: readonly (readonly [TensorSpec, Tensors[string]["data"], readonly unknown[]])[] = [
      [{ name: "text", type: "string", shape: ["N"] }, ["ä", "", "ä"], ["ä", "", "ä"]],
      [{ name: "flag", type: "bool", shape: ["N"] }, Uint8Array.of(1, 0, 1), [true, false, true]],
      [
        { name: "half", type: "float16", shape: ["N"] },
        Uint16Array.of(0x3800, 0xc000, 0x7e00),
        [0.5, -2, Number.NaN],
      ],
      [{ name: "double", type: "float64", shape: ["N"] }, Float64Array.of(0.1, 0.2, 0.3), [0.1, 0.2, 0.3]],
      [{ name: "byte", type: "uint8", shape: ["N"] }, Uint8Array.of(255, 0, 1), [255, 0, 1]],
      [
        { name: "huge", type: "uint64", shape: ["N"] },
        BigUint64Array.of(2n ** 64n - 1n, 0n, 1n),
        [2n ** 64n - 1n, 0n, 1n],
      ],
      [{ name: "small", type: "int16", shape: ["N", 1] }, Int16Array.of(-5, 0, 1), [-5, 0, 1]],
      [
        { name: "texts", type: "string", shape: ["N", 2] },
        ["a", "b", "c", "d", "e", "f"],
        [
          ["a", "b"],
          ["c", "d"],
          ["e", "f"],
        ],
      ],
    ];
    const mapping = mappingOf(
      {},
      outputs.map(([spec]) => spec),
    );
    const tensors = Object.fromEntries(
      outputs.map(([{ name, type }, data]) => [name, { type, dims: [3, data.length / 3], data }]),
    );
    const values = attachAll(mapping, 3, tensors);
    for (const [{ name }, , expected] of outputs) expect(values[name]).toEqual(expected);
  });

  it("is put together from batches, and from the next chunk without a trace of the one before", () => {
    const mapping = mappingOf({}, [{ name: "v", type: "float32", shape: ["N", 2] }]);
    const attacher = createAttacher(mapping, ["id"], String);
    for (const rows of [5, 3, 8]) {
      attacher.outputs.begin(input(rows));
      for (let start = 0; start < rows; start += 2) {
        const count = Math.min(2, rows - start);
        const data = Float32Array.from(range(count * 2).map((cell) => rows * 100 + start * 2 + cell));
        attacher.outputs.collect(start, count, { v: { type: "float32", dims: [count, 2], data } });
      }
      const { v } = valuesThroughIpc(attacher.attach(input(rows), [], []));
      expect(v).toEqual(range(rows).map((row) => [rows * 100 + row * 2, rows * 100 + row * 2 + 1]));
    }
  });

  it("takes quarantined rows' keys out as they are", () => {
    const attacher = createAttacher(mappingOf({}, [label]), ["id"], String);
    const keys = attacher.keys(input(5), [4, 1]);
    expect(keys === null ? null : valuesThroughIpc(keys)).toEqual({ id: [4n, 1n] });
    expect(createAttacher(mappingOf({}, [label]), [], String).keys(input(5), [1])).toBeNull();
  });
});

describe("a model that breaks its signature", () => {
  const mapping = mappingOf({}, [label]);
  const cases: [string, Tensors, string][] = [
    ["no output", {}, "model.output-missing"],
    [
      "another type",
      { label: { type: "int32", dims: [3], data: Int32Array.of(1, 2, 3) } },
      "model.output-type",
    ],
    [
      "too few rows",
      { label: { type: "int64", dims: [2], data: BigInt64Array.of(1n, 2n) } },
      "model.output-shape",
    ],
    [
      "wider rows",
      { label: { type: "int64", dims: [3, 2], data: new BigInt64Array(6) } },
      "model.output-shape",
    ],
  ];
  it.each(cases)("%s", (_what, outputs, code) => {
    expect(() => attachAll(mapping, 3, outputs)).toThrow(ModelError);
    expect(() => attachAll(mapping, 3, outputs)).toThrow(expect.objectContaining({ code }));
  });
});

describe("columns that are kept", () => {
  const values: { readonly [type: string]: readonly [DataType, ColumnType, readonly unknown[]] } = {
    text: [new Utf8(), utf8, ["a", null, "çé", "", "dd"]],
    "large text": [new LargeUtf8(), utf8, ["a", null, "çé", "", "dd"]],
    "text views": [new Utf8View(), utf8, ["a", null, "a text that is longer than a view", "", "dd"]],
    "a dictionary": [
      new Dictionary(new Utf8(), new Int32()),
      { kind: "dictionary", value: utf8 },
      ["a", null, "b", "a", "b"],
    ],
    bytes: [
      new Binary(),
      { kind: "binary" },
      [Uint8Array.of(1), null, Uint8Array.of(), Uint8Array.of(2, 3), Uint8Array.of(0)],
    ],
    "fixed bytes": [
      new FixedSizeBinary(2),
      { kind: "fixed-binary", bytes: 2 },
      [Uint8Array.of(1, 2), null, Uint8Array.of(3, 4), Uint8Array.of(5, 6), Uint8Array.of(7, 8)],
    ],
    booleans: [new Bool(), { kind: "bool" }, [true, null, false, true, true]],
    integers: [new Int32(), int32, [1, null, -3, 4, 5]],
    dates: [
      new DateDay(),
      { kind: "date", unit: "day" },
      [0, null, 86_400_000, -86_400_000, 950_400_000_000].map((ms) => (ms === null ? null : new Date(ms))),
    ],
    "dates in milliseconds": [
      new DateMillisecond(),
      { kind: "date", unit: "ms" },
      [0, null, 86_400_000, -86_400_000, 950_400_000_000].map((ms) => (ms === null ? null : new Date(ms))),
    ],
    timestamps: [
      new TimestampMillisecond("UTC"),
      { kind: "timestamp", unit: "ms", timezone: "UTC" },
      [0, null, 1, 2, 1_700_000_000_000],
    ],
    lists: [
      new List(new Field("item", new Int32(), true)),
      { kind: "list", item: int32 },
      [[1], null, [], [2, null, 3], [4]],
    ],
    "fixed lists": [
      new FixedSizeList(2, new Field("item", new Float32(), true)),
      { kind: "fixed-list", item: float32, size: 2 },
      [[1, 2], null, [3, 4], [5, null], [7, 8]],
    ],
    structs: [
      new Struct([new Field("a", new Int32(), true), new Field("b", new Utf8(), true)]),
      { kind: "struct", fields: schemaOf({ a: int32, b: utf8 }) as Column[] },
      [{ a: 1, b: "x" }, null, { a: null, b: "y" }, { a: 3, b: null }, { a: 4, b: "" }],
    ],
    "lists of dictionaries": [
      new List(new Field("item", new Dictionary(new Utf8(), new Int32()), true)),
      { kind: "list", item: { kind: "dictionary", value: utf8 } },
      [["a", "b"], null, [], ["b"], ["a"]],
    ],
  };

  for (const [name, [type, planned, rows]] of Object.entries(values)) {
    it(`${name}: whole, without some rows, and in slices`, () => {
      const mapping = mappingOf({ kept: planned }, [{ name: "v", type: "float32", shape: ["N"] }]);
      const attacher = createAttacher(mapping, ["id"], String);
      const whole = input(5, { kept: column(type, rows) });
      const expected = rows.map(toPlain);
      for (const [begin, end] of [
        [0, 5],
        [1, 5],
        [2, 4],
      ] as const)
        for (const left of [[], [0], [1]]) {
          const batch = whole.slice(begin, end);
          attacher.outputs.begin(batch);
          const data = new Float32Array(batch.numRows);
          attacher.outputs.collect(0, batch.numRows, { v: { type: "float32", dims: [batch.numRows], data } });
          const { kept } = valuesThroughIpc(attacher.attach(batch, [], left));
          expect(kept?.map(toPlain)).toEqual(
            expected.slice(begin, end).filter((_, row) => !left.includes(row)),
          );
        }
    });
  }

  function toPlain(value: unknown): unknown {
    const flat = plain(value);
    if (flat instanceof Date) return flat.getTime();
    return value instanceof Date ? value.getTime() : flat;
  }

  it("count dates in days: Parquet has no others", () => {
    const mapping = mappingOf({ kept: { kind: "date", unit: "ms" } }, [label]);
    expect(mapping.columns.find(({ name }) => name === "kept")?.type).toEqual({ kind: "date", unit: "day" });
  });

  it("take any rows in any order, as Arrow itself reads them", () => {
    const random = seeded(5);
    for (const [type, planned, rows] of Object.values(values)) {
      const data = column(type, rows);
      for (let round = 0; round < 20; round++) {
        const order = range(Math.floor(random() * 9)).map(() => Math.floor(random() * 6) - 1);
        const taken = takeRows(data, Int32Array.from(order), arrowType(plainType(planned)));
        const expected = order.map((row) => (row < 0 ? null : toPlain(rows[row])));
        expect(
          Object.values(valuesThroughIpc(batchOf({ a: taken, n: column(new Int32(), order) })))[0]?.map(
            toPlain,
          ),
        ).toEqual(expected);
      }
    }
  });
});
