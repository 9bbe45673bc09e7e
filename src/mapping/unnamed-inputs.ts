/**
 * Which inputs have a name that says nothing: exporters call a model's only matrix `input`, `X` or `float_input`. Any
 * other name is one that the model's author chose, and only a column of that name feeds the input by itself.
 */
import type { Signature, TensorSpec } from "../data/tensor.js";

/** What exporters call an input: scikit-learn, LightGBM, XGBoost, CatBoost, PyTorch, Keras, Spark. */
const exporterNouns = new Set(
  "input inputs x data tensor tensors vector matrix feature features variable variables arg args".split(" "),
);

/** What they put beside it. */
const exporterAdjectives = new Set(
  (
    "float double half int integer string f16 f32 f64 i32 i64 numeric numerical model main graph actual dummy " +
    "l onnx keras dense flatten sequential functional layer serving default batch"
  ).split(" "),
);

/** Whether the model has this one input alone, a matrix under a name that its exporter made up. */
export function isUnnamed(input: TensorSpec, { inputs }: Pick<Signature, "inputs">): boolean {
  const isMatrix = input.shape === null || input.shape.length >= 2;
  return inputs.length === 1 && isMatrix && isExporterName(input.name);
}

/** `float_input`, `X`, `input_1:0`, `onnx::Gemm_0`, `serving_default_inputs`, `12`. */
export function isExporterName(name: string): boolean {
  if (/^\d+$/.test(name) || /^onnx::/i.test(name)) return true;
  const words = name
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => (exporterAdjectives.has(word) ? word : word.replace(/\d+$/, "")))
    .filter((word) => word !== "");
  return (
    words.some((word) => exporterNouns.has(word)) &&
    words.every((word) => exporterNouns.has(word) || exporterAdjectives.has(word))
  );
}
