import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { expect } from "vitest";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { modelBytes } from "./onnx-models.js";

/** A folder for models to be put in, beside `rows.parquet`: 50 rows of two numbers, `a` and `b`. */
export interface ModelFolder {
  readonly cwd: string;
  /** @returns the model's absolute path */
  put(model: OnnxModel | Uint8Array, name?: string): string;
  /** @throws where there is any output in the folder, which is named `out` and something */
  expectNothingPublished(): void;
  remove(): void;
}

export async function modelFolder(): Promise<ModelFolder> {
  const cwd = mkdtempSync(join(tmpdir(), "nightshift-model-"));
  const data = Array.from({ length: 50 }, (_, row) => row);
  await parquetWriteFile({
    filename: join(cwd, "rows.parquet"),
    columnData: [
      { name: "a", data, type: "FLOAT" },
      { name: "b", data, type: "FLOAT" },
    ],
  });
  return {
    cwd,
    put(model, name = "model.onnx") {
      const path = join(cwd, name);
      writeFileSync(path, model instanceof Uint8Array ? model : modelBytes(model));
      return path;
    },
    expectNothingPublished() {
      expect(readdirSync(cwd).filter((name) => name.startsWith("out"))).toEqual([]);
    },
    remove: () => rmSync(cwd, { recursive: true, force: true }),
  };
}
