/** Runs batches through a session without copying the inputs. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Signature, Tensor, TensorSpec, Tensors } from "../../data/tensor.js";
import { ModelError } from "../../errors.js";
import type { Predictor } from "../model.js";
import type { Turns } from "./device-turns.js";
import { type Engine, quiet } from "./engine.js";
import { predictFailed } from "./engine-errors.js";
import { emptyData, fromEngine, rowsOf, toEngine } from "./engine-tensors.js";
import { fetchedName } from "./fetchable-outputs.js";
import { joinRows, padRows, sliceRows } from "./fixed-batch.js";

export interface PredictorPlace {
  /** Path of the model, for messages. */
  readonly path: string;
  /** Whether no shape can depend on a row's values, so that messages may contain shapes. */
  readonly showShapes: boolean;
}

/** @param turns at the device */
export function onnxPredictor(
  engine: Engine,
  session: InferenceSession,
  signature: Signature,
  { path, showShapes }: PredictorPlace,
  turns: Turns,
): Predictor {
  // Only outputs of the signature: fetching a sequence or a map throws.
  const allOutputs = signature.outputs.map(({ name }) => name);

  /** One call of the engine, which blocks this thread. */
  async function run(inputs: Tensors, rows: number, outputNames: readonly string[]): Promise<Tensors> {
    const feeds: Record<string, OrtTensor> = Object.create(null);
    for (const [name, tensor] of Object.entries(inputs)) feeds[name] = toEngine(engine, tensor);
    const fetched = await turns(() =>
      session.run(feeds, outputNames.map(fetchedName), { logSeverityLevel: quiet }),
    ).catch((cause) => {
      throw predictFailed(path, cause, showShapes);
    });
    const outputs: Record<string, Tensor> = Object.create(null);
    for (const name of outputNames) {
      const tensor = fetched[fetchedName(name)];
      if (tensor !== undefined) outputs[name] = withRows(name, fromEngine(tensor), rows);
    }
    return outputs;
  }

  async function runFixed(
    inputs: Tensors,
    rows: number,
    batch: number,
    outputNames: readonly string[],
  ): Promise<Tensors> {
    const parts: Tensors[] = [];
    for (let start = 0; start < rows; start += batch) {
      const end = Math.min(start + batch, rows);
      const part = mapTensors(inputs, (tensor) => padRows(sliceRows(tensor, start, end), batch));
      const outputs = await run(part, batch, outputNames);
      parts.push(mapTensors(outputs, (tensor) => sliceRows(tensor, 0, end - start)));
    }
    return joinRows(parts);
  }

  /** Without rows no call is needed, and many models cannot handle it. */
  function noRows(wanted: readonly string[]): Tensors {
    const specs = signature.outputs.filter(({ name }) => wanted.includes(name));
    return Object.fromEntries(specs.map((spec) => [spec.name, emptyTensor(spec)]));
  }

  function withRows(name: string, tensor: Tensor, rows: number): Tensor {
    if (tensor.dims[0] === rows) return tensor;
    throw new ModelError(
      "model.batch-mismatch",
      `${path}: output "${name}" has the shape [${tensor.dims.join(", ")}] for ${rows} rows, which is not one result a row`,
      {
        hint: "Export the model so that every output keeps the batch as its first dimension and nothing is summed over it.",
        details: { model: path, output: name, shape: tensor.dims, rows },
      },
    );
  }

  let isClosed = false;
  return {
    signature,
    async predict(inputs, outputs = allOutputs) {
      const rows = rowsOf(inputs, signature, path);
      if (rows === 0) return noRows(outputs);
      return signature.fixedBatch === null
        ? run(inputs, rows, outputs)
        : runFixed(inputs, rows, signature.fixedBatch, outputs);
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await turns(() => session.release());
    },
  };
}

function emptyTensor({ type, shape }: TensorSpec): Tensor {
  const row = (shape ?? [0]).slice(1).map((size) => (typeof size === "number" ? size : 0));
  return { type, dims: [0, ...row], data: emptyData(type) };
}

function mapTensors(tensors: Tensors, change: (tensor: Tensor) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor)]));
}
