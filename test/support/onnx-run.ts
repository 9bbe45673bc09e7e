/** Loading and running models in tests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultWriterProfile, type Profile } from "../../src/job/profile.js";
import type { Predictor } from "../../src/runtimes/model.js";
import { onnxEngine } from "../../src/runtimes/onnx/engine.js";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { onnxRuntime } from "../../src/runtimes/onnx/onnx-runtime.js";
import { modelBytes } from "./onnx-models.js";
import { scratch } from "./scratch.js";

export const runtime = onnxRuntime();

export const profile: Profile = {
  engine: onnxEngine.name,
  engineVersion: onnxEngine.version,
  provider: "cpu",
  intraOpThreads: 1,
  chunkRows: 65_536,
  batchRows: 1024,
  writer: defaultWriterProfile,
};

export function writeModel(built: OnnxModel | Uint8Array, folder = scratch()): string {
  const path = join(folder, "model.onnx");
  writeFileSync(path, built instanceof Uint8Array ? built : modelBytes(built));
  return path;
}

/** Inspects, then loads what was pinned. */
export async function loaded(path: string, externalData: readonly string[] = []): Promise<Predictor> {
  const { assets } = await runtime.inspect(path, externalData);
  return runtime.load(assets, profile);
}

/** The same model on every engine that runs it, the fastest first. */
export async function loadedOnAll(
  path: string,
): Promise<readonly { readonly engine: string; readonly predictor: Predictor }[]> {
  const { assets, engines } = await runtime.inspect(path, []);
  return Promise.all(
    engines.map(async ({ name, version }) => ({
      engine: name,
      predictor: await runtime.load(assets, { ...profile, engine: name, engineVersion: version }),
    })),
  );
}

export async function loadedModel(built: OnnxModel): Promise<Predictor> {
  return loaded(writeModel(built));
}
