import type { Signature, Tensor, Tensors } from "../../src/data/tensor.js";
import { ModelError } from "../../src/errors.js";
import type { Predictor } from "../../src/runtimes/model.js";
import { range, signatureOf } from "./jobs.js";

export interface ScriptedPredictor extends Predictor {
  /** Dimensions of input `x` in every call so far. */
  readonly shapes: readonly (readonly number[])[];
}

/**
 * A model in a few lines: it takes `x` (float32 [N, F]), gives each row's sum as `score`, and fails as engines do, for the
 * whole batch, when it meets a row whose first value is one to fail on.
 */
export function scriptedPredictor(
  failsOn: (value: number) => boolean = () => false,
  signature: Signature = signatureOf([{ name: "x", type: "float32", shape: ["N", null] }]),
): ScriptedPredictor {
  const shapes: (readonly number[])[] = [];
  return {
    signature,
    shapes,
    async predict(inputs: Tensors): Promise<Tensors> {
      const { dims, data } = inputs.x as Tensor;
      shapes.push(dims);
      const [rows = 0, width = 1] = dims;
      const values = data as Float32Array;
      if (range(rows).some((row) => failsOn(values[row * width] ?? 0)))
        throw new ModelError("model.predict-failed", "an index is out of bounds");
      const sums = range(rows).map((row) =>
        values.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + value, 0),
      );
      return { score: { type: "float32", dims: [rows, 1], data: Float32Array.from(sums) } };
    },
    async close() {},
  };
}
