import { describe, expect, it } from "vitest";
import type { ColumnType, Schema } from "../../../src/data/column.js";
import type { TensorSpec, TensorType } from "../../../src/data/tensor.js";
import { type NightshiftError, SpecError } from "../../../src/errors.js";
import type { Mapping } from "../../../src/mapping/mapping.js";
import { type MappingOptions, resolveMapping } from "../../../src/mapping/resolve-mapping.js";
import { isExporterName } from "../../../src/mapping/unnamed-inputs.js";
import {
  float32,
  float64,
  int32,
  int64,
  type JobParts,
  jobWith,
  range,
  schemaOf,
  signatureOf,
  timestamp,
  utf8,
} from "../../support/jobs.js";

const stacked = (features: number): TensorSpec => ({
  name: "input",
  type: "float32",
  shape: ["N", features],
});
const bool: ColumnType = { kind: "bool" };
const list = (item: ColumnType): ColumnType => ({ kind: "list", item });
const fixedList = (item: ColumnType, size: number): ColumnType => ({ kind: "fixed-list", item, size });

function resolve(
  inputs: readonly TensorSpec[],
  columns: { readonly [name: string]: ColumnType } | Schema,
  job: JobParts = {},
  rest: Partial<MappingOptions> & { outputs?: readonly TensorSpec[]; featureNames?: readonly string[] } = {},
): Mapping {
  const { outputs, featureNames, ...options } = rest;
  return resolveMapping({
    job: jobWith(job),
    signature: signatureOf(inputs, outputs, { featureNames: featureNames ?? null }),
    schema: Array.isArray(columns) ? columns : schemaOf(columns as { [name: string]: ColumnType }),
    guess: true,
    ...options,
  });
}

function failure(run: () => unknown): NightshiftError {
  try {
    run();
  } catch (error) {
    if (error instanceof SpecError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** Columns of the one input there is. */
function fed(mapping: Mapping): readonly string[] {
  const [binding] = mapping.inputs;
  if (binding === undefined || binding.kind === "constant") return [];
  return binding.kind === "columns" ? binding.columns.map(({ column }) => column) : [binding.column.column];
}

describe("features are found in this order", () => {
  const columns = { id: int64, a: float32, b: float32, f0: float32, f1: float32 };

  it("--features, in its own order", () => {
    const mapping = resolve(
      [stacked(2)],
      columns,
      { features: { list: ["b", "a"] } },
      { featureNames: ["f0", "f1"] },
    );
    expect(fed(mapping)).toEqual(["b", "a"]);
    expect(mapping.found).toEqual(["input (float32 [N, 2]) from b, a: --features"]);
  });

  it("names in the model's metadata", () => {
    expect(fed(resolve([stacked(2)], columns, {}, { featureNames: ["b", "a"] }))).toEqual(["b", "a"]);
  });

  it("columns named like the inputs", () => {
    const inputs: TensorSpec[] = [
      { name: "a", type: "float32", shape: ["N", 1] },
      { name: "b", type: "float32", shape: ["N"] },
    ];
    const mapping = resolve(inputs, columns);
    expect(mapping.inputs.map(({ rowShape }) => rowShape)).toEqual([[1], []]);
    expect(mapping.found[1]).toBe("b (float32 [N]) from b: the column of the same name");
  });

  it("f0..fN, also when more numeric columns are there", () => {
    expect(fed(resolve([stacked(2)], columns))).toEqual(["f0", "f1"]);
  });

  it("x0..xN, when it is the only such set", () => {
    expect(fed(resolve([stacked(3)], { x0: float32, x1: float32, x2: float32, z: float32 }))).toEqual([
      "x0",
      "x1",
      "x2",
    ]);
  });

  it("all of f0..fN when the model leaves the number open", () => {
    const mapping = resolve([{ name: "input", type: "float32", shape: [null, null] }], columns);
    expect(mapping.inputs[0]).toMatchObject({ rowShape: [2] });
  });

  it("exactly as many numeric columns as the input takes, without the key, with a warning", () => {
    const mapping = resolve([stacked(2)], { id: int64, name: utf8, a: int32, b: float64 }, { key: ["id"] });
    expect(fed(mapping)).toEqual(["a", "b"]);
    expect(mapping.warnings.join()).toContain('guessed the features of "input": the 2 numeric columns a, b');
  });

  it("no set with a column too many: f2 would be left over", () => {
    const error = failure(() => resolve([stacked(2)], { f0: float32, f1: float32, f2: float32 }));
    expect(error.code).toBe("mapping.unmatched");
  });

  it("no guess where guessing is not allowed, but a hint at what would fit", () => {
    const error = failure(() =>
      resolve([stacked(2)], { id: int64, a: float32, b: float32 }, { key: ["id"] }, { guess: false }),
    );
    expect(error.code).toBe("mapping.guess");
    expect(error.details).toEqual({ input: "input", columns: ["a", "b"], list: false });
    expect(error.hint).toBe(
      "map it under features of the job:\n  features:\n    input:\n      stack: [a, b]",
    );
  });

  it("a guess that was not accepted is shown with both ways out", () => {
    const error = failure(() =>
      resolve([stacked(2)], { id: int64, a: float32, b: float32 }, { key: ["id"] }, { guess: "offer" }),
    );
    expect(error.code).toBe("mapping.guess");
    expect(error.message).toContain("the 2 numeric columns a, b, in this order");
    expect(error.hint).toContain("--accept-guess, or name them with --features a,b, or map it");
  });

  it("a named input is never fed by another column, accepted or not", () => {
    const named: TensorSpec = { name: "tenure_days", type: "float32", shape: ["N", 1] };
    for (const guess of [true, "offer", false] as const)
      for (const input of [named, { ...named, name: "sensors", shape: ["N", 2] }, { ...named, shape: ["N"] }])
        for (const columns of [
          { is_trial: bool },
          { f0: float32 },
          { f0: float32, f1: float32 },
          { x: list(float32) },
        ])
          expect(failure(() => resolve([input], columns, {}, { guess })).code).toBe("mapping.unmatched");
    const age: TensorSpec = { ...named, name: "age" };
    const error = failure(() => resolve([age, named], { age: float32, customer_id: int64, is_trial: bool }));
    expect(error.hint).toContain("tenure_days: { column: <column> }");
    expect(error.hint).not.toContain("is_trial");
  });

  it("ids, the index of pandas, targets and outputs are neither guessed nor offered", () => {
    const schema: Schema = [
      ...schemaOf({ customer_id: int64, a: float32, b: float32, target: int64, score: float32 }),
      { name: "row", type: int64, nullable: false, isIndex: true },
      ...schemaOf({ __index_level_0__: int64, userId: int64 }),
    ];
    const outputs: TensorSpec[] = [{ name: "score", type: "float32", shape: ["N"] }];
    const job: JobParts = { passthrough: { kind: "none" } };
    expect(fed(resolve([stacked(2)], schema, job, { outputs }))).toEqual(["a", "b"]);
    const error = failure(() => resolve([stacked(3)], schema, {}, { outputs, guess: "offer" }));
    expect(error.code).toBe("mapping.unmatched");
    expect(error.hint).toContain("--features a,b,…");
  });

  it("names that exporters make up are distinguished from names of columns", () => {
    for (const name of [
      "input",
      "X",
      "x",
      "float_input",
      "input_1:0",
      "onnx::Gemm_0",
      "serving_default_inputs:0",
      "keras_tensor_3",
      "input.1",
      "features",
      "args_0",
      "12",
      "denseInput",
      "double_input",
      "l_x_",
    ])
      expect(isExporterName(name), name).toBe(true);
    for (const name of [
      "age",
      "tenure_days",
      "pixel_values",
      "image",
      "long",
      "number",
      "年齢",
      "__proto__",
      "_",
      "x_price",
      "batch",
    ])
      expect(isExporterName(name), name).toBe(false);
  });

  it("the only list of numbers that fits, with a warning", () => {
    const columns = {
      id: int64,
      n: int32,
      short: fixedList(float32, 2),
      pixels: list(float32),
      words: list(utf8),
    };
    const image: TensorSpec = { name: "input", type: "float32", shape: ["N", 1, 8, 8] };
    const mapping = resolve([image], columns, { key: ["id"] });
    expect(fed(mapping)).toEqual(["pixels"]);
    expect(mapping.warnings.join()).toContain('guessed the features of "input": the list column pixels');
    for (const others of [{ more: list(float32) }, { more: fixedList(int32, 64) }])
      expect(failure(() => resolve([image], { ...columns, ...others })).code).toBe("mapping.unmatched");
    expect(failure(() => resolve([stacked(1)], { pixels: list(float32), w: utf8 })).code).toBe(
      "mapping.unmatched",
    );
  });

  it("no list is guessed in a job, but it is what the hint starts from", () => {
    const error = failure(() =>
      resolve(
        [stacked(64)],
        { id: int64, n: int32, pixels: list(float32) },
        { key: ["id"] },
        { guess: false },
      ),
    );
    expect(error.code).toBe("mapping.guess");
    expect(error.hint).toBe("map it under features of the job:\n  features:\n    input: { list: pixels }");
  });

  it("a text model's inputs are left open with a block that feeds all of them from the list of tokens", () => {
    const input = (name: string): TensorSpec => ({ name, type: "int64", shape: ["N", "L"] });
    const inputs = ["input_ids", "token_type_ids", "attention_mask"].map(input);
    const columns = { id: int64, tokens: list(int64), pixels: list(float32) };
    const { hint } = failure(() => resolve(inputs, columns, { key: ["id"] }));
    expect(hint).toBe(`map them under features of a job:
  features:
    input_ids: { list: tokens, pad_to: 128, keep: first, mask: attention_mask }
    token_type_ids: { value: 0 }`);
    const unlike = failure(() => resolve([...inputs, input("decoder_input_ids")], columns));
    expect(unlike.hint).not.toContain("pad_to");
    expect(failure(() => resolve(inputs, { id: int64, words: list(utf8) })).hint).not.toContain("pad_to");
  });

  it("a mapping of some inputs, and names for the rest", () => {
    const inputs: TensorSpec[] = [stacked(2), { name: "origin", type: "string", shape: ["N", 1] }];
    const mapping = resolve(
      inputs,
      { origin: utf8, hour: int32, distance: int64 },
      {
        features: {
          inputs: { input: { kind: "stack", stack: [{ column: "distance" }, { column: "hour" }] } },
        },
      },
    );
    expect(mapping.inputs).toMatchObject([
      { kind: "columns", columns: [{ column: "distance" }, { column: "hour" }] },
      { kind: "columns", columns: [{ column: "origin", nulls: "error" }] },
    ]);
  });

  it("--features feeds the input that no column is named after", () => {
    const inputs: TensorSpec[] = [stacked(2), { name: "origin", type: "string", shape: ["N", 1] }];
    const mapping = resolve(inputs, { origin: utf8, a: int32, b: int64 }, { features: { list: ["a", "b"] } });
    expect(mapping.inputs).toHaveLength(2);
    expect(fed(mapping)).toEqual(["a", "b"]);
  });
});

describe("shapes", () => {
  const shapeOf = (mapping: Mapping) => mapping.inputs.map(({ rowShape }) => rowShape);

  it("higher ranks take their product in columns", () => {
    const columns = Object.fromEntries(range(784).map((pixel) => [`f${pixel}`, float32]));
    const mapping = resolve([{ name: "input", type: "float32", shape: ["N", 1, 28, 28] }], columns);
    expect(shapeOf(mapping)).toEqual([[1, 28, 28]]);
    expect(mapping.reads).toHaveLength(784);
  });

  it("a fixed-size list of the product feeds a higher rank", () => {
    const mapping = resolve([{ name: "image", type: "float32", shape: ["N", 1, 28, 28] }], {
      image: fixedList(float32, 784),
    });
    expect(mapping.inputs).toMatchObject([{ kind: "list", rowShape: [1, 28, 28] }]);
  });

  const tokens = (name: string): TensorSpec => ({ name, type: "int64", shape: ["batch", "sequence"] });

  it("a symbolic dimension takes its size from a fixed-size list, and outputs share it", () => {
    const mapping = resolve(
      [tokens("ids"), tokens("mask")],
      { ids: fixedList(int64, 12), mask: fixedList(int64, 12) },
      {},
      { outputs: [{ name: "hidden", type: "float32", shape: ["batch", "sequence", 50] }] },
    );
    expect(shapeOf(mapping)).toEqual([[12], [12]]);
    expect(mapping.outputs).toMatchObject([{ kind: "list", rowShape: [12, 50] }]);
    expect(mapping.columns).toEqual([
      {
        name: "hidden",
        type: fixedList(float32, 600),
        nullable: true,
        metadata: { "nightshift.shape": "[12,50]" },
      },
    ]);
  });

  it("inputs that share a symbolic dimension must agree", () => {
    const error = failure(() =>
      resolve([tokens("ids"), tokens("mask")], { ids: fixedList(int64, 12), mask: fixedList(int64, 13) }),
    );
    expect(error.code).toBe("mapping.width");
    expect(error.message).toContain(
      'input "mask" is int64 [N, sequence]: it takes 12 values a row, and column "mask" holds 13',
    );
  });

  it("a list and an output may be called `constructor`", () => {
    const signature = signatureOf(
      [{ name: "constructor", type: "float32", shape: ["N", null] }],
      [{ name: "constructor", type: "float32", shape: ["N", null] }],
    );
    const schema = schemaOf({ constructor: list(float32) });
    const { inputs, outputs } = resolveMapping({ job: jobWith(), signature, schema, guess: false });
    expect([...inputs, ...outputs].map(({ rowShape }) => rowShape)).toEqual([null, null]);
  });

  it("a model that takes one row and no batch is distinguished from one that takes other columns", () => {
    const error = failure(() =>
      resolve(
        [{ name: "x", type: "float32", shape: [2] }],
        { a: float32, b: float32 },
        {
          features: { inputs: { x: { kind: "stack", stack: [{ column: "a" }, { column: "b" }] } } },
        },
      ),
    );
    expect(error).toMatchObject({
      code: "mapping.no-batch",
      message: 'input "x" takes one row of 2 values: it has no batch dimension',
    });
  });

  it("a list of unknown length is left open, unless `dim`, another input or the data gives it", () => {
    const columns = { ids: list(int64), mask: fixedList(int64, 12) };
    expect(shapeOf(resolve([tokens("ids")], columns))).toEqual([null]);
    expect(shapeOf(resolve([tokens("ids"), tokens("mask")], columns))).toEqual([[12], [12]]);
    const observed = { listLengths: { ids: 7 }, rowShapes: {} };
    expect(shapeOf(resolve([tokens("ids")], columns, {}, { observed }))).toEqual([[7]]);
    const features = { inputs: { ids: { kind: "list", list: "ids", dim: 9 } } } as const;
    expect(shapeOf(resolve([tokens("ids")], columns, { features }))).toEqual([[9]]);
  });

  it("dimensions that exporters write for `any` are open: 0, the batch's own name, ?", () => {
    for (const dimension of [0, "N", "?", "None", null])
      expect(
        shapeOf(
          resolve([{ name: "v", type: "float32", shape: ["N", dimension] }], { v: fixedList(float32, 5) }),
        ),
      ).toEqual([[5]]);
  });

  it("too few columns are reported with both numbers", () => {
    const error = failure(() =>
      resolve([stacked(3)], { a: float32, b: float32 }, { features: { list: ["a", "b"] } }),
    );
    expect(error.message).toBe(
      'input "input" is float32 [N, 3]: it takes 3 values a row, and 2 columns are given',
    );
  });

  it("an input without a batch dimension is refused", () => {
    const error = failure(() => resolve([{ name: "a", type: "float32", shape: [] }], { a: float32 }));
    expect(error.code).toBe("mapping.no-batch");
  });
});

describe("what may feed what", () => {
  const one = (type: TensorSpec["type"]): TensorSpec[] => [{ name: "a", type, shape: ["N", 1] }];
  const dictionary: ColumnType = { kind: "dictionary", value: utf8 };
  const allowed: [ColumnType, TensorSpec["type"]][] = [
    [float64, "float32"],
    [int64, "float32"],
    [{ kind: "bool" }, "float32"],
    [{ kind: "bool" }, "int64"],
    [{ kind: "decimal", precision: 10, scale: 2, bits: 128 }, "float32"],
    [{ kind: "decimal", precision: 10, scale: 0, bits: 128 }, "int64"],
    [int64, "int32"],
    [int32, "int64"],
    [float64, "int64"],
    [{ kind: "decimal", precision: 10, scale: 2, bits: 128 }, "int64"],
    [float32, "float16"],
    [utf8, "string"],
    [dictionary, "string"],
    [{ kind: "dictionary", value: int32 }, "float32"],
  ];
  it.each(allowed)("%j -> %s", (type, tensor) => {
    expect(resolve(one(tensor), { a: type }).inputs).toHaveLength(1);
  });

  const refused: [ColumnType, TensorSpec["type"], string, string][] = [
    [utf8, "float32", "mapping.cast", "encode it"],
    [dictionary, "float32", "mapping.cast", "encode it"],
    [float64, "string", "mapping.cast", "store the column as text"],
    [int64, "string", "mapping.cast", "`dtype: string`"],
    [timestamp, "float32", "mapping.cast", "part: hour"],
    [{ kind: "date", unit: "day" }, "float32", "mapping.cast", "part: dow"],
    [{ kind: "struct", fields: [] }, "float32", "mapping.cast", "turn it into numbers"],
  ];
  it.each(refused)("%j -> %s is %s", (type, tensor, code, hint) => {
    const error = failure(() => resolve(one(tensor), { a: type }));
    expect(error.code).toBe(code);
    expect(error.hint).toContain(hint);
  });

  it("a fraction may be cut off where `cast: lossy` says so", () => {
    const features = { inputs: { a: { kind: "column", column: "a", cast: "lossy" } } } as const;
    expect(resolve(one("int64"), { a: float64 }, { features }).inputs).toMatchObject([
      { columns: [{ lossy: true }] },
    ]);
  });

  it("`dtype` is one more conversion on the way, with the same rules", () => {
    const dtype = (type: TensorType, cast?: "lossy") => ({
      features: {
        inputs: { a: { kind: "column", column: "a", dtype: type, ...(cast === undefined ? {} : { cast }) } },
      } as const,
    });
    expect(resolve(one("float32"), { a: float32 }, dtype("int64")).inputs).toMatchObject([
      { columns: [{ dtype: "int64", lossy: false }] },
    ]);
    expect(resolve(one("float32"), { a: float32 }, dtype("int64", "lossy")).inputs).toMatchObject([
      { columns: [{ dtype: "int64", lossy: true }] },
    ]);
    expect(resolve(one("float32"), { a: float32 }, dtype("float32")).inputs).toMatchObject([
      { columns: [{ dtype: null }] },
    ]);
    expect(failure(() => resolve(one("float32"), { a: int64 }, dtype("string"))).message).toContain(
      'column "a" becomes string by `dtype`, which is text, and the input takes float32',
    );
    expect(resolve(one("string"), { a: int64 }, dtype("string")).inputs).toMatchObject([
      { columns: [{ dtype: null }] },
    ]);
    expect(failure(() => resolve(one("string"), { a: int64 })).hint).toContain("`dtype: string`");
  });

  it("what would be ignored is refused: a `timezone` without `part`, a `dim` that the type contradicts", () => {
    const zone = { inputs: { a: { kind: "column", column: "a", timezone: "UTC" } } } as const;
    expect(failure(() => resolve(one("float32"), { a: float32 }, { features: zone })).code).toBe(
      "mapping.timezone",
    );
    const dim = { inputs: { v: { kind: "list", list: "v", dim: 3 } } } as const;
    const vector: TensorSpec[] = [{ name: "v", type: "float32", shape: ["N", null] }];
    const error = failure(() => resolve(vector, { v: fixedList(float32, 4) }, { features: dim }));
    expect(error.message).toContain('`dim: 3` is not what column "v" holds: its lists have 4 values');
  });

  it("a date has no hour", () => {
    const features = { inputs: { a: { kind: "column", column: "d", part: "hour" } } } as const;
    const error = failure(() => resolve(one("float32"), { d: { kind: "date", unit: "day" } }, { features }));
    expect(error.message).toContain("is a date, which has no hour");
  });

  it("`part` is taken in the zone that the job names, or else the column's own; one that does not exist is refused", () => {
    const part = (timezone?: string) =>
      ({
        inputs: {
          a: { kind: "column", column: "t", part: "hour", ...(timezone === undefined ? {} : { timezone }) },
        },
      }) as const;
    const lisbon: ColumnType = { kind: "timestamp", unit: "us", timezone: "Europe/Lisbon" };
    expect(
      failure(() => resolve(one("float32"), { t: lisbon }, { features: part("Mars/Olympus") })).code,
    ).toBe("mapping.timezone");
    const zoneOf = (type: ColumnType, timezone?: string) => {
      const { inputs, warnings, found } = resolve(one("float32"), { t: type }, { features: part(timezone) });
      const [binding] = inputs;
      return { zone: binding?.kind === "columns" ? binding.columns[0]?.timezone : null, warnings, found };
    };
    const inZone = (timezone: string | null): ColumnType => ({ kind: "timestamp", unit: "us", timezone });
    expect(zoneOf(lisbon)).toMatchObject({ zone: "Europe/Lisbon", warnings: [] });
    expect(zoneOf(lisbon).found[0]).toContain("hour of t in Europe/Lisbon");
    expect(zoneOf(lisbon, "UTC")).toMatchObject({ zone: "UTC", warnings: [] });
    expect(zoneOf(inZone("Z"))).toMatchObject({ zone: "UTC", warnings: [] });
    expect(zoneOf(inZone("-03:30"))).toMatchObject({ zone: "-03:30", warnings: [] });
    expect(zoneOf(inZone(null))).toMatchObject({ zone: "UTC", warnings: [] });
    expect(zoneOf(inZone(null), "Europe/Lisbon").warnings).toHaveLength(1);
    expect(failure(() => zoneOf(inZone("Mars/Olympus"))).code).toBe("mapping.timezone");
    expect(zoneOf(inZone("Mars/Olympus"), "UTC")).toMatchObject({ zone: "UTC" });
  });

  it("nulls become NaN in floats and are errors elsewhere; a replacement must fit", () => {
    const rules = (nulls: string | number | boolean) =>
      ({ inputs: { a: { kind: "column", column: "a", nulls } } }) as const;
    expect(resolve(one("float32"), { a: float32 }).inputs).toMatchObject([{ columns: [{ nulls: "nan" }] }]);
    expect(resolve(one("int64"), { a: int64 }).inputs).toMatchObject([{ columns: [{ nulls: "error" }] }]);
    expect(resolve(one("string"), { a: utf8 }, { features: rules("unknown") }).inputs).toMatchObject([
      { columns: [{ nulls: { value: "unknown" } }] },
    ]);
    for (const [type, nulls] of [
      ["int64", "nan"],
      ["int8", 200],
      ["int32", 1.5],
      ["float32", "zero"],
      ["string", 0],
    ] as const)
      expect(
        failure(() => resolve(one(type), { a: type === "string" ? utf8 : int64 }, { features: rules(nulls) }))
          .code,
      ).toBe("mapping.nulls");
  });
});

describe("names that do not exist", () => {
  it.each([
    [
      { features: { inputs: { inptu: { kind: "column", column: "a" } } } },
      "mapping.unknown-input",
      'did you mean "input"?',
    ],
    [{ features: { list: ["distnace"] } }, "mapping.unknown-column", 'did you mean "distance"?'],
    [{ outputs: { scroe: {} } }, "mapping.unknown-output", 'did you mean "score"?'],
    [{ key: ["ID"] }, "mapping.unknown-column", 'did you mean "id"?'],
    [{ passthrough: { kind: "columns", columns: ["iid"] } }, "mapping.unknown-column", 'did you mean "id"?'],
    [{ write: { partitionBy: ["dt"] } }, "mapping.partition-by", "the output's columns are: id, score"],
  ] as [JobParts, string, string][])("%j", (job, code, hint) => {
    const error = failure(() =>
      resolve(
        [{ ...stacked(1), name: "input" }],
        { id: int64, distance: float32 },
        {
          features: { list: ["distance"] },
          ...job,
        },
      ),
    );
    expect(error.code).toBe(code);
    expect(error.hint).toContain(hint);
  });

  it("are reported all at once", () => {
    const error = failure(() =>
      resolve([stacked(1)], { a: utf8 }, { features: { list: ["a"] }, outputs: { nope: {} } }),
    );
    expect(error.code).toBe("mapping.several");
    expect(error.message).toContain('- input "input": column "a" is text, and the input takes float32');
    expect(error.message).toContain('- the model has no output "nope"');
  });
});

it("what stays unmatched is explained: needs, columns, tries, and a block to paste", () => {
  const error = failure(() =>
    resolve(
      [stacked(3), { name: "origin", type: "string", shape: ["N", 1] }],
      { flight_id: int64, Origin: utf8, distance: int64, date: timestamp },
      { key: ["flight_id"] },
      { featureNames: ["distance", "hour", "dow"] },
    ),
  );
  expect(error.code).toBe("mapping.unmatched");
  expect(error.message).toBe(
    [
      'the input has no column "input", which input "input" of model.onnx needs',
      'the input has no column "origin", which input "origin" of model.onnx needs',
      "  input is float32 [N, 3]: 3 numeric columns, or one list column of length 3",
      '  origin is string [N, 1]: one text column; is it column "Origin"?',
      "  columns: flight_id (int64, the key), Origin (string), distance (int64), date (timestamp[us, UTC])",
      "  tried: the model's metadata names 3 features; not among the columns: hour, dow",
    ].join("\n"),
  );
  expect(error.hint).toBe(
    [
      "map them under features of a job:",
      "  features:",
      "    input:",
      "      stack: [distance, …]",
      "    origin: { column: Origin }",
    ].join("\n"),
  );
});

describe("outputs", () => {
  const classifier = (labels: readonly (string | number)[]): TensorSpec[] => [
    { name: "output_label", type: "int64", shape: ["N"], role: "label" },
    {
      name: "output_probability",
      type: "float32",
      shape: ["N", labels.length],
      role: "probabilities",
      labels,
    },
  ];
  const predicted = (outputs: readonly TensorSpec[], job: JobParts = {}) =>
    resolve([stacked(1)], { f0: float32 }, job, { outputs }).columns.map(({ name, type }) => [name, type]);

  it("a classifier gives `prediction` and a probability a label", () => {
    expect(predicted(classifier(["late", "on time"]))).toEqual([
      ["prediction", int64],
      ["probability_late", float32],
      ["probability_on time", float32],
    ]);
  });

  it("past 20 classes, the probabilities are one list with the labels in its metadata", () => {
    const [, probabilities] = resolve(
      [stacked(1)],
      { f0: float32 },
      {},
      { outputs: classifier(range(21)) },
    ).columns;
    expect(probabilities).toMatchObject({ name: "probabilities", type: fixedList(float32, 21) });
    expect(probabilities?.metadata).toEqual({ "nightshift.labels": JSON.stringify(range(21)) });
  });

  it("anything else is named after its tensor: a scalar, or a list", () => {
    expect(
      predicted([
        { name: "variable", type: "float64", shape: ["N", 1] },
        { name: "embedding", type: "float32", shape: ["N", 384] },
        { name: "halves", type: "float16", shape: ["N"] },
      ]),
    ).toEqual([
      ["variable", float64],
      ["embedding", fixedList(float32, 384)],
      ["halves", float32],
    ]);
  });

  it("one score for two classes stays a tensor's column", () => {
    const outputs: TensorSpec[] = [
      { name: "p", type: "float32", shape: ["N", 1], role: "probabilities", labels: ["no", "yes"] },
    ];
    expect(predicted(outputs)).toEqual([["p", float32]]);
  });

  it("only what the job names is written, by class label, under its names", () => {
    expect(
      predicted(classifier([0, 1]), {
        outputs: { output_probability: { columns: { p_late: "1" } }, output_label: { column: "is_late" } },
      }),
    ).toEqual([
      ["p_late", float32],
      ["is_late", int64],
    ]);
  });

  it("`label` and `probabilities` mean a classifier's outputs under any name of its export", () => {
    expect(
      predicted(classifier([0, 1]), { outputs: { probabilities: { columns: { p: "0" } }, label: {} } }),
    ).toEqual([
      ["p", float32],
      ["prediction", int64],
    ]);
  });

  it("a class that does not exist", () => {
    const error = failure(() =>
      predicted(classifier(["late", "early"]), { outputs: { probabilities: { columns: { p: "lat" } } } }),
    );
    expect(error.hint).toBe('did you mean "late"?');
  });

  it("elements by number where there are no labels", () => {
    const outputs: TensorSpec[] = [{ name: "v", type: "float32", shape: ["N", 3] }];
    expect(predicted(outputs, { outputs: { v: { columns: { third: "2" } } } })).toEqual([["third", float32]]);
    const error = failure(() => predicted(outputs, { outputs: { v: { columns: { fourth: "3" } } } }));
    expect(error.hint).toBe("its elements are 0, 1, 2");
  });

  it("a width that nothing gives is left open", () => {
    const outputs: TensorSpec[] = [{ name: "v", type: "float32", shape: [null, null] }];
    const options = [[stacked(1)], { f0: float32 }, {}] as const;
    expect(resolve(...options, { outputs }).outputs).toMatchObject([{ rowShape: null }]);
    const observed = { listLengths: {}, rowShapes: { v: [1] } };
    expect(resolve(...options, { outputs, observed }).outputs).toMatchObject([
      { kind: "scalar", rowShape: [1] },
    ]);
  });
});

describe("columns of the output", () => {
  const columns = {
    extra: utf8,
    f0: float32,
    id: int64,
    day: { kind: "dictionary", value: utf8 } as ColumnType,
  };
  const names = (job: JobParts) =>
    resolve([stacked(1)], columns, { key: ["id"], ...job }).columns.map(({ name }) => name);

  it("the key first, then what is kept in the input's order, then predictions, then what is added", () => {
    expect(names({ write: { add: { run: "{{ run.id }}" } } })).toEqual([
      "id",
      "extra",
      "day",
      "score",
      "run",
    ]);
    expect(names({ passthrough: { kind: "all" } })).toEqual(["id", "extra", "f0", "day", "score"]);
    expect(names({ passthrough: { kind: "none" } })).toEqual(["id", "score"]);
    expect(names({ passthrough: { kind: "columns", columns: ["day", "f0"] } })).toEqual([
      "id",
      "f0",
      "day",
      "score",
    ]);
  });

  it("only what is needed is read", () => {
    expect(resolve([stacked(1)], columns, { passthrough: { kind: "none" } }).reads).toEqual(["f0"]);
    expect(resolve([stacked(1)], columns, { key: ["id"], passthrough: { kind: "none" } }).reads).toEqual([
      "f0",
      "id",
    ]);
  });

  it("dictionaries come out decoded", () => {
    expect(resolve([stacked(1)], columns).columns).toContainEqual({
      name: "day",
      type: utf8,
      nullable: true,
    });
  });

  it("constants have the type that they are written in", () => {
    const add = { a: "x", b: 1, c: 1.5, d: true };
    expect(resolve([stacked(1)], columns, { write: { add } }).added.map(({ type }) => type)).toEqual([
      utf8,
      int64,
      float64,
      { kind: "bool" },
    ]);
    expect(failure(() => resolve([stacked(1)], columns, { write: { add: { e: null } } })).code).toBe(
      "mapping.added-value",
    );
  });

  it("two columns of one name are reported with both origins", () => {
    const error = failure(() => resolve([stacked(1)], { ...columns, score: float32 }, {}));
    expect(error.code).toBe("mapping.name-clash");
    expect(error.message).toBe(
      'two output columns are called "score": a column kept from the input and a prediction from output "score"',
    );
  });

  it("a column that can't be written is left out with a warning, and refused where it is named", () => {
    const odd = { ...columns, odd: { kind: "other", name: "union" } as ColumnType };
    expect(resolve([stacked(1)], odd).warnings).toEqual([
      'column "odd" is union and is left out of the output',
    ]);
    const passthrough = { kind: "columns", columns: ["odd"] } as const;
    expect(failure(() => resolve([stacked(1)], odd, { passthrough })).code).toBe(
      "mapping.unsupported-column",
    );
  });
});
