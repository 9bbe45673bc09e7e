/**
 * Loads ONNX Runtime for the first session, because loading the native library takes tens of milliseconds.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type * as Ort from "onnxruntime-node";
import { InfraError, ModelError } from "../../errors.js";
import type { Profile } from "../../job/profile.js";
import type { Engine as RuntimeEngine } from "../model.js";

export type Engine = typeof Ort;

/** 0 is verbose, 4 is fatal only: errors are reported as exceptions, and stderr is for users. */
export const quiet = 4;

const require = createRequire(import.meta.url);

export const engineVersion = packageVersion();

export const onnxEngine: RuntimeEngine = { name: "onnxruntime", version: engineVersion };

/** The native libraries of this platform. */
export function libraryDirectory(): string {
  const root = dirname(require.resolve("onnxruntime-node/package.json"));
  return join(root, "bin", "napi-v6", process.platform, process.arch);
}

/** @throws InfraError `infra.unsupported` */
export async function loadEngine(): Promise<Engine> {
  try {
    const engine = await import("onnxruntime-node");
    // Read once a process, when the first session is created.
    engine.env.logLevel = "fatal";
    return engine;
  } catch (cause) {
    throw new InfraError(
      "infra.unsupported",
      `ONNX Runtime ${engineVersion} has no build for ${process.platform}-${process.arch} that loads here`,
      { hint: "Linux on x64 or arm64 is supported; run `nightshift doctor`.", cause },
    );
  }
}

/** @throws ModelError `model.engine-mismatch`: other versions may give other numbers */
export function requireEngine(profile: Profile, here: readonly RuntimeEngine[]): void {
  const found = here.find(({ name }) => name === profile.engine);
  if (found?.version === profile.engineVersion) return;
  throw new ModelError(
    "model.engine-mismatch",
    `the run was planned for ${profile.engine} ${profile.engineVersion}, and this worker has ${found === undefined ? "none" : `${found.name} ${found.version}`}`,
    {
      hint: "Run it with the version it was planned for, or plan it again with --restart.",
      details: { wanted: profile.engineVersion, found: found?.version ?? null },
    },
  );
}

function packageVersion(): string {
  const manifest: unknown = require("onnxruntime-node/package.json");
  if (typeof manifest === "object" && manifest !== null && "version" in manifest)
    return String(manifest.version);
  throw new TypeError("onnxruntime-node/package.json names no version");
}
