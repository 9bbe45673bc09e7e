/**
 * Predicts with a compiled ensemble: the kernel computes sums, which are converted to the operator's outputs.
 */

import type { Signature, Tensor } from "../../../data/tensor.js";
import type { Engine, Predictor } from "../../model.js";
import { inputMismatch, rowsOf } from "../engine-tensors.js";
import { blockRows, treeKernel } from "./tree-kernel.js";
import type { TreeModel } from "./tree-model.js";
import { type Finish, finisherOf, type TreeOutputs } from "./tree-results.js";

/** The version changes with any change that could alter a number. */
export const treeEngine: Engine = { name: "compiled-trees", version: "2" };

/** @param path of the model, for messages */
export function treePredictor(model: TreeModel, signature: Signature, path: string): Predictor {
  const { features: needed } = model.ensemble;
  const kernels = new Map<number, ReturnType<typeof treeKernel>>();
  const finish: Finish = finisherOf(model);
  // Most batches have the same number of rows, and results are valid until the next call, so outputs are
  // reused.
  let outputs: TreeOutputs | null = null;

  function score(matrix: Float32Array, rows: number, features: number): TreeOutputs {
    let kernel = kernels.get(features);
    if (kernel === undefined) {
      kernel = treeKernel(model, features);
      kernels.set(features, kernel);
    }
    if (outputs?.scores.dims[0] !== rows) outputs = finish.begin(rows);
    for (let start = 0; start < rows; start += blockRows) {
      const end = Math.min(start + blockRows, rows);
      finish.block(kernel.score(matrix, start, end), start, outputs);
    }
    return outputs;
  }

  return {
    signature,
    async predict(inputs, wanted) {
      const rows = rowsOf(inputs, signature, path);
      const { dims, data } = inputs[model.input] as Tensor;
      const features = dims[1] ?? 0;
      // A wider matrix than the trees use is allowed; a narrower one lacks values for some nodes.
      if (dims.length !== 2 || features < needed)
        throw inputMismatch(
          path,
          model.input,
          `has the shape [${dims.join(", ")}], and the trees look at ${needed} features`,
        );
      const { label, scores } = score(data as Float32Array, rows, features);
      const made: Record<string, Tensor> = Object.create(null);
      for (const [name, what] of model.outputs)
        if (wanted === undefined || wanted.includes(name))
          made[name] = what === "label" && label !== null ? label : scores;
      return made;
    },
    async close() {
      kernels.clear();
    },
  };
}
