/** Columns that are decided from a prediction: labels, thresholds, the best elements. */
import { type DataType, Field, Int32, Int64, List, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import type { ColumnType } from "../../../src/data/column.js";
import { doubleToHalf } from "../../../src/data/float16.js";
import type { Tensor, TensorSpec } from "../../../src/data/tensor.js";
import type { OutputMapping } from "../../../src/job/job.js";
import { type Ids, idKey, type MappingFiles } from "../../../src/mapping/files/mapping-files.js";
import { resolveMapping } from "../../../src/mapping/resolve-mapping.js";
import { createAttacher } from "../../../src/scoring/attach-outputs.js";
import { bestElements } from "../../../src/scoring/outputs/best-elements.js";
import { batchOf, column, valuesThroughIpc } from "../../support/arrow-batches.js";
import { int64, jobWith, range, schemaOf, seeded, signatureOf, utf8 } from "../../support/jobs.js";

const file = "/items.parquet";
const list = (item: ColumnType): ColumnType => ({ kind: "list", item });
const listOf = (item: DataType) => new List(new Field("item", item, true));
const probabilities = (labels: readonly (string | number)[]): TensorSpec => ({
  name: "p",
  type: "float32",
  shape: ["N", labels.length],
  role: "probabilities",
  labels,
});
const scores = (width: number): TensorSpec => ({ name: "p", type: "float32", shape: ["N", width] });

interface Scenario {
  readonly spec: TensorSpec;
  readonly outputs: { readonly [output: string]: OutputMapping };
  readonly rows: readonly (readonly number[])[];
  readonly tensor?: Tensor;
  readonly ids?: Ids;
  readonly seen?: {
    readonly type: DataType;
    readonly planned: ColumnType;
    readonly values: readonly unknown[];
  };
  readonly nulled?: readonly number[];
  /** Rows of one model call. */
  readonly batchRows?: number;
}

function attached({ spec, outputs, rows, tensor, ids, seen, nulled = [], batchRows = 2 }: Scenario) {
  const files: MappingFiles = {
    categories: new Map(),
    ids: ids === undefined ? new Map() : new Map([[idKey({ file, column: null }), ids]]),
  };
  const mapping = resolveMapping({
    job: jobWith({ key: ["id"], outputs, passthrough: { kind: "none" } }),
    signature: signatureOf([{ name: "id", type: "int64", shape: ["N"] }], [spec]),
    schema: schemaOf({ id: int64, ...(seen === undefined ? {} : { seen: seen.planned }) }),
    guess: false,
    files,
  });
  const batch = batchOf({
    id: column(
      new Int64(),
      rows.map((_, row) => BigInt(row)),
    ),
    ...(seen === undefined ? {} : { seen: column(seen.type, seen.values) }),
  });
  const attacher = createAttacher(mapping, ["id"], String, files);
  attacher.outputs.begin(batch);
  for (let start = 0; start < rows.length; start += batchRows) {
    const part = rows.slice(start, start + batchRows);
    const data = Float32Array.from(part.flat());
    const width = part[0]?.length ?? 0;
    const made: Tensor = tensor ?? { type: "float32", dims: [part.length, width], data };
    attacher.outputs.collect(start, part.length, { p: made });
  }
  const { id: _id, ...predicted } = valuesThroughIpc(attacher.attach(batch, nulled, []));
  return { predicted, mapping };
}

describe("argmax", () => {
  const rows = [
    [0.2, 0.5, 0.3],
    [0.4, 0.2, 0.4],
    [Number.NaN, -1, -2],
    [Number.NaN, Number.NaN, Number.NaN],
    [0, 0, 1],
  ];
  const argmax = { p: { argmax: "best" } };

  it("is the label of the largest, the first of equals, and null where nothing is a number", () => {
    const { predicted } = attached({
      spec: probabilities(["a", "b", "c"]),
      outputs: argmax,
      rows,
      nulled: [4],
    });
    expect(predicted).toEqual({ best: ["b", "a", "b", null, null] });
  });

  it("is a number if all labels are, or if there are no labels", () => {
    expect(attached({ spec: probabilities([7, 8, 9]), outputs: argmax, rows }).predicted).toEqual({
      best: [8n, 7n, 8n, null, 9n],
    });
    expect(attached({ spec: scores(3), outputs: argmax, rows }).predicted).toEqual({
      best: [1n, 0n, 1n, null, 2n],
    });
  });

  it("finds the largest among infinities", () => {
    const least = [[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]];
    expect(attached({ spec: scores(2), outputs: argmax, rows: least }).predicted).toEqual({ best: [0n] });
  });

  it.each([
    ["float16", Uint16Array.from([0.1, 0.9, 0.8, 0.3].map(doubleToHalf))],
    ["int64", BigInt64Array.of(-1n, 5n, 4n, 3n)],
    ["uint8", Uint8Array.of(0, 5, 4, 3)],
  ] as const)("of %s", (type, data) => {
    const { predicted } = attached({
      spec: { ...scores(2), type },
      outputs: argmax,
      rows: [
        [0, 0],
        [0, 0],
      ],
      tensor: { type, dims: [2, 2], data },
    });
    expect(predicted).toEqual({ best: [1n, 0n] });
  });
});

describe("a threshold", () => {
  it("is reached by what is as large, by class label; NaN neither reaches nor misses it", () => {
    const rows = [
      [0.7, 0.3],
      [0.71, 0.29],
      [0, Number.NaN],
      [0, 1],
    ];
    const outputs = {
      p: { columns: { p: "late" }, threshold: { is_late: { label: "late", at: 0.3 } } },
    };
    const { predicted } = attached({ spec: probabilities(["in_time", "late"]), outputs, rows, nulled: [3] });
    expect(predicted.is_late).toEqual([true, false, null, null]);
    expect(predicted.p?.[0]).toBeCloseTo(0.3);
  });

  it("is taken as the tensor holds it: 0.7 is reached by the float32 and the float16 of that name", () => {
    const outputs = { p: { threshold: { high: { at: 0.7 } } } };
    const rows = [[0.7], [0.6999]];
    expect(attached({ spec: scores(1), outputs, rows }).predicted).toEqual({ high: [true, false] });
    const halves = Uint16Array.from([0.7, 0.699].map(doubleToHalf));
    const tensor: Tensor = { type: "float16", dims: [2, 1], data: halves };
    expect(attached({ spec: { ...scores(1), type: "float16" }, outputs, rows, tensor }).predicted).toEqual({
      high: [true, false],
    });
  });

  it("of a single score needs no label", () => {
    const outputs = { p: { threshold: { high: { at: 10 } } } };
    expect(attached({ spec: scores(1), outputs, rows: [[9], [10], [11]] }).predicted).toEqual({
      high: [false, true, true],
    });
  });
});

describe("labels", () => {
  const rows = [[0.25, 0.75]];

  it("are renamed one by one, or all in order, in everything that names them", () => {
    const spec = probabilities([0, 1]);
    expect(attached({ spec, outputs: { p: { labels: { "1": "late" } } }, rows }).predicted).toEqual({
      probability_0: [0.25],
      probability_late: [0.75],
    });
    const outputs = { p: { labels: ["in_time", "late"], columns: { p_late: "late" }, argmax: "best" } };
    expect(attached({ spec, outputs, rows }).predicted).toEqual({ p_late: [0.75], best: ["late"] });
  });

  it("are no names of what every object has", () => {
    const outputs = { p: { labels: { toString: "late" }, argmax: "best" } };
    const spec = probabilities(["constructor", "toString"]);
    expect(attached({ spec, outputs, rows }).predicted).toEqual({ best: ["late"] });
    expect(attached({ spec, outputs, rows: [[0.75, 0.25]] }).predicted).toEqual({ best: ["constructor"] });
  });

  it("name the elements of an output that has none", () => {
    const { predicted, mapping } = attached({
      spec: scores(2),
      outputs: { p: { labels: ["a", "b"] } },
      rows,
    });
    expect(predicted).toEqual({ p: [[0.25, 0.75]] });
    expect(mapping.columns.at(-1)?.metadata).toEqual({ "nightshift.labels": '["a","b"]' });
  });

  it("rename the values of a label output; those without a name keep their own", () => {
    const spec: TensorSpec = { name: "p", type: "int64", shape: ["N"], role: "label" };
    const tensor: Tensor = { type: "int64", dims: [3], data: BigInt64Array.of(0n, 1n, 2n) };
    const label = (labels: OutputMapping["labels"]) =>
      attached({
        spec,
        outputs: { p: { column: "delay", ...(labels === undefined ? {} : { labels }) } },
        rows: [[0], [0], [0]],
        tensor,
        batchRows: 3,
        nulled: [2],
      }).predicted;
    expect(label({ "1": "late" })).toEqual({ delay: ["0", "late", null] });
    expect(label(["in_time", "late"])).toEqual({ delay: ["in_time", "late", null] });
    expect(label(undefined)).toEqual({ delay: [0n, 1n, null] });
  });
});

describe("top-k", () => {
  const rows = [
    [0.1, 0.9, 0.5, 0.9],
    [4, 3, 2, 1],
    [Number.NaN, 7, Number.NaN, Number.NaN],
    [1, 2, 3, 4],
  ];
  const topK = (more: Partial<NonNullable<OutputMapping["topK"]>> = {}) => ({
    p: { column: "best", topK: { k: 2, rank: false, ...more } },
  });

  it("is best first, equals in their order, as long as there are numbers", () => {
    const { predicted } = attached({ spec: scores(4), outputs: topK(), rows, nulled: [3] });
    expect(predicted.best).toEqual([
      [
        { id: 1n, score: Math.fround(0.9) },
        { id: 3n, score: Math.fround(0.9) },
      ],
      [
        { id: 0n, score: 4 },
        { id: 1n, score: 3 },
      ],
      [{ id: 1n, score: 7 }],
      null,
    ]);
  });

  it("is called by class labels, and reports ranks where they are wanted", () => {
    const spec = probabilities(["a", "b", "c", "d"]);
    const { predicted } = attached({ spec, outputs: topK({ rank: true }), rows: rows.slice(1, 2) });
    expect(predicted.best).toEqual([
      [
        { id: "a", score: 4, rank: 1 },
        { id: "b", score: 3, rank: 2 },
      ],
    ]);
  });

  const ids: Ids = { kind: "int64", values: BigInt64Array.of(10n, 20n, 30n, 40n) };
  const wide: Ids = { kind: "int64", values: BigInt64Array.from(range(4), (i) => 2n ** 60n + BigInt(i)) };
  const names: Ids = { kind: "utf8", values: ["w", "x", "y", "z"] };
  const seen = (type: DataType, item: ColumnType, values: readonly unknown[]) => ({
    type: listOf(type),
    planned: list(item),
    values,
  });
  const int32: ColumnType = { kind: "int", bits: 32, signed: true };

  it.each([
    ["int64", ids, seen(new Int64(), int64, [[20n, 99n, 20n], [], null, [40n, null, 30n]])],
    ["narrower integers", ids, seen(new Int32(), int32, [[20, 99, 20], [], null, [40, null, 30]])],
    [
      "integers beyond 2^53",
      wide,
      seen(new Int64(), int64, [
        [2n ** 60n + 1n, 2n ** 60n + 9n],
        [],
        null,
        [2n ** 60n + 3n, 2n ** 60n + 2n],
      ]),
    ],
    ["text", names, seen(new Utf8(), utf8, [["x", "nobody"], [], null, ["z", null, "y"]])],
  ])("leaves out what a row has seen: %s", (_name, of, column) => {
    const { predicted } = attached({
      spec: scores(4),
      outputs: topK({ ids: { file }, exclude: "seen" }),
      rows,
      ids: of,
      seen: column,
    });
    const found = predicted.best as { id: string | bigint }[][];
    const places = found.map((best) => best.map(({ id }) => [...of.values].indexOf(id as never)));
    expect(places).toEqual([[3, 2], [0, 1], [1], [1, 0]]);
  });

  it("takes a null among what was seen for nothing, not for the id that its slot holds", () => {
    const { predicted } = attached({
      spec: scores(4),
      outputs: topK({ exclude: "seen" }),
      rows: rows.slice(1, 2),
      seen: seen(new Int64(), int64, [[null, 1n]]),
    });
    expect(predicted.best).toMatchObject([[{ id: 0n }, { id: 2n }]]);
  });

  it("is as long as the row where fewer are left, and says so when planned", () => {
    const { predicted, mapping } = attached({
      spec: scores(2),
      outputs: topK({ k: 9 }),
      rows: [[1, 2]],
    });
    expect(predicted.best).toEqual([
      [
        { id: 1n, score: 2 },
        { id: 0n, score: 1 },
      ],
    ]);
    expect(mapping.warnings.join()).toContain("lists of `top_k: 9` are no longer than that");
  });

  it("keeps halves and integers what they are", () => {
    const outputs = topK({ k: 1 });
    const half: Tensor = { type: "float16", dims: [1, 2], data: Uint16Array.of(0x3c00, 0x4000) };
    expect(
      attached({ spec: { ...scores(2), type: "float16" }, outputs, rows: [[0, 0]], tensor: half }).predicted
        .best,
    ).toEqual([[{ id: 1n, score: 2 }]]);
    const whole: Tensor = { type: "int64", dims: [1, 2], data: BigInt64Array.of(2n ** 60n, 1n) };
    expect(
      attached({ spec: { ...scores(2), type: "int64" }, outputs, rows: [[0, 0]], tensor: whole }).predicted
        .best,
    ).toEqual([[{ id: 0n, score: 2n ** 60n }]]);
  });
});

it("the best elements are those that sorting finds, whatever the scores", () => {
  const random = seeded(7);
  for (const [width, k] of [
    [1, 1],
    [5, 5],
    [100, 7],
    [1000, 50],
  ] as const) {
    const best = bestElements(k);
    for (let round = 0; round < 20; round++) {
      // Few values, so that there are many equals.
      const row = range(width + 3).map(() => Math.floor(random() * 20));
      const excluded = new Set(range(width).filter(() => random() < 0.3));
      const expected = range(width)
        .filter((element) => !excluded.has(element))
        .sort((a, b) => (row[b + 3] ?? 0) - (row[a + 3] ?? 0) || a - b)
        .slice(0, k);
      const count = best.find(row, 3, width, (element) => excluded.has(element));
      expect([...best.places.subarray(0, count)]).toEqual(expected);
    }
  }
});
