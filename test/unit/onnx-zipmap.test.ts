import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import { ModelProtoSchema } from "#onnx-proto";
import { decodeModel, encodeModel } from "../../src/runtimes/onnx/model-proto.js";
import { readSignature } from "../../src/runtimes/onnx/signature.js";
import { removeZipMaps } from "../../src/runtimes/onnx/zipmap.js";
import { maps, model, modelBytes, type NodeInit, node, types, value } from "../support/onnx-models.js";

const zipMap: NodeInit = {
  op: "ZipMap",
  ml: true,
  in: ["scores"],
  out: ["zipped"],
  with: { classlabels_strings: ["no", "yes"] },
};

/** Scores of two classes from somewhere, then what is given. */
function classifier(...rest: readonly NodeInit[]) {
  return model({
    node: [node({ op: "Softmax", in: ["x"], out: ["scores"] }), ...rest.map(node)],
    input: [value("x", types.FLOAT, ["N", 2])],
    output: [maps("zipped")],
  });
}

describe("a ZipMap", () => {
  it("becomes a tensor under its public name", () => {
    const built = classifier(zipMap);
    const zipped = removeZipMaps(built);
    expect(readSignature(built, zipped, "m.onnx").outputs).toEqual([
      { name: "zipped", type: "float32", shape: ["N", 2], labels: ["no", "yes"], role: "probabilities" },
    ]);
  });

  it("is found behind copies of it", () => {
    const built = classifier(
      { ...zipMap, out: ["inner"] },
      { op: "Identity", in: ["inner"], out: ["between"] },
      { op: "Identity", in: ["between"], out: ["zipped"] },
    );
    const zipped = removeZipMaps(built);
    expect(readSignature(built, zipped, "m.onnx").outputs[0]?.labels).toEqual(["no", "yes"]);
    expect(built.graph.node.map(({ opType }) => opType)).toEqual([
      "Softmax",
      "Identity",
      "Identity",
      "Identity",
    ]);
  });

  it("stays where another operator reads the sequence", () => {
    const built = classifier(zipMap, { op: "SequenceLength", in: ["zipped"], out: ["length"] });
    const before = modelBytes(built);
    expect(removeZipMaps(built).size).toBe(0);
    expect(modelBytes(built)).toEqual(before);
  });

  it("is distinguished from an operator of the same name in another domain", () => {
    expect(removeZipMaps(classifier({ ...zipMap, ml: false, domain: "acme.ops" })).size).toBe(0);
  });

  it("keeps integer labels exact, past 2^53 as digits", () => {
    const built = classifier({ ...zipMap, with: { classlabels_int64s: [7n, 9007199254740993n] } });
    expect(removeZipMaps(built).get("zipped")).toEqual([7, "9007199254740993"]);
  });

  it("leaves behind an import of the standard operators, where there was none", () => {
    const built = classifier(zipMap);
    built.opsetImport = built.opsetImport.filter(({ domain }) => domain === "ai.onnx.ml");
    removeZipMaps(built);
    expect(built.opsetImport.map(({ domain }) => domain)).toEqual(["ai.onnx.ml", ""]);
  });
});

describe("re-encoding", () => {
  it("gives the same bytes for an untouched model", () => {
    const bytes = modelBytes(classifier(zipMap));
    expect(encodeModel(decodeModel(bytes, "m.onnx"))).toEqual(bytes);
  });

  it("keeps fields that this version of the format does not know", () => {
    const future = new BinaryWriter().tag(900, WireType.LengthDelimited).string("from the future").finish();
    const bytes = Buffer.concat([toBinary(ModelProtoSchema, classifier(zipMap)), future]);
    const built = decodeModel(bytes, "m.onnx");
    removeZipMaps(built);
    expect(Buffer.from(encodeModel(built)).includes(Buffer.from(future))).toBe(true);
  });

  it("keeps large tensors as views of the file", () => {
    const bytes = modelBytes(
      model({
        initializer: [
          { name: "w", dataType: types.UINT8, dims: [1000n], rawData: new Uint8Array(1000).fill(7) },
        ],
      }),
    );
    expect(decodeModel(bytes, "m.onnx").graph.initializer[0]?.rawData.buffer).toBe(bytes.buffer);
  });
});
