/** A small dense network with seeded weights, its input, and a job that scores it: what every provider has operators for. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { floats, model, modelBytes, node, types, value } from "./onnx-models.js";
import { seededRandom } from "./seeded-random.js";

const features = 16;
const hidden = 48;

/** `y = sigmoid(relu(x · A + a) · B + b)`: [N, 16] to [N, 1]. */
function denseNetwork(): OnnxModel {
  const random = seededRandom(7);
  const weights = (name: string, ...dims: readonly number[]) =>
    floats(
      name,
      dims,
      Array.from({ length: dims.reduce((product, size) => product * size, 1) }, () => random() - 0.5),
    );
  return model({
    node: [
      node({ op: "MatMul", in: ["x", "A"], out: ["xA"] }),
      node({ op: "Add", in: ["xA", "a"], out: ["first"] }),
      node({ op: "Relu", in: ["first"], out: ["active"] }),
      node({ op: "MatMul", in: ["active", "B"], out: ["aB"] }),
      node({ op: "Add", in: ["aB", "b"], out: ["second"] }),
      node({ op: "Sigmoid", in: ["second"], out: ["y"] }),
    ],
    initializer: [
      weights("A", features, hidden),
      weights("a", hidden),
      weights("B", hidden, 1),
      weights("b", 1),
    ],
    input: [value("x", types.FLOAT, ["N", features])],
    output: [value("y", types.FLOAT, ["N", 1])],
  });
}

/** Writes `net.onnx`, `rows.parquet` in several row groups, and `jobs/net.yaml` with these providers. */
export async function makeDenseProject(
  directory: string,
  { rows, providers }: { readonly rows: number; readonly providers: string },
): Promise<void> {
  const random = seededRandom(11);
  writeFileSync(join(directory, "net.onnx"), modelBytes(denseNetwork()));
  await parquetWriteFile({
    filename: join(directory, "rows.parquet"),
    columnData: [
      { name: "id", data: Array.from({ length: rows }, (_, row) => BigInt(row)), type: "INT64" },
      ...Array.from({ length: features }, (_, feature) => ({
        name: `f${feature}`,
        data: Array.from({ length: rows }, () => random() * 2 - 1),
        type: "FLOAT" as const,
      })),
    ],
    rowGroupSize: Math.ceil(rows / 8),
  });
  mkdirSync(join(directory, "jobs"), { recursive: true });
  writeFileSync(
    join(directory, "jobs", "net.yaml"),
    `version: 1
name: net
model: ../net.onnx
input: { from: ../rows.parquet, key: [id] }
features:
  x: { stack: [${Array.from({ length: features }, (_, feature) => `f${feature}`).join(", ")}] }
write: { to: ../out.parquet, mode: replace }
providers: ${providers}
`,
  );
}
