/**
 * Which execution provider runs is decided here: the engine falls back silently from a name it does not know, and
 * throws at one whose library is missing even where another could have run.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ModelError } from "../../errors.js";
import { libraryDirectory } from "./engine.js";

const known = ["cpu", "cuda", "webgpu"] as const;
type Provider = (typeof known)[number];

const cudaLibraries: { readonly [platform: string]: string } = {
  linux: "libonnxruntime_providers_cuda.so",
  win32: "onnxruntime_providers_cuda.dll",
};

/** The providers that can run here. */
export function availableProviders(libraries: string = libraryDirectory()): readonly Provider[] {
  const cuda = cudaLibraries[process.platform];
  const hasCuda = cuda !== undefined && existsSync(join(libraries, cuda));
  return known.filter((provider) => provider === "cpu" || (provider === "cuda" && hasCuda));
}

/** @throws ModelError `model.provider-unknown`, `model.provider-missing` */
export function chooseProvider(wanted: readonly string[], available = availableProviders()): string {
  for (const name of wanted) if (!isKnown(name)) throw unknownProvider(name);
  const chosen = wanted.filter(isKnown).find((name) => available.includes(name));
  if (chosen !== undefined) return chosen;
  throw new ModelError(
    "model.provider-missing",
    wanted.length === 0
      ? "no execution provider is named"
      : `none of the wanted execution providers (${wanted.join(", ")}) can run here`,
    {
      hint: [`Available: ${available.join(", ")}.`, ...wanted.map((name) => reasons[name] ?? "")]
        .join(" ")
        .trim(),
      details: { wanted, available },
    },
  );
}

const reasons: { readonly [provider: string]: string } = {
  cuda: "CUDA's library comes with onnxruntime-node's install script, which was skipped or found no network.",
  webgpu: "WebGPU is not supported yet.",
};

function isKnown(name: string): name is Provider {
  return known.some((provider) => provider === name);
}

function unknownProvider(name: string): ModelError {
  const meant = suggestion(name);
  return new ModelError("model.provider-unknown", `unknown execution provider "${name}"`, {
    hint: `${meant === null ? "" : `Did you mean "${meant}"? `}Known: ${known.join(", ")}.`,
    details: { provider: name, known },
  });
}

/** ONNX Runtime's own names (`CUDAExecutionProvider`), everyday ones, and one letter more, less or other. */
function suggestion(name: string): Provider | null {
  const plain = name.toLowerCase().replace(/[^a-z]|executionprovider$/g, "");
  if (plain === "gpu" || plain === "nvidia") return "cuda";
  return known.find((provider) => plain === provider || differByOne(plain, provider)) ?? null;
}

function differByOne(a: string, b: string): boolean {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const [restA, restB] = [a.slice(same), b.slice(same)];
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  );
}
