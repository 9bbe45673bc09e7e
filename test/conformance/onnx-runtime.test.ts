import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { engineNames } from "../../src/job/profile.js";
import { profile, runtime } from "../support/onnx-run.js";
import { modelRuntimeConformance } from "./model-runtime.js";

const folder = new URL("../../fixtures/models/", import.meta.url).pathname;
const rows = 60;

async function read(file: string): Promise<readonly { readonly [column: string]: unknown }[]> {
  const all = await parquetReadObjects({ file: await asyncBufferFromFile(folder + file), compressors });
  return all.slice(0, rows);
}

// A model of trees alone, which both engines run.
for (const engine of engineNames)
  modelRuntimeConformance(`onnx, by ${engine}`, async () => {
    const inputs = await read("w1-lightgbm.input.parquet");
    const expected = await read("w1-lightgbm.expected.parquet");
    const data = Float32Array.from(
      inputs.flatMap((row) => Array.from({ length: 28 }, (_, i) => Number(row[`f${i}`]))),
    );
    return {
      path: `${folder}w1-lightgbm.onnx`,
      runtime,
      profileOf({ engines }) {
        const { version = "none" } = engines.find(({ name }) => name === engine) ?? {};
        return { ...profile, engine, engineVersion: version };
      },
      inputs: { input: { type: "float32", dims: [rows, 28], data } },
      expected: {
        label: expected.map((row) => Number(row.label)),
        probabilities: expected.flatMap((row) => (row.probabilities as readonly unknown[]).map(Number)),
      },
      tolerance: 1e-5,
    };
  });
