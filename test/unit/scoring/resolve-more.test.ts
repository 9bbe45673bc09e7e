/** What the whole mapping's words mean for a signature and a schema, and what is said where they mean nothing. */
import { describe, expect, it } from "vitest";
import type { ColumnType } from "../../../src/data/column.js";
import type { TensorSpec } from "../../../src/data/tensor.js";
import { type NightshiftError, SpecError } from "../../../src/errors.js";
import type { InputMapping, OutputMapping } from "../../../src/job/job.js";
import { idKey, type MappingFiles } from "../../../src/mapping/files/mapping-files.js";
import { parseCategories } from "../../../src/mapping/files/parse-categories.js";
import { idsFromTexts } from "../../../src/mapping/files/parse-ids.js";
import type { Mapping } from "../../../src/mapping/mapping.js";
import { resolveMapping } from "../../../src/mapping/resolve-mapping.js";
import { isSettled } from "../../../src/mapping/settle-mapping.js";
import { float32, int32, int64, jobWith, schemaOf, signatureOf, utf8 } from "../../support/jobs.js";

const list = (item: ColumnType): ColumnType => ({ kind: "list", item });
const struct = (fields: { readonly [name: string]: ColumnType }): ColumnType => ({
  kind: "struct",
  fields: schemaOf(fields),
});
const file = "/codes.json";

interface Parts {
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
  readonly columns: { readonly [name: string]: ColumnType };
  readonly features?: { readonly [input: string]: InputMapping };
  readonly mapped?: { readonly [output: string]: OutputMapping };
  readonly map?: string;
  readonly ids?: readonly string[];
}

function resolve({ inputs, outputs, columns, features, mapped = {}, map, ids }: Parts): Mapping {
  const files: MappingFiles = {
    categories: new Map(map === undefined ? [] : [[file, parseCategories(map, "json")]]),
    ids: new Map(ids === undefined ? [] : [[idKey({ file, column: null }), idsFromTexts(ids)]]),
  };
  return resolveMapping({
    job: jobWith({ outputs: mapped, ...(features === undefined ? {} : { features: { inputs: features } }) }),
    signature: signatureOf(inputs ?? [{ name: "a", type: "float32", shape: ["N", 1] }], outputs),
    schema: schemaOf(columns),
    guess: false,
    files,
  });
}

function failure(parts: Parts): NightshiftError {
  try {
    resolve(parts);
  } catch (error) {
    if (error instanceof SpecError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("constants", () => {
  const inputs: readonly TensorSpec[] = [
    { name: "token_type_ids", type: "int64", shape: ["N", "L"] },
    { name: "input_ids", type: "int64", shape: ["N", "L"] },
  ];
  const columns = { tokens: list(int64) };
  const tokens = { kind: "list", list: "tokens", padTo: 8 } as const;
  const constant = (value: number | string | boolean) => ({ kind: "constant", value }) as const;

  it("take their size from the inputs that share it, read no column, and are reported", () => {
    const mapping = resolve({
      inputs,
      columns,
      features: { input_ids: tokens, token_type_ids: constant(0) },
    });
    expect(mapping.inputs[0]).toEqual({
      input: "token_type_ids",
      type: "int64",
      rowShape: [8],
      kind: "constant",
      value: 0,
    });
    expect(mapping.reads).toEqual(["tokens"]);
    expect(mapping.found[0]).toBe("token_type_ids (int64 [N, L]) from the constant 0: as the job says");
  });

  it("must be values that their input can hold", () => {
    for (const value of [0.5, "0", true]) {
      const error = failure({
        inputs,
        columns,
        features: { input_ids: tokens, token_type_ids: constant(value) },
      });
      expect([error.code, error.message]).toEqual([
        "mapping.constant",
        `\`value: ${value}\` is not a value that input "token_type_ids" (int64) can hold`,
      ]);
    }
  });

  it("are left open if nothing gives their size", () => {
    const features = { input_ids: { kind: "list", list: "tokens" } as const, token_type_ids: constant(0) };
    expect(isSettled(resolve({ inputs, columns, features }))).toBe(false);
  });
});

describe("fields of structs", () => {
  const columns = { user: struct({ age: int32, home: struct({ lat: float32 }) }), "user.age": float32 };
  const field = (column: string) => ({ columns, features: { a: { kind: "column", column } as const } });

  it("are found by their paths, and their column is read and kept whole", () => {
    const mapping = resolve(field("user.home.lat"));
    expect(mapping.inputs).toMatchObject([{ columns: [{ path: ["user", "home", "lat"], type: float32 }] }]);
    expect(mapping.reads).toEqual(["user", "user.age"]);
    expect(mapping.passthrough).toContain("user");
  });

  it("come after a column of that very name", () => {
    expect(resolve(field("user.age")).inputs).toMatchObject([{ columns: [{ path: ["user.age"] }] }]);
  });

  it("are suggested for near misses, and for the struct itself", () => {
    expect(failure(field("user.home.lta")).hint).toBe('did you mean "user.home.lat"?');
    expect(failure(field("user")).hint).toBe("name one of its fields: <column>.age, <column>.home");
  });
});

describe("maps", () => {
  const mapped = (
    type: ColumnType,
    map: string,
    more: { readonly unknown?: number } = {},
    tensor = "int64",
  ) => ({
    inputs: [{ name: "a", type: tensor as TensorSpec["type"], shape: ["N", 1] }],
    columns: { origin: type },
    features: { a: { kind: "column", column: "origin", map: { file, ...more } } as const },
    map,
  });

  it("make numbers of text, and rules of a whole stack don't reach them", () => {
    const mapping = resolve({
      inputs: [{ name: "a", type: "float32", shape: ["N", 2] }],
      columns: { x: float32, origin: utf8 },
      features: {
        a: {
          kind: "stack",
          stack: [{ column: "x" }, { column: "origin", map: { file } }],
          dtype: "int32",
          cast: "lossy",
        },
      },
      map: '["LIS"]',
    });
    expect(mapping.inputs).toMatchObject([
      {
        columns: [
          { dtype: "int32", map: null },
          { dtype: null, map: { file, unknown: null } },
        ],
      },
    ]);
  });

  it.each([
    [mapped(float32, '["LIS"]'), "mapping.cast", "`map` looks up text, integers or booleans"],
    [mapped(utf8, '["LIS"]', {}, "string"), "mapping.cast", "gives numbers through its `map`"],
    [mapped(utf8, '["LIS"]', { unknown: 0.5 }), "mapping.categories", "`unknown: 0.5` is not a value"],
    [
      mapped(utf8, '{"LIS": 1.5}'),
      "mapping.categories",
      'gives "LIS" the number 1.5, which input "a" (int64)',
    ],
    [mapped(int64, '["LIS"]'), "mapping.categories", "none of the values in /codes.json is an integer"],
  ])("%#: %s, %s", (parts, code, message) => {
    expect(failure(parts)).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe("ragged lists", () => {
  const ids: TensorSpec = { name: "input_ids", type: "int64", shape: ["batch", "sequence"] };
  const mask: TensorSpec = { name: "attention_mask", type: "int64", shape: ["batch", "sequence"] };
  const padded = { kind: "list", list: "tokens", padTo: 8, keep: "last", mask: "attention_mask" } as const;
  const columns = { tokens: list(int64), other: list(int64) };

  it("are settled by `pad_to`, their mask with them", () => {
    const mapping = resolve({ inputs: [mask, ids], columns, features: { input_ids: padded } });
    expect(mapping.inputs).toMatchObject([
      { kind: "mask", input: "attention_mask", rowShape: [8], column: { column: "tokens" } },
      { kind: "list", rowShape: [8], padding: { keep: "last", value: 0 } },
    ]);
    expect(isSettled(mapping)).toBe(true);
    expect(mapping.found).toEqual([
      "attention_mask (int64 [N, sequence]) from the lengths of tokens: the mask of input_ids",
      "input_ids (int64 [N, sequence]) from list column tokens: as the job says",
    ]);
  });

  it.each([
    [
      { features: { input_ids: { ...padded, mask: "attention_maks" } } },
      "mapping.unknown-input",
      "attention_maks",
    ],
    [
      {
        features: {
          input_ids: padded,
          attention_mask: { kind: "list", list: "other", padTo: 8 } as const,
        },
      },
      "mapping.mask",
      'is the mask of "input_ids" and is fed by `features` as well',
    ],
    [
      { inputs: [ids, { ...mask, type: "string" as const }], features: { input_ids: padded } },
      "mapping.mask",
      "takes text",
    ],
    [
      { inputs: [{ ...ids, shape: ["N", 4] }, mask], features: { input_ids: padded } },
      "mapping.width",
      'takes 4 values a row, and `pad_to` makes 8 of column "tokens"',
    ],
    [
      { features: { input_ids: { ...padded, padWith: 0.5 } } },
      "mapping.padding",
      "`pad_with: 0.5` is not a value that input",
    ],
  ] as const)("%#: refused with %s", (parts, code, message) => {
    expect(failure({ inputs: [ids, mask], columns, ...parts })).toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});

describe("outputs", () => {
  const p: TensorSpec = {
    name: "p",
    type: "float32",
    shape: ["N", 2],
    role: "probabilities",
    labels: ["no", "yes"],
  };
  const bare: TensorSpec = { name: "p", type: "float32", shape: ["N", 3] };
  const topK = { k: 1, rank: false };
  const columns = { a: float32, seen: list(int64), bare: int64 };

  it.each([
    [p, { threshold: { hit: { at: 0.5 } } }, "mapping.threshold", "does not say of which"],
    [p, { threshold: { hit: { label: "yse", at: 0.5 } } }, "mapping.unknown-label", 'no class "yse"'],
    [{ ...bare, shape: ["N", 1] }, { argmax: "best" }, "mapping.argmax", "one element a row"],
    [{ ...bare, type: "string" }, { argmax: "best" }, "mapping.output-type", "`argmax` compares numbers"],
    [{ ...bare, type: "bool" }, { topK }, "mapping.output-type", "`top_k` compares numbers"],
    [p, { labels: ["a"] }, "mapping.labels", "`labels` has 1 names, and the model has 2 classes: no, yes"],
    [p, { labels: { yse: "b" } }, "mapping.labels", 'it has no class "yse"'],
    [
      bare,
      { topK: { ...topK, ids: { file } } },
      "mapping.ids",
      'names 2 elements, and output "p" has 3 a row',
    ],
    [bare, { topK: { ...topK, exclude: "sene" } }, "mapping.unknown-column", 'no column "sene"'],
    [bare, { topK: { ...topK, exclude: "bare" } }, "mapping.exclude", 'column "bare" is int64'],
    [p, { topK: { ...topK, exclude: "seen" } }, "mapping.exclude", "is list<int64>, and the ids are string"],
    [p, { argmax: "a_b", columns: { a_b: "yes" } }, "mapping.name-clash", 'called "a_b"'],
  ] as [TensorSpec, OutputMapping, string, string][])("%#: %j is refused", (spec, mapping, code, message) => {
    const parts = { outputs: [spec], columns, mapped: { p: mapping }, ids: ["1", "2"] };
    expect(failure(parts)).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it("a top-k column's type says what its ids are, and the excluded column is read but not fed", () => {
    const mapping = resolve({
      outputs: [bare],
      columns,
      ids: ["x", "y", "z"],
      mapped: { p: { column: "best", topK: { k: 2, rank: true, ids: { file } } } },
    });
    expect(mapping.columns.at(-1)).toMatchObject({
      name: "best",
      type: {
        kind: "list",
        item: { fields: [{ name: "id", type: utf8 }, { name: "score" }, { name: "rank" }] },
      },
    });
    const excluding = resolve({
      outputs: [bare],
      columns,
      mapped: { p: { topK: { ...topK, exclude: "seen" } } },
    });
    expect(excluding.reads).toContain("seen");
    expect(excluding.columns.at(-1)?.name).toBe("p");
  });
});
