/**
 * Decodes and encodes ONNX files. Fields that this version of the format does not know survive a re-encoding.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type GraphProto, type ModelProto, ModelProtoSchema, OperatorSetIdProtoSchema } from "#onnx-proto";
import { ModelError } from "../../errors.js";
import { hintForModel, recogniseFile } from "../../text/recognise-file.js";

/** A decoded model that has a graph. */
export type OnnxModel = ModelProto & { graph: GraphProto };

/**
 * Decodes a model. Large tensors stay views of `bytes`: a model of 268 MB decodes in a millisecond and in
 * half a megabyte.
 * @throws ModelError `model.load-failed`
 */
export function decodeModel(bytes: Uint8Array, path: string): OnnxModel {
  return readingModel(
    path,
    () => {
      const model = fromBinary(ModelProtoSchema, bytes);
      if (!hasGraph(model)) throw new Error("it holds no graph");
      return model;
    },
    bytes,
  );
}

export function encodeModel(model: OnnxModel): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** Any error while reading a model's bytes is attributed to the model. */
export function readingModel<T>(path: string, read: () => T, bytes?: Uint8Array): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    const recognised = bytes === undefined ? null : recogniseFile(bytes, path);
    const reason = recognised === null ? reasonOf(cause) : `it is ${recognised.what}`;
    throw new ModelError("model.load-failed", `${path} is not a readable ONNX model: ${reason}`, {
      hint:
        recognised === null
          ? "Check that the file is a complete .onnx export (not a download cut short, a Git LFS pointer, or a .ort file)."
          : hintForModel(recognised),
      details: { model: path },
      cause,
    });
  }
}

/** Nested messages are read by nested function calls. */
function reasonOf(cause: unknown): string {
  if (cause instanceof RangeError && /call stack/.test(cause.message)) return "it is nested too deeply";
  return cause instanceof Error ? cause.message : String(cause);
}

function hasGraph(model: ModelProto): model is OnnxModel {
  return model.graph !== undefined;
}

/** Models of trees alone import no standard operators (XGBoost's exporter), and those that are put in are among them. */
export function importStandardOperators(model: OnnxModel): void {
  if (model.opsetImport.some(({ domain }) => domain === "" || domain === "ai.onnx")) return;
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: "", version: 9n }));
}
