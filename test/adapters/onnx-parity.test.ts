/** Committed exports against the predictions of the libraries that trained them. */
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { describe, expect, it } from "vitest";
import type { Signature, Tensor, Tensors } from "../../src/data/tensor.js";
import { loadedOnAll } from "../support/onnx-run.js";

type Row = { readonly [column: string]: unknown };

const folder = new URL("../../fixtures/models/", import.meta.url).pathname;
const numbers = ["distance", "hour", "dow", "month", "time_of_day", "origin_late_rate"];

/** What feeds each input, in the order of its elements. */
const feeds: { readonly [model: string]: { readonly [input: string]: readonly string[] } } = {
  "flight-delay": { float_input: ["distance", "hour", "dow"], origin: ["origin"] },
  "flight-columns": {
    distance: ["distance"],
    hour: ["hour"],
    origin: ["origin"],
    destination: ["destination"],
  },
  "flight-band-forest": { float_input: numbers },
  "flight-delay-lightgbm": { input: numbers },
  "flight-delay-xgboost": { input: [...numbers, "previous_delay"] },
  "flight-minutes-hgb": { float_input: [...numbers, "previous_delay"] },
  "w1-lightgbm": { input: Array.from({ length: 28 }, (_, i) => `f${i}`) },
};

const treesAlone = [
  "flight-band-forest",
  "flight-delay-lightgbm",
  "flight-delay-xgboost",
  "flight-minutes-hgb",
  "w1-lightgbm",
];

it("runs models of trees alone on both engines, and others on one", async () => {
  for (const name of Object.keys(feeds)) {
    const engines = (await loadedOnAll(`${folder}${name}.onnx`)).map(({ engine }) => engine);
    const both = ["compiled-trees", "onnxruntime"];
    expect([name, engines]).toEqual([name, treesAlone.includes(name) ? both : ["onnxruntime"]]);
  }
});

describe.each(Object.entries(feeds))("%s", (name, inputs) => {
  it("predicts what the original library does", async () => {
    const rows = await read(`${name}.input.parquet`);
    const expected = await read(`${name}.expected.parquet`);
    for (const { predictor } of await loadedOnAll(`${folder}${name}.onnx`)) {
      const outputs = await predictor.predict(bind(rows, inputs, predictor.signature));
      expect(Object.keys(outputs).sort()).toEqual(predictor.signature.outputs.map(({ name }) => name).sort());
      for (const [output, tensor] of Object.entries(outputs)) {
        expect(tensor.dims[0]).toBe(rows.length);
        expect(differences(tensor, expected, output)).toEqual([]);
      }
      await predictor.close();
    }
  });

  it("gives a row the same numbers in any batch", async () => {
    const rows = await read(`${name}.input.parquet`);
    for (const { predictor } of await loadedOnAll(`${folder}${name}.onnx`)) {
      const whole = await predictor.predict(bind(rows, inputs, predictor.signature));
      const part = await predictor.predict(bind(rows.slice(100, 137), inputs, predictor.signature));
      for (const [output, tensor] of Object.entries(part)) {
        const width = tensor.data.length / 37;
        expect(tensor.data).toEqual(whole[output]?.data.slice(100 * width, 137 * width));
      }
      await predictor.close();
    }
  });
});

async function read(file: string): Promise<readonly Row[]> {
  return parquetReadObjects({ file: await asyncBufferFromFile(folder + file), compressors });
}

function bind(
  rows: readonly Row[],
  inputs: { readonly [input: string]: readonly string[] },
  signature: Signature,
): Tensors {
  return Object.fromEntries(
    signature.inputs.map(({ name, type }) => {
      const columns = inputs[name] ?? [];
      const values = rows.flatMap((row) => columns.map((column) => row[column]));
      return [name, tensor(type, [rows.length, columns.length], values)];
    }),
  );
}

function tensor(type: Tensor["type"], dims: readonly number[], values: readonly unknown[]): Tensor {
  if (type === "string") return { type, dims, data: values.map(String) };
  if (type === "int64") return { type, dims, data: BigInt64Array.from(values.map((v) => BigInt(Number(v)))) };
  if (type !== "float32") throw new Error(`no fixture takes ${type}`);
  return { type, dims, data: Float32Array.from(values.map((v) => (v === null ? Number.NaN : Number(v)))) };
}

/** Rows that differ by more than 1e-5 x max(1, |y|), or have another label. */
function differences({ data, dims }: Tensor, expected: readonly Row[], output: string): readonly string[] {
  const width = dims.slice(1).reduce((product, size) => product * size, 1);
  return expected.flatMap((row, i) => {
    const wanted = [row[output]].flat();
    const found = Array.from({ length: width }, (_, j) => data[i * width + j]);
    return wanted.length === width && wanted.every((value, j) => isClose(value, found[j]))
      ? []
      : [`row ${i}: ${found.join(", ")} instead of ${wanted.join(", ")}`];
  });
}

function isClose(wanted: unknown, found: unknown): boolean {
  if (typeof wanted !== "number") return String(wanted) === String(found);
  return Math.abs(wanted - Number(found)) <= 1e-5 * Math.max(1, Math.abs(wanted));
}
