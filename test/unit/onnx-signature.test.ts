import { describe, expect, it } from "vitest";
import { ModelError } from "../../src/errors.js";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { readSignature } from "../../src/runtimes/onnx/signature.js";
import { floats, identity, maps, model, node, typed, types, value } from "../support/onnx-models.js";

const signatureOf = (built: OnnxModel) => readSignature(built, new Map(), "m.onnx");

function refusal(built: OnnxModel): ModelError {
  try {
    signatureOf(built);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("the model was accepted");
}

/** `inputs` in, one float32 out, whatever the operator makes of them. */
function taking(...inputs: ReturnType<typeof value>[]): OnnxModel {
  return model({
    node: [node({ op: "Sum", in: inputs.map(({ name }) => name), out: ["y"] })],
    input: inputs,
    output: [value("y", types.FLOAT, ["N", 1])],
  });
}

describe("inputs", () => {
  it.each([
    ["FLOAT", "float32"],
    ["DOUBLE", "float64"],
    ["FLOAT16", "float16"],
    ["INT8", "int8"],
    ["INT16", "int16"],
    ["INT32", "int32"],
    ["INT64", "int64"],
    ["UINT8", "uint8"],
    ["UINT16", "uint16"],
    ["UINT32", "uint32"],
    ["UINT64", "uint64"],
    ["BOOL", "bool"],
    ["STRING", "string"],
  ] as const)("reads %s as %s", (declared, type) => {
    const { inputs, outputs } = signatureOf(identity(types[declared], ["N", 3]));
    expect(inputs).toEqual([{ name: "x", type, shape: ["N", 3] }]);
    expect(outputs).toEqual([{ name: "y", type, shape: ["N", 3] }]);
  });

  it("distinguishes a fixed, a symbolic and an unknown dimension", () => {
    expect(signatureOf(identity(types.FLOAT, [null, "seq", 4, null])).inputs[0]?.shape).toEqual([
      null,
      "seq",
      4,
      null,
    ]);
  });

  it("takes a size of zero for unknown", () => {
    expect(signatureOf(identity(types.FLOAT, [0, 3])).inputs[0]?.shape).toEqual([null, 3]);
  });

  it("keeps an unknown rank unknown", () => {
    const { inputs, outputs } = signatureOf(identity(types.FLOAT, null));
    expect([inputs[0]?.shape, outputs[0]?.shape]).toEqual([null, null]);
  });

  it("does not count initializers that are listed as inputs", () => {
    const built = taking(value("x", types.FLOAT, ["N", 1]), value("w", types.FLOAT, [1]));
    built.graph.initializer.push(floats("w", [1], [2]));
    expect(signatureOf(built).inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  it("refuses a sequence, naming it and its type", () => {
    const error = refusal(taking(maps("rows")));
    expect(error.code).toBe("model.unsupported-input");
    expect(error.message).toContain('input "rows" is of type sequence<map<int64, float32>>');
  });

  it("refuses a type that no column can fill", () => {
    expect(refusal(taking(value("x", types.BFLOAT16, ["N"]))).message).toContain("of type bfloat16");
  });

  it("refuses a scalar", () => {
    expect(refusal(taking(value("threshold", types.FLOAT, []))).message).toContain('"threshold" is a scalar');
  });

  it("refuses a model without inputs", () => {
    expect(refusal(taking()).message).toContain("no inputs");
  });
});

describe("the batch", () => {
  it("is free where dimension 0 has no size", () => {
    expect(signatureOf(identity(types.FLOAT, ["N", 3])).fixedBatch).toBeNull();
  });

  it("is fixed where dimension 0 has one", () => {
    const { fixedBatch, outputs } = signatureOf(identity(types.FLOAT, [32, 3]));
    expect([fixedBatch, outputs[0]?.shape]).toEqual([32, [32, 3]]);
  });

  it("is fixed by one input, since rows go through all of them", () => {
    const built = taking(value("ids", types.FLOAT, ["N", 1]), value("mask", types.FLOAT, [8, 1]));
    expect(signatureOf(built).fixedBatch).toBe(8);
  });

  it("is refused where inputs disagree, saying which", () => {
    const error = refusal(taking(value("a", types.FLOAT, [10, 1]), value("b", types.FLOAT, [2, 1])));
    expect(error.message).toContain('"a" takes 10, "b" takes 2');
  });

  it.each([
    ["1, as LightGBM's exporter declares its labels", [1]],
    ["a scalar", []],
  ])("is dimension 0 of an output that is declared as %s", (_, shape) => {
    const built = identity(types.FLOAT, ["N", 3]);
    built.graph.output = [value("y", types.INT64, shape)];
    expect(signatureOf(built).outputs[0]?.shape).toEqual(["N"]);
  });
});

describe("outputs", () => {
  it("leaves out what is no tensor where others are, and says so", () => {
    const built = identity(types.FLOAT, ["N", 3]);
    built.graph.output.push(maps("extra"));
    const { outputs, metadata } = signatureOf(built);
    expect(outputs.map(({ name }) => name)).toEqual(["y"]);
    expect(metadata["onnx.dropped_outputs"]).toBe("extra: sequence<map<int64, float32>>");
  });

  it("refuses a model that gives nothing else", () => {
    const built = identity(types.FLOAT, ["N", 3]);
    built.graph.output = [
      typed("maybe", {
        value: {
          case: "optionalType",
          value: { elemType: { value: { case: "tensorType", value: { elemType: types.INT8 } } } },
        },
      }),
    ];
    const error = refusal(built);
    expect(error.code).toBe("model.unsupported-output");
    expect(error.message).toContain("maybe: optional<int8>");
  });
});

describe("metadata", () => {
  const withNames = (names: string, width: number | null = 3) =>
    signatureOf(
      model(identity(types.FLOAT, ["N", width]).graph, {
        metadataProps: [{ key: "feature_names", value: names }],
      }),
    ).featureNames;

  it("reports properties, producer and opsets", () => {
    const built = model(identity(types.FLOAT, ["N"]).graph, {
      producerName: "skl2onnx",
      producerVersion: "1.20.0",
      metadataProps: [{ key: "owner", value: "risk" }],
      opsetImport: [
        { domain: "", version: 21n },
        { domain: "", version: 21n },
        { domain: "ai.onnx.ml", version: 1n },
      ],
    });
    expect(signatureOf(built).metadata).toEqual({
      owner: "risk",
      "onnx.producer": "skl2onnx 1.20.0",
      "onnx.opset": "ai.onnx 21, ai.onnx.ml 1",
      "onnx.ir_version": "8",
    });
  });

  it.each([
    ["a JSON list", '["age", "hours, weekly", "sex"]', ["age", "hours, weekly", "sex"]],
    ["names between commas", "age, hours,sex", ["age", "hours", "sex"]],
  ])("finds feature names in %s", (_, text, names) => {
    expect(withNames(text)).toEqual(names);
  });

  it.each([
    ["of another number than the features", '["age", "hours"]'],
    ["that are no list", '{"age": 1}'],
    ["that are cut off", '["age", "hours", "se'],
  ])("leaves out names %s", (_, text) => {
    expect(withNames(text)).toBeNull();
  });

  it("believes names if the model does not declare its width", () => {
    expect(withNames("a,b", null)).toEqual(["a", "b"]);
  });
});
